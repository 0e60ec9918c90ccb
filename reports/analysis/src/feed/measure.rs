//! All figures of a feed.

use std::collections::{BTreeMap, HashMap};

use shakedown_record::feed::FeedRow;
use shakedown_record::histogram::LatencyHistogram;
use shakedown_record::ledger::OrderKind;
use shakedown_record::readback::ReadKind;
use shakedown_record::run_record::{FeedRecord, SequenceRange};
use shakedown_record::{Phase, PhaseWindows, RunZero};
use shakedown_scenarios::plan::{EnvironmentPlan, Plan};

use super::numbers::{Numbers, numbers};
use super::phantoms::{Phantoms, phantoms};
use crate::data_loss::CopyRead;
use crate::input::{Fate, Input};

/// What is known of the feed.
#[derive(Debug, Default)]
pub(crate) enum FeedMeasured {
    /// No rule is about it.
    #[default]
    Unasked,
    /// Nothing was heard; why.
    Silent(String),
    Heard(Box<FeedFigures>),
}

/// What was heard.
#[derive(Debug, Default)]
pub(crate) struct FeedFigures {
    pub messages: u64,
    pub numbers: Numbers,
    /// Age at receipt, by the phase of the receipt; ages below 0 count as 0.
    pub freshness: BTreeMap<Phase, LatencyHistogram>,
    /// By how much the feed's clock was ahead of ours at most, in nanoseconds; 0: never.
    pub ahead_ns: u64,
    /// By how much the feed's clock may be off, in nanoseconds; `None`: nobody knows.
    pub clock_error_ns: Option<u64>,
    /// Between acknowledgement and feed, by the phase of the order.
    pub skew: BTreeMap<Phase, LatencyHistogram>,
    /// Orders that the feed told of before they were acknowledged.
    pub before_ack: u64,
    /// Acknowledged orders that were looked for in the feed, and those that were not there.
    pub looked_for: u64,
    pub untold: u64,
    /// Slots of the first of them.
    pub untold_examples: Vec<u64>,
    /// Orders that the feed told of, and that no copy has.
    pub phantoms: Phantoms,
    /// Why what was heard is not all that there was to hear.
    pub incomplete: Option<String>,
    pub connected: u64,
    pub malformed: u64,
}

const MOST_EXAMPLES: usize = 5;

/// Measures the feed of a run.
pub(crate) fn measure(
    input: &Input,
    plan: &Plan,
    windows: &PhaseWindows,
    reads: &[(ReadKind, Vec<CopyRead>)],
) -> FeedMeasured {
    let Some(feed) = plan.feed_heard() else {
        return FeedMeasured::Unasked;
    };
    let report = input.facts.feed.as_ref();
    let (Some(rows), Some(zero)) = (&input.feed, input.facts.zero) else {
        return FeedMeasured::Silent("nobody listened to the feed".to_string());
    };
    if rows.is_empty() {
        let refused = report.and_then(|report| report.refused.as_deref());
        let why = refused.unwrap_or("no message came");
        return FeedMeasured::Silent(format!("nothing was heard of the feed: {why}"));
    }
    let connections = report.map_or(&[][..], |report| &report.connections);
    let mut figures = FeedFigures {
        messages: rows.len() as u64,
        numbers: numbers(rows, connections, feed.resumes()),
        clock_error_ns: feed.clock_error_ns.or(match plan.environment {
            EnvironmentPlan::Local { .. } => Some(0),
            EnvironmentPlan::External(_)
            | EnvironmentPlan::Docker(_)
            | EnvironmentPlan::Kubernetes(_) => None,
        }),
        incomplete: match report {
            None => Some("nothing says how listening to the feed ended".to_string()),
            Some(report) => report.unwritten.clone(),
        },
        connected: report.map_or(0, |report| report.connected),
        malformed: report.map_or(0, |report| report.malformed),
        ..FeedFigures::default()
    };
    figures.take_ages(rows, zero, windows);
    if feed.order.is_some() {
        let ended_ns = connections.last().map(|last| last.to_mono_ns);
        let last_ns = rows.last().map(|row| row.received_ns);
        let heard = Heard::of(rows, zero, ended_ns.or(last_ns).unwrap_or_default());
        figures.take_orders(input, windows, &heard);
        figures.phantoms = phantoms(input, plan, rows, reads);
    }
    FeedMeasured::Heard(Box::new(figures))
}

/// When the feed told of which order.
struct Heard {
    /// Nanoseconds since zero, of the first message on each.
    told: HashMap<u64, i64>,
    ended_ns: i64,
}

impl Heard {
    fn of(rows: &[FeedRow], zero: RunZero, ended_mono_ns: u64) -> Heard {
        let mut told = HashMap::new();
        for row in rows {
            if let Some(slot) = row.slot {
                told.entry(slot)
                    .or_insert_with(|| zero.since_ns(row.received_ns));
            }
        }
        let ended_ns = zero.since_ns(ended_mono_ns);
        Heard { told, ended_ns }
    }
}

impl FeedFigures {
    fn take_ages(&mut self, rows: &[FeedRow], zero: RunZero, windows: &PhaseWindows) {
        for row in rows {
            let Some(age_ns) = row.age_ns else {
                continue;
            };
            self.ahead_ns = self.ahead_ns.max(age_ns.min(0).unsigned_abs());
            let at_ns = zero.since_ns(row.received_ns);
            if at_ns >= 0 && at_ns < windows.end_ns {
                let age_ns = age_ns.max(0) as u64;
                record(&mut self.freshness, windows.phase_at(at_ns), age_ns);
            }
        }
    }

    /// Looks for every acknowledged new order.
    fn take_orders(&mut self, input: &Input, windows: &PhaseWindows, heard: &Heard) {
        for (slot, entry) in input.orders.iter() {
            let Fate::Acked { at_ns } = input.fate(slot, &entry) else {
                continue;
            };
            if entry.kind != OrderKind::New {
                continue;
            }
            self.looked_for += 1;
            let acked_ns = at_ns as i64;
            let skew_ns = match heard.told.get(&slot) {
                Some(told_ns) => {
                    self.before_ack += u64::from(*told_ns < acked_ns);
                    told_ns.abs_diff(acked_ns)
                }
                None => {
                    self.untold += 1;
                    if self.untold_examples.len() < MOST_EXAMPLES {
                        self.untold_examples.push(slot);
                    }
                    heard.ended_ns.saturating_sub(acked_ns).max(0) as u64
                }
            };
            record(&mut self.skew, input.phase(windows, &entry), skew_ns);
        }
    }

    /// As it stands in `record.json`.
    pub fn record(&self) -> FeedRecord {
        let summaries = |of: &BTreeMap<Phase, LatencyHistogram>| {
            let phases = of.iter();
            phases
                .map(|(phase, histogram)| (*phase, histogram.summary()))
                .collect()
        };
        let numbers = &self.numbers;
        FeedRecord {
            messages: self.messages,
            malformed: self.malformed,
            connected: self.connected,
            sequences: numbers
                .first
                .zip(numbers.last)
                .map(|(first, last)| SequenceRange { first, last }),
            gaps: numbers.gaps,
            gap_examples: numbers
                .gap_examples
                .iter()
                .map(|(first, last)| SequenceRange {
                    first: *first,
                    last: *last,
                })
                .collect(),
            duplicates: numbers.duplicates,
            reordered: numbers.reordered,
            unheard: numbers.unheard,
            untold: (self.looked_for > 0).then_some(self.untold),
            phantom: self.phantoms.value(),
            told_before_ack: (self.looked_for > 0).then_some(self.before_ack),
            freshness: summaries(&self.freshness),
            clock_error_ns: self.clock_error_ns,
            clock_ahead_ns: self.ahead_ns,
            skew: summaries(&self.skew),
        }
    }
}

/// Counts a time in its phase and in the run.
fn record(into: &mut BTreeMap<Phase, LatencyHistogram>, phase: Phase, time_ns: u64) {
    into.entry(phase).or_default().record(time_ns);
    if phase != Phase::WarmUp {
        into.entry(Phase::Run).or_default().record(time_ns);
    }
}
