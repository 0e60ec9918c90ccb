//! How much CPU time a process has used.

use std::fs;
use std::io;

/// `USER_HZ`: 100 on every architecture that Linux and Rust both run on, whatever the kernel's own tick is.
const TICKS_PER_S: u64 = 100;

/// User and system time of a process with all of its threads, in microseconds, exact to 10 ms: fields 14 and 15 of
/// `/proc/PID/stat`.
///
/// # Errors
/// `NotFound` when there is no such process.
pub fn cpu_time_us(pid: u32) -> io::Result<u64> {
    let path = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(&path)?;
    ticks_in(&text)
        .map(|ticks| ticks * (1_000_000 / TICKS_PER_S))
        .ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{path} is not in the known format"),
            )
        })
}

/// The name may hold blanks and brackets: fields are counted from the last bracket.
fn ticks_in(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn user_and_system_time_are_added() {
        assert_eq!(
            ticks_in("5 (a) b) S 1 2 3 4 5 6 7 8 9 10 100 20 0"),
            Some(120)
        );
        assert_eq!(ticks_in("5 (a) S 1"), None);
    }

    #[test]
    fn only_work_counts() {
        let own = std::process::id();
        let start = cpu_time_us(own).unwrap();
        let until = Instant::now() + Duration::from_millis(80);
        while Instant::now() < until {
            std::hint::black_box(0);
        }
        assert!(cpu_time_us(own).unwrap() > start);
        assert!(cpu_time_us(u32::MAX).is_err());
    }
}
