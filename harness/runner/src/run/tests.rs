//! Whole runs against an exchange in this process, with the real load.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use shakedown_record::ExitCode;
use shakedown_record::event::{Event, Moment, read_events};
use shakedown_record::fault::Firing;
use shakedown_record::ledger::read_retries;
use shakedown_record::run_dir::RunDir;
use shakedown_record::run_record::Severity;
use shakedown_record::series::read_series;
use shakedown_scenarios::Compiled;
use shakedown_scenarios::plan::{
    AbortRule, AlertRule, AlertSource, Alerts, BlastRadius, Direction, EnvironmentPlan, FaultKind,
    FaultPlan, Hours, LinkEnd, LocalStandIn, Plan, Repeat, RetryPolicy, Rule, RuleKind, Selector,
    Signal, SilencePlan, Trigger, Window, WindowKind,
};
use tempfile::TempDir;
use tokio::sync::watch;

use super::shell::run_in;
use super::targets::resolve;
use super::*;
use crate::guard::Guarded;
use crate::lock::{Holder, Lock};
use crate::state_dir::StateDir;
use crate::testing::{Alertmanager, Exchange, Fault, SECRET, plan, target, write_exe};

/// A run and what it left.
struct Ran {
    end: RunEnd,
    events: Vec<Event>,
    run_dir: RunDir,
    folder: TempDir,
    took: Duration,
}

async fn run_plan(plan: Plan, interrupt_after: Option<Duration>) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let state = StateDir::at(&folder.path().join("state"));
    run_in_folder(folder, &state, plan, interrupt_after).await
}

async fn run_plan_in(state: &StateDir, plan: Plan, interrupt_after: Option<Duration>) -> Ran {
    run_in_folder(tempfile::tempdir().unwrap(), state, plan, interrupt_after).await
}

async fn run_in_folder(
    folder: TempDir,
    state: &StateDir,
    plan: Plan,
    interrupt_after: Option<Duration>,
) -> Ran {
    let exe = write_exe(folder.path());
    let run_dir = RunDir::create(&folder.path().join("run")).unwrap();
    let request = RunRequest {
        compiled: Compiled {
            plan,
            scenario_yaml: "scenario: test\n".to_string(),
            system_yaml: "system: acme\n".to_string(),
        },
        run_dir: run_dir.clone(),
        run_id: "20260102T030405Z-test".to_string(),
        exe,
        defects: Vec::new(),
        blunted: std::collections::BTreeSet::new(),
        operator: None,
        guarded: Guarded::default(),
    };
    let (sender, receiver) = watch::channel(None);
    let began = Instant::now();
    if let Some(after) = interrupt_after {
        let sender = sender.clone();
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            sender.send(Some("SIGINT".to_string())).unwrap();
        });
    }
    let end = run_in(Ok(state.clone()), request, receiver, |_| {}).await;
    let events = read_events(&run_dir.events()).unwrap();
    Ran {
        end,
        events: events.into_iter().map(|it| it.event).collect(),
        run_dir,
        folder,
        took: began.elapsed(),
    }
}

impl Ran {
    fn count(&self, pick: impl Fn(&Event) -> bool) -> usize {
        self.events.iter().filter(|event| pick(event)).count()
    }

    fn position(&self, pick: impl Fn(&Event) -> bool) -> usize {
        let found = self.events.iter().position(pick);
        found.unwrap_or_else(|| panic!("missing in {:#?}", self.events))
    }

    fn finished(&self) -> usize {
        self.count(|event| matches!(event, Event::RunFinished { .. }))
    }

    /// Everything that was written, as text.
    fn texts(&self) -> String {
        let mut text = String::new();
        let mut folders = vec![self.folder.path().to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let bytes = std::fs::read(&path).unwrap();
                    text.push_str(&String::from_utf8_lossy(&bytes));
                }
            }
        }
        text
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_without_faults_leaves_the_whole_record_and_no_open_order() {
    let exchange = Exchange::open().await;
    let twin = exchange.twin().await;
    let plan = plan(&[exchange.base.clone(), twin.base.clone()]);
    let ran = run_plan(plan, None).await;
    assert_eq!(ran.end.exit_floor, None, "{:?}", ran.end.message);
    let order = [
        ran.position(|event| matches!(event, Event::RunStarted { .. })),
        ran.position(|event| {
            matches!(
                event,
                Event::TargetSeen {
                    when: Moment::Before,
                    ..
                }
            )
        }),
        ran.position(|event| matches!(event, Event::LoadStarted { .. })),
        ran.position(|event| matches!(event, Event::SteadyReached)),
        ran.position(|event| matches!(event, Event::LoadStopped { .. })),
        ran.position(|event| matches!(event, Event::Generator { .. })),
        ran.position(|event| matches!(event, Event::RetriesDone { .. })),
        ran.position(|event| matches!(event, Event::Sentinel { acked: true, .. })),
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
        ran.position(|event| {
            matches!(
                event,
                Event::TargetSeen {
                    when: Moment::After,
                    ..
                }
            )
        }),
        ran.position(|event| matches!(event, Event::RunFinished { .. })),
    ];
    assert!(order.is_sorted(), "{order:?} in {:#?}", ran.events);
    assert_eq!(order[11], ran.events.len() - 1);
    assert_eq!(
        ran.count(|event| matches!(event, Event::ReadBack(done) if done.complete)),
        2
    );
    let latency = |event: &Event| matches!(event, Event::EngineLatency { count: 4, .. });
    assert_eq!(ran.count(latency), 4);
    assert!(exchange.orders().iter().all(|order| order.state != "open"));
    assert_eq!(read_retries(&ran.run_dir.ledger()).unwrap().len(), 4);
    let mut ids: BTreeMap<String, u32> = BTreeMap::new();
    for order in exchange.orders() {
        *ids.entry(order.id).or_default() += 1;
    }
    assert!(ids.values().all(|count| *count == 1));
    assert!(!ran.texts().contains(SECRET));
    assert!(ran.run_dir.root().join("journal.jsonl").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupt_stops_the_load_and_cancels_our_orders() {
    let exchange = Exchange::open().await;
    let plan = plan(std::slice::from_ref(&exchange.base));
    let ran = run_plan(plan, Some(Duration::from_millis(1_500))).await;
    assert_eq!(ran.end.exit_floor, Some(ExitCode::Interrupted));
    assert!(ran.took < Duration::from_secs(6), "{:?}", ran.took);
    assert_eq!(
        (
            ran.finished(),
            ran.count(|it| matches!(it, Event::Interrupted { .. }))
        ),
        (0, 1)
    );
    ran.position(|event| matches!(event, Event::LoadStopped { .. }));
    ran.position(|event| {
        matches!(
            event,
            Event::CleanedUp {
                orders_open: Some(0),
                ..
            }
        )
    });
    assert!(!exchange.orders().is_empty());
    assert!(exchange.orders().iter().all(|order| order.state != "open"));
}

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

#[tokio::test]
async fn an_address_where_nobody_is_cannot_be_reached() {
    let ran = run_plan(plan(&["http://127.0.0.1:9".to_string()]), None).await;
    assert_eq!(ran.end.exit_floor, Some(ExitCode::Unavailable));
    ran.position(|event| matches!(event, Event::EnvironmentFailed { .. }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_external_system_may_take_a_moment_to_be_ready() {
    let exchange = Exchange::open().await;
    exchange.misbehave(Fault::NotReady);
    let later = exchange.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(600)).await;
        assert!(later.orders().is_empty());
        later.misbehave(Fault::None);
    });
    let plan = plan(std::slice::from_ref(&exchange.base));
    let ran = run_plan(plan, Some(Duration::from_millis(1_800))).await;
    assert_eq!(ran.end.exit_floor, Some(ExitCode::Interrupted));
    ran.position(|event| matches!(event, Event::LoadStopped { .. }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupt_before_the_load_sends_nothing() {
    let exchange = Exchange::open().await;
    exchange.misbehave(Fault::NotReady);
    let plan = plan(std::slice::from_ref(&exchange.base));
    let ran = run_plan(plan, Some(Duration::from_millis(500))).await;
    assert_eq!(ran.end.exit_floor, Some(ExitCode::Interrupted));
    assert!(ran.took < Duration::from_secs(3));
    assert!(exchange.orders().is_empty());
    ran.position(|event| matches!(event, Event::Interrupted { .. }));
    assert!(ran.run_dir.root().join("journal.jsonl").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_abort_condition_ends_the_run_but_not_its_evidence() {
    let exchange = Exchange::open().await;
    let mut plan = plan(std::slice::from_ref(&exchange.base));
    // Nothing matches: every answer is a bad response.
    plan.system.orders.new.acked.status = vec![299];
    plan.abort.push(AbortRule::ErrorRate {
        id: "storm".to_string(),
        above: 0.5,
        for_ns: 500_000_000,
    });
    plan.system.session.retry = RetryPolicy::Never;
    plan.load.mix.cancel = 0;
    plan.system.orders.new.rejected = None;
    let ran = run_plan(plan, None).await;
    assert_eq!(ran.end.exit_floor, None);
    let met = ran.position(|event| matches!(event, Event::AbortMet { .. }));
    let sentinel = ran.position(|event| matches!(event, Event::Sentinel { acked: false, .. }));
    assert!(met < sentinel);
    let incomplete = |event: &Event| matches!(event, Event::ReadBack(done) if !done.complete);
    assert_eq!((ran.count(incomplete), ran.finished()), (1, 1));
    assert!(exchange.orders().iter().all(|order| order.state != "open"));
}

/// One node of our own whose leader is killed for a second.
fn leader_kill() -> Plan {
    let mut plan = plan(&["http://127.0.0.1:9".to_string()]);
    plan.environment = EnvironmentPlan::Local {
        stand_in: LocalStandIn::Engine {
            part: "engine".to_string(),
        },
    };
    plan.load.mix.cancel = 0;
    plan.faults.push(FaultPlan {
        id: "leader-dies".to_string(),
        kind: FaultKind::Kill {
            signal: Signal::Kill,
        },
        to: Selector::Role("leader".to_string()),
        when: Trigger::AfterSteady { by_ns: 0 },
        hold_ns: 1_000_000_000,
        repeat: Repeat {
            times: 1,
            every_ns: 0,
            jitter_ns: 0,
        },
    });
    plan
}

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
    assert!(last.values.is_empty(), "it was watched until it was over");
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

fn firing() -> Firing {
    Firing {
        fault: "f".to_string(),
        occurrence: 0,
    }
}

#[tokio::test]
async fn targets_are_who_they_are_now() {
    let exchange = Exchange::open().await;
    let (second, third) = (exchange.twin().await, exchange.twin().await);
    let bases = [&exchange, &second, &third].map(|it| it.base.clone());
    let target = target(plan(&bases), &bases);
    let names = async |selector: Selector| -> Result<Vec<String>, String> {
        let found = resolve(&target, &selector, &firing(), None).await?;
        Ok(found.targets.into_iter().map(|it| it.name).collect())
    };
    let leader = || Selector::Role("leader".to_string());
    assert_eq!(names(leader()).await.unwrap(), ["engine-1"]);
    exchange.set_role("follower");
    third.set_role("leader");
    assert_eq!(names(leader()).await.unwrap(), ["engine-3"]);
    let part = Selector::Part("engine".to_string());
    assert_eq!(
        names(part).await.unwrap(),
        ["engine-1", "engine-2", "engine-3"]
    );
    let follower = || Selector::Random {
        part: "engine".to_string(),
        count: 1,
        without_role: Some("leader".to_string()),
    };
    let chosen = names(follower()).await.unwrap();
    assert_ne!(chosen, ["engine-3"]);
    assert_eq!(names(follower()).await.unwrap(), chosen);
    let nobody = Selector::Name("engine-9".to_string());
    assert!(
        names(nobody)
            .await
            .unwrap_err()
            .contains("no replica 'engine-9'")
    );
    let far = async |to: LinkEnd| {
        let selector = Selector::Link {
            from: Box::new(leader()),
            to,
            direction: Direction::There,
        };
        let aim = resolve(&target, &selector, &firing(), None).await;
        aim.map(|aim| aim.far.expect("a link has two ends"))
    };
    let peers = far(LinkEnd::Peers).await.unwrap();
    assert_eq!(peers.replicas, ["engine-1", "engine-2"]);
    assert!(!peers.clients && peers.direction == Direction::There);
    let clients = far(LinkEnd::Clients).await.unwrap();
    assert!(clients.clients && clients.replicas.is_empty());
    let to_itself = LinkEnd::Replicas(Box::new(Selector::Name("engine-3".to_string())));
    assert!(
        far(to_itself)
            .await
            .unwrap_err()
            .contains("nothing is left")
    );
    let arbiter = Selector::Role("arbiter".to_string());
    assert!(names(arbiter).await.unwrap_err().contains("no part"));
}

#[tokio::test]
async fn a_role_that_nobody_or_everybody_has_is_no_target() {
    let exchange = Exchange::open().await;
    let second = exchange.twin().await;
    let bases = [exchange.base.clone(), second.base.clone()];
    let target = target(plan(&bases), &bases);
    let leader = Selector::Role("leader".to_string());
    exchange.set_role("candidate");
    let began = Instant::now();
    let none = resolve(&target, &leader, &firing(), None)
        .await
        .unwrap_err();
    assert!(none.contains("no replica says that it is leader"), "{none}");
    assert!(began.elapsed() >= Duration::from_secs(2));

    exchange.set_role("leader");
    second.set_role("leader");
    let several = resolve(&target, &leader, &firing(), None)
        .await
        .unwrap_err();
    assert!(several.contains("engine-1 and engine-2"), "{several}");

    // A leader that is elected while we ask is found.
    exchange.set_role("follower");
    second.set_role("follower");
    let elected = Arc::new(second);
    let later = Arc::clone(&elected);
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(300)).await;
        later.set_role("leader");
    });
    let found = resolve(&target, &leader, &firing(), None).await.unwrap();
    assert_eq!(found.targets[0].name, "engine-2");
}
