//! Checks, latency, throughput and availability as tables.

use std::collections::BTreeMap;

use shakedown_record::histogram::LatencySummary;
use shakedown_record::phase::Phase;
use shakedown_record::run_record::{Check, RunRecord, Severity};

use super::{Cell, Table};
use crate::screen::{by_urgency, observed_text, verdict_word};
use crate::words::{Tone, duration_ns, fraction, grouped, rate};

/// Every check, failed first.
pub(crate) fn checks_table(record: &RunRecord) -> Table {
    let mut table = Table::new(&[
        "Verdict",
        "Check",
        "Phase",
        "Limit",
        "Observed",
        "Compared, or missing",
    ]);
    for check in by_urgency(&record.checks) {
        table.push(vec![
            Cell::toned(verdict_word(check), Tone::of(check.verdict, check.severity)),
            Cell::new(check_name(check)),
            Cell::new(check.phase.name()),
            Cell::new(check.limit.text.clone()),
            Cell::new(observed_text(check)),
            Cell::new(check.why.clone()),
        ]);
    }
    table.without_empty_columns()
}

fn check_name(check: &Check) -> String {
    let severity = match check.severity {
        Severity::Critical => "",
        Severity::Warning => " (a warning)",
    };
    let source = check
        .source
        .as_deref()
        .map(|source| format!(" [{source}]"))
        .unwrap_or_default();
    format!("{}{severity}{source}", check.id)
}

/// One row for each phase and way of measuring.
pub(crate) fn latency_table(record: &RunRecord) -> Table {
    let ways: [(&'static str, &BTreeMap<Phase, LatencySummary>); 4] = [
        ("response", &record.latency),
        ("acknowledged", &record.latency_acked),
        ("service", &record.latency_service),
        ("engine's own", &record.latency_engine),
    ];
    let mut table = Table::new(&[
        "Phase", "Time", "#Samples", "#P50", "#P95", "#P99", "#P99.9", "#Max",
    ]);
    for phase in Phase::ALL {
        for (name, by_phase) in ways {
            if let Some(summary) = by_phase.get(&phase) {
                table.push(latency_row(phase.name(), name, summary));
            }
        }
    }
    table
}

fn latency_row(phase: &str, way: &str, summary: &LatencySummary) -> Vec<Cell> {
    let mut row = vec![Cell::new(phase)];
    row.extend(way_row(way, summary));
    row
}

fn way_row(way: &str, summary: &LatencySummary) -> Vec<Cell> {
    let figure = |ns| Cell::measured(ns, duration_ns);
    vec![
        Cell::new(way),
        Cell::new(grouped(summary.count)),
        figure(summary.p50_ns),
        figure(summary.p95_ns),
        figure(summary.p99_ns),
        figure(summary.p999_ns),
        figure(summary.max_ns),
    ]
}

/// Latency of a load without phases: a row for each way of measuring that has samples.
pub(crate) fn ways_table(ways: &[(&'static str, Option<&LatencySummary>)]) -> Table {
    let mut table = Table::new(&["", "#Samples", "#P50", "#P95", "#P99", "#P99.9", "#Max"]);
    for (way, summary) in ways {
        if let Some(summary) = summary.filter(|summary| summary.count > 0) {
            table.push(way_row(way, summary));
        }
    }
    table
}

/// Response time and rate of each phase, narrow enough for a terminal of 80 columns.
pub(crate) fn phases_table(record: &RunRecord) -> Table {
    let mut table = Table::new(&[
        "Phase",
        "#Samples",
        "#P50",
        "#P99",
        "#P99.9",
        "#Max",
        "#Offered",
        "#Achieved",
    ]);
    let figure = |ns: Option<u64>| Cell::new(ns.map_or_else(|| "-".into(), duration_ns));
    let speed = |per_s: Option<f64>| Cell::new(per_s.map_or_else(|| "-".into(), rate));
    for phase in Phase::ALL {
        let Some(summary) = record.latency.get(&phase) else {
            continue;
        };
        let throughput = record.throughput.get(&phase);
        table.push(vec![
            Cell::new(phase.name()),
            Cell::new(grouped(summary.count)),
            figure(summary.p50_ns),
            figure(summary.p99_ns),
            figure(summary.p999_ns),
            figure(summary.max_ns),
            speed(throughput.and_then(|t| t.offered_per_s)),
            speed(throughput.and_then(|t| t.achieved_per_s)),
        ]);
    }
    table
}

/// Offered and achieved rate of each phase.
pub(crate) fn throughput_table(record: &RunRecord) -> Table {
    let mut table = Table::new(&["Phase", "#Offered", "#Achieved", "#Share"]);
    for phase in Phase::ALL {
        let Some(throughput) = record.throughput.get(&phase) else {
            continue;
        };
        let share = match (throughput.offered_per_s, throughput.achieved_per_s) {
            (Some(offered), Some(achieved)) if offered > 0.0 => Some(achieved / offered),
            _ => None,
        };
        table.push(vec![
            Cell::new(phase.name()),
            Cell::measured(throughput.offered_per_s, rate),
            Cell::measured(throughput.achieved_per_s, rate),
            Cell::measured(share, fraction),
        ]);
    }
    table
}

/// Availability by requests, by time and projected.
pub(crate) fn availability_table(record: &RunRecord) -> Table {
    let availability = &record.availability;
    let rows = [
        (
            "by requests",
            availability.requests,
            "answered as they should, of all that were due",
        ),
        (
            "by time",
            availability.time,
            "healthy slots of 100 ms, of all with traffic",
        ),
        (
            "projected",
            availability.projected,
            "1 - failures x failover / period",
        ),
    ];
    let mut table = Table::new(&["Availability", "#Measured", "How"]);
    for (name, value, how) in rows {
        table.push(vec![
            Cell::new(name),
            Cell::measured(value, fraction),
            Cell::toned(how, Tone::Quiet),
        ]);
    }
    table
}
