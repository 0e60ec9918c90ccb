//! What a profile may promise of orders whose connection ends and of risk limits, and what can be asked of it.

use shakedown_scenarios::plan::{Exposure, ExposurePer, RuleKind, SessionContract};

use crate::common::{QUICKSTART, compile_both, only, profile_alone, set, shipped, swapped, with};

const SCENARIO: &str = "disconnect";

fn contract(text: &str) -> Option<SessionContract> {
    let profile = swapped(
        shipped("reference").text.as_str(),
        "cancel-on-disconnect: none",
        &format!("cancel-on-disconnect: {text}"),
    );
    let plan = profile_alone(&profile).expect("it compiles").plan;
    plan.system.cancel_on_disconnect
}

#[test]
fn the_contract_says_within_which_time_and_whether_such_orders_are_listed() {
    let within = |within_ns, unlisted| {
        Some(SessionContract {
            within_ns,
            unlisted,
        })
    };
    assert_eq!(contract("none"), None);
    assert_eq!(contract("{ session: {} }"), within(None, false));
    assert_eq!(
        contract("{ session: { within: 2s, unlisted: true } }"),
        within(Some(2_000_000_000), true)
    );
    let plan = with(SCENARIO, &[]).unwrap().plan;
    assert!(
        plan.rules
            .iter()
            .any(|rule| rule.kind == RuleKind::CancelOnDisconnect)
    );
}

#[test]
fn what_cannot_be_told_of_ends_of_connections_is_refused() {
    let ends = || set("sla.ends", "{ cancel-on-disconnect: {} }");
    let told = only(with(QUICKSTART, &[ends()]));
    assert!(told.message.contains("promises nothing"), "{told}");
    let replay = set("sla.history", "{ linearizable: {} }");
    let told = only(with(SCENARIO, &[replay]));
    assert!(told.message.contains("cancels orders by itself"), "{told}");
    let told = only(with(SCENARIO, &[set("load.workers", "2")]));
    assert!(
        told.message.contains("keep their sessions connected"),
        "{told}"
    );
}

#[test]
fn an_order_that_is_not_listed_any_more_may_not_be_looked_for_after_an_outage() {
    let mut profile = shipped("reference-sessions");
    profile.text = swapped(&profile.text, "within: 6s", "unlisted: true");
    let compiled = |reads: &str| compile_both(&shipped(SCENARIO), &profile, &[set("reads", reads)]);
    assert!(compiled("[converged]").is_ok());
    for read in ["cold", "degraded"] {
        let told = only(compiled(&format!("[{read}]")));
        assert_eq!(told.path.as_deref(), Some("reads"), "{told}");
    }
}

#[test]
fn only_sessions_over_http_1_are_kept() {
    let profile = swapped(
        shipped("reference-fix").text.as_str(),
        "cancel-on-disconnect: none",
        "cancel-on-disconnect: { session: { within: 2s } }",
    );
    let told = only(profile_alone(&profile));
    assert!(told.message.contains("another way than HTTP/1.1"), "{told}");
}

#[test]
fn a_risk_limit_is_a_quantity_of_somebody() {
    let plan = with("risk-limits", &[]).unwrap().plan;
    let limit = Exposure {
        per: ExposurePer::Session,
        at_most: "4".parse().unwrap(),
    };
    assert_eq!(plan.system.exposure, Some(limit));
    let exposure = set("sla.limits", "{ exposure: {} }");
    let told = only(with(QUICKSTART, &[exposure]));
    assert!(told.message.contains("no limit on what is open"), "{told}");
    let profile = swapped(
        shipped("reference-risk").text.as_str(),
        "at-most: 4",
        "at-most: 0",
    );
    let told = only(profile_alone(&profile));
    assert!(
        told.message.contains("nobody could have an order"),
        "{told}"
    );
}
