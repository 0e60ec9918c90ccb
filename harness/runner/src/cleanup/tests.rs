use shakedown_record::ledger::OrderKind;
use shakedown_record::run_dir::RunDir;
use shakedown_scenarios::plan::{DataLayout, Plan};

use super::*;
use crate::sentinel::Sentinels;
use crate::testing::{Exchange, Fault, SECRET, by_id, plan, target, write_ledger};

/// Three acknowledged orders, the second cancelled by the load; all three are at the exchange.
async fn clean(adapt: impl Fn(Plan) -> Plan, fault: Fault, known: bool) -> (CleanedUp, Exchange) {
    clean_through(adapt, fault, known, &[]).await
}

/// The same, with other entries before that of the exchange.
async fn clean_through(
    adapt: impl Fn(Plan) -> Plan,
    fault: Fault,
    known: bool,
    others: &[String],
) -> (CleanedUp, Exchange) {
    let exchange = Exchange::open().await;
    for (id, state) in [
        ("abc123-0", "open"),
        ("abc123-1", "cancelled"),
        ("abc123-2", "open"),
        ("somebody-else", "open"),
    ] {
        exchange.put(id, state);
    }
    exchange.misbehave(fault);
    let folder = tempfile::tempdir().unwrap();
    let run_dir = RunDir::create(&folder.path().join("run")).unwrap();
    let acked = Some(Outcome::Acked);
    let slots = [
        (OrderKind::New, acked, None),
        (OrderKind::New, acked, None),
        (OrderKind::New, acked, None),
        (OrderKind::Cancel, acked, Some(1)),
    ];
    write_ledger(&run_dir.ledger(), &slots);
    let bases = [exchange.base.clone()];
    let mut target = target(adapt(plan(&bases)), &bases);
    let entry = others.iter().chain(&bases).cloned().collect();
    Arc::get_mut(&mut target).unwrap().entry = entry;
    let ours = Arc::new(Ours::open(&target, &run_dir, Sentinels::none("none")).unwrap());
    let ids = |id: &str| OrderIds {
        client: id.to_string(),
        engine: id.to_string(),
    };
    let open = known.then(|| BTreeSet::from([ids("abc123-0"), ids("abc123-2")]));
    (clean_up(&target, &ours, open).await, exchange)
}

fn open_at(exchange: &Exchange) -> Vec<String> {
    let orders = exchange.orders().into_iter();
    let open = orders.filter(|order| order.state == "open");
    open.map(|order| order.id).collect()
}

#[tokio::test]
async fn what_is_open_of_ours_is_cancelled_and_nothing_else() {
    let none: fn(Plan) -> Plan = std::convert::identity;
    for (adapt, known) in [(none, true), (none, false), (by_id, true), (by_id, false)] {
        let (done, exchange) = clean(adapt, Fault::None, known).await;
        assert_eq!(
            (done.cancelled, done.orders_open, done.reason),
            (2, Some(0), None)
        );
        assert_eq!(open_at(&exchange), ["somebody-else"]);
    }
}

#[tokio::test]
async fn an_entry_at_which_nobody_is_keeps_no_order_open() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let dead = format!("http://{}", gone.local_addr().unwrap());
    drop(gone);
    for others in [vec![dead.clone()], vec![dead.clone(), dead.clone()]] {
        let none: fn(Plan) -> Plan = std::convert::identity;
        let (done, exchange) = clean_through(none, Fault::None, true, &others).await;
        assert_eq!(
            (done.cancelled, done.orders_open, done.reason),
            (2, Some(0), None)
        );
        assert_eq!(open_at(&exchange), ["somebody-else"]);
    }
}

#[tokio::test]
async fn what_cannot_be_cancelled_is_counted() {
    let (done, exchange) = clean(std::convert::identity, Fault::KeepsOpen, true).await;
    assert_eq!((done.cancelled, done.orders_open), (0, Some(2)));
    assert!(
        done.reason
            .unwrap()
            .contains("cannot be cancelled: status 500")
    );
    assert_eq!(open_at(&exchange).len(), 3);
}

#[tokio::test]
async fn what_cannot_be_read_afterwards_is_judged_by_the_answers() {
    let (done, _) = clean(std::convert::identity, Fault::EchoesSecret, true).await;
    assert_eq!((done.cancelled, done.orders_open), (2, Some(0)));
    let (blind, _) = clean(
        |mut plan| {
            plan.system.read_back = None;
            plan
        },
        Fault::KeepsOpen,
        false,
    )
    .await;
    assert_eq!(blind.orders_open, Some(2));
    let reason = blind.reason.unwrap();
    assert!(!reason.contains(SECRET), "{reason}");
}

#[tokio::test]
async fn without_a_cancel_nothing_can_be_told() {
    let (done, _) = clean(
        |mut plan| {
            plan.system.orders.cancel = None;
            plan
        },
        Fault::None,
        true,
    )
    .await;
    assert_eq!(done.orders_open, None);
    assert!(done.reason.unwrap().contains("no cancel"));
}

#[tokio::test]
async fn a_profile_that_leaves_orders_says_so() {
    let (done, exchange) = clean(
        |mut plan| {
            plan.system.clean_up = CleanUp::Nothing;
            plan
        },
        Fault::None,
        true,
    )
    .await;
    assert_eq!((done.cancelled, done.orders_open), (0, None));
    assert_eq!(open_at(&exchange).len(), 3);
}

#[tokio::test]
async fn where_each_replica_has_books_of_its_own_an_order_is_cancelled_where_it_is() {
    let exchanges = [Exchange::open().await, Exchange::open().await];
    exchanges[1].put("abc123-0", "open");
    let bases = exchanges.each_ref().map(|exchange| exchange.base.clone());
    let mut plan = plan(&bases);
    plan.system.data = DataLayout::Memory;
    plan.system.parts[0].replicas = 2;
    let target = target(plan, &bases);
    let folder = tempfile::tempdir().unwrap();
    let run_dir = RunDir::create(&folder.path().join("run")).unwrap();
    write_ledger(
        &run_dir.ledger(),
        &[(OrderKind::New, Some(Outcome::Acked), None)],
    );
    let ours = Arc::new(Ours::open(&target, &run_dir, Sentinels::none("none")).unwrap());
    let done = clean_up(&target, &ours, None).await;
    assert_eq!((done.cancelled, done.orders_open), (1, Some(0)));
    assert_eq!(open_at(&exchanges[1]), Vec::<String>::new());
}
