//! Kill switches and terms: how a profile tells of them, what a scenario may ask, and what is refused.

use shakedown_scenarios::plan::{FaultKind, RuleKind, Selector};

use crate::common::{QUICKSTART, compile_both, only, profile_alone, set, shipped, swapped, with};

const SCENARIO: &str = "kill-switch";

fn said(told: &[(&str, &str)]) -> String {
    let sets: Vec<_> = told.iter().map(|(key, value)| set(key, value)).collect();
    only(with(SCENARIO, &sets)).to_string()
}

#[test]
fn a_scenario_pulls_it_by_name_and_leaves_somebody() {
    let plan = with(SCENARIO, &[]).unwrap().plan;
    let killed = &plan.faults[0];
    let accounts = vec!["SHK-TEST-2".to_string()];
    assert_eq!(killed.kind, FaultKind::KillSwitch { accounts });
    assert_eq!((&killed.to, killed.hold_ns), (&Selector::System, 0));
    assert_eq!(plan.free_account(), Some("SHK-TEST-1"));
    for kind in [RuleKind::KillSwitch, RuleKind::Terms] {
        assert!(plan.rules.iter().any(|rule| rule.kind == kind), "{kind:?}");
    }
    let accounts = "faults.killed.do.kill-switch.accounts";
    let first = with(SCENARIO, &[set(accounts, "[SHK-TEST-1]")]).unwrap();
    assert_eq!(first.plan.free_account(), Some("SHK-TEST-2"));
    let nobody = "[SHK-TEST-1, SHK-TEST-2, SHK-TEST-3, SHK-TEST-4]";
    for (value, words) in [
        ("[]", "no account is named"),
        ("[SHK-TEST-9]", "has no account `SHK-TEST-9`"),
        ("[SHK-TEST-1, SHK-TEST-1]", "is there twice"),
        (nobody, "no account is left"),
    ] {
        let told = said(&[(accounts, value)]);
        assert!(told.contains(words), "{value}: {told}");
    }
}

#[test]
fn it_stays_is_pulled_once_and_is_done_to_no_replica() {
    for (key, value, words) in [
        ("for", "5s", "it has no `for`"),
        ("to", "{ role: leader }", "it has no `to`"),
        (
            "repeat",
            "{ times: 2, every: 60s }",
            "cannot be pulled again",
        ),
    ] {
        let told = said(&[(&format!("faults.killed.{key}"), value)]);
        assert!(told.contains(words), "{key}: {told}");
    }
}

#[test]
fn the_profile_says_whose_and_when_it_is_acknowledged() {
    let reference = shipped("reference");
    let how = reference.text.as_str();
    let plan = profile_alone(how).unwrap().plan;
    let pulled = plan.system.kill_switch.expect("the profile says how");
    assert_eq!(
        (pulled.send.method.as_str(), pulled.acked.status),
        ("POST", vec![200])
    );
    assert!(pulled.sequence.is_some());
    let nobody = swapped(how, r#"{"account":"{{account}}"}"#, r#"{"all":true}"#);
    let told = only(profile_alone(&nobody));
    assert!(told.message.contains("does not say whose"), "{told}");
    let other = swapped(
        how,
        r#"{"account":"{{account}}"}"#,
        r#"{"id":"{{id}}","a":"{{account}}"}"#,
    );
    let told = only(profile_alone(&other));
    assert!(told.message.contains("no variable `id` here"), "{told}");
    let other = [set("sla.terms", "{ invariants: {} }")];
    let told = only(compile_both(
        &shipped(SCENARIO),
        &shipped("reference-reported"),
        &other,
    ));
    assert!(
        told.message
            .contains("does not say how a kill switch is pulled"),
        "{told}"
    );
}

#[test]
fn what_cannot_be_told_is_refused() {
    let told = only(with(
        QUICKSTART,
        &[set("sla.kept-out", "{ kill-switch: {} }")],
    ));
    assert!(
        told.message.contains("no fault pulls a kill switch"),
        "{told}"
    );
    let told = said(&[("sla.history", "{ linearizable: {} }")]);
    assert!(told.contains("no replay knows of it"), "{told}");
    let terms = || set("sla.terms", "{ terms: {} }");
    assert!(with(QUICKSTART, &[terms()]).is_ok());
    let told = only(with("reported-leader-kill", &[terms()]));
    assert!(told.message.contains("tell no term"), "{told}");
    let told = only(with("baseline", &[terms()]));
    assert!(
        told.message
            .contains("without faults there is no terms to limit"),
        "{told}"
    );
}
