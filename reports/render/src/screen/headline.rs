//! The first line: verdict, count, reason, exit code; and who was tested.

use shakedown_record::exit::{ExitCode, Verdict};
use shakedown_record::run_record::{GuardOverride, RunRecord, Severity};

use crate::words::{Tone, seconds};

/// Verdict, reason and exit code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Headline {
    /// `FAIL`, and a flag beside it where there is one: `PASS, DIRTY`.
    pub(crate) word: String,
    pub(crate) text: String,
    pub(crate) exit_code: u8,
    pub(crate) tone: Tone,
}

impl Headline {
    pub(crate) fn of(record: &RunRecord) -> Headline {
        let flags = flags(record);
        let word = record.verdict.name().to_uppercase();
        let tone = match record.verdict {
            _ if record.dirty => Tone::Bad,
            Verdict::Fail => Tone::Bad,
            Verdict::Inconclusive => Tone::Unsure,
            Verdict::Pass if flags.is_empty() => Tone::Good,
            Verdict::Pass => Tone::Unsure,
        };
        Headline {
            word: std::iter::once(word.as_str())
                .chain(flags)
                .collect::<Vec<_>>()
                .join(", "),
            text: text(record),
            exit_code: record.exit_code,
            tone,
        }
    }
}

/// What stands beside the verdict: dirty and aborted, and exit codes that no check explains.
fn flags(record: &RunRecord) -> Vec<&'static str> {
    let mut flags = Vec::new();
    let by_exit = match ExitCode::from_code(record.exit_code) {
        Some(ExitCode::Refused) => Some("REFUSED"),
        Some(ExitCode::Unavailable) => Some("UNAVAILABLE"),
        Some(ExitCode::Interrupted) => Some("INTERRUPTED"),
        Some(ExitCode::Usage) => Some("WRONG INPUT"),
        Some(ExitCode::Bug) => Some("BUG IN SHAKEDOWN"),
        Some(ExitCode::Dirty | ExitCode::Pass | ExitCode::Fail | ExitCode::Inconclusive) | None => {
            None
        }
    };
    flags.extend(by_exit);
    if record.dirty {
        flags.push("DIRTY");
    }
    if record.aborted && record.exit_code != ExitCode::Interrupted.code() {
        flags.push("ABORTED");
    }
    flags
}

/// The reason, with how many checks came to it. What stands beside the verdict (dirty, aborted) is said first.
fn text(record: &RunRecord) -> String {
    let reason = record.reasons.first().map(|reason| reason.trim());
    let reason = reason.filter(|reason| !reason.is_empty());
    let of_checks = matches!(record.exit_code, 0..=2) && !record.aborted;
    match (count(record), reason) {
        (None, Some(reason)) => reason.to_owned(),
        (None, None) => "no reason is recorded".into(),
        (Some(count), None) => count,
        (Some(_), Some(reason)) if of_checks && record.verdict == Verdict::Pass => {
            reason.to_owned()
        }
        (Some(count), Some(reason)) if of_checks => format!("{count}: {reason}"),
        (Some(count), Some(reason)) => format!("{reason}; {count}"),
    }
}

/// How many of the checks that decide came to the verdict; `None` when no check explains it.
fn count(record: &RunRecord) -> Option<String> {
    let exit = ExitCode::from_code(record.exit_code);
    if matches!(
        exit,
        Some(ExitCode::Refused | ExitCode::Unavailable | ExitCode::Usage)
    ) {
        return None;
    }
    let deciding: Vec<Verdict> = record
        .checks
        .iter()
        .filter(|check| check.severity == Severity::Critical)
        .map(|check| check.verdict)
        .collect();
    let total = deciding.len();
    let came = deciding
        .iter()
        .filter(|verdict| **verdict == record.verdict)
        .count();
    let checks = if total == 1 { "check" } else { "checks" };
    match record.verdict {
        _ if came == 0 => None,
        Verdict::Fail => Some(format!("{came} of {total} {checks} failed")),
        Verdict::Inconclusive => Some(format!("{came} of {total} {checks} inconclusive")),
        Verdict::Pass if total == 1 => Some("the one check passed".into()),
        Verdict::Pass => Some(format!("all {total} checks passed")),
    }
}

/// Reasons beyond the headline that no other line of the first screen tells.
pub(crate) fn other_reasons(record: &RunRecord) -> Vec<String> {
    let told_by_check = |reason: &str| {
        let open = record
            .checks
            .iter()
            .filter(|check| check.verdict != Verdict::Pass);
        open.into_iter().any(|check| {
            let observed = check.observed.text.trim();
            check.why.contains(reason) || (!observed.is_empty() && reason.contains(observed))
        })
    };
    let told_by_line = |reason: &str| {
        let details = &record.leftovers.details;
        let why = record.generator.why.as_str();
        (!why.is_empty() && reason.contains(why)) || details.iter().any(|d| reason.contains(d))
    };
    let rest = record.reasons.iter().skip(1);
    rest.filter(|reason| !reason.trim().is_empty())
        .filter(|reason| !told_by_check(reason) && !told_by_line(reason))
        .cloned()
        .collect()
}

/// `acme 4.12.0 (sha256:9f3c…, 3 replicas, unchanged) on local`.
pub(crate) fn target(record: &RunRecord) -> String {
    let target = &record.target;
    let mut notes: Vec<String> = target.image_digests.iter().map(|d| short(d)).collect();
    if !target.replicas.is_empty() {
        let expected = record.data_loss.coverage.replicas_expected;
        let seen = target.replicas.len() as u64;
        notes.push(match (seen, expected) {
            (1, 0 | 1) => "1 replica".into(),
            (_, expected) if expected >= seen => format!("{seen} of {expected} replicas"),
            _ => format!("{seen} replicas"),
        });
        notes.push(match target.changed {
            Some(false) => "unchanged".into(),
            Some(true) => "CHANGED during the run".into(),
            None => "not known whether it changed".into(),
        });
    }
    let notes = match notes.is_empty() {
        true => " (never seen running)".into(),
        false => format!(" ({})", notes.join(", ")),
    };
    let version = target.version.as_deref();
    let version = version.map(|v| format!(" {v}")).unwrap_or_default();
    format!(
        "{}{version}{notes} on {}",
        record.run.system, record.run.environment
    )
}

/// `quorum, by ada: rehearsing a total outage (it saw: fault 'all' takes 3 of the 3 replicas …)`.
pub(crate) fn overruled(it: &GuardOverride) -> String {
    let saw = match &it.saw {
        Some(saw) => format!(" (it saw: {saw})"),
        None => " (it had nothing to object before the run)".to_string(),
    };
    format!("{}, by {}: {}{saw}", it.guard, it.operator, it.reason)
}

/// Why this run says nothing about the system.
pub(crate) fn self_test(blunted: &[String]) -> Option<String> {
    let told = format!(
        "{} left without effect on purpose (--blunt); this run says nothing about the system",
        blunted.join(", ")
    );
    (!blunted.is_empty()).then_some(told)
}

/// A digest cut to what tells it apart.
fn short(digest: &str) -> String {
    let (algorithm, hex) = digest.split_once(':').unwrap_or(("", digest));
    let head: String = hex.chars().take(12).collect();
    let more = if hex.chars().count() > 12 { "…" } else { "" };
    let colon = if algorithm.is_empty() { "" } else { ":" };
    format!("{algorithm}{colon}{head}{more}")
}

/// Run, scenario, seed and length: what one needs to say which run this was.
pub(crate) fn run_line(record: &RunRecord) -> String {
    let run = &record.run;
    let end_s = run
        .phases
        .values()
        .flatten()
        .map(|span| span.to_s)
        .fold(0.0, f64::max);
    let length = match end_s > 0.0 {
        true => format!(", {} of load", seconds(end_s)),
        false => ", no load".into(),
    };
    format!("{}: {}, seed {}{length}", run.id, run.scenario, run.seed)
}

#[cfg(test)]
mod tests {
    use shakedown_record::run_record::GuardOverride;

    use super::{overruled, self_test, short};

    #[test]
    fn an_overruling_has_a_name_a_reason_and_what_was_seen() {
        let mut it = GuardOverride {
            guard: "quorum".into(),
            reason: "drill 12".into(),
            operator: "ada".into(),
            saw: Some("all 3 at once".into()),
        };
        assert_eq!(
            overruled(&it),
            "quorum, by ada: drill 12 (it saw: all 3 at once)"
        );
        it.saw = None;
        assert!(overruled(&it).contains("nothing to object"));
    }

    #[test]
    fn a_self_test_is_told_with_its_faults() {
        assert_eq!(self_test(&[]), None);
        let told = self_test(&["cut".to_string(), "slow".to_string()]).unwrap();
        assert!(
            told.starts_with("cut, slow left without effect on purpose"),
            "{told}"
        );
    }

    #[test]
    fn digests_are_cut_and_short_ones_are_not() {
        assert_eq!(short("sha256:9f3c0011223344556677"), "sha256:9f3c00112233…");
        assert_eq!(short("sha256:9f3c"), "sha256:9f3c");
        assert_eq!(short("abc"), "abc");
    }
}
