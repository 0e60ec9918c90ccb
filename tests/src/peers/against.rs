//! What a generator should have said, by the server's own log.
//!
//! The truth of a load at a rate is how long a request that was due at an even moment waited for its answer. Requests
//! that carry the number of their slot are joined by it: slot *i* was due at `zero + i * period`. A generator that says
//! its zero is taken at its word, unless a request came before it was due; of the others zero is the least
//! `received - i * period`, which hides the way of the fastest request. A generator whose requests carry none, or which left slots out, is held against the moments
//! themselves: a request due then would have waited as long as the next one that the server received, and for the rest
//! of a freeze or an outage that it fell into. That leaves out how late the generator was: it flatters the generator.

use std::collections::BTreeMap;

use super::server::Seen;
use crate::truth_server::{Delay, Reply};

/// How requests were found in the server's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joined {
    /// By the number of their slot.
    Id,
    /// By the moment.
    Moment,
}

impl Joined {
    /// Its word in tables.
    pub fn name(self) -> &'static str {
        match self {
            Joined::Id => "id",
            Joined::Moment => "moment",
        }
    }
}

/// Quantiles of the truth, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct True {
    pub joined: Joined,
    pub p50_us: f64,
    pub p99_us: f64,
    pub p999_us: f64,
}

/// Share of the slots that must be in the log for a join by number; what was left out shifts nothing then.
const WHOLE: f64 = 0.995;

/// The schedule that a generator was asked to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    pub rate_per_s: u32,
    pub slots: u64,
    /// Its requests carry the numbers of their slots.
    pub numbered: bool,
    /// When the first slot was due, if the generator says so.
    pub began_ns: Option<u64>,
}

/// The truth of a schedule. `None` when the server answered nothing.
pub fn against(seen: &Seen, delay: Delay, schedule: &Schedule) -> Option<True> {
    let period_ns = 1_000_000_000 / u64::from(schedule.rate_per_s);
    let by_id: BTreeMap<u64, Reply> = seen
        .replies
        .iter()
        .filter(|reply| reply.id < schedule.slots)
        .map(|reply| (reply.id, *reply))
        .collect();
    let whole = by_id.len() as f64 >= schedule.slots as f64 * WHOLE;
    let (joined, mut waits) = if schedule.numbered && whole && seen.gone_ns.is_none() {
        let waits = by_number(&by_id, period_ns, schedule.began_ns)?;
        (Joined::Id, waits)
    } else {
        (Joined::Moment, by_moment(seen, delay, period_ns)?)
    };
    waits.sort_unstable();
    let at = |quantile: f64| {
        let rank = (waits.len() as f64 * quantile).ceil() as usize;
        waits[rank.max(1) - 1] as f64 / 1e3
    };
    Some(True {
        joined,
        p50_us: at(0.5),
        p99_us: at(0.99),
        p999_us: at(0.999),
    })
}

fn by_number(
    replies: &BTreeMap<u64, Reply>,
    period_ns: u64,
    began_ns: Option<u64>,
) -> Option<Vec<u64>> {
    let earliest_ns = replies
        .values()
        .map(|reply| reply.received_ns.saturating_sub(reply.id * period_ns))
        .min()?;
    let zero_ns = began_ns.unwrap_or(earliest_ns).min(earliest_ns);
    let wait = |reply: &Reply| {
        let due_ns = zero_ns + reply.id * period_ns;
        reply.replied_ns.saturating_sub(due_ns)
    };
    Some(replies.values().map(wait).collect())
}

fn by_moment(seen: &Seen, delay: Delay, period_ns: u64) -> Option<Vec<u64>> {
    let mut replies = seen.replies.clone();
    replies.sort_unstable_by_key(|reply| reply.received_ns);
    let (first_ns, last_ns) = (replies.first()?.received_ns, replies.last()?.received_ns);
    let held_ns = |at_ns: u64| match (delay, seen.gone_ns) {
        (_, Some((down_ns, up_ns))) if (down_ns..up_ns).contains(&at_ns) => up_ns - at_ns,
        (Delay::Freeze { .. }, _) => delay.wait_ns(0, at_ns.saturating_sub(first_ns)),
        _ => 0,
    };
    let mut next = 0;
    let moments = (0..=(last_ns - first_ns) / period_ns).map(|slot| first_ns + slot * period_ns);
    let wait = |at_ns: u64| {
        while replies[next].received_ns < at_ns {
            next += 1;
        }
        let reply = replies[next];
        let took_ns = reply.replied_ns - reply.received_ns;
        // What it waited because the server stood still is the moment's own.
        took_ns.saturating_sub(held_ns(reply.received_ns)) + held_ns(at_ns)
    };
    Some(moments.map(wait).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn schedule(numbered: bool) -> Schedule {
        Schedule {
            rate_per_s: 1_000,
            slots: 1_000,
            numbered,
            began_ns: None,
        }
    }

    /// 1,000 requests at 1,000/s, each answered after a millisecond, or when a freeze ends.
    fn seen(delay: Delay, late: impl Fn(u64) -> u64) -> Seen {
        let replies = (0..1_000)
            .map(|id| {
                let received_ns = 5 * MS + id * MS + late(id);
                let wait_ns = delay.wait_ns(id, received_ns - 5 * MS);
                Reply {
                    id,
                    received_ns,
                    replied_ns: received_ns + wait_ns.max(MS),
                }
            })
            .collect();
        Seen {
            replies,
            gone_ns: None,
        }
    }

    #[test]
    fn what_a_generator_is_late_counts_when_requests_are_numbered() {
        let late = |id: u64| if id >= 900 { 10 * MS } else { 0 };
        let seen = seen(Delay::None, late);
        let by_id = against(&seen, Delay::None, &schedule(true)).unwrap();
        assert_eq!(
            (by_id.joined, by_id.p50_us, by_id.p99_us),
            (Joined::Id, 1_000.0, 11_000.0)
        );
        let by_moment = against(&seen, Delay::None, &schedule(false)).unwrap();
        assert_eq!(
            (by_moment.joined, by_moment.p99_us),
            (Joined::Moment, 1_000.0)
        );
    }

    #[test]
    fn a_generator_that_says_its_zero_is_taken_at_its_word() {
        let seen = seen(Delay::None, |_| MS / 4);
        let p50_us = |began_ns: Option<u64>| {
            let schedule = Schedule {
                began_ns,
                ..schedule(true)
            };
            against(&seen, Delay::None, &schedule).unwrap().p50_us
        };
        assert_eq!(p50_us(None), 1_000.0, "the way there is hidden");
        assert_eq!(p50_us(Some(5 * MS)), 1_250.0);
        assert_eq!(
            p50_us(Some(6 * MS)),
            1_000.0,
            "nothing comes before it is due"
        );
    }

    #[test]
    fn both_ways_agree_about_a_freeze() {
        let freeze = Delay::Freeze {
            every_ns: 500 * MS,
            for_ns: 100 * MS,
        };
        let seen = seen(freeze, |_| 0);
        let by_id = against(&seen, freeze, &schedule(true)).unwrap();
        let by_moment = against(&seen, freeze, &schedule(false)).unwrap();
        // 100 of 1,000 fall into it; ten of them wait longer than 90 ms, one longer than 99 ms.
        assert_eq!((by_id.p99_us, by_moment.p99_us), (90_000.0, 90_000.0));
        assert_eq!((by_id.p999_us, by_moment.p999_us), (99_000.0, 99_000.0));
    }

    #[test]
    fn a_freeze_into_which_nothing_was_sent_is_seen_all_the_same() {
        let freeze = Delay::Freeze {
            every_ns: 500 * MS,
            for_ns: 100 * MS,
        };
        let mut seen = seen(freeze, |_| 0);
        seen.replies.retain(|reply| !(510..600).contains(&reply.id));
        let held = against(&seen, freeze, &schedule(true)).unwrap();
        assert_eq!((held.joined, held.p99_us), (Joined::Moment, 91_000.0));
    }

    #[test]
    fn an_outage_lasts_until_the_server_is_back() {
        let mut seen = seen(Delay::None, |_| 0);
        seen.replies.retain(|reply| !(500..700).contains(&reply.id));
        seen.gone_ns = Some((505 * MS, 705 * MS));
        let held = against(&seen, Delay::None, &schedule(true)).unwrap();
        assert!((190_000.0..192_500.0).contains(&held.p99_us), "{held:?}");
    }

    #[test]
    fn nothing_answered_is_no_truth() {
        assert_eq!(
            against(&Seen::default(), Delay::None, &schedule(true)),
            None
        );
    }
}
