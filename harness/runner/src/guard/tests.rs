use shakedown_scenarios::plan::{
    Arrival, BlastRadius, EnvironmentPlan, FaultKind, FaultPlan, FreezeBy, LocalStandIn, Repeat,
    Selector, Trigger,
};

use super::*;
use crate::testing::{Exchange, Fault, SECRET, plan, secrets};

fn now() -> Timestamp {
    "2026-11-21T17:00:00Z".parse().unwrap()
}

fn checked(plan: &Plan) -> Result<Vec<Event>, Refusal> {
    check(plan, &Guarded::default(), now())
}

fn refused(plan: &Plan) -> Refusal {
    checked(plan).unwrap_err()
}

fn anywhere() -> Plan {
    plan(&["http://127.0.0.1:9".to_string()])
}

#[test]
fn a_load_above_the_ceiling_is_refused() {
    let mut plan = anywhere();
    plan.system.ceilings.orders_per_s = Some(200.0);
    assert_eq!(checked(&plan), Ok(Vec::new()));
    plan.load.arrival = Arrival::Poisson { rate_per_s: 200.5 };
    assert_eq!(refused(&plan).guard, "ceilings");
    plan.environment = EnvironmentPlan::Local {
        stand_in: LocalStandIn::Engine {
            part: "engine".to_string(),
        },
    };
    assert_eq!(refused(&plan).guard, "ceilings");
}

#[test]
fn an_external_target_needs_a_proof_and_cannot_be_broken() {
    let mut unproven = anywhere();
    if let EnvironmentPlan::External(endpoints) = &mut unproven.environment {
        endpoints.not_production.clear();
    }
    assert_eq!(refused(&unproven).guard, "not-production");

    let mut breaking = anywhere();
    breaking.faults.push(FaultPlan {
        id: "leader-dies".to_string(),
        kind: FaultKind::Freeze {
            by: FreezeBy::Signal,
        },
        to: Selector::Role("leader".to_string()),
        when: Trigger::AfterSteady { by_ns: 0 },
        hold_ns: 1,
        repeat: Repeat {
            times: 1,
            every_ns: 0,
            jitter_ns: 0,
        },
    });
    assert!(refused(&breaking).to_string().contains("leader-dies"));
}

/// A plan on three replicas with a quorum of two, whose fault takes them all.
fn total_outage() -> Plan {
    let bases = [
        "http://127.0.0.1:7",
        "http://127.0.0.1:8",
        "http://127.0.0.1:9",
    ];
    let mut plan = plan(&bases.map(str::to_string));
    plan.environment = EnvironmentPlan::Local {
        stand_in: LocalStandIn::Engine {
            part: "engine".to_string(),
        },
    };
    plan.system.parts[0].quorum = Some(2);
    plan.faults
        .push(freeze("all", Selector::Part("engine".to_string())));
    plan
}

fn freeze(id: &str, to: Selector) -> FaultPlan {
    FaultPlan {
        id: id.to_string(),
        kind: FaultKind::Freeze {
            by: FreezeBy::Signal,
        },
        to,
        when: Trigger::AfterSteady { by_ns: 0 },
        hold_ns: 1_000_000_000,
        repeat: Repeat {
            times: 1,
            every_ns: 0,
            jitter_ns: 0,
        },
    }
}

fn overruling(guards: &[Guard]) -> Guarded {
    let overrides = guards.iter().map(|guard| Override {
        guard: *guard,
        reason: "rehearsing a total outage".to_string(),
        operator: "ada".to_string(),
    });
    Guarded {
        overrides: overrides.collect(),
        ..Guarded::default()
    }
}

#[test]
fn an_overruling_lets_one_guard_be_and_goes_on_record() {
    let mut plan = total_outage();
    plan.guards.blast_radius.push(BlastRadius {
        count: Some(1),
        share: None,
    });
    let both = refused(&plan);
    assert_eq!(both.guard, "quorum");
    assert!(both.reason.contains("also blast-radius"), "{both}");

    let one = check(&plan, &overruling(&[Guard::Quorum]), now()).unwrap_err();
    assert_eq!(one.guard, "blast-radius");
    assert!(!one.reason.contains("also"), "{one}");

    let guards = [Guard::Quorum, Guard::BlastRadius, Guard::TimeWindow];
    let record = check(&plan, &overruling(&guards), now()).unwrap();
    let saw: Vec<Option<bool>> = record
        .iter()
        .map(|event| match event {
            Event::GuardOverridden { saw, operator, .. } => {
                assert_eq!(operator, "ada");
                saw.as_ref().map(|saw| saw.contains("3 of the 3 replicas"))
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(saw, [Some(true), Some(true), None]);
}

#[test]
fn what_cannot_be_overruled_is_refused_all_the_same() {
    let mut plan = total_outage();
    plan.guards.protected.parts.push("engine".to_string());
    let all: Vec<Guard> = Guard::ALL.to_vec();
    let refusal = check(&plan, &overruling(&all), now()).unwrap_err();
    assert_eq!(refusal.guard, "protected");
}

#[test]
fn a_firing_is_held_against_what_is_down_already() {
    let plan = total_outage();
    let none = BTreeSet::new();
    let one = |name: &str| freeze(name, Selector::Name(name.to_string()));
    let mut plan = Plan {
        faults: ["engine-1", "engine-2", "engine-3"].map(one).to_vec(),
        ..plan
    };
    let names = |name: &str| vec![name.to_string()];
    let (first, second) = (names("engine-1"), names("engine-2"));
    let on = [("engine-1", first.as_slice())];
    assert!(at_fire(&plan, (&plan.faults[0], &first), &[], &none).is_ok());
    assert!(
        at_fire(&plan, (&plan.faults[0], &first), &on, &none).is_ok(),
        "the same one"
    );
    let refusal = at_fire(&plan, (&plan.faults[1], &second), &on, &none).unwrap_err();
    assert_eq!(refusal.guard, "quorum");
    assert!(
        refusal.reason.contains("engine-1 already down"),
        "{refusal}"
    );
    let overruled = BTreeSet::from([Guard::Quorum]);
    assert!(at_fire(&plan, (&plan.faults[1], &second), &on, &overruled).is_ok());

    // In turn only one is down at a time, whatever the list says.
    plan.faults.push(FaultPlan {
        kind: FaultKind::Restart { grace_ns: 1 },
        hold_ns: 0,
        ..freeze("rolling", Selector::Part("engine".to_string()))
    });
    let all: Vec<String> = (1..=3).map(|n| format!("engine-{n}")).collect();
    assert!(at_fire(&plan, (&plan.faults[3], &all), &[], &none).is_ok());
    assert!(at_fire(&plan, (&plan.faults[3], &all), &on, &none).is_err());

    plan.guards.protected.names.push("engine-2".to_string());
    let refusal = at_fire(&plan, (&plan.faults[1], &second), &[], &overruled).unwrap_err();
    assert_eq!(refusal.guard, "protected");
}

#[tokio::test]
async fn only_the_right_answer_of_every_address_is_a_proof() {
    let exchange = Exchange::open().await;
    let twin = exchange.twin().await;
    let plan = plan(&[exchange.base.clone(), twin.base.clone()]);
    assert!(prove_not_production(&secrets(), &plan).await.is_ok());

    twin.misbehave(Fault::Production);
    let refused = prove_not_production(&secrets(), &plan).await.unwrap_err();
    let text = refused.to_string();
    assert!(matches!(refused, RunError::Refused(_)), "{text}");
    assert!(
        text.contains(&twin.base) && text.contains("production"),
        "{text}"
    );

    twin.misbehave(Fault::EchoesSecret);
    let text = prove_not_production(&secrets(), &plan)
        .await
        .unwrap_err()
        .to_string();
    assert!(text.contains("***") && !text.contains(SECRET), "{text}");
}

#[tokio::test]
async fn silence_is_no_proof_and_no_refusal_either() {
    let error = prove_not_production(&secrets(), &anywhere())
        .await
        .unwrap_err();
    assert!(matches!(error, RunError::Unreachable(_)));
    assert_eq!(error.exit(), shakedown_record::ExitCode::Unavailable);
}

#[tokio::test]
async fn a_proof_without_conditions_proves_nothing() {
    let exchange = Exchange::open().await;
    let mut plan = plan(std::slice::from_ref(&exchange.base));
    if let EnvironmentPlan::External(endpoints) = &mut plan.environment {
        endpoints.not_production[0].conditions.clear();
    }
    let refused = prove_not_production(&secrets(), &plan).await.unwrap_err();
    assert!(matches!(refused, RunError::Refused(_)));
}
