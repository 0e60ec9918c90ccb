//! How runs end: by themselves, by an interrupt, by a condition, or before they began.

use super::*;

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
