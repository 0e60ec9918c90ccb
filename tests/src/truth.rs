//! The truth of a load run, computed from the server's log alone, to hold Shakedown's figures against.
//!
//! With constant arrival slot *i* is due at `zero + i * period`. Zero is not in the log, but on a quiet machine the
//! fastest request shows it to within its transit time: it is the least `received - i * period`.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use shakedown_record::slots::{SLOT_NS, WINDOW_SLOTS, nearest_rank};

use crate::truth_server::Reply;

/// The log of a [`crate::truth_server::TruthServer`], by slot.
#[derive(Debug, Clone)]
pub struct Truth {
    replies: BTreeMap<u64, Reply>,
    period_ns: u64,
    zero_ns: u64,
}

impl Truth {
    /// Reads the server's log of a run at a constant rate.
    ///
    /// # Errors
    /// When the log cannot be read, or is empty.
    pub fn read(path: &Path, rate_per_s: u64) -> io::Result<Truth> {
        let replies = read_replies(&fs::read_to_string(path)?)?;
        let replies = replies.into_iter().map(|reply| (reply.id, reply));
        Truth::of(replies.collect(), rate_per_s)
    }

    fn of(replies: BTreeMap<u64, Reply>, rate_per_s: u64) -> io::Result<Truth> {
        let period_ns = 1_000_000_000 / rate_per_s;
        let zero_ns = replies
            .values()
            .map(|reply| reply.received_ns.saturating_sub(reply.id * period_ns))
            .min()
            .ok_or_else(|| io::Error::other("the server answered nothing"))?;
        Ok(Truth {
            replies,
            period_ns,
            zero_ns,
        })
    }

    /// Requests that were answered.
    pub fn count(&self) -> u64 {
        self.replies.len() as u64
    }

    /// Response time, from the intended send time to the reply, at a quantile; in nanoseconds.
    pub fn response_ns(&self, quantile: f64) -> Option<u64> {
        self.quantile(quantile, |truth, reply| {
            reply.replied_ns.saturating_sub(truth.intended_ns(reply.id))
        })
    }

    /// Service time, from receipt to reply, at a quantile; in nanoseconds.
    pub fn service_ns(&self, quantile: f64) -> Option<u64> {
        self.quantile(quantile, |_, reply| reply.replied_ns - reply.received_ns)
    }

    /// The outage that began at `down_ns`, as a client with `sessions` sessions and `slots` scheduled slots met it.
    pub fn outage(&self, down_ns: u64, sessions: u64, slots: u64) -> Outage {
        let bad: Vec<u64> = (0..slots)
            .filter(|slot| !self.replies.contains_key(slot))
            .collect();
        let began_ns = bad.first().map_or(down_ns, |slot| self.intended_ns(*slot));
        let first_ack_s = self
            .replies
            .values()
            .filter(|reply| self.intended_ns(reply.id) > began_ns && reply.received_ns > down_ns)
            .map(|reply| reply.replied_ns)
            .min()
            .map(|at_ns| seconds(at_ns - began_ns));
        Outage {
            began_s: seconds(began_ns - self.zero_ns),
            first_ack_s,
            worst_session_gap_s: self.worst_session_gap_s(&bad, sessions),
            recovered_s: self.recovered_s(began_ns, slots),
        }
    }

    /// True when the server answered late although it was there: then the machine stood still, and the log shows more
    /// than the programmed outage. Half a second after it came back is left to the sessions that queue then.
    pub fn was_disturbed(&self, down_ns: u64, up_ns: u64) -> bool {
        const LATE_NS: u64 = 15_000_000;
        self.replies.values().any(|reply| {
            let intended_ns = self.intended_ns(reply.id);
            let there = reply.replied_ns < down_ns || intended_ns > up_ns + 500_000_000;
            there && reply.replied_ns > intended_ns + LATE_NS
        })
    }

    /// From a session's first bad slot to its next answered one, in seconds; `None` when one never comes back.
    fn worst_session_gap_s(&self, bad: &[u64], sessions: u64) -> Option<f64> {
        let mut worst_ns = 0;
        for session in 0..sessions {
            let Some(first) = bad.iter().find(|slot| *slot % sessions == session) else {
                continue;
            };
            let next = self
                .replies
                .range(first..)
                .find(|(slot, _)| *slot % sessions == session)?;
            worst_ns = worst_ns.max(next.1.replied_ns - self.intended_ns(*first));
        }
        Some(seconds(worst_ns))
    }

    /// Start of the first window of whole slots in which everything was answered, in seconds after `began_ns`.
    fn recovered_s(&self, began_ns: u64, slots: u64) -> Option<f64> {
        let per_slot = SLOT_NS as u64 / self.period_ns;
        let whole = |slot: u64| {
            (slot * per_slot..(slot + 1) * per_slot).all(|id| self.replies.contains_key(&id))
        };
        let first = (began_ns - self.zero_ns) / SLOT_NS as u64;
        let last = (slots / per_slot).checked_sub(WINDOW_SLOTS as u64)?;
        let start =
            (first + 1..=last).find(|start| (*start..start + WINDOW_SLOTS as u64).all(whole))?;
        Some(seconds(
            (self.zero_ns + start * SLOT_NS as u64).saturating_sub(began_ns),
        ))
    }

    fn quantile(&self, quantile: f64, value: impl Fn(&Truth, &Reply) -> u64) -> Option<u64> {
        let mut values: Vec<u64> = self
            .replies
            .values()
            .map(|reply| value(self, reply))
            .collect();
        values.sort_unstable();
        nearest_rank(&values, quantile)
    }

    fn intended_ns(&self, slot: u64) -> u64 {
        self.zero_ns + slot * self.period_ns
    }
}

/// An outage as clients met it; `None` is "not before the end".
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outage {
    /// Intended time of the first order that was not answered, in seconds of run time.
    pub began_s: f64,
    pub first_ack_s: Option<f64>,
    pub worst_session_gap_s: Option<f64>,
    pub recovered_s: Option<f64>,
}

fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

/// Reads the log of a server, in its order.
///
/// # Errors
/// When a line is no reply.
pub fn read_replies(log: &str) -> io::Result<Vec<Reply>> {
    log.lines().skip(1).map(parse).collect()
}

fn parse(line: &str) -> io::Result<Reply> {
    let fields: Vec<u64> = line
        .split(',')
        .map(|field| field.parse().map_err(io::Error::other))
        .collect::<io::Result<_>>()?;
    match fields[..] {
        [id, received_ns, replied_ns] => Ok(Reply {
            id,
            received_ns,
            replied_ns,
        }),
        _ => Err(io::Error::other(format!("no reply: {line}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    /// 100 orders a second over two sessions for 20 s, each answered after 1 ms, none between 5 s and 7 s.
    fn truth() -> Truth {
        let replies = (0..2_000u64)
            .filter(|slot| !(500..700).contains(slot))
            .map(|slot| {
                let received_ns = 1_000 * MS + slot * 10 * MS;
                let reply = Reply {
                    id: slot,
                    received_ns,
                    replied_ns: received_ns + MS,
                };
                (slot, reply)
            })
            .collect();
        Truth::of(replies, 100).unwrap()
    }

    #[test]
    fn an_outage_is_as_long_as_it_was() {
        let outage = truth().outage(6_000 * MS, 2, 2_000);
        assert_eq!(outage.began_s, 5.0);
        assert_eq!(outage.first_ack_s, Some(2.001));
        assert_eq!(outage.worst_session_gap_s, Some(2.001));
        assert_eq!(outage.recovered_s, Some(2.0));
    }

    #[test]
    fn a_late_answer_outside_of_the_outage_is_a_disturbance() {
        let mut truth = truth();
        let (down_ns, up_ns) = (6_000 * MS, 8_000 * MS);
        assert!(!truth.was_disturbed(down_ns, up_ns));
        truth.replies.get_mut(&300).unwrap().replied_ns += 30 * MS;
        assert!(truth.was_disturbed(down_ns, up_ns));
    }

    #[test]
    fn what_never_comes_back_is_none() {
        let mut truth = truth();
        truth.replies.retain(|slot, _| *slot < 700);
        let outage = truth.outage(6_000 * MS, 2, 2_000);
        assert_eq!(outage.first_ack_s, None);
        assert_eq!(outage.worst_session_gap_s, None);
        assert_eq!(outage.recovered_s, None);
    }

    #[test]
    fn quantiles_are_of_the_logged_times() {
        assert_eq!(truth().response_ns(0.99), Some(MS));
        assert_eq!(truth().service_ns(0.5), Some(MS));
    }
}
