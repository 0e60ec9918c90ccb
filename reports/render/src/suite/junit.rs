//! `junit.xml` of a suite: a test case for each figure of the documents, and one for each scenario.
//!
//! What is waived, and what was not asked for, is skipped: shown, and turns no build red.

use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};
use shakedown_record::Verdict;
use shakedown_record::run_record::Severity;
use shakedown_record::suite::{SuiteRecord, SuiteRequirement, SuiteScenario, SuiteState};

pub(super) fn render(record: &SuiteRecord) -> String {
    let mut figures = TestSuite::new(format!("{}: figures", record.suite));
    record.requirements.iter().for_each(|requirement| {
        figures.add_test_case(figure(record, requirement));
    });
    let mut scenarios = TestSuite::new(format!("{}: scenarios", record.suite));
    record.scenarios.iter().for_each(|of| {
        scenarios.add_test_case(scenario(record, of));
    });
    let mut report = Report::new("shakedown");
    report.add_test_suites([figures, scenarios]);
    report.to_string().expect("a report is written to memory")
}

fn figure(record: &SuiteRecord, requirement: &SuiteRequirement) -> TestCase {
    let counts = !requirement.waived && requirement.severity == Severity::Critical;
    let status = status(requirement.verdict.filter(|_| counts), &requirement.why);
    let mut case = TestCase::new(requirement.id.as_str(), status);
    case.set_classname(format!("{}.figures", record.suite));
    case.add_property(Property::new("figure", requirement.figure.as_str()));
    if let Some(source) = &requirement.source {
        case.add_property(Property::new("source", source.as_str()));
    }
    case
}

fn scenario(record: &SuiteRecord, scenario: &SuiteScenario) -> TestCase {
    let verdict = match scenario.state {
        SuiteState::NotSelected => None,
        SuiteState::Judged => scenario.verdict,
        SuiteState::Unfinished | SuiteState::NotRun => Some(Verdict::Inconclusive),
    };
    let mut case = TestCase::new(scenario.scenario.as_str(), status(verdict, &scenario.why));
    case.set_classname(format!("{}.scenarios", record.suite));
    case.add_property(Property::new("file", scenario.file.as_str()));
    case
}

fn status(verdict: Option<Verdict>, why: &str) -> TestCaseStatus {
    let mut status = match verdict {
        Some(Verdict::Pass) => return TestCaseStatus::success(),
        Some(Verdict::Fail) => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Some(Verdict::Inconclusive) => TestCaseStatus::non_success(NonSuccessKind::Error),
        None => TestCaseStatus::skipped(),
    };
    status.set_message(why);
    status.set_type(verdict.map_or("skipped", Verdict::name));
    status
}
