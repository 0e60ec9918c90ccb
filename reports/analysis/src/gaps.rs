//! How long each session went without a good answer, and the outages that these gaps make up.
//!
//! A gap begins with the intended time of a session's first bad order and ends with the completion of its next good
//! one. An order is bad when it was neither acknowledged nor rejected, or when its answer came later than the health
//! limit allows; time by which the generator itself released it late does not count against the engine.

use std::collections::HashMap;

use shakedown_record::Outcome;
use shakedown_record::ledger::Entry;

use crate::orders::Orders;

/// Gaps closer than this belong to one outage.
const MERGE_NS: u64 = 1_000_000_000;

/// A stretch of one session without a good answer. Times are nanoseconds since zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gap {
    pub session: u16,
    /// Intended time of the first bad order.
    pub from_ns: u64,
    /// When that order ended: the first moment at which a client could know.
    pub known_ns: u64,
    /// Completion of the next good order; `None` when there was none to the end.
    pub to_ns: Option<u64>,
    /// Bad orders.
    pub bad: u64,
}

impl Gap {
    /// Its length, or `None` while it is open.
    pub fn length_ns(&self) -> Option<u64> {
        Some(self.to_ns?.saturating_sub(self.from_ns))
    }
}

/// How an order was for its client.
fn is_bad(orders: &Orders, entry: &Entry, limit_ns: u64) -> bool {
    if !entry.settled().is_served() {
        return true;
    }
    orders
        .response_ns(entry)
        .saturating_sub(u64::from(entry.lag_ns))
        > limit_ns
}

/// Every gap of every session, by begin. `limit_ns`: the health limit on response times.
pub(crate) fn gaps(orders: &Orders, limit_ns: u64) -> Vec<Gap> {
    let mut open: HashMap<u16, OpenGap> = HashMap::new();
    let mut gaps = Vec::new();
    for (_, entry) in orders.iter() {
        if is_bad(orders, &entry, limit_ns) {
            open.entry(entry.session)
                .or_insert_with(|| OpenGap::begin(orders, &entry))
                .last_bad(&entry);
        } else if !open.is_empty()
            && let Some(begun) = open.remove(&entry.session)
        {
            gaps.push(Gap {
                to_ns: entry.done_ns,
                ..begun.gap
            });
        }
    }
    gaps.extend(open.into_values().map(OpenGap::end));
    gaps.sort_by_key(|gap| (gap.from_ns, gap.session));
    gaps
}

struct OpenGap {
    gap: Gap,
    /// Completion of the last bad order, when it was served after all, only late.
    served_late_ns: Option<u64>,
}

impl OpenGap {
    fn begin(orders: &Orders, entry: &Entry) -> Self {
        let gap = Gap {
            session: entry.session,
            from_ns: entry.intended_ns,
            known_ns: entry
                .done_ns
                .unwrap_or(entry.intended_ns + orders.timeout_ns),
            to_ns: None,
            bad: 0,
        };
        Self {
            gap,
            served_late_ns: None,
        }
    }

    fn last_bad(&mut self, entry: &Entry) {
        self.gap.bad += 1;
        self.served_late_ns = entry
            .settled()
            .is_served()
            .then_some(entry.done_ns)
            .flatten();
    }

    /// No order of the session followed: a late answer ends the gap, anything else leaves it open.
    fn end(self) -> Gap {
        Gap {
            to_ns: self.served_late_ns,
            ..self.gap
        }
    }
}

/// Gaps of several sessions that overlap or lie close together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Outage {
    pub from_ns: u64,
    /// The first moment at which a client could know.
    pub known_ns: u64,
    /// `None`: at least one session never got a good answer again.
    pub to_ns: Option<u64>,
    /// The longest gap; `None` when one is open.
    pub worst_gap_ns: Option<u64>,
}

/// Groups gaps (by begin) into outages.
pub(crate) fn outages(gaps: &[Gap]) -> Vec<Outage> {
    let mut outages: Vec<Outage> = Vec::new();
    for gap in gaps {
        let joins = |outage: &&mut Outage| {
            outage
                .to_ns
                .is_none_or(|to| gap.from_ns <= to.saturating_add(MERGE_NS))
        };
        match outages.last_mut().filter(joins) {
            Some(outage) => {
                outage.known_ns = outage.known_ns.min(gap.known_ns);
                outage.to_ns = both(outage.to_ns, gap.to_ns);
                outage.worst_gap_ns = both(outage.worst_gap_ns, gap.length_ns());
            }
            None => outages.push(Outage {
                from_ns: gap.from_ns,
                known_ns: gap.known_ns,
                to_ns: gap.to_ns,
                worst_gap_ns: gap.length_ns(),
            }),
        }
    }
    outages
}

/// The longest of some gaps; `None` when one is open, 0 when there are none.
pub(crate) fn worst_ns(gaps: &[Gap]) -> Option<u64> {
    gaps.iter()
        .map(Gap::length_ns)
        .try_fold(0, |worst: u64, length| Some(worst.max(length?)))
}

fn both(left: Option<u64>, right: Option<u64>) -> Option<u64> {
    Some(left?.max(right?))
}

/// For each start (ascending): the completion of the first acknowledged order that was intended after it.
pub(crate) fn first_acks(orders: &Orders, starts_ns: &[u64]) -> Vec<Option<u64>> {
    let mut first: Vec<Option<u64>> = vec![None; starts_ns.len()];
    if starts_ns.is_empty() {
        return first;
    }
    let mut settled = 0;
    for (_, entry) in orders.iter() {
        let begun = starts_ns.partition_point(|start_ns| *start_ns < entry.intended_ns);
        while orders.in_order
            && settled < begun
            && first[settled].is_some_and(|at| at < entry.intended_ns)
        {
            settled += 1;
        }
        let acked_ns = entry.done_ns.filter(|_| entry.settled() == Outcome::Acked);
        if let Some(done_ns) = acked_ns {
            for first in &mut first[settled.min(begun)..begun] {
                *first = Some(first.map_or(done_ns, |at| at.min(done_ns)));
            }
        }
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap(from_ns: u64, to_ns: Option<u64>) -> Gap {
        Gap {
            session: 0,
            from_ns,
            known_ns: from_ns + 1,
            to_ns,
            bad: 1,
        }
    }

    #[test]
    fn close_gaps_are_one_outage_and_distant_ones_are_two() {
        let second = 1_000_000_000;
        let found = outages(&[
            gap(0, Some(second)),
            gap(second / 2, Some(2 * second)),
            gap(5 * second / 2, Some(3 * second)),
            gap(5 * second, Some(6 * second)),
        ]);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].from_ns, found[0].to_ns), (0, Some(3 * second)));
        assert_eq!(found[0].worst_gap_ns, Some(3 * second / 2));
    }

    #[test]
    fn an_open_gap_leaves_its_outage_open_whatever_comes_later() {
        let found = outages(&[gap(0, None), gap(50_000_000_000, Some(51_000_000_000))]);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].to_ns, found[0].worst_gap_ns), (None, None));
        assert_eq!(worst_ns(&[gap(0, None), gap(1, Some(2))]), None);
        assert_eq!(worst_ns(&[]), Some(0));
    }
}
