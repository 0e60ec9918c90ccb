//! One request and what came in answer to it so far.

use super::{Malformed, hpack};

/// Longest head of an answer, in bytes.
const LONGEST_HEAD: usize = 64 * 1024;

/// Longest body that is kept, in bytes. A longer one is a bad response: no acknowledgement of an order needs it.
const LONGEST_BODY: usize = 1024 * 1024;

/// One request under way.
#[derive(Debug, Default)]
pub(super) struct Stream {
    pub id: u32,
    /// Bytes of the body that the server lets us send. It may go below zero.
    pub window: i64,
    /// Of the body, what has to wait for the server.
    pub pending: Vec<u8>,
    /// 0: no final head came yet.
    pub status: u16,
    /// A line of nothing, and then a line for each header, as HTTP/1.1 would write them.
    pub head: Vec<u8>,
    pub body: Vec<u8>,
}

impl Stream {
    /// For another request; buffers are kept.
    pub fn begin(&mut self, id: u32, window: i64) {
        (self.id, self.window, self.status) = (id, window, 0);
        self.pending.clear();
        self.head.clear();
        self.body.clear();
    }

    /// A block of headers: of an interim answer, of the answer, or behind its body.
    ///
    /// # Errors
    /// When they are damaged.
    pub fn take_headers(&mut self, block: &[u8], ends: bool) -> Result<(), Malformed> {
        if self.status > 0 {
            // They follow the body, and are its end.
            return match ends {
                true => hpack::read(block, |_, _| Ok(())),
                false => Err(Malformed::Headers),
            };
        }
        let (mut status, head) = (None, &mut self.head);
        head.clear();
        head.push(b'\n');
        hpack::read(block, |name, value| {
            if name == b":status" {
                let digits = std::str::from_utf8(value)
                    .ok()
                    .filter(|text| text.len() == 3);
                status = digits.and_then(|text| text.parse().ok());
                return status.map(|_: u16| ()).ok_or(Malformed::Headers);
            }
            let is_line = |text: &[u8]| !text.iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n'));
            if !is_line(name) || !is_line(value) || head.len() > LONGEST_HEAD {
                return Err(Malformed::Headers);
            }
            head.extend_from_slice(name);
            head.push(b':');
            head.extend_from_slice(value);
            head.push(b'\n');
            Ok(())
        })?;
        match status {
            None | Some(0..100) => Err(Malformed::Headers),
            Some(100..200) if !ends => Ok(()),
            Some(100..200) => Err(Malformed::Headers),
            Some(status) => {
                self.status = status;
                Ok(())
            }
        }
    }

    /// A piece of the body.
    ///
    /// # Errors
    /// When it comes before its head, or the body is too long.
    pub fn take_data(&mut self, data: &[u8], keeps_bodies: bool) -> Result<(), Malformed> {
        if self.status == 0 {
            return Err(Malformed::Frame);
        }
        if keeps_bodies {
            if self.body.len() + data.len() > LONGEST_BODY {
                return Err(Malformed::BodyTooLong);
            }
            self.body.extend_from_slice(data);
        }
        Ok(())
    }
}
