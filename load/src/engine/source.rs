//! Which slots a thread owes, and when.

use shakedown_scenarios::plan::Arrival;

use crate::config::Mode;
use crate::pacing::{Schedule, Slot};

/// The slots of one thread.
#[derive(Debug)]
pub(crate) enum Source {
    /// By the schedule; slot `i` belongs to session `i mod N`.
    Open {
        schedule: Schedule,
        next: Slot,
        part: Part,
    },
    /// Whenever a session is free; slots are numbered so that threads never meet.
    Closed { next: u64, part: Part },
}

/// A thread's part of the sessions: those with `session mod threads == thread`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part {
    pub sessions: u64,
    pub thread: u64,
    pub threads: u64,
}

impl Part {
    /// Sessions in this part.
    pub fn count(&self) -> usize {
        (self.thread..self.sessions)
            .step_by(self.threads.max(1) as usize)
            .count()
    }

    /// The number of the `local`-th session of this part.
    pub fn session(&self, local: usize) -> u16 {
        (self.thread + local as u64 * self.threads) as u16
    }

    /// Which of this part's sessions owns a slot; `None` when another thread's does.
    fn local(&self, slot: u64) -> Option<usize> {
        let session = slot % self.sessions;
        (session % self.threads == self.thread).then_some((session / self.threads) as usize)
    }
}

impl Source {
    /// The slots of the thread that owns `part`.
    pub fn new(mode: Mode, arrival: Arrival, seed: u64, part: Part) -> Source {
        match mode {
            Mode::Closed => Source::Closed {
                next: part.thread,
                part,
            },
            Mode::Open => {
                let mut schedule = Schedule::new(arrival, seed);
                let next = next_of(&mut schedule, part);
                Source::Open {
                    schedule,
                    next,
                    part,
                }
            }
        }
    }

    /// The part of the sessions.
    pub fn part(&self) -> Part {
        match self {
            Source::Open { part, .. } | Source::Closed { part, .. } => *part,
        }
    }

    /// Intended time of the next slot; `None` in closed mode.
    pub fn next_at_ns(&self) -> Option<u64> {
        match self {
            Source::Open { next, .. } => Some(next.at_ns),
            Source::Closed { .. } => None,
        }
    }

    /// Takes the next scheduled slot and the session that owns it, if it is due before both moments.
    pub fn take_due(&mut self, now_ns: u64, stop_at_ns: u64) -> Option<(Slot, usize)> {
        let Source::Open {
            schedule,
            next,
            part,
        } = self
        else {
            return None;
        };
        if next.at_ns > now_ns || next.at_ns >= stop_at_ns {
            return None;
        }
        let slot = *next;
        *next = next_of(schedule, *part);
        part.local(slot.index).map(|local| (slot, local))
    }

    /// A slot for a session that is free now; `None` in open mode.
    pub fn take_now(&mut self, now_ns: u64, stop_at_ns: u64) -> Option<Slot> {
        let Source::Closed { next, part } = self else {
            return None;
        };
        if now_ns >= stop_at_ns {
            return None;
        }
        let index = *next;
        *next += part.threads;
        Some(Slot {
            index,
            at_ns: now_ns,
        })
    }
}

fn next_of(schedule: &mut Schedule, part: Part) -> Slot {
    loop {
        let slot = schedule.advance();
        if part.local(slot.index).is_some() {
            return slot;
        }
    }
}

#[cfg(test)]
mod tests {
    use shakedown_scenarios::plan::{Hawkes, Spacing};

    use super::*;

    fn part(thread: u64, threads: u64) -> Part {
        Part {
            sessions: 7,
            thread,
            threads,
        }
    }

    #[test]
    fn the_union_of_the_threads_is_the_schedule_of_one() {
        let ramp = |spacing| Arrival::Ramp {
            from_per_s: 1e6,
            to_per_s: 5e5,
            begins_ns: 0,
            over_ns: 1_000_000,
            spacing,
        };
        for arrival in [
            Arrival::Poisson { rate_per_s: 1e6 },
            ramp(Spacing::Even),
            ramp(Spacing::Random),
            Arrival::Hawkes(Hawkes {
                rate_per_s: 1e6,
                branching: 0.5,
                decays_ns: vec![10_000, 100_000],
            }),
        ] {
            let all = |thread, threads| {
                let part = part(thread, threads);
                let mut source = Source::new(Mode::Open, arrival.clone(), 3, part);
                let take = move || {
                    let (slot, local) = source.take_due(1_000_000, u64::MAX)?;
                    Some((slot.index, slot.at_ns, source.part().session(local)))
                };
                std::iter::from_fn(take).collect::<Vec<_>>()
            };
            let mut union: Vec<_> = (0..3).flat_map(|thread| all(thread, 3)).collect();
            union.sort_unstable();
            let one = all(0, 1);
            assert!(one.len() > 500, "{arrival:?}");
            assert_eq!(union, one);
            assert!(
                one.iter()
                    .all(|(slot, _, session)| slot % 7 == u64::from(*session))
            );
        }
    }

    #[test]
    fn every_session_has_one_thread() {
        let counts: Vec<usize> = (0..3).map(|thread| part(thread, 3).count()).collect();
        assert_eq!(counts, [3, 2, 2]);
        assert_eq!(part(2, 3).session(1), 5);
    }

    #[test]
    fn nothing_is_due_from_the_stop_on() {
        let arrival = Arrival::Constant { rate_per_s: 1000.0 };
        let mut source = Source::new(Mode::Open, arrival.clone(), 0, part(0, 1));
        let due = std::iter::from_fn(|| source.take_due(u64::MAX, 10_000_000)).count();
        assert_eq!(due, 10);
        let mut closed = Source::new(Mode::Closed, arrival, 0, part(1, 2));
        assert_eq!(closed.take_now(5, 10).map(|slot| slot.index), Some(1));
        assert_eq!(closed.take_now(9, 10).map(|slot| slot.index), Some(3));
        assert_eq!(closed.take_now(10, 10), None);
    }
}
