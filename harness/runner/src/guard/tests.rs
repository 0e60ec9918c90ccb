use shakedown_scenarios::plan::{
    Arrival, EnvironmentPlan, FaultKind, FaultPlan, LocalStandIn, Repeat, Selector, Trigger,
};

use super::*;
use crate::testing::{Exchange, Fault, SECRET, plan, secrets};

fn refused(plan: &Plan) -> Refusal {
    check_plan(plan).unwrap_err()
}

fn anywhere() -> Plan {
    plan(&["http://127.0.0.1:9".to_string()])
}

#[test]
fn a_load_above_the_ceiling_is_refused() {
    let mut plan = anywhere();
    plan.system.ceilings.orders_per_s = Some(200.0);
    assert_eq!(check_plan(&plan), Ok(()));
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
        kind: FaultKind::Freeze,
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
