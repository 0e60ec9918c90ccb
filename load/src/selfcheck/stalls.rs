//! Moments at which somebody who had to run did not.

/// Times at which a thread ran later than it had to, by more than a threshold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stalls {
    pub count: u64,
    pub total_ns: u64,
    pub worst_ns: u64,
}

impl Stalls {
    /// Notes how late a thread was; up to `threshold_ns` it is no stall.
    pub fn note(&mut self, late_ns: u64, threshold_ns: u64) {
        if late_ns > threshold_ns {
            self.count += 1;
            self.total_ns += late_ns;
            self.worst_ns = self.worst_ns.max(late_ns);
        }
    }

    /// The one of two that lost more time.
    pub fn worse(self, other: Stalls) -> Stalls {
        if other.total_ns > self.total_ns {
            other
        } else {
            self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_delay_is_no_stall() {
        let mut stalls = Stalls::default();
        stalls.note(50, 50);
        assert_eq!(stalls, Stalls::default());
        stalls.note(51, 50);
        stalls.note(70, 50);
        let expected = Stalls {
            count: 2,
            total_ns: 121,
            worst_ns: 70,
        };
        assert_eq!(stalls, expected);
        assert_eq!(Stalls::default().worse(stalls), expected);
        assert_eq!(expected.worse(Stalls::default()), expected);
    }
}
