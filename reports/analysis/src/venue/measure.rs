//! All figures of a venue.

use std::collections::{BTreeMap, HashMap};

use shakedown_record::histogram::LatencyHistogram;
use shakedown_record::run_record::VenueRecord;
use shakedown_record::venue::{ReportKind, VenueEvent, VenueLine, VenueOrder};
use shakedown_record::{Phase, PhaseWindows, RunZero};
use shakedown_scenarios::plan::Plan;

use super::flow::Flow;
use super::trades::Trades;
use crate::input::{Fate, Input};

/// What went between a trading system and its venue.
#[derive(Debug, Default)]
pub(crate) struct VenueFigures {
    /// Counts, without the times and the trades.
    pub counts: VenueRecord,
    pub response: BTreeMap<Phase, LatencyHistogram>,
    pub trades: Option<Trades>,
    pub flow: Flow,
}

/// Measures what the venue wrote; `None` when there was none.
pub(crate) fn measure(input: &Input, plan: &Plan, windows: &PhaseWindows) -> Option<VenueFigures> {
    let lines = input.venue.as_ref()?;
    let mut figures = VenueFigures::default();
    lines.iter().for_each(|line| figures.count(line));
    if let Some(zero) = input.facts.zero {
        figures.take_responses(input, windows, lines, zero);
        figures.flow = Flow::of(input, plan, lines, zero);
        figures.counts.flow = figures.flow.record(windows);
    }
    if let (Some(rows), Some(done)) = (&input.trades, &input.facts.trades) {
        figures.trades = Some(Trades::of(lines, rows, done));
    }
    Some(figures)
}

impl VenueFigures {
    fn count(&mut self, line: &VenueLine) {
        let counts = &mut self.counts;
        match &line.event {
            VenueEvent::Started { .. } => counts.starts += 1,
            VenueEvent::Logon { .. } => counts.logons += 1,
            VenueEvent::Order(order) => {
                counts.orders += 1;
                counts.untagged += u64::from(order.tag.is_none());
            }
            VenueEvent::Report(report) => match report.report {
                ReportKind::Accepted => counts.accepted += 1,
                ReportKind::Rejected => counts.rejected += 1,
                ReportKind::Filled => counts.fills += 1,
                ReportKind::Cancelled => counts.cancelled += 1,
                ReportKind::CancelRejected => {}
            },
            VenueEvent::Gone { .. }
            | VenueEvent::Cancel { .. }
            | VenueEvent::Numbers { .. }
            | VenueEvent::Malformed { .. } => {}
        }
    }

    /// Every acknowledged message of the load is to lead to an order, whose tag is the message's id.
    fn take_responses(
        &mut self,
        input: &Input,
        windows: &PhaseWindows,
        lines: &[VenueLine],
        zero: RunZero,
    ) {
        let came = came(input, lines, zero);
        let last_ns = lines.last().map_or(0, |line| zero.since_ns(line.at_ns));
        for (slot, entry) in input.orders.iter() {
            let Fate::Acked { .. } = input.fate(slot, &entry) else {
                continue;
            };
            if !entry.kind.makes_order() {
                continue;
            }
            let at_ns = came.get(&slot).copied();
            self.counts.unanswered += u64::from(at_ns.is_none());
            let response_ns = at_ns.unwrap_or(last_ns) - entry.intended_ns as i64;
            let phase = input.phase(windows, &entry);
            let response_ns = response_ns.max(0) as u64;
            self.response.entry(phase).or_default().record(response_ns);
            if phase != Phase::WarmUp {
                let run = self.response.entry(Phase::Run).or_default();
                run.record(response_ns);
            }
        }
    }

    /// As it stands in `record.json`.
    pub fn record(&self) -> VenueRecord {
        let response = self.response.iter();
        VenueRecord {
            response: response
                .map(|(phase, histogram)| (*phase, histogram.summary()))
                .collect(),
            trades: self.trades.as_ref().map(Trades::record),
            ..self.counts.clone()
        }
    }
}

/// When the first order came that each slot caused, in nanoseconds since zero.
fn came(input: &Input, lines: &[VenueLine], zero: RunZero) -> HashMap<u64, i64> {
    let mut came = HashMap::new();
    for line in lines {
        if let VenueEvent::Order(order) = &line.event
            && let Some(slot) = slot_of(input, order)
        {
            came.entry(slot)
                .or_insert_with(|| zero.since_ns(line.at_ns));
        }
    }
    came
}

/// The slot of the message that caused an order, by its tag.
pub(super) fn slot_of(input: &Input, order: &VenueOrder) -> Option<u64> {
    let own = order.tag.as_deref()?.strip_prefix(input.facts.prefix())?;
    own.strip_prefix('-')?.parse().ok()
}
