//! A run and its replay: what is the same, and what is told when it is not.

use shakedown_analysis::replayed;
use shakedown_record::Verdict;
use shakedown_record::event::Event;

use crate::build::*;
use crate::plan::plan;

#[test]
fn an_equal_replay_says_so() {
    let record = Run::healthy().judge().record;
    let compared = replayed(&record, &record.clone(), &plan());
    assert!(compared.same_verdict && compared.same_targets);
    let text = compared.lines().join("\n");
    assert!(text.contains("the same verdict, pass"), "{text}");
    assert!(text.contains("the same target, engine-"), "{text}");
    assert!(!text.contains(" then, "), "{text}");
}

#[test]
fn another_leader_is_told_not_hidden() {
    let then = Run::healthy().judge().record;
    let elsewhere = |event: &mut Event| {
        if let Event::FaultPrepared { targets, .. } = event {
            targets[0].name = "engine-9".to_string();
        }
    };
    let now = Run::healthy().with(elsewhere).judge().record;
    let compared = replayed(&then, &now, &plan());
    assert!(compared.same_verdict && !compared.same_targets);
    let text = compared.lines().join("\n");
    let words = "engine-9 now: another replica was leader when it fired";
    assert!(text.contains(words), "{text}");
}

#[test]
fn another_verdict_names_the_checks_and_a_fault_that_was_not_injected_its_reason() {
    let then = Run::healthy().judge().record;
    let mut now = then.clone();
    now.verdict = Verdict::Fail;
    now.checks[0].verdict = Verdict::Fail;
    now.faults[0].injected_at_s = None;
    now.faults[0].effect.text = "no replica is leader".to_string();
    now.target.version = Some("another".to_string());
    let compared = replayed(&then, &now, &plan());
    assert!(!compared.same_verdict && !compared.same_targets);
    let text = compared.lines().join("\n");
    for words in [
        "ANOTHER VERDICT: pass then, fail now",
        &format!("check {}: pass then, fail now", now.checks[0].id),
        "not injected (no replica is leader) now",
        "another now",
    ] {
        assert!(text.contains(words), "{words} in\n{text}");
    }
}

#[test]
fn an_overruled_guard_is_in_the_record() {
    let overruled = Event::GuardOverridden {
        guard: "quorum".to_string(),
        reason: "drill 12".to_string(),
        operator: "ada".to_string(),
        saw: Some("fault 'all' takes 3".to_string()),
    };
    let record = Run::healthy().and(0, overruled).judge().record;
    let kept = &record.run.overrides[0];
    assert_eq!(
        (kept.guard.as_str(), kept.operator.as_str()),
        ("quorum", "ada")
    );
    assert!(Run::healthy().judge().record.run.overrides.is_empty());
}
