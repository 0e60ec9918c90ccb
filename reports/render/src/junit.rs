//! `junit.xml` in the dialect of Surefire, as Jenkins, GitLab and GitHub read it.
//!
//! | what | becomes |
//! |---|---|
//! | a check that failed | `<failure>` |
//! | a check that is inconclusive | `<error>`: missing evidence is the tool's trouble, never a pass |
//! | a warning that is not a pass | `<skipped>`: shown, and cannot turn a build red that the verdict lets pass |
//! | a run that ended in no check (refused, unavailable, aborted, dirty) | one more test case, [`RUN_ITSELF`] |
//!
//! Measured values are properties and part of the message, because GitLab ignores properties. Class name and name
//! together are unique, because GitLab drops what is not.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};
use shakedown_record::exit::{ExitCode, Verdict};
use shakedown_record::phase::Phase;
use shakedown_record::run_record::{Check, Quantity, RunRecord, Severity};

use crate::screen::{FirstScreen, Headline, observed_text};

/// Name of the test case for what happened to the run as a whole.
const RUN_ITSELF: &str = "the run itself";

/// The report.
pub(crate) fn render_junit(record: &RunRecord) -> String {
    let run = &record.run;
    let mut suite = TestSuite::new(run.scenario.as_str());
    suite.timestamp = run.started_at.parse().ok();
    suite.time = length(record);
    for (name, value) in [
        ("run", run.id.clone()),
        ("system", run.system.clone()),
        ("version", record.target.version.clone().unwrap_or_default()),
        ("environment", run.environment.clone()),
        ("seed", run.seed.to_string()),
        ("verdict", record.verdict.name().to_owned()),
        ("exit_code", record.exit_code.to_string()),
    ] {
        suite.add_property(Property::new(name, value));
    }
    for check in &record.checks {
        suite.add_test_case(check_case(record, check));
    }
    if let Some(case) = run_case(record) {
        suite.add_test_case(case);
    }
    let mut report = Report::new("shakedown");
    report.timestamp = suite.timestamp;
    report.time = suite.time;
    report.add_test_suite(suite);
    report.to_string().expect("a report is written to memory")
}

fn check_case(record: &RunRecord, check: &Check) -> TestCase {
    let mut case = TestCase::new(check.id.as_str(), status(check));
    case.set_classname(format!("{}.{}", record.run.scenario, check.phase.name()));
    case.set_time(phase_length(record, check.phase));
    let mut property = |name: &str, value: String| {
        case.add_property(Property::new(name, value));
    };
    property("severity", severity(check).to_owned());
    quantity("limit", &check.limit, &mut property);
    quantity("observed", &check.observed, &mut property);
    if let Some(source) = &check.source {
        property("source", source.clone());
    }
    if check.severity == Severity::Warning && check.verdict != Verdict::Pass {
        case.set_system_out(format!("warning: {}", message(check)));
    }
    case
}

fn severity(check: &Check) -> &'static str {
    match check.severity {
        Severity::Critical => "critical",
        Severity::Warning => "warning",
    }
}

fn quantity(name: &str, quantity: &Quantity, property: &mut impl FnMut(&str, String)) {
    property(name, quantity.text.clone());
    if let Some(value) = quantity.value {
        property(&format!("{name}_value"), value.to_string());
        property(&format!("{name}_unit"), quantity.unit.clone());
    }
}

/// First line: got against want.
fn message(check: &Check) -> String {
    format!(
        "{}: observed {}, limit {}",
        check.id,
        observed_text(check),
        check.limit.text
    )
}

fn status(check: &Check) -> TestCaseStatus {
    let mut status = match (check.verdict, check.severity) {
        (Verdict::Pass, _) => return TestCaseStatus::success(),
        (Verdict::Fail | Verdict::Inconclusive, Severity::Warning) => TestCaseStatus::skipped(),
        (Verdict::Fail, Severity::Critical) => TestCaseStatus::non_success(NonSuccessKind::Failure),
        (Verdict::Inconclusive, Severity::Critical) => {
            TestCaseStatus::non_success(NonSuccessKind::Error)
        }
    };
    status.set_message(message(check));
    status.set_type(check.verdict.name());
    status.set_description(format!("{}\n{}", message(check), check.why));
    status
}

/// A test case for what no check tells; `None` when the checks explain the exit code.
fn run_case(record: &RunRecord) -> Option<TestCase> {
    let critical = |verdict| {
        record
            .checks
            .iter()
            .any(|check| check.severity == Severity::Critical && check.verdict == verdict)
    };
    let kind = match ExitCode::from_code(record.exit_code) {
        Some(ExitCode::Pass) if !record.checks.is_empty() => return None,
        Some(ExitCode::Fail) if critical(Verdict::Fail) && !record.aborted => return None,
        Some(ExitCode::Inconclusive) if critical(Verdict::Inconclusive) => return None,
        Some(ExitCode::Fail) => NonSuccessKind::Failure,
        Some(_) | None => NonSuccessKind::Error,
    };
    let screen = FirstScreen::of(record);
    let Headline {
        word,
        text,
        exit_code,
        ..
    } = &screen.headline;
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(format!("{word}: {text} (exit {exit_code})"));
    status.set_type(word.to_lowercase());
    let left: Vec<String> = screen
        .left_behind
        .iter()
        .map(|line| line.text.clone())
        .collect();
    let told = record.reasons.iter().cloned();
    let told: Vec<String> = told
        .chain([format!("left behind: {}", left.join("; "))])
        .collect();
    status.set_description(told.join("\n"));
    let mut case = TestCase::new(RUN_ITSELF, status);
    case.set_classname(format!("{}.{}", record.run.scenario, Phase::Run.name()));
    case.set_time(length(record).unwrap_or_default());
    Some(case)
}

fn length(record: &RunRecord) -> Option<Duration> {
    let from: jiff::Timestamp = record.run.started_at.parse().ok()?;
    let to: jiff::Timestamp = record.run.finished_at.as_ref()?.parse().ok()?;
    Duration::try_from(to.duration_since(from)).ok()
}

fn phase_length(record: &RunRecord, phase: Phase) -> Duration {
    let spans = record.run.phases.get(&phase);
    let seconds: f64 = spans
        .into_iter()
        .flatten()
        .map(|span| (span.to_s - span.from_s).max(0.0))
        .sum();
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}
