//! The series of a run for other tools: `timeline.csv` and `latency.hlog`.

use std::time::{Duration, SystemTime};

use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};
use shakedown_analysis::{Analysis, TimelineRow};
use shakedown_record::outcome::Outcome;

/// Nanoseconds in a millisecond: the log's column of maxima is for people.
const NS_PER_MS: f64 = 1e6;

/// `timeline.csv`: a row per interval, units in the names of the columns, empty where nothing was measured.
///
/// No cell needs quotes: all are numbers or names of phases.
pub fn timeline_csv(analysis: &Analysis) -> String {
    let mut out = String::from("from_s,to_s,phase,offered_per_s,achieved_per_s");
    for outcome in Outcome::ALL {
        out.push(',');
        out.push_str(&outcome.name().replace('-', "_"));
        out.push_str("_count");
    }
    out.push_str(",p50_ns,p99_ns,p999_ns,worst_session_gap_s\n");
    for row in &analysis.timeline {
        out.push_str(&csv_row(row));
    }
    out
}

fn csv_row(row: &TimelineRow) -> String {
    let figure = |ns: Option<u64>| ns.map(|ns| ns.to_string()).unwrap_or_default();
    let counts: Vec<String> = Outcome::ALL
        .into_iter()
        .map(|outcome| row.outcomes.get(outcome).to_string())
        .collect();
    format!(
        "{:.3},{:.3},{},{:.3},{:.3},{},{},{},{},{:.6}\n",
        row.from_s,
        row.to_s,
        row.phase.name(),
        row.offered_per_s,
        row.achieved_per_s,
        counts.join(","),
        figure(row.p50_ns),
        figure(row.p99_ns),
        figure(row.p999_ns),
        row.worst_session_gap_s,
    )
}

/// `latency.hlog`: an HdrHistogram interval log of response times in nanoseconds, tagged by phase.
///
/// Interval times are seconds since the first slot's intended time. `StartTime` and `BaseTime` are the wall-clock
/// start of the run, which lies before that by the time it took to start the environment; the log says so itself.
pub fn latency_hlog(analysis: &Analysis) -> Vec<u8> {
    let mut out = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    let mut builder = IntervalLogWriterBuilder::new();
    builder
        .add_comment("[Histogram log format version 1.3]")
        .add_comment(&format!("[Shakedown run {}]", analysis.record.run.id.replace('\n', " ")))
        .add_comment("[Response time in nanoseconds from the intended send time; failures count as the timeout]")
        .add_comment("[Interval times are seconds since the first slot's intended time; StartTime is the start of the run]")
        .with_max_value_divisor(NS_PER_MS);
    if let Some(started) = started_at(&analysis.record.run.started_at) {
        builder.with_start_time(started).with_base_time(started);
    }
    let mut log = builder
        .begin_log_with(&mut out, &mut serializer)
        .expect("writing to memory does not fail");
    for interval in &analysis.latency_intervals {
        let from = whole_seconds(interval.from_s);
        let length = whole_seconds(interval.to_s).saturating_sub(from);
        let phase = phase_at(&analysis.timeline, interval.from_s);
        log.write_histogram(
            interval.histogram.unpack().hdr(),
            from,
            length,
            phase.and_then(Tag::new),
        )
        .expect("a histogram of constant bounds is written to memory");
    }
    out
}

fn phase_at(timeline: &[TimelineRow], at_s: f64) -> Option<&'static str> {
    let after = timeline.partition_point(|row| row.from_s <= at_s);
    let row = timeline.get(after.checked_sub(1)?)?;
    Some(row.phase.name())
}

fn started_at(text: &str) -> Option<SystemTime> {
    let time: jiff::Timestamp = text.parse().ok()?;
    Some(SystemTime::from(time))
}

fn whole_seconds(s: f64) -> Duration {
    Duration::try_from_secs_f64(s.max(0.0)).unwrap_or(Duration::ZERO)
}
