//! A point of the curve: what one probe offered, what came back, and what the SLA said.

use shakedown_record::capacity::{CapacityPoint, Told};
use shakedown_record::run_record::RunRecord;
use shakedown_record::{Phase, Verdict};

/// The point of a probe at `rate_per_s` from its record; `run` is where its evidence lies.
pub fn point(record: &RunRecord, rate_per_s: f64, run: &str) -> CapacityPoint {
    let has = |phase: Phase| record.latency.get(&phase).is_some_and(|it| it.count > 0);
    let phase = match has(Phase::Steady) {
        true => Phase::Steady,
        false => Phase::Run,
    };
    let throughput = record.throughput.get(&phase);
    let latency = record.latency.get(&phase);
    let not_passed = record.checks.iter();
    let not_passed = not_passed.filter(|check| check.verdict != Verdict::Pass);
    let told = told(record);
    CapacityPoint {
        rate_per_s,
        told,
        verdict: record.verdict,
        seed: record.run.seed,
        phase,
        offered_per_s: throughput.and_then(|it| it.offered_per_s),
        achieved_per_s: throughput.and_then(|it| it.achieved_per_s),
        samples: latency.map_or(0, |it| it.count),
        p50_ns: latency.and_then(|it| it.p50_ns),
        p99_ns: latency.and_then(|it| it.p99_ns),
        p999_ns: latency.and_then(|it| it.p999_ns),
        not_passed: not_passed.map(|check| check.id.clone()).collect(),
        why: match told {
            Told::Holds => None,
            Told::Starved => Some(record.generator.why.clone()),
            Told::Breaks | Told::Unclear => record.reasons.first().cloned(),
        },
        run: run.to_string(),
    }
}

/// A failed check is proof, however the generator was: a rule that depends on its health is inconclusive then. A service that
/// was offered the rate and was never steady does not bear it; for a run that verdict is inconclusive, since its faults did
/// not fire, and here it is an answer.
fn told(record: &RunRecord) -> Told {
    match record.verdict {
        Verdict::Pass => Told::Holds,
        Verdict::Fail => Told::Breaks,
        Verdict::Inconclusive if record.generator.saturated => Told::Starved,
        Verdict::Inconclusive if was_never_steady(record) => Told::Breaks,
        Verdict::Inconclusive => Told::Unclear,
    }
}

fn was_never_steady(record: &RunRecord) -> bool {
    let had = |phase: Phase| {
        let spans = record.run.phases.get(&phase);
        spans.is_some_and(|spans| !spans.is_empty())
    };
    !record.aborted && had(Phase::WarmUp) && !had(Phase::Steady) && record.generator.scheduled > 0
}
