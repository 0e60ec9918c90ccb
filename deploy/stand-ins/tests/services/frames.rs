//! A client of the binary gateway, no faster than it need be.

use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// An answer, as far as tests look at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub number: u64,
    pub status: u8,
    pub leave: bool,
    /// Id, node and reason.
    pub texts: [String; 3],
}

pub struct Frames {
    stream: TcpStream,
    answers: BufReader<TcpStream>,
    sent: u64,
}

/// A new order of one unit.
pub fn order(number: u64, symbol: &str, cents: i64) -> Vec<u8> {
    let id = format!("t-{number}");
    let length = 40 + id.len() + 1 + symbol.len();
    let mut frame = vec![0; 40];
    frame[..4].copy_from_slice(&(length as u32).to_le_bytes());
    frame[4..6].copy_from_slice(&[1, 1]);
    frame[8..16].copy_from_slice(&number.to_le_bytes());
    frame[16..24].copy_from_slice(&cents.to_le_bytes());
    frame[24..32].copy_from_slice(&1i64.to_le_bytes());
    frame[32..39].copy_from_slice(&[2, 0, 1, 1, id.len() as u8, 1, symbol.len() as u8]);
    frame.extend([id.as_bytes(), b"A", symbol.as_bytes()].concat());
    frame
}

impl Frames {
    pub fn to(port: u16) -> Frames {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        stream.set_nodelay(true).unwrap();
        let answers = BufReader::with_capacity(256 * 1024, stream.try_clone().unwrap());
        Frames {
            stream,
            answers,
            sent: 0,
        }
    }

    /// Sends orders at these prices, all at once, and waits for all answers.
    pub fn ask(&mut self, symbol: &str, cents: impl Iterator<Item = i64>) -> Vec<Answer> {
        self.exchange(symbol, cents, |frames| frames.answer().expect("an answer"))
    }

    /// The same, and looks at no answer.
    pub fn flood(&mut self, symbol: &str, cents: impl Iterator<Item = i64>) {
        self.exchange(symbol, cents, |frames| {
            let mut frame = [0; 1024];
            frames.answers.read_exact(&mut frame[..4]).unwrap();
            let length = u32::from_le_bytes(frame[..4].try_into().unwrap()) as usize;
            frames.answers.read_exact(&mut frame[4..length]).unwrap();
        });
    }

    fn exchange<T>(
        &mut self,
        symbol: &str,
        cents: impl Iterator<Item = i64>,
        mut take: impl FnMut(&mut Frames) -> T,
    ) -> Vec<T> {
        let mut out = Vec::new();
        let before = self.sent;
        for cents in cents {
            self.sent += 1;
            out.extend(order(self.sent, symbol, cents));
        }
        let mut writer = self.stream.try_clone().unwrap();
        let written = std::thread::spawn(move || writer.write_all(&out));
        let taken = (before..self.sent).map(|_| take(self)).collect();
        written.join().unwrap().unwrap();
        taken
    }

    /// The next answer; `None` when the connection ended.
    pub fn answer(&mut self) -> Option<Answer> {
        let mut head = [0; 40];
        self.answers.read_exact(&mut head).ok()?;
        let length = u32::from_le_bytes(head[..4].try_into().unwrap()) as usize;
        let mut rest = vec![0; length - 40];
        self.answers.read_exact(&mut rest).ok()?;
        let mut rest = rest.as_slice();
        let texts = [head[33], head[34], head[35]].map(|length| {
            let (text, after) = rest.split_at(usize::from(length));
            rest = after;
            String::from_utf8(text.to_vec()).unwrap()
        });
        Some(Answer {
            number: u64::from_le_bytes(head[8..16].try_into().unwrap()),
            status: head[32],
            leave: head[6] == 1,
            texts,
        })
    }
}
