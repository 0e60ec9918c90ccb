//! What is refused before anything is touched.

use super::*;

#[tokio::test]
async fn a_guard_that_refuses_touches_nothing() {
    let exchange = Exchange::open().await;
    exchange.misbehave(Fault::Production);
    let ran = run_plan(plan(std::slice::from_ref(&exchange.base)), None).await;
    assert_eq!(ran.end.exit_floor, Some(ExitCode::Refused));
    let refused = |event: &Event| matches!(event, Event::GuardRefused { guard, .. } if guard == "not-production");
    assert_eq!((ran.count(refused), ran.finished()), (1, 0));
    assert!(exchange.orders().is_empty());
}

/// What breaks each guard in turn, with nothing else wrong.
fn guarded_plans(base: &str) -> Vec<(&'static str, Plan)> {
    let bases = [base.to_string()];
    let with = |change: fn(&mut Plan)| {
        let mut plan = plan(&bases);
        change(&mut plan);
        plan
    };
    let kill = |plan: &mut Plan| plan.faults = leader_kill().faults;
    let mut protected = with(|plan| plan.guards.protected.parts.push("engine".to_string()));
    kill(&mut protected);
    let mut small = with(|plan| {
        plan.guards.blast_radius.push(BlastRadius {
            count: Some(0),
            share: None,
        });
    });
    kill(&mut small);
    let mut quorum = with(|plan| plan.system.parts[0].quorum = Some(1));
    kill(&mut quorum);
    for local in [&mut protected, &mut small, &mut quorum] {
        local.environment = EnvironmentPlan::Local {
            stand_in: LocalStandIn::Engine {
                part: "engine".to_string(),
            },
        };
    }
    let window = |plan: &mut Plan, kind| {
        plan.guards.windows.push(Window {
            id: "w".to_string(),
            kind,
        });
    };
    let mut never = with(|_| {});
    // A minute of the week: no run is that short.
    let hours = Hours {
        days: vec![1],
        from_minutes: 0,
        to_minutes: 1,
        zone: "UTC".to_string(),
    };
    window(&mut never, WindowKind::Allowed(hours));
    let mut market = with(|_| {});
    let missing = WindowKind::OutsideMarketHours {
        calendar: "missing.yaml".to_string(),
        margin_ns: 0,
    };
    window(&mut market, missing);
    vec![
        (
            "ceilings",
            with(|plan| plan.system.ceilings.orders_per_s = Some(1.0)),
        ),
        (
            "not-production",
            with(|plan| {
                if let EnvironmentPlan::External(endpoints) = &mut plan.environment {
                    endpoints.not_production.clear();
                }
            }),
        ),
        ("protected", protected),
        ("blast-radius", small),
        ("quorum", quorum),
        ("time-window", never),
        ("market-hours", market),
    ]
}

#[tokio::test]
async fn every_guard_refuses_before_anything_is_there() {
    let exchange = Exchange::open().await;
    for (guard, plan) in guarded_plans(&exchange.base) {
        let ran = run_plan(plan, None).await;
        assert_eq!(ran.end.exit_floor, Some(ExitCode::Refused), "{guard}");
        let said = ran.end.message.clone().unwrap_or_default();
        assert!(said.contains(guard), "{guard}: {said}");
        let refused =
            |event: &Event| matches!(event, Event::GuardRefused { guard: by, .. } if by == guard);
        assert_eq!((ran.count(refused), ran.finished()), (1, 0), "{guard}");
        assert_eq!(
            ran.events.len(),
            2,
            "{guard}: started and refused, nothing else"
        );
        let state = ran.folder.path().join("state");
        assert!(!state.exists(), "{guard}: no lock, no journal, no node");
        assert!(exchange.orders().is_empty(), "{guard}");
    }
}

#[tokio::test]
async fn a_second_run_is_told_who_has_the_lock_and_touches_nothing() {
    let exchange = Exchange::open().await;
    let plan = plan(std::slice::from_ref(&exchange.base));
    let folder = tempfile::tempdir().unwrap();
    let state = StateDir::at(&folder.path().join("state"));
    let holder = Holder {
        run_id: "20260102T000000Z-first".to_string(),
        pid: 4711,
        user: Some("ada".to_string()),
        since: "2026-01-02T00:00:00Z".to_string(),
    };
    let held = Lock::acquire(&state, &plan.system.name, "external", &holder).unwrap();
    let ran = run_plan_in(&state, plan, None).await;
    assert_eq!(ran.end.exit_floor, Some(ExitCode::Refused));
    let said = ran.end.message.clone().unwrap_or_default();
    for words in [
        "20260102T000000Z-first",
        "4711",
        "ada",
        "2026-01-02T00:00:00Z",
        "shakedown halt",
    ] {
        assert!(said.contains(words), "{said}");
    }
    assert!(!state.journals().exists() && exchange.orders().is_empty());
    drop(held);
}
