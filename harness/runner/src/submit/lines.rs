//! Each line of a log once, however often it is read again. Pure.

use jiff::Timestamp;

/// What was taken of a log so far.
///
/// A log that broke is read again from the second of its last line, because that is as exact as it can be asked for.
/// Its lines come in the same order again, each with the same time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Once {
    last: Option<Timestamp>,
    /// Lines with the time of the last one.
    at_last: usize,
    /// How many of those come again.
    again: usize,
}

impl Once {
    /// From when the log has to be read.
    pub fn since(&self) -> Option<Timestamp> {
        let second = self.last?.as_second();
        Timestamp::from_second(second).ok()
    }

    /// The log is read again from [`Once::since`].
    pub fn reread(&mut self) {
        self.again = self.at_last;
    }

    /// A line with its time; its text, unless it was taken already. One without a time is not the container's, and is
    /// passed on.
    pub fn take<'a>(&mut self, line: &'a str) -> Option<&'a str> {
        let (stamp, text) = line.split_once(' ').unwrap_or((line, ""));
        let Ok(stamp) = stamp.parse::<Timestamp>() else {
            return Some(line);
        };
        match self.last {
            Some(last) if stamp < last => None,
            Some(last) if stamp == last && self.again > 0 => {
                self.again -= 1;
                None
            }
            Some(last) if stamp == last => {
                self.at_last += 1;
                Some(text)
            }
            Some(_) | None => {
                *self = Once {
                    last: Some(stamp),
                    at_last: 1,
                    again: 0,
                };
                Some(text)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: [&str; 6] = [
        "2026-01-01T00:00:01.5Z a",
        "2026-01-01T00:00:02.1Z b",
        "2026-01-01T00:00:02.2Z c",
        "2026-01-01T00:00:02.2Z c",
        "2026-01-01T00:00:02.2Z d",
        "2026-01-01T00:00:03Z ",
    ];

    #[test]
    fn wherever_a_log_breaks_each_line_is_taken_once() {
        let wanted = ["a", "b", "c", "c", "d", ""];
        for first in 0..=LOG.len() {
            for second in first..=LOG.len() {
                let mut once = Once::default();
                let mut taken: Vec<&str> = Vec::new();
                for end in [first, second, LOG.len()] {
                    once.reread();
                    let since = once.since();
                    let from = |line: &&&str| {
                        let stamp: Timestamp = line.split(' ').next().unwrap().parse().unwrap();
                        since.is_none_or(|since| stamp >= since)
                    };
                    let read: Vec<&str> = LOG[..end].iter().filter(from).copied().collect();
                    taken.extend(read.into_iter().filter_map(|line| once.take(line)));
                }
                assert_eq!(taken, wanted, "broken after {first} and {second} lines");
            }
        }
    }

    #[test]
    fn what_is_no_line_of_the_container_is_passed_on() {
        let mut once = Once::default();
        let said = "failed to try resolving symlinks";
        assert_eq!(once.take(said), Some(said));
        assert_eq!(once.since(), None);
    }
}
