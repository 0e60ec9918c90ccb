//! How long somebody has been silent, counted only while we ourselves were there to listen.
//!
//! A process that is stopped or starved has heard nothing meanwhile, and that says nothing of the other end. So a look in
//! vain counts for no longer than looks usually lie apart, however late it comes.

use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Silence at one end, by looks that a steady clock dates.
#[derive(Debug, Clone, Copy)]
pub(super) struct Silence {
    /// What one look counts for at most, in nanoseconds.
    most_ns: u64,
    looked_ns: u64,
    silent_ns: u64,
}

impl Silence {
    /// Something was heard at `now_ns`.
    pub(super) fn new(most_ns: u64, now_ns: u64) -> Silence {
        Silence {
            most_ns,
            looked_ns: now_ns,
            silent_ns: 0,
        }
    }

    /// Something was heard.
    pub(super) fn end(&mut self, now_ns: u64) {
        *self = Silence::new(self.most_ns, now_ns);
    }

    /// Looks once more, in vain; how long it has been silent, in nanoseconds.
    pub(super) fn look(&mut self, now_ns: u64) -> u64 {
        let since_ns = now_ns.saturating_sub(self.looked_ns);
        self.looked_ns = now_ns;
        self.silent_ns += since_ns.min(self.most_ns);
        self.silent_ns
    }
}

/// True when something has come that nobody has read yet: then the other end is not silent, whoever was kept from reading it.
pub fn has_unread(way: impl AsFd) -> bool {
    let mut ways = [PollFd::new(&way, PollFlags::IN)];
    let at_once = Timespec::default();
    matches!(poll(&mut ways, Some(&at_once)), Ok(ready) if ready > 0)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn a_pause_of_our_own_is_no_silence_of_the_other_end() {
        let mut silence = Silence::new(200 * MS, 0);
        assert_eq!(silence.look(50 * MS), 50 * MS);
        assert_eq!(
            silence.look(9_050 * MS),
            250 * MS,
            "we were stopped for 9 s"
        );
        assert_eq!(silence.look(9_150 * MS), 350 * MS);
        silence.end(9_160 * MS);
        assert_eq!(silence.look(9_200 * MS), 40 * MS);
    }

    #[test]
    fn what_was_not_read_is_seen() {
        let (mut ours, mut theirs) = UnixStream::pair().unwrap();
        assert!(!has_unread(&ours));
        theirs.write_all(b"x").unwrap();
        assert!(has_unread(&ours));
        ours.read_exact(&mut [0]).unwrap();
        assert!(!has_unread(&ours));
    }
}
