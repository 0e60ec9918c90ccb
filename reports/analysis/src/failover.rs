//! Failover time as the clients saw it: one entry for each firing, and one for each outage that no firing explains.
//!
//! The clock of a firing starts when it was injected, stamped before the mutating call. The clock of an outage starts
//! with the intended time of its first bad order. What had not ended when observation ended is null, with
//! `censored_at_s`: a service that never came back must not look like one that came back fast.

use shakedown_record::run_record::Failover;
use shakedown_record::slots::{
    MAX_UNKNOWN_SLOTS, SLOT_NS, SlotHealth, SlotStats, WINDOW_SLOTS, first_healthy_window,
    slot_index,
};
use shakedown_record::split::FailoverSplit;

use crate::facts::{Facts, FiringFacts};
use crate::gaps::{Gap, Outage, first_acks, outages, worst_ns};
use crate::orders::Orders;
use crate::split::Told;

/// Length of a healthy window.
const WINDOW_NS: u64 = WINDOW_SLOTS as u64 * SLOT_NS as u64;

/// One firing on the clock of the orders: nanoseconds since zero.
#[derive(Debug, Clone)]
pub(crate) struct Struck {
    pub label: String,
    pub injected_ns: u64,
    pub healing_ns: Option<u64>,
    pub clean_ns: Option<u64>,
    pub redundancy_ns: Option<u64>,
    /// Without the first acknowledgement.
    pub split: Option<FailoverSplit>,
}

impl Struck {
    /// The split, together with when the first order was acknowledged.
    fn split_with(&self, first_ack_s: Option<f64>) -> Option<FailoverSplit> {
        let mut split = self.split.clone()?;
        split.engine.first_ack_s = first_ack_s;
        Some(split)
    }
}

/// The firings that were injected, in order of injection. Kill switches are none of them: an outage after one is explained by
/// nothing.
pub(crate) fn struck(facts: &Facts) -> Vec<Struck> {
    let at = |mono_ns: Option<u64>| Some(facts.since_zero(mono_ns?)?.max(0) as u64);
    let mut struck: Vec<Struck> = facts
        .firings
        .iter()
        .filter(|firing| !firing.is_kill_switch())
        .filter_map(|firing| {
            Some(Struck {
                label: firing.firing.label(),
                injected_ns: at(firing.injected)?,
                healing_ns: at(firing.healing),
                clean_ns: at(firing.clean),
                redundancy_ns: at(firing.redundancy),
                split: split_of(facts, firing),
            })
        })
        .collect();
    struck.sort_by_key(|firing| firing.injected_ns);
    struck
}

/// What platform and engine did between an injection and the next one.
fn split_of(facts: &Facts, firing: &FiringFacts) -> Option<FailoverSplit> {
    let injected_ns = firing.injected?;
    let others = facts.firings.iter().filter_map(|other| other.injected);
    let told = Told {
        targets: &firing.targets,
        platform: &facts.platform,
        roles: &facts.roles,
        injected_ns,
        until_ns: others.filter(|other| *other > injected_ns).min(),
    };
    told.split()
}

/// An entry of the record, and the length that its outage certainly had.
#[derive(Debug, Clone)]
pub(crate) struct Timed {
    pub entry: Failover,
    /// Seconds: what is proven even where observation ended before the outage did.
    pub at_least_s: f64,
}

impl Timed {
    /// What the rule `failover` gates: the larger of time to recovery and worst session gap; `None` while one is open.
    pub fn gate_s(&self) -> Option<f64> {
        Some(self.entry.recovered_s?.max(self.entry.worst_session_gap_s?))
    }
}

/// What failover times are measured from.
#[derive(Debug)]
pub(crate) struct View<'a> {
    pub orders: &'a Orders,
    /// How many orders there were in all.
    pub scheduled: u64,
    /// 100 ms slots from zero.
    pub slots: &'a [SlotStats],
    /// The health limit on a slot's P99 and on single answers.
    pub limit_ns: u64,
    /// End of the schedule.
    pub end_ns: u64,
    /// How far the times of those who made the load may be from ours.
    pub clock_error_ns: u64,
    pub struck: &'a [Struck],
    pub gaps: &'a [Gap],
    /// Outages without a fault are listed from here on; `None`: not at all.
    pub from_ns: Option<u64>,
}

impl View<'_> {
    /// Every entry, by start.
    pub fn failovers(&self) -> Vec<Timed> {
        let starts: Vec<u64> = self
            .struck
            .iter()
            .map(|firing| firing.injected_ns)
            .collect();
        let firsts = first_acks(self.orders, &starts);
        let owned = self.owned_gaps();
        let mut entries = Vec::new();
        let mut lone: Vec<(Option<String>, Outage, u64)> = Vec::new();
        for (index, first_ack_ns) in firsts.into_iter().enumerate() {
            let gaps = &owned.by_firing[index];
            let (entry, delayed) = self.firing_entry(index, first_ack_ns, gaps);
            entries.push(entry);
            let label = &self.struck[index].label;
            lone.extend(
                delayed
                    .into_iter()
                    .map(|(outage, until)| (Some(label.clone()), outage, until)),
            );
        }
        for outage in outages(&owned.unexplained) {
            lone.push((None, outage, self.next_injection(outage.from_ns)));
        }
        entries.extend(self.outage_entries(lone));
        entries.sort_by(|a: &Timed, b| a.entry.started_at_s.total_cmp(&b.entry.started_at_s));
        entries
    }

    /// Gaps by the firing that explains them. A gap whose first bad order was in flight when a fault struck is the
    /// fault's; a gap that begins after service was good again for 5 s on a clean system is nobody's.
    fn owned_gaps(&self) -> Owned {
        let settled: Vec<u64> = self
            .struck
            .iter()
            .map(|firing| self.settled_ns(firing))
            .collect();
        let mut owned = Owned {
            by_firing: vec![Vec::new(); self.struck.len()],
            unexplained: Vec::new(),
        };
        for gap in self.gaps {
            let begin_ns = self.effective_begin_ns(gap);
            let before = self
                .struck
                .iter()
                .rposition(|firing| firing.injected_ns <= begin_ns);
            match before.filter(|index| begin_ns < settled[*index]) {
                Some(index) => owned.by_firing[index].push(*gap),
                None if self.from_ns.is_some_and(|from| gap.from_ns >= from) => {
                    owned.unexplained.push(*gap)
                }
                None => {}
            }
        }
        owned
    }

    fn effective_begin_ns(&self, gap: &Gap) -> u64 {
        self.struck
            .iter()
            .map(|firing| firing.injected_ns)
            .find(|injected| (gap.from_ns..=gap.known_ns).contains(injected))
            .unwrap_or(gap.from_ns)
    }

    fn settled_ns(&self, firing: &Struck) -> u64 {
        firing
            .clean_ns
            .and_then(|clean| self.recovered_ns(clean.max(firing.injected_ns)))
            .map_or(u64::MAX, |recovered| recovered + WINDOW_NS)
    }

    fn next_injection(&self, after_ns: u64) -> u64 {
        let next = self
            .struck
            .iter()
            .map(|firing| firing.injected_ns)
            .find(|at| *at > after_ns);
        next.unwrap_or(self.end_ns)
    }

    fn firing_entry(
        &self,
        index: usize,
        first_ack_ns: Option<u64>,
        gaps: &[Gap],
    ) -> (Timed, Vec<(Outage, u64)>) {
        let firing = &self.struck[index];
        let t0 = firing.injected_ns;
        let recovered = self.recovered_ns(t0);
        let worst = worst_ns(gaps);
        let (heal, heal_is_open) = self.heal_outage_ns(firing, gaps);
        let ended = recovered.is_some() && worst.is_some() && !heal_is_open;
        let first_ack_s = seconds(first_ack_ns.map(|at| at - t0));
        let entry = Failover {
            fault: Some(firing.label.clone()),
            started_at_s: t0 as f64 / 1e9,
            first_ack_s,
            recovered_s: seconds(recovered.map(|at| at - t0)),
            worst_session_gap_s: seconds(worst),
            redundancy_s: seconds(firing.redundancy_ns.map(|at| at.saturating_sub(t0))),
            heal_outage_s: seconds(heal),
            censored_at_s: (!ended).then(|| self.end_ns.saturating_sub(t0) as f64 / 1e9),
            resolution_s: self.resolution_s(),
            split: firing.split_with(first_ack_s),
        };
        let back_ns = recovered.unwrap_or(self.end_ns).saturating_sub(t0);
        let at_least_s = back_ns.max(self.longest_seen_ns(gaps)) as f64 / 1e9;
        (
            Timed { entry, at_least_s },
            self.delayed_outages(index, recovered, gaps),
        )
    }

    /// The longest gap as far as it was seen: an open one lasts at least to the end.
    fn longest_seen_ns(&self, gaps: &[Gap]) -> u64 {
        let seen = |gap: &Gap| gap.to_ns.unwrap_or(self.end_ns).saturating_sub(gap.from_ns);
        gaps.iter().map(seen).max().unwrap_or(0)
    }

    /// Outages that began while the fault was in place, after service had been good again for a whole window.
    fn delayed_outages(
        &self,
        index: usize,
        recovered: Option<u64>,
        gaps: &[Gap],
    ) -> Vec<(Outage, u64)> {
        let firing = &self.struck[index];
        let Some(good_ns) = recovered.map(|at| at + WINDOW_NS) else {
            return Vec::new();
        };
        let until = firing.healing_ns.unwrap_or(u64::MAX);
        let late: Vec<Gap> = gaps
            .iter()
            .filter(|gap| (good_ns..until).contains(&self.effective_begin_ns(gap)))
            .copied()
            .collect();
        let seen_until = until.min(self.next_injection(firing.injected_ns));
        outages(&late)
            .into_iter()
            .map(|outage| (outage, seen_until))
            .collect()
    }

    /// The longest outage that began with the heal or after it, in nanoseconds, and whether one is still open.
    fn heal_outage_ns(&self, firing: &Struck, gaps: &[Gap]) -> (Option<u64>, bool) {
        let Some(healing) = firing.healing_ns else {
            return (None, false);
        };
        let until = self.next_injection(firing.injected_ns);
        let mut after = outages(gaps)
            .into_iter()
            .filter(|outage| outage.known_ns >= healing);
        let worst = after.try_fold(0, |worst: u64, outage| {
            let back = self.good_again_ns(outage.from_ns, until)?;
            Some(worst.max(back - outage.from_ns).max(outage.worst_gap_ns?))
        });
        (worst, worst.is_none())
    }

    fn outage_entries(&self, mut lone: Vec<(Option<String>, Outage, u64)>) -> Vec<Timed> {
        lone.sort_by_key(|(_, outage, _)| outage.known_ns);
        let known: Vec<u64> = lone.iter().map(|(_, outage, _)| outage.known_ns).collect();
        let firsts = first_acks(self.orders, &known);
        lone.into_iter()
            .zip(firsts)
            .map(|((fault, outage, until), first_ack)| {
                let from = outage.from_ns;
                let back = self.lone_end_ns(&outage, until);
                let seen_ns = back
                    .or(outage.to_ns)
                    .unwrap_or(self.end_ns)
                    .saturating_sub(from);
                let entry = Failover {
                    fault,
                    started_at_s: from as f64 / 1e9,
                    first_ack_s: seconds(first_ack.map(|at| at - from)),
                    recovered_s: seconds(back.map(|at| at - from)),
                    worst_session_gap_s: seconds(outage.worst_gap_ns),
                    redundancy_s: None,
                    heal_outage_s: None,
                    censored_at_s: back
                        .is_none()
                        .then(|| self.end_ns.saturating_sub(from) as f64 / 1e9),
                    resolution_s: self.resolution_s(),
                    split: None,
                };
                let at_least_ns = seen_ns.max(outage.worst_gap_ns.unwrap_or(0));
                Timed {
                    entry,
                    at_least_s: at_least_ns as f64 / 1e9,
                }
            })
            .collect()
    }

    /// When an outage was over, of which nothing more is seen after `until_ns`. Where the next fault struck before a
    /// slot without it could be seen, it was over when every session had a good answer again.
    fn lone_end_ns(&self, outage: &Outage, until_ns: u64) -> Option<u64> {
        let to_ns = outage.to_ns?;
        let cut = slot_index(to_ns) + 1 >= slot_index(until_ns);
        self.good_again_ns(outage.from_ns, until_ns)
            .or(cut.then_some(to_ns))
    }

    /// When service was back after each firing, in nanoseconds since zero.
    pub fn recoveries(&self) -> Vec<Option<u64>> {
        self.struck
            .iter()
            .map(|firing| self.recovered_ns(firing.injected_ns))
            .collect()
    }

    /// Start of the first healthy window at or after a moment.
    fn recovered_ns(&self, from_ns: u64) -> Option<u64> {
        let start = first_healthy_window(self.slots, slot_index(from_ns), self.limit_ns)?;
        Some((start as u64 * SLOT_NS as u64).max(from_ns))
    }

    /// As [`View::recovered_ns`] for an outage of which nothing more is seen after `until_ns`: a window that
    /// is cut short by that moment counts when it is healthy as far as it goes.
    fn good_again_ns(&self, from_ns: u64, until_ns: u64) -> Option<u64> {
        let end = slot_index(until_ns).min(self.slots.len());
        let health = |slot: usize| self.slots[slot].health(self.limit_ns);
        let is_good = |start: &usize| {
            let window: Vec<SlotHealth> = (*start..end.min(start + WINDOW_SLOTS))
                .map(health)
                .collect();
            let unknown = window
                .iter()
                .filter(|slot| **slot == SlotHealth::Unknown)
                .count();
            window.first() == Some(&SlotHealth::Healthy)
                && !window.contains(&SlotHealth::Unhealthy)
                && unknown <= MAX_UNKNOWN_SLOTS
        };
        let start = (slot_index(from_ns)..end).find(is_good)?;
        Some((start as u64 * SLOT_NS as u64).max(from_ns))
    }

    /// Mean time between two orders, and what the clocks of workers may be wrong by.
    fn resolution_s(&self) -> Option<f64> {
        let clock_s = self.clock_error_ns as f64 / 1e9;
        (self.scheduled > 0).then(|| self.end_ns as f64 / 1e9 / self.scheduled as f64 + clock_s)
    }
}

struct Owned {
    by_firing: Vec<Vec<Gap>>,
    unexplained: Vec<Gap>,
}

fn seconds(ns: Option<u64>) -> Option<f64> {
    ns.map(|ns| ns as f64 / 1e9)
}
