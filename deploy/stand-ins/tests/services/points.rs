//! A publisher of market data in frames (`docs/market-data.md`).

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub struct Points {
    stream: TcpStream,
    frames: u64,
    points: u64,
    /// What the last receipt says: frames and points.
    pub told: (u64, u64),
}

/// Now, in nanoseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "points are dated")]
pub fn now_ns() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_nanos() as u64
}

fn head(kind: u8, length: usize) -> Vec<u8> {
    let mut frame = vec![0; 40];
    frame[..4].copy_from_slice(&(length as u32).to_le_bytes());
    frame[4..6].copy_from_slice(&[1, kind]);
    frame
}

impl Points {
    /// Connects and names symbols.
    pub fn to(port: u16, symbols: &[&str]) -> Points {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        for (index, name) in symbols.iter().enumerate() {
            let mut frame = head(32, 40 + name.len());
            frame[16..24].copy_from_slice(&(index as u64).to_le_bytes());
            frame.extend(name.as_bytes());
            stream.write_all(&frame).unwrap();
        }
        Points {
            stream,
            frames: 0,
            points: 0,
            told: (0, 0),
        }
    }

    /// A frame of points of one symbol, made at that moment, at prices in cents.
    fn frame(&mut self, symbol: u16, at_ns: u64, cents: &[i64]) -> Vec<u8> {
        self.frames += 1;
        let mut frame = head(33, 40 + 16 * cents.len());
        frame[8..16].copy_from_slice(&self.frames.to_le_bytes());
        frame[16..24].copy_from_slice(&(self.points + 1).to_le_bytes());
        frame[24..32].copy_from_slice(&at_ns.to_le_bytes());
        frame[32..34].copy_from_slice(&(cents.len() as u16).to_le_bytes());
        for cents in cents {
            frame.extend(cents.to_le_bytes());
            frame.extend([0, 0, 0, 0]);
            frame.extend(symbol.to_le_bytes());
            frame.extend([2, 0]);
        }
        self.points += cents.len() as u64;
        frame
    }

    /// Sends points and waits until all of them were taken in.
    pub fn send(&mut self, symbol: u16, at_ns: u64, cents: &[i64]) {
        let frame = self.frame(symbol, at_ns, cents);
        self.stream.write_all(&frame).unwrap();
        self.wait();
    }

    /// Sends so many full frames as fast as they are taken, and waits until all of them were.
    pub fn flood(&mut self, frames: usize) -> u64 {
        let mut out = Vec::new();
        for _ in 0..frames {
            out.extend(self.frame(0, now_ns(), &[100; 61]));
        }
        let mut writer = self.stream.try_clone().unwrap();
        let written = std::thread::spawn(move || writer.write_all(&out));
        self.wait();
        written.join().unwrap().unwrap();
        self.points
    }

    fn wait(&mut self) {
        while self.told.0 < self.frames {
            let mut receipt = [0; 40];
            self.stream.read_exact(&mut receipt).unwrap();
            assert_eq!((receipt[0], receipt[5]), (40, 160));
            let number = |at: usize| u64::from_le_bytes(receipt[at..at + 8].try_into().unwrap());
            self.told = (number(8), number(16));
        }
        assert_eq!(self.told, (self.frames, self.points));
    }
}
