//! From what the sensors saw to words for people: what was short, by how much, and what to do.

use super::budget::{
    BUSY, DISPLACED, GAP_OF_LOOP_NS, GAP_TOLERANCE_NS, MAJOR_FAULTS_PER_S, QUEUED, SEND_LAG_P99_NS,
    STALL_NS, STALLED, STALLS, STEAL, THROTTLED,
};
use super::queue::QueueWait;
use super::shortage::Exhausted;
use super::stalls::Stalls;
use crate::config::Mode;

/// What the sensors saw over the whole run.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    pub mode: Mode,
    /// How long the load ran, in nanoseconds.
    pub elapsed_ns: u64,
    /// P99 of the release lag; `None` when nothing was scheduled.
    pub send_lag_p99_ns: Option<u64>,
    /// Share of the distances between releases that were others than intended, 0 to 1.
    pub gaps_displaced: Option<f64>,
    /// Share of CPU time that the hypervisor took away, 0 to 1.
    pub steal_fraction: f64,
    /// Time for which our cgroup, or one above it, was throttled, in nanoseconds.
    pub throttled_ns: u64,
    /// The load thread that waited longest for a core.
    pub queue: QueueWait,
    /// Times at which a thread that only sleeps was woken late.
    pub stalls: Stalls,
    /// Times at which the loop of a load thread came round late, of the worst thread.
    pub loop_stalls: Stalls,
    /// Pages that the load threads had to wait for.
    pub major_faults: u64,
    /// CPU time over run time of the busiest load thread.
    pub busiest_thread: f64,
    /// Dials that failed for a shortage of this machine's own.
    pub exhausted: Option<Exhausted>,
}

/// Every budget that was exceeded, in words: first what explains the others, the worst first; then what it led to.
/// Empty when the generator was sound.
pub fn causes(seen: &Observed) -> Vec<String> {
    let reasons = [
        exhausted(seen),
        throttled(seen),
        stolen(seen),
        paged(seen),
        queued(seen),
        busy(seen),
    ];
    let effects = [stalled(seen), send_lag(seen), displaced(seen)];
    let worst_first = |found: &mut Vec<Cause>| {
        found.sort_by(|a, b| b.times_budget.total_cmp(&a.times_budget));
    };
    let mut reasons: Vec<Cause> = reasons.into_iter().flatten().collect();
    let mut effects: Vec<Cause> = effects.into_iter().flatten().collect();
    worst_first(&mut reasons);
    worst_first(&mut effects);
    let all = reasons.into_iter().chain(effects);
    all.map(|cause| cause.words).collect()
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

fn seconds(ns: u64) -> String {
    format!("{:.2} s", ns as f64 / 1e9)
}

fn share(ns: u64, seen: &Observed) -> f64 {
    ns as f64 / seen.elapsed_ns.max(1) as f64
}

fn exhausted(seen: &Observed) -> Option<Cause> {
    let Exhausted { dials, shortage } = seen.exhausted?;
    Some(Cause {
        times_budget: f64::INFINITY,
        words: format!(
            "the generator ran out of {shortage}: {dials} connections could not be dialled (budget 0): {}",
            shortage.remedy()
        ),
    })
}

fn throttled(seen: &Observed) -> Option<Cause> {
    let share = share(seen.throttled_ns, seen);
    over(share, THROTTLED, || {
        format!(
            "the CPU quota of the generator's container or cgroup throttled it for {}, {:.1} % of the run (budget {:.0} \
             %): raise or remove its CPU limit",
            seconds(seen.throttled_ns),
            share * 100.0,
            THROTTLED * 100.0
        )
    })
}

fn stolen(seen: &Observed) -> Option<Cause> {
    over(seen.steal_fraction, STEAL, || {
        format!(
            "the hypervisor took {:.1} % of this machine's CPU time away (budget {:.0} %): use a machine with cores of \
             its own",
            seen.steal_fraction * 100.0,
            STEAL * 100.0
        )
    })
}

fn paged(seen: &Observed) -> Option<Cause> {
    let per_s = seen.major_faults as f64 / (seen.elapsed_ns.max(1) as f64 / 1e9);
    over(per_s, MAJOR_FAULTS_PER_S, || {
        format!(
            "memory was short: {} times a load thread had to wait for a page from disk, {per_s:.0} times a second (budget \
             {MAJOR_FAULTS_PER_S:.0}): raise the memory limit of the generator",
            seen.major_faults
        )
    })
}

fn queued(seen: &Observed) -> Option<Cause> {
    let excess_ns = seen.queue.excess_ns();
    let share = share(excess_ns, seen);
    over(share, QUEUED, || {
        format!(
            "a load thread was ready and waited in the run queue for a core for {}, {:.1} % of the run beyond usual wake-ups \
             (budget {:.0} %): other programs compete for its cores; stop them, or give the generator cores of its own",
            seconds(seen.queue.waited_ns),
            share * 100.0,
            QUEUED * 100.0
        )
    })
}

fn stalled(seen: &Observed) -> Option<Cause> {
    let slept = seen.stalls;
    let by_sleeper =
        (share(slept.total_ns, seen) / STALLED).max(slept.count as f64 / STALLS as f64);
    let by_loop = share(seen.loop_stalls.total_ns, seen) / STALLED;
    let worse = slept.worse(seen.loop_stalls);
    over(by_sleeper.max(by_loop), 1.0, || {
        format!(
            "the generator itself stood still {} times, {} in all, {:.0} ms the longest (budget {STALLS} times beyond {} ms, \
             and {:.0} % of the run beyond {} ms): something stopped its process or this machine, such as a debugger, a \
             snapshot or a signal",
            worse.count,
            seconds(worse.total_ns),
            worse.worst_ns as f64 / 1e6,
            STALL_NS / 1_000_000,
            STALLED * 100.0,
            GAP_OF_LOOP_NS / 1_000_000,
        )
    })
}

fn send_lag(seen: &Observed) -> Option<Cause> {
    let lag_ns = seen.send_lag_p99_ns.filter(|_| seen.mode == Mode::Open)?;
    over(lag_ns as f64, SEND_LAG_P99_NS as f64, || {
        format!(
            "1 % of the orders left the generator {:.1} ms late or more (budget {} ms): it had too little CPU for this \
             rate; offer less, or use more threads",
            lag_ns as f64 / 1e6,
            SEND_LAG_P99_NS / 1_000_000
        )
    })
}

fn displaced(seen: &Observed) -> Option<Cause> {
    let share = seen.gaps_displaced.filter(|_| seen.mode == Mode::Open)?;
    over(share, DISPLACED, || {
        format!(
            "{:.1} % of the distances between orders were off by more than {} ms (budget {:.0} %): they came in bursts \
             that the schedule did not ask for; offer less, or use more threads",
            share * 100.0,
            GAP_TOLERANCE_NS / 1_000_000,
            DISPLACED * 100.0
        )
    })
}

fn busy(seen: &Observed) -> Option<Cause> {
    if seen.mode == Mode::Open {
        return None;
    }
    over(seen.busiest_thread, BUSY, || {
        format!(
            "a load thread was busy for {:.0} % of its time (budget {:.0} %): the rate is the generator's limit, not the \
             server's; use more threads",
            seen.busiest_thread * 100.0,
            BUSY * 100.0
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::budget::WAKE_UP_NS;
    use super::super::shortage::Shortage;
    use super::*;

    const MINUTE_NS: u64 = 60_000_000_000;

    /// Everything just within its budget.
    fn sound(mode: Mode) -> Observed {
        Observed {
            mode,
            elapsed_ns: MINUTE_NS,
            send_lag_p99_ns: Some(SEND_LAG_P99_NS),
            gaps_displaced: Some(DISPLACED),
            steal_fraction: STEAL,
            throttled_ns: 600_000_000,
            queue: QueueWait {
                waited_ns: 6_000_000_000 + 1_000 * WAKE_UP_NS,
                times: 1_000,
            },
            stalls: Stalls {
                count: STALLS,
                total_ns: 1_200_000_000,
                worst_ns: 900_000_000,
            },
            loop_stalls: Stalls {
                count: 40,
                total_ns: 1_200_000_000,
                worst_ns: 30_000_000,
            },
            major_faults: 1_200,
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
        let starved: [(&str, Starve); 13] = [
            ("late or more", |seen| {
                seen.send_lag_p99_ns = Some(10_100_000)
            }),
            ("6.0 % of the distances between orders", |seen| {
                seen.gaps_displaced = Some(0.06);
            }),
            ("hypervisor took 6.0 %", |seen| seen.steal_fraction = 0.06),
            ("throttled it for 0.70 s", |seen| {
                seen.throttled_ns = 700_000_000
            }),
            ("waited in the run queue for a core for 7.00 s", |seen| {
                seen.queue.waited_ns = 7_000_000_000
            }),
            ("memory was short: 1500 times", |seen| {
                seen.major_faults = 1_500
            }),
            ("stood still 6 times", |seen| seen.stalls.count = 6),
            ("stood still 1 times", |seen| {
                seen.stalls = Stalls::default();
                seen.stalls.note(2_000_000_000, STALL_NS);
            }),
            ("stood still 50 times, 1.50 s in all", |seen| {
                seen.loop_stalls = Stalls::default();
                (0..50).for_each(|_| seen.loop_stalls.note(30_000_000, GAP_OF_LOOP_NS));
            }),
            ("ran out of file descriptors of this process: 3", |seen| {
                let shortage = Shortage::Descriptors;
                seen.exhausted = Some(Exhausted { dials: 3, shortage });
            }),
            ("ran out of local ports", |seen| {
                let shortage = Shortage::Ports;
                seen.exhausted = Some(Exhausted { dials: 3, shortage });
            }),
            ("ran out of memory for sockets", |seen| {
                let shortage = Shortage::Memory;
                seen.exhausted = Some(Exhausted { dials: 1, shortage });
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
            assert!(why[0].contains("(budget "), "{}", why[0]);
        }
    }

    #[test]
    fn a_closed_loop_owes_no_schedule() {
        let mut seen = sound(Mode::Closed);
        seen.send_lag_p99_ns = Some(MINUTE_NS);
        seen.gaps_displaced = Some(1.0);
        assert_eq!(causes(&seen), Vec::<String>::new());
    }

    #[test]
    fn what_explains_comes_before_what_it_led_to_and_the_worst_first() {
        let mut seen = sound(Mode::Open);
        seen.steal_fraction = 0.06;
        seen.send_lag_p99_ns = Some(500_000_000);
        seen.gaps_displaced = Some(0.5);
        seen.throttled_ns = MINUTE_NS;
        let why = causes(&seen);
        let order = ["CPU quota", "hypervisor", "late or more", "distances"];
        assert_eq!(why.len(), order.len(), "{why:?}");
        for (words, expected) in why.iter().zip(order) {
            assert!(words.contains(expected), "{expected} in {why:?}");
        }
    }
}
