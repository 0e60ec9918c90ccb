//! Waiting for the next slot precisely, without taking the core away from the engine.

use std::io;

use shakedown_record::monotonic_ns;

use super::wires::Wires;

/// Time before a slot that is spent looking at the clock rather than asleep, at most, in nanoseconds.
const LONGEST_SPIN_NS: u64 = 150_000;

/// Share of its time that a thread may spin where cores are scarce, in percent: the engine runs there too.
const SHARE_ON_SCARCE_CORES: u64 = 8;

/// Share of its time that a thread may spin where it has a core of its own, in percent.
const SHARE_ON_OWN_CORE: u64 = 100;

/// Sleeps until shortly before a moment and spins for the rest, as far as the budget goes.
///
/// The kernel wakes a thread late by tens of microseconds. How late is measured here and slept less, so that the rest
/// that is spun away is short.
#[derive(Debug)]
pub(super) struct Idle {
    share_percent: u64,
    began_ns: u64,
    spun_ns: u64,
    oversleep_ns: u64,
}

impl Idle {
    /// An idler for one of `threads` load threads on so many cores.
    pub fn new(threads: usize, cores: usize, now_ns: u64) -> Idle {
        Idle {
            share_percent: if cores > threads + 1 {
                SHARE_ON_OWN_CORE
            } else {
                SHARE_ON_SCARCE_CORES
            },
            began_ns: now_ns,
            spun_ns: 0,
            oversleep_ns: 60_000,
        }
    }

    /// Waits for events until `deadline_ns`; returns how many there are. `exact`: a slot is due then.
    ///
    /// # Errors
    /// When the kernel refuses to wait.
    pub fn wait(
        &mut self,
        wires: &mut Wires,
        now_ns: u64,
        deadline_ns: u64,
        exact: bool,
    ) -> io::Result<usize> {
        let gap_ns = deadline_ns.saturating_sub(now_ns);
        let spin_ns = if exact {
            self.spin_ns(now_ns, gap_ns)
        } else {
            0
        };
        let sleep_ns = gap_ns - spin_ns;
        let ready = wires.wait(sleep_ns)?;
        if ready > 0 || gap_ns == 0 {
            return Ok(ready);
        }
        let woke_ns = monotonic_ns();
        if sleep_ns > 0 {
            self.learn(woke_ns.saturating_sub(now_ns + sleep_ns));
        }
        if spin_ns == 0 {
            return Ok(0);
        }
        self.spin(wires, woke_ns, deadline_ns)
    }

    fn spin(&mut self, wires: &mut Wires, from_ns: u64, deadline_ns: u64) -> io::Result<usize> {
        let mut now_ns = from_ns;
        let mut ready = 0;
        while now_ns < deadline_ns && ready == 0 {
            ready = wires.wait(0)?;
            now_ns = monotonic_ns();
        }
        self.spun_ns += now_ns - from_ns;
        Ok(ready)
    }

    /// How much of a gap is to be spun away.
    fn spin_ns(&self, now_ns: u64, gap_ns: u64) -> u64 {
        let allowed_ns = now_ns.saturating_sub(self.began_ns) / 100 * self.share_percent;
        if self.spun_ns >= allowed_ns {
            return 0;
        }
        gap_ns.min(self.oversleep_ns + self.oversleep_ns / 2)
    }

    /// Follows how late the kernel wakes us; one long stall counts little.
    fn learn(&mut self, oversleep_ns: u64) {
        let sample_ns = oversleep_ns.min(LONGEST_SPIN_NS / 2 * 3);
        self.oversleep_ns = ((self.oversleep_ns * 7 + sample_ns) / 8).min(LONGEST_SPIN_NS / 3 * 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spin_follows_the_measured_oversleep() {
        let mut idle = Idle::new(1, 8, 0);
        (0..100).for_each(|_| idle.learn(10_000));
        assert!((14_000..17_000).contains(&idle.spin_ns(1_000_000, 1_000_000)));
        assert_eq!(
            idle.spin_ns(1_000_000, 3_000),
            3_000,
            "never more than the gap"
        );
        (0..100).for_each(|_| idle.learn(50_000_000));
        assert!(idle.spin_ns(1_000_000, 1_000_000) <= LONGEST_SPIN_NS);
    }

    #[test]
    fn on_scarce_cores_the_budget_ends_the_spinning() {
        let mut idle = Idle::new(1, 2, 0);
        idle.spun_ns = 1_000_000;
        assert_eq!(idle.spin_ns(10_000_000, 100_000), 0);
        assert!(idle.spin_ns(20_000_000, 100_000) > 0);
    }

    #[test]
    fn a_moment_is_met_and_not_before_it_is_due() {
        let mut wires = Wires::open(None).unwrap();
        let mut idle = Idle::new(1, 8, monotonic_ns());
        for _ in 0..20 {
            let now_ns = monotonic_ns();
            let deadline_ns = now_ns + 2_000_000;
            while monotonic_ns() < deadline_ns {
                let now_ns = monotonic_ns();
                assert_eq!(idle.wait(&mut wires, now_ns, deadline_ns, true).unwrap(), 0);
            }
        }
    }
}
