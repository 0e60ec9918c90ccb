//! One connection through the proxy: bytes both ways, and what a storm does to it.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use shakedown_record::monotonic_ns;

use super::program::{Dice, Program, StormKind};
use super::sockets::{drop_all, drop_nothing, reset, vanish};

/// How often a connection looks at the program when nothing comes, in milliseconds.
const LOOK_MS: u64 = 2;

/// A connection of a client and its way on to the engine.
pub(super) struct Pipe {
    pub client: TcpStream,
    pub engine: TcpStream,
    pub program: Program,
    pub zero_ns: u64,
    pub dice: Dice,
    /// Half-open storms that had begun when the connection was made.
    pub vanished: usize,
}

/// Whether the connection goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    GoesOn,
    Over,
}

impl Pipe {
    fn now_ns(&self) -> u64 {
        monotonic_ns().saturating_sub(self.zero_ns)
    }

    /// Carries bytes until one side ends or a storm does.
    ///
    /// # Errors
    /// When a socket cannot be used any more, which is how many connections end.
    pub fn run(mut self) -> io::Result<()> {
        // The engine may be slow to read, and the client to be read from: neither may hang the proxy.
        let patience = Some(Duration::from_millis(500));
        self.client.set_write_timeout(patience)?;
        self.engine.set_write_timeout(patience)?;
        let mut dropping = false;
        loop {
            let now_ns = self.now_ns();
            if self.program.begun(StormKind::HalfOpen, now_ns) > self.vanished {
                self.vanished = self.program.begun(StormKind::HalfOpen, now_ns);
                if self.dice.percent(70) {
                    return vanish(self.client);
                }
            }
            let holds = self.program.is_on(StormKind::Blackhole, now_ns);
            if holds != dropping {
                dropping = holds;
                match holds {
                    true => drop_all(&self.client)?,
                    false => drop_nothing(&self.client)?,
                }
            }
            if dropping {
                thread::sleep(Duration::from_millis(LOOK_MS));
                continue;
            }
            if self.strike(10)? == Fate::Over || self.carry()? == Fate::Over {
                return Ok(());
            }
        }
    }

    /// Ends the connection in so many of 100 cases, when resets or ends are on.
    fn strike(&mut self, percent: u64) -> io::Result<Fate> {
        let now_ns = self.now_ns();
        if self.program.is_on(StormKind::Reset, now_ns) && self.dice.percent(percent) {
            reset(&self.client)?;
            return Ok(Fate::Over);
        }
        if self.program.is_on(StormKind::Fin, now_ns) && self.dice.percent(percent) {
            if self.dice.percent(50) {
                return Ok(Fate::Over);
            }
            // Half of an end: what the client sends still reaches the engine for a while.
            self.client.shutdown(Shutdown::Write)?;
            let until_ns = self.now_ns() + self.dice.between(1, 40) * 1_000_000;
            self.client
                .set_read_timeout(Some(Duration::from_millis(LOOK_MS)))?;
            let mut bytes = [0; 4096];
            while self.now_ns() < until_ns {
                match self.client.read(&mut bytes) {
                    Ok(0) => break,
                    Ok(count) => self.engine.write_all(&bytes[..count])?,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error),
                }
            }
            return Ok(Fate::Over);
        }
        Ok(Fate::GoesOn)
    }

    /// Waits a little for bytes of either side, and passes them on.
    fn carry(&mut self) -> io::Result<Fate> {
        let mut sockets = [
            PollFd::new(&self.client, PollFlags::IN),
            PollFd::new(&self.engine, PollFlags::IN),
        ];
        let wait = Timespec {
            tv_sec: 0,
            tv_nsec: (LOOK_MS * 1_000_000) as i64,
        };
        match poll(&mut sockets, Some(&wait)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        let [from_client, from_engine] = sockets.map(|socket| !socket.revents().is_empty());
        let mut bytes = [0; 4096];
        if from_client {
            let count = self.client.read(&mut bytes)?;
            if count == 0 || self.strike(30)? == Fate::Over {
                return Ok(Fate::Over);
            }
            self.engine.write_all(&bytes[..count])?;
        }
        if from_engine {
            let count = self.engine.read(&mut bytes)?;
            if count == 0 {
                // As the engine ended it.
                self.client.shutdown(Shutdown::Write)?;
                return Ok(Fate::Over);
            }
            return self.answer(&bytes[..count]);
        }
        Ok(Fate::GoesOn)
    }

    /// Passes an answer on, whole, in pieces, or the beginning of it.
    fn answer(&mut self, bytes: &[u8]) -> io::Result<Fate> {
        let now_ns = self.now_ns();
        let storming = [StormKind::Reset, StormKind::Fin]
            .into_iter()
            .any(|kind| self.program.is_on(kind, now_ns));
        if storming && self.dice.percent(30) {
            let count = self.dice.between(0, bytes.len() as u64 + 1) as usize;
            self.client.write_all(&bytes[..count])?;
            return self.strike(100);
        }
        if !self.program.is_on(StormKind::Trickle, now_ns) {
            self.client.write_all(bytes)?;
            return Ok(Fate::GoesOn);
        }
        let length = self.dice.between(5, 120) as usize;
        for piece in bytes.chunks(length) {
            thread::sleep(Duration::from_micros(self.dice.between(100, 8_000)));
            self.client.write_all(piece)?;
        }
        Ok(Fate::GoesOn)
    }
}
