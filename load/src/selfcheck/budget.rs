//! The generator's budgets, and what exceeding them is called.

use crate::config::Mode;

/// P99 of the release lag, in nanoseconds. Half of the lag that voids a 100 ms slot.
pub const SEND_LAG_P99_NS: u64 = 10_000_000;

/// Share of CPU time that the hypervisor may take away.
pub const STEAL: f64 = 0.05;

/// Share of the run for which the cgroup may throttle us.
pub const THROTTLED: f64 = 0.01;

/// A thread that only sleeps and is woken this late has been kept from running, in nanoseconds.
pub const STALL_NS: u64 = 50_000_000;

/// So many stalls may happen.
pub const STALLS: u64 = 5;

/// Share of the run that may be lost in stalls.
pub const STALLED: f64 = 0.02;

/// Share of its time that a closed-loop thread may be busy before its rate is its own limit.
pub const BUSY: f64 = 0.95;

/// What the sensors saw over the whole run.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    pub mode: Mode,
    /// How long the load ran, in nanoseconds.
    pub elapsed_ns: u64,
    /// P99 of the release lag; `None` when nothing was scheduled.
    pub send_lag_p99_ns: Option<u64>,
    /// Share of CPU time that the hypervisor took away, 0 to 1.
    pub steal_fraction: f64,
    /// Time for which our cgroup, or one above it, was throttled, in nanoseconds.
    pub throttled_ns: u64,
    pub stalls: Stalls,
    /// CPU time over run time of the busiest load thread.
    pub busiest_thread: f64,
    /// Dials that failed for lack of sockets or ports on this machine, and the kernel's words.
    pub exhausted: Option<(u64, String)>,
}

/// Times at which a thread that only sleeps was woken late.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stalls {
    pub count: u64,
    pub total_ns: u64,
    pub worst_ns: u64,
}

impl Stalls {
    /// Notes how late one wake-up was; under [`STALL_NS`] it is none.
    pub fn note(&mut self, late_ns: u64) {
        if late_ns > STALL_NS {
            self.count += 1;
            self.total_ns += late_ns;
            self.worst_ns = self.worst_ns.max(late_ns);
        }
    }
}

/// Every budget that was exceeded, in words and the worst first; empty when the generator was sound.
pub fn causes(seen: &Observed) -> Vec<String> {
    let sensors = [
        exhausted(seen),
        send_lag(seen),
        throttled(seen),
        stalled(seen),
        stolen(seen),
        busy(seen),
    ];
    let mut found: Vec<Cause> = sensors.into_iter().flatten().collect();
    found.sort_by(|a, b| b.times_budget.total_cmp(&a.times_budget));
    found.into_iter().map(|cause| cause.words).collect()
}

struct Cause {
    times_budget: f64,
    words: String,
}

fn over(value: f64, budget: f64, words: impl FnOnce() -> String) -> Option<Cause> {
    (value > budget).then(|| Cause {
        times_budget: value / budget,
        words: words(),
    })
}

fn exhausted(seen: &Observed) -> Option<Cause> {
    let (count, what) = seen.exhausted.as_ref()?;
    Some(Cause {
        times_budget: f64::INFINITY,
        words: format!(
            "this machine had no socket or port left for {count} connections ({what}): raise `ulimit -n` or \
             net.ipv4.ip_local_port_range"
        ),
    })
}

fn send_lag(seen: &Observed) -> Option<Cause> {
    let lag_ns = seen.send_lag_p99_ns.filter(|_| seen.mode == Mode::Open)?;
    over(lag_ns as f64, SEND_LAG_P99_NS as f64, || {
        format!(
            "1 % of the orders left the generator {:.1} ms late or more (budget {} ms): it had too little CPU for this \
             rate",
            lag_ns as f64 / 1e6,
            SEND_LAG_P99_NS / 1_000_000
        )
    })
}

fn stolen(seen: &Observed) -> Option<Cause> {
    over(seen.steal_fraction, STEAL, || {
        format!(
            "the hypervisor took {:.1} % of this machine's CPU time away (budget {:.0} %)",
            seen.steal_fraction * 100.0,
            STEAL * 100.0
        )
    })
}

fn throttled(seen: &Observed) -> Option<Cause> {
    let share = seen.throttled_ns as f64 / seen.elapsed_ns.max(1) as f64;
    over(share, THROTTLED, || {
        format!(
            "the generator's cgroup was throttled for {:.0} ms, {:.1} % of the run (budget {:.0} %): remove its CPU limit",
            seen.throttled_ns as f64 / 1e6,
            share * 100.0,
            THROTTLED * 100.0
        )
    })
}

fn stalled(seen: &Observed) -> Option<Cause> {
    let stalls = seen.stalls;
    let share = stalls.total_ns as f64 / seen.elapsed_ns.max(1) as f64;
    let times_budget = (share / STALLED).max(stalls.count as f64 / STALLS as f64);
    over(times_budget, 1.0, || {
        format!(
            "the generator itself stood still {} times for more than {} ms, {:.0} ms in all, {:.0} ms the longest \
             (budget {STALLS} times and {:.0} % of the run)",
            stalls.count,
            STALL_NS / 1_000_000,
            stalls.total_ns as f64 / 1e6,
            stalls.worst_ns as f64 / 1e6,
            STALLED * 100.0
        )
    })
}

fn busy(seen: &Observed) -> Option<Cause> {
    if seen.mode == Mode::Open {
        return None;
    }
    over(seen.busiest_thread, BUSY, || {
        format!(
            "a load thread was busy for {:.0} % of its time: the rate is the generator's limit, not the server's; use \
             more threads",
            seen.busiest_thread * 100.0
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound(mode: Mode) -> Observed {
        Observed {
            mode,
            elapsed_ns: 60_000_000_000,
            send_lag_p99_ns: Some(SEND_LAG_P99_NS),
            steal_fraction: STEAL,
            throttled_ns: 600_000_000,
            stalls: Stalls {
                count: STALLS,
                total_ns: 1_200_000_000,
                worst_ns: 900_000_000,
            },
            busiest_thread: BUSY,
            exhausted: None,
        }
    }

    #[test]
    fn within_every_budget_nothing_is_said() {
        assert_eq!(causes(&sound(Mode::Open)), Vec::<String>::new());
        assert_eq!(causes(&sound(Mode::Closed)), Vec::<String>::new());
    }

    #[test]
    fn each_sensor_names_its_cause_alone() {
        type Starve = fn(&mut Observed);
        let starved: [(&str, Starve); 7] = [
            ("late or more", |seen| {
                seen.send_lag_p99_ns = Some(10_100_000)
            }),
            ("hypervisor took 6.0 %", |seen| seen.steal_fraction = 0.06),
            ("throttled for 700 ms", |seen| {
                seen.throttled_ns = 700_000_000
            }),
            ("stood still 6 times", |seen| seen.stalls.count = 6),
            ("stood still 1 times", |seen| {
                seen.stalls = Stalls::default();
                seen.stalls.note(2_000_000_000);
            }),
            ("no socket or port left for 3", |seen| {
                seen.exhausted = Some((3, "Too many open files".into()));
            }),
            ("busy for 99 %", |seen| {
                seen.mode = Mode::Closed;
                seen.busiest_thread = 0.99;
            }),
        ];
        for (words, starve) in starved {
            let mut seen = sound(Mode::Open);
            starve(&mut seen);
            let why = causes(&seen);
            assert_eq!(why.len(), 1, "{why:?}");
            assert!(why[0].contains(words), "{}", why[0]);
        }
    }

    #[test]
    fn the_worst_cause_comes_first() {
        let mut seen = sound(Mode::Open);
        seen.steal_fraction = 0.06;
        seen.send_lag_p99_ns = Some(500_000_000);
        let why = causes(&seen);
        assert!(why[0].contains("late or more") && why[1].contains("hypervisor"));
    }

    #[test]
    fn a_short_delay_is_no_stall() {
        let mut stalls = Stalls::default();
        stalls.note(STALL_NS);
        assert_eq!(stalls, Stalls::default());
    }
}
