//! Faults in a run: seen, healed whatever happens, and silent where they should be.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_leader_is_seen_dead_started_again_and_read_back() {
    let ran = run_plan(leader_kill(), None).await;
    assert_eq!(
        ran.end.exit_floor, None,
        "{:?} {:#?}",
        ran.end.message, ran.events
    );
    let order = [
        ran.position(|event| matches!(event, Event::SteadyReached)),
        ran.position(|event| matches!(event, Event::EngineLatency { .. })),
        ran.position(|event| matches!(event, Event::FaultPrepared { .. })),
        ran.position(|event| matches!(event, Event::FaultInjected { .. })),
        ran.position(
            |event| matches!(event, Event::FaultEffect { effect, .. } if effect.confirmed),
        ),
        ran.position(|event| matches!(event, Event::FaultHealing { .. })),
        ran.position(|event| matches!(event, Event::FaultHealed { .. })),
        ran.position(|event| matches!(event, Event::FaultClean { .. })),
        ran.position(|event| matches!(event, Event::RedundancyRestored { .. })),
        ran.position(|event| matches!(event, Event::LoadStopped { .. })),
        ran.position(|event| matches!(event, Event::ReadBack(done) if done.complete)),
        ran.position(|event| {
            matches!(
                event,
                Event::CleanedUp {
                    orders_open: Some(0),
                    ..
                }
            )
        }),
        ran.position(|event| matches!(event, Event::RunFinished { .. })),
    ];
    assert!(order.is_sorted(), "{order:?} in {:#?}", ran.events);
    assert_eq!(
        ran.count(|event| matches!(event, Event::LeftBehind { .. })),
        0
    );
    ran.position(|event| matches!(event, Event::ReplicaReady { ready: false, .. }));
    let refused = ran.events.iter().find_map(|event| match event {
        Event::Generator { report } => Some(report.outcomes.refused + report.outcomes.not_sent),
        _ => None,
    });
    assert!(refused.unwrap() > 0);
    assert!(ran.run_dir.root().join("journal.jsonl").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupt_while_a_fault_is_on_heals_it_first() {
    let mut plan = leader_kill();
    plan.faults[0].hold_ns = 20_000_000_000;
    let ran = run_plan(plan, Some(Duration::from_secs(9))).await;
    assert_eq!(ran.end.exit_floor, Some(ExitCode::Interrupted));
    let order = [
        ran.position(|event| matches!(event, Event::FaultInjected { .. })),
        ran.position(|event| matches!(event, Event::Interrupted { .. })),
        ran.position(|event| matches!(event, Event::FaultHealing { .. })),
        ran.position(|event| matches!(event, Event::FaultClean { .. })),
    ];
    assert!(order.is_sorted(), "{:#?}", ran.events);
    assert_eq!(
        (
            ran.finished(),
            ran.count(|event| matches!(event, Event::LeftBehind { .. }))
        ),
        (0, 0)
    );
    assert!(ran.took < Duration::from_secs(16), "{:?}", ran.took);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drill_is_silenced_while_its_fault_is_on_and_its_alert_is_on_record() {
    let monitoring = Alertmanager::open().await;
    let mut plan = leader_kill();
    let cluster = BTreeMap::from([("cluster".to_string(), "ours".to_string())]);
    plan.system.alerts = Some(Alerts {
        ask: AlertSource::Alertmanager(monitoring.base.clone()),
        labels: cluster.clone(),
        silence: Some(SilencePlan {
            alertmanager: monitoring.base.clone(),
            labels: cluster,
        }),
    });
    plan.rules.push(Rule {
        id: "rings".to_string(),
        kind: RuleKind::Alert(AlertRule {
            name: "LeaderDown".to_string(),
            labels: BTreeMap::new(),
            after: plan.faults[0].id.clone(),
            within_ns: 5_000_000_000,
            resolved_within_ns: Some(5_000_000_000),
        }),
        severity: Severity::Critical,
        source: None,
    });
    let folder = tempfile::tempdir().unwrap();
    let events = RunDir::at(&folder.path().join("run")).events();
    let (server, silent_at_fault) = (monitoring.clone(), Arc::new(std::sync::OnceLock::new()));
    let seen = Arc::clone(&silent_at_fault);
    let bell = tokio::spawn(async move {
        loop {
            let text = std::fs::read_to_string(&events).unwrap_or_default();
            match (
                text.contains("fault-injected"),
                text.contains("fault-clean"),
            ) {
                (true, false) => {
                    let _known = seen.set(server.silent());
                    server.fire(&["LeaderDown"]);
                }
                (true, true) => server.fire(&[]),
                (false, _) => {}
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let state = StateDir::at(&folder.path().join("state"));
    let ran = run_in_folder(folder, &state, plan, None).await;
    bell.abort();
    assert_eq!(ran.end.exit_floor, None, "{:?}", ran.end.message);
    assert_eq!(silent_at_fault.get(), Some(&1), "silenced before the fault");
    assert_eq!(monitoring.silent(), 0, "and not any more");
    assert_eq!(monitoring.silences().len(), 1);
    let record = read_series(&ran.run_dir.series()).unwrap().unwrap();
    assert_eq!(record.series.len(), 1, "{:?}", record.series);
    assert_eq!(record.series[0].labels["alertname"], "LeaderDown");
    let last = record.looks.last().unwrap();
    assert!(
        last.values.is_empty(),
        "it was watched until it was over: {:#?}\n{:#?}",
        record.looks,
        ran.events
    );
    let journal = std::fs::read_to_string(ran.run_dir.root().join("journal.jsonl")).unwrap();
    let (intent, healed) = (
        journal.find("\"undo\":\"silence\""),
        journal.find("\"fault-healed\",\"fault\":\"silence\""),
    );
    assert!(intent.is_some() && intent < healed, "{journal}");
    assert_eq!(
        ran.count(|event| matches!(event, Event::LeftBehind { .. })),
        0
    );
}

#[tokio::test]
async fn a_silence_that_cannot_be_made_ends_the_run_before_its_first_order() {
    let mut plan = leader_kill();
    plan.system.alerts = Some(Alerts {
        ask: AlertSource::Alertmanager("http://127.0.0.1:9".to_string()),
        labels: BTreeMap::new(),
        silence: Some(SilencePlan {
            alertmanager: "http://127.0.0.1:9".to_string(),
            labels: BTreeMap::from([("cluster".to_string(), "ours".to_string())]),
        }),
    });
    let ran = run_plan(plan, None).await;
    assert_eq!(ran.end.exit_floor, Some(ExitCode::Unavailable));
    let message = ran.end.message.as_deref().unwrap();
    assert!(message.contains("monitoring"), "{message}");
    let begun =
        |event: &Event| matches!(event, Event::LoadStarted { .. } | Event::LeftBehind { .. });
    assert_eq!(ran.count(begun), 0);
}
