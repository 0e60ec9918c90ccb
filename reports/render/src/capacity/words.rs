//! Sentences and the table, the same for every medium.

use shakedown_record::Verdict;
use shakedown_record::capacity::{CapacityPoint, CapacityRecord, Told};

use crate::document::{Cell, Table};
use crate::screen::Line;
use crate::words::{Tone, duration_ns, rate};

pub(super) fn word(record: &CapacityRecord) -> (&'static str, Tone) {
    match record.verdict {
        Verdict::Pass => ("PASS", Tone::Good),
        Verdict::Fail => ("FAIL", Tone::Bad),
        Verdict::Inconclusive => ("INCONCLUSIVE", Tone::Unsure),
    }
}

pub(super) fn target(record: &CapacityRecord) -> String {
    let version = record
        .target_version
        .as_deref()
        .unwrap_or("version unknown");
    format!(
        "{} {version} on {}, {} of at most {} probes of {}",
        record.system,
        record.environment,
        record.points.len(),
        record.ask.probes,
        record.scenario
    )
}

/// What a person has to know beside the answer.
pub(super) fn notes(record: &CapacityRecord) -> Vec<Line> {
    let above = &record.found.held_above_a_break_per_s;
    let mut notes = Vec::new();
    if !above.is_empty() {
        let rates: Vec<String> = above.iter().map(|per_s| rate(*per_s)).collect();
        notes.push(Line {
            text: format!(
                "More load is not always worse here: the SLA broke at a lower rate than {} at which it held. The answer lies \
                 below the lowest break.",
                rates.join(", ")
            ),
            tone: Tone::Unsure,
            command: None,
        });
    }
    notes
}

pub(super) fn told(told: Told) -> (&'static str, Tone) {
    match told {
        Told::Holds => ("holds", Tone::Good),
        Told::Breaks => ("BREAKS", Tone::Bad),
        Told::Unclear => ("unclear", Tone::Unsure),
        Told::Starved => ("generator's limit", Tone::Unsure),
    }
}

/// `424/s: holds, P99 3.1 ms, 423/s acknowledged`.
pub(super) fn line(point: &CapacityPoint) -> String {
    let mut parts = vec![told(point.told).0.to_string()];
    parts.extend(point.p99_ns.map(|ns| format!("P99 {}", duration_ns(ns))));
    let achieved = point.achieved_per_s;
    parts.extend(achieved.map(|per_s| format!("{} acknowledged", rate(per_s))));
    if !point.not_passed.is_empty() && point.told != Told::Holds {
        parts.push(point.not_passed.join(" "));
    }
    format!("{}: {}", rate(point.rate_per_s), parts.join(", "))
}

/// Each probe, lowest rate first.
pub(super) fn table(record: &CapacityRecord) -> Table {
    let mut table = Table::new(&[
        "#rate",
        "",
        "#acknowledged",
        "#samples",
        "#p50",
        "#p99",
        "#p99.9",
        "why",
        "run",
    ]);
    let mut points: Vec<&CapacityPoint> = record.points.iter().collect();
    points.sort_by(|a, b| a.rate_per_s.total_cmp(&b.rate_per_s));
    for point in points {
        let (word, tone) = told(point.told);
        let time = |ns: Option<u64>| Cell::measured(ns, duration_ns);
        table.push(vec![
            Cell::new(rate(point.rate_per_s)),
            Cell::toned(word, tone),
            Cell::measured(point.achieved_per_s, rate),
            Cell::new(crate::words::grouped(point.samples)),
            time(point.p50_ns),
            time(point.p99_ns),
            time(point.p999_ns),
            Cell::new(point.why.clone().unwrap_or_default()),
            Cell::new(point.run.clone()),
        ]);
    }
    table
}
