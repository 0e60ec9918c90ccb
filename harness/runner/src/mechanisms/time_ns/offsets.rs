//! The offsets of a time namespace, as `/proc/PID/timens_offsets` takes and shows them.

use std::fmt;

const NS_PER_S: i64 = 1_000_000_000;

/// By how much the two clocks of a namespace are ahead of the host's; negative when behind. Nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockOffsets {
    pub monotonic_ns: i64,
    pub boottime_ns: i64,
}

impl ClockOffsets {
    /// Both clocks by the same, as on a machine that was booted earlier or later.
    pub fn both(by_ns: i64) -> ClockOffsets {
        ClockOffsets {
            monotonic_ns: by_ns,
            boottime_ns: by_ns,
        }
    }

    /// What is written: seconds, rounded down, and the nanoseconds that are left, which are never negative.
    pub(super) fn to_text(self) -> String {
        let line = |clock: &str, ns: i64| {
            let (s, ns) = (ns.div_euclid(NS_PER_S), ns.rem_euclid(NS_PER_S));
            format!("{clock} {s} {ns}\n")
        };
        line("monotonic", self.monotonic_ns) + &line("boottime", self.boottime_ns)
    }

    /// What the file shows; `None` when it is not in the known format.
    pub(super) fn parse(text: &str) -> Option<ClockOffsets> {
        let of = |clock: &str| {
            text.lines().find_map(|line| {
                let mut fields = line.split_ascii_whitespace();
                // Older kernels show the number of the clock.
                let name = fields.next()?;
                let is_this = match clock {
                    "monotonic" => name == "monotonic" || name == "1",
                    _ => name == "boottime" || name == "7",
                };
                let s: i64 = fields.next()?.parse().ok()?;
                let ns: i64 = fields.next()?.parse().ok()?;
                is_this.then(|| s.checked_mul(NS_PER_S)?.checked_add(ns))?
            })
        };
        Some(ClockOffsets {
            monotonic_ns: of("monotonic")?,
            boottime_ns: of("boottime")?,
        })
    }
}

impl fmt::Display for ClockOffsets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "CLOCK_MONOTONIC {:+} ns, CLOCK_BOOTTIME {:+} ns",
            self.monotonic_ns, self.boottime_ns
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nanoseconds_of_a_negative_offset_are_positive() {
        let text = ClockOffsets {
            monotonic_ns: -1_500_000_000,
            boottime_ns: 2_000_000_001,
        }
        .to_text();
        assert_eq!(text, "monotonic -2 500000000\nboottime 2 1\n");
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        for by_ns in [0, 1, -1, 999_999_999, -1_000_000_000, 86_400_000_000_000] {
            let offsets = ClockOffsets::both(by_ns);
            assert_eq!(ClockOffsets::parse(&offsets.to_text()), Some(offsets));
        }
        let shown = "monotonic          -2 500000000\nboottime            0         0\n";
        let offsets = ClockOffsets::parse(shown).unwrap();
        assert_eq!(offsets.monotonic_ns, -1_500_000_000);
        assert!(ClockOffsets::parse("1 5 0\n7 6 0\n").is_some());
        for wrong in ["", "monotonic 1 2\n", "monotonic x 0\nboottime 0 0\n"] {
            assert_eq!(ClockOffsets::parse(wrong), None, "{wrong}");
        }
    }
}
