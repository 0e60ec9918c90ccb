//! Application messages that were sent, kept so that they can be sent again.

use std::collections::VecDeque;

use super::pen::UtcTime;

/// One message that was sent.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub number: u64,
    pub at: UtcTime,
    pub kind: Vec<u8>,
    /// Its fields after the header, each with its SOH.
    pub fields: Vec<u8>,
}

/// The newest application messages, by number.
#[derive(Debug, Default)]
pub(super) struct Kept {
    most: usize,
    messages: VecDeque<Sent>,
}

impl Kept {
    /// Room for so many.
    pub fn new(most: usize) -> Kept {
        Kept {
            most,
            messages: VecDeque::new(),
        }
    }

    /// Keeps one, in place of the oldest where there is no room.
    pub fn keep(&mut self, number: u64, at: UtcTime, kind: &[u8], fields: &[u8]) {
        if self.most == 0 {
            return;
        }
        if self.messages.len() == self.most {
            self.messages.pop_front();
        }
        self.messages.push_back(Sent {
            number,
            at,
            kind: kind.to_vec(),
            fields: fields.to_vec(),
        });
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        self.messages.clear();
    }

    /// The first one with this number or a higher one.
    pub fn from(&self, number: u64) -> Option<&Sent> {
        let at = self.messages.partition_point(|sent| sent.number < number);
        self.messages.get(at)
    }
}
