//! Which reads a scenario may ask for, where, and what guards say of those that stop everything.

use shakedown_record::readback::ReadKind;
use shakedown_scenarios::guards::{Guard, planned_longest_ns};
use shakedown_scenarios::plan::DataLayout;
use shakedown_scenarios::{HistoryBy, history_by};

use crate::common::{QUICKSTART, compile_both, only, set, shipped, swapped, with};
use crate::guards::{plan, said, the_one};

#[test]
fn reads_are_made_once_each_and_in_their_order() {
    use ReadKind::{Cold, Converged, Degraded, PowerCut};
    for (asked, made) in [
        ("[]", vec![Converged]),
        ("[converged]", vec![Converged]),
        ("[cold]", vec![Converged, Cold]),
        ("[cold, converged, cold]", vec![Converged, Cold]),
        ("[power-cut, cold]", vec![Converged, Cold, PowerCut]),
        ("[converged, degraded]", vec![Degraded, Converged]),
    ] {
        assert_eq!(plan(&[set("reads", asked)]).reads, made, "{asked}");
    }
    let longer = planned_longest_ns(&plan(&[set("reads", "[cold]")]));
    assert!(longer > planned_longest_ns(&plan(&[])));
}

#[test]
fn stale_orders_are_limited_only_where_they_are_looked_for() {
    let limit = || set("sla.fresh", "{ stale-orders: { at-most: 10 } }");
    let degraded = || set("reads", "[degraded]");
    let plan = plan(&[limit(), degraded()]);
    assert!(plan.rules.iter().any(|rule| rule.id == "fresh"));
    assert!(
        plan.rules.iter().all(|rule| rule.id != "stale"),
        "nothing is implied"
    );
    let told = only(with(QUICKSTART, &[limit()]));
    assert!(
        told.message.contains("`fresh` limits stale orders"),
        "{told}"
    );
    let told = only(with("baseline", &[degraded()]));
    assert!(told.message.contains("no fault"), "{told}");
}

#[test]
fn what_others_have_started_is_not_stopped_as_a_whole() {
    let told = only(with(
        QUICKSTART,
        &[set("reads", "[cold]"), set("environment", "docker")],
    ));
    assert_eq!(told.path.as_deref(), Some("reads.0"));
    for words in ["started itself", "`docker`"] {
        assert!(told.message.contains(words), "{told}");
    }
    assert!(told.hint.unwrap().contains("--environment local"));
}

#[test]
fn orders_that_are_kept_in_memory_are_not_looked_for_after_an_outage() {
    let mut profile = shipped("reference");
    profile.text = swapped(&profile.text, "data: replicated", "data: memory");
    let cold = [set("reads", "[cold]")];
    let told = compile_both(&shipped(QUICKSTART), &profile, &cold).unwrap_err();
    let memory = told
        .0
        .iter()
        .find(|one| one.path.as_deref() == Some("reads.0"));
    assert!(memory.unwrap().message.contains("data: memory"), "{told}");
}

#[test]
fn a_read_that_stops_all_replicas_meets_the_guards_of_faults() {
    let cold = || set("reads", "[cold]");
    assert_eq!(said(&plan(&[cold()])), []);
    let protected = set("guards.protected", "{ names: [engine-2] }");
    let refusal = the_one(said(&plan(&[cold(), protected])));
    assert_eq!(refusal.guard, Guard::Protected);
    assert!(
        refusal.saw.contains("reads cold") && refusal.saw.contains("engine-2"),
        "{refusal}"
    );
    let radius = set("guards.blast-radius", "{ count: 1 }");
    let refusal = the_one(said(&plan(&[cold(), radius])));
    assert_eq!(refusal.guard, Guard::BlastRadius);
    assert!(
        refusal.saw.contains("all 3 replicas of `engine`"),
        "{refusal}"
    );
    let wide = set("guards.blast-radius", "{ percent: 100% }");
    assert_eq!(said(&plan(&[cold(), wide])), []);
}

#[test]
fn a_history_is_replayed_by_numbers_searched_without_or_refused_where_it_has_no_books() {
    let by = |scenario: &str| history_by(&with(scenario, &[]).unwrap().plan.system);
    assert_eq!(by("baseline"), Ok(HistoryBy::Numbers));
    assert_eq!(by("slow-lane"), Ok(HistoryBy::Search));
    let mut system = with("slow-lane", &[]).unwrap().plan.system;
    system.data = DataLayout::Memory;
    assert!(history_by(&system).is_err_and(|why| why.contains("books of its own")));
    let profile = shipped("reference-unnumbered");
    let mut short = profile.clone();
    short.text = swapped(&profile.text, ", remaining: /remaining", "");
    let told = only(compile_both(&shipped("slow-lane"), &short, &[]));
    assert!(told.message.contains("how much of an order"), "{told}");
}
