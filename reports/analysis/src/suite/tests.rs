use shakedown_record::Phase;
use shakedown_record::run_record::{Quantity, Severity};
use shakedown_record::suite::{SuiteRecord, SuiteRun, SuiteState};
use shakedown_scenarios::suite::{Requirement, ShownBy, Subject, Suite, Waiver};

use super::*;
use Verdict::{Fail, Inconclusive, Pass};

fn check(id: &str, verdict: Verdict) -> Check {
    let quantity = |text: &str| Quantity {
        value: None,
        unit: String::new(),
        text: text.to_string(),
    };
    Check {
        id: id.to_string(),
        phase: Phase::Run,
        kind: "latency".to_string(),
        limit: quantity("10 ms"),
        observed: quantity("7 ms"),
        verdict,
        severity: Severity::Critical,
        why: "because".to_string(),
        source: None,
    }
}

/// A scenario with these checks, whose run ended as they say.
fn ran(scenario: &str, checks: Vec<Check>) -> Ran {
    let verdict = Verdict::over(checks.iter().map(|check| check.verdict));
    let came_to = CameTo {
        verdict,
        exit_code: shakedown_record::ExitCode::from(verdict).code(),
        aborted: false,
        reasons: vec![format!("{scenario} is told")],
        checks,
        started_at: "2026-01-02T03:04:05Z".to_string(),
        finished_at: Some("2026-01-02T03:05:05Z".to_string()),
    };
    let run = format!("runs/{scenario}");
    with(scenario, RanOutcome::Judged { run, came_to })
}

fn with(scenario: &str, outcome: RanOutcome) -> Ran {
    Ran {
        scenario: scenario.to_string(),
        file: format!("{scenario}.yaml"),
        system: "acme".to_string(),
        environment: "local".to_string(),
        outcome,
        earlier: Vec::new(),
    }
}

fn suite(shown_by: &[&str], waived: Option<Subject>) -> Suite {
    let shown = shown_by.iter().map(|text| match text.split_once('/') {
        Some((scenario, check)) => ShownBy {
            scenario: scenario.to_string(),
            check: Some(check.to_string()),
        },
        None => ShownBy {
            scenario: (*text).to_string(),
            check: None,
        },
    });
    Suite {
        requirements: vec![Requirement {
            id: "latency".to_string(),
            figure: "P99 below 10 ms".to_string(),
            source: None,
            shown_by: shown.collect(),
        }],
        waivers: waived
            .map(|subject| Waiver {
                subject,
                reason: "known".to_string(),
                until: "2026-06-30".parse().unwrap(),
            })
            .into_iter()
            .collect(),
        ..Suite::of_files("acme", Vec::new())
    }
}

fn judged_on(day: &str, suite: &Suite, ran: &[Ran]) -> SuiteRecord {
    let run = SuiteRun {
        shakedown_version: "1".to_string(),
        operator: None,
        started_at: None,
        finished_at: None,
        tags: Vec::new(),
        environment: None,
        defects: Vec::new(),
    };
    judge(suite, ran, day.parse().unwrap(), run)
}

fn judged(suite: &Suite, ran: &[Ran]) -> SuiteRecord {
    judged_on("2026-02-01", suite, ran)
}

#[test]
fn a_figure_is_met_when_all_that_shows_it_passed() {
    let suite = suite(&["a/p99", "b"], None);
    let both = [
        ran("a", vec![check("p99", Pass)]),
        ran("b", vec![check("lost", Pass)]),
    ];
    let record = judged(&suite, &both);
    assert_eq!((record.verdict, record.exit_code), (Pass, 0));
    assert_eq!(
        record.reasons,
        ["1 figures are met, 2 of 2 scenarios passed"]
    );
    assert_eq!(record.requirements[0].verdict, Some(Pass));
    assert_eq!(
        record.requirements[0].shown_by[0].observed.as_deref(),
        Some("7 ms")
    );
    assert_eq!(
        record.run.started_at.as_deref(),
        Some("2026-01-02T03:04:05Z")
    );
}

#[test]
fn one_broken_check_breaks_figure_scenario_and_suite() {
    let suite = suite(&["a/p99", "b"], None);
    let ran = [
        ran("a", vec![check("p99", Fail)]),
        ran("b", vec![check("lost", Pass)]),
    ];
    let record = judged(&suite, &ran);
    assert_eq!((record.verdict, record.exit_code), (Fail, 1));
    assert_eq!(
        record.reasons[0],
        "not met: latency; 1 of 2 scenarios failed"
    );
    assert_eq!(record.requirements[0].why, "a/p99");
}

#[test]
fn what_was_not_run_is_never_a_pass() {
    let suite = suite(&["a/p99"], None);
    let record = judged(&suite, &[with("a", RanOutcome::NotRun)]);
    assert_eq!((record.verdict, record.exit_code), (Inconclusive, 2));
    assert_eq!(record.requirements[0].verdict, Some(Inconclusive));
    assert_eq!(record.requirements[0].why, "a/p99: not run");
    let nothing = judged(&suite, &[with("a", RanOutcome::NotSelected)]);
    assert_eq!((nothing.verdict, nothing.exit_code), (Inconclusive, 2));
    assert_eq!(nothing.requirements[0].verdict, None);
}

#[test]
fn a_check_that_the_run_did_not_come_to_is_inconclusive() {
    let suite = suite(&["a/p99"], None);
    let record = judged(&suite, &[ran("a", vec![check("lost", Pass)])]);
    assert_eq!(record.verdict, Inconclusive);
    assert_eq!(record.exit_code, 2);
}

#[test]
fn what_was_not_asked_for_is_told_and_does_not_count() {
    let suite = suite(&["a/p99", "b/p99"], None);
    let ran = [
        ran("a", vec![check("p99", Pass)]),
        with("b", RanOutcome::NotSelected),
    ];
    let record = judged(&suite, &ran);
    assert_eq!(record.verdict, Pass);
    assert_eq!(
        record.requirements[0].why,
        "shown by 1; 1 were not asked for"
    );
    assert_eq!(record.scenarios[1].state, SuiteState::NotSelected);
}

#[test]
fn a_waived_check_does_not_count_until_its_day_is_over() {
    let subject = Subject::Check {
        scenario: "a".to_string(),
        check: "p99".to_string(),
    };
    let suite = suite(&["a/lost"], Some(subject));
    let ran = [ran("a", vec![check("p99", Fail), check("lost", Pass)])];
    let record = judged(&suite, &ran);
    assert_eq!((record.verdict, record.exit_code), (Pass, 0));
    assert_eq!(
        record.waived[0].verdict,
        Some(Fail),
        "it is told all the same"
    );
    assert_eq!(
        record.scenarios[0].exit_code,
        Some(1),
        "the run's own code stays"
    );
    let late = judged_on("2026-07-01", &suite, &ran);
    assert_eq!((late.verdict, late.exit_code), (Fail, 1));
    assert!(late.waived[0].expired);
}

#[test]
fn a_waiver_of_every_check_leaves_nothing_that_could_pass() {
    let subject = Subject::Check {
        scenario: "a".to_string(),
        check: "p99".to_string(),
    };
    let record = judged(
        &suite(&[], Some(subject)),
        &[ran("a", vec![check("p99", Fail)])],
    );
    assert_eq!(record.scenarios[0].verdict, Some(Inconclusive));
}

#[test]
fn an_aborted_run_is_not_waived_away() {
    let subject = Subject::Check {
        scenario: "a".to_string(),
        check: "p99".to_string(),
    };
    let mut aborted = ran("a", vec![check("p99", Fail), check("lost", Pass)]);
    if let RanOutcome::Judged { came_to, .. } = &mut aborted.outcome {
        came_to.aborted = true;
    }
    let record = judged(&suite(&["a/lost"], Some(subject)), &[aborted]);
    assert_eq!((record.verdict, record.exit_code), (Fail, 1));
}

#[test]
fn a_waived_requirement_is_told_and_does_not_count() {
    let subject = Subject::Requirement("latency".to_string());
    let suite = suite(&[], Some(subject));
    let record = judged(&suite, &[ran("a", vec![check("lost", Pass)])]);
    assert_eq!(record.verdict, Pass);
    assert!(record.requirements[0].waived);
    assert_eq!(record.requirements[0].why, "nothing shows it");
}

#[test]
fn warnings_are_told_and_decide_nothing() {
    let warning = Check {
        severity: Severity::Warning,
        ..check("p99", Fail)
    };
    let mut scenario = ran("a", vec![warning, check("lost", Pass)]);
    if let RanOutcome::Judged { came_to, .. } = &mut scenario.outcome {
        (came_to.verdict, came_to.exit_code) = (Pass, 0);
    }
    let record = judged(&suite(&["a/p99"], None), &[scenario]);
    assert_eq!((record.verdict, record.exit_code), (Pass, 0));
    assert_eq!(record.requirements[0].verdict, Some(Fail));
    assert_eq!(record.requirements[0].severity, Severity::Warning);
}

#[test]
fn the_gravest_exit_code_of_a_run_is_that_of_the_suite() {
    let suite = suite(&["a/p99"], None);
    let unreachable = RanOutcome::NotBegun {
        exit_code: 69,
        why: "no cluster".to_string(),
    };
    let ran = [ran("a", vec![check("p99", Fail)]), with("b", unreachable)];
    let record = judged(&suite, &ran);
    assert_eq!(record.exit_code, 69);
    assert_eq!(record.verdict, Fail);
    assert!(record.reasons.contains(&"b: no cluster".to_string()));
}
