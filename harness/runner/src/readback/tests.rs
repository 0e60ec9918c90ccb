use std::sync::Arc;
use std::time::{Duration, Instant};

use shakedown_record::Outcome;
use shakedown_record::event::ReadBackDone;
use shakedown_record::ledger::OrderKind;
use shakedown_record::readback::{ReadKind, Row, read_rows};
use shakedown_record::run_dir::RunDir;
use shakedown_scenarios::plan::{Identity, Plan};
use tempfile::TempDir;

use super::*;
use crate::probes::{OrderWords, Target};
use crate::sentinel::{SentinelOrder, Sentinels};
use crate::testing::{Exchange, Fault, SECRET, by_id, plan, target, write_ledger};

/// A run whose load is over: five orders in the ledger, four of them and the sentinel at the exchange.
struct Case {
    exchange: Exchange,
    run_dir: RunDir,
    _folder: TempDir,
}

impl Case {
    async fn new() -> Self {
        use OrderKind::{Cancel, New};
        let exchange = Exchange::open().await;
        let folder = tempfile::tempdir().unwrap();
        let run_dir = RunDir::create(&folder.path().join("run")).unwrap();
        let acked = Some(Outcome::Acked);
        let slots = [
            (New, acked, None),
            (New, acked, None),
            (New, Some(Outcome::Rejected), None),
            (New, Some(Outcome::Timeout), None),
            (New, Some(Outcome::Refused), None),
            (Cancel, acked, Some(1)),
        ];
        write_ledger(&run_dir.ledger(), &slots);
        for (id, state) in [
            ("abc123-0", "open"),
            ("somebody-else", "open"),
            ("abc123-1", "cancelled"),
            ("abc1234-9", "open"),
            ("abc123-3", "open"),
            ("abc123-s0", "open"),
        ] {
            exchange.put(id, state);
        }
        Self {
            exchange,
            run_dir,
            _folder: folder,
        }
    }

    fn bases(&self) -> Vec<String> {
        vec![self.exchange.base.clone()]
    }

    fn target(&self) -> Arc<Target> {
        target(plan(&self.bases()), &self.bases())
    }

    async fn read_with(&self, target: &Arc<Target>, sentinels: Sentinels) -> Vec<CopyRead> {
        let ours = Ours::open(target, &self.run_dir, sentinels).unwrap();
        let reading = Reading {
            target: Arc::clone(target),
            ours: Arc::new(ours),
            run_dir: self.run_dir.clone(),
            kind: ReadKind::Converged,
            converge_within: Duration::from_millis(600),
        };
        read_copies(&Arc::new(reading)).await
    }

    async fn read(&self, plan: Plan) -> CopyRead {
        let target = target(plan, &self.bases());
        let mut reads = self.read_with(&target, sentinel(Some(6))).await;
        assert_eq!(reads.len(), 1);
        reads.remove(0)
    }

    fn rows(&self) -> Vec<Row> {
        let rows = read_rows(self.run_dir.root(), ReadKind::Converged, "engine-1").unwrap();
        rows.map(Result::unwrap).collect()
    }

    async fn reason(&self, fault: Fault) -> String {
        self.exchange.misbehave(fault);
        let read = self.read(plan(&self.bases())).await;
        assert!(!read.done.complete);
        read.done.reason.unwrap()
    }
}

fn sentinel(sequence: Option<u64>) -> Sentinels {
    let words = OrderWords {
        id: "abc123-s0".to_string(),
        ..OrderWords::default()
    };
    Sentinels {
        orders: vec![SentinelOrder {
            words,
            server_id: Some("engine-77".to_string()),
            sequence,
            acked: true,
            copy: None,
        }],
        missing: None,
        sent: 1,
    }
}

fn ids(rows: &[Row]) -> Vec<(&str, bool)> {
    rows.iter()
        .map(|row| (row.id.as_str(), row.found))
        .collect()
}

#[tokio::test]
async fn a_list_is_read_over_its_pages_and_only_our_rows_are_kept() {
    let case = Case::new().await;
    let read = case.read(plan(&case.bases())).await;
    assert_eq!(
        read.done,
        ReadBackDone {
            read: ReadKind::Converged,
            replica: "engine-1".to_string(),
            complete: true,
            rows: 4,
            watermark: Some(6),
            reason: None,
            by_id: false,
            foreign: Some(2),
            trades: None,
            depth: None,
            during: None,
        }
    );
    let rows = case.rows();
    assert_eq!(
        ids(&rows),
        [
            ("abc123-0", true),
            ("abc123-1", true),
            ("abc123-3", true),
            ("abc123-s0", true)
        ]
    );
    assert_eq!(rows[0].price.as_deref(), Some("50000.00"));
    let open: Vec<String> = read
        .open
        .unwrap()
        .into_iter()
        .map(|ids| ids.client)
        .collect();
    assert_eq!(open, ["abc123-0", "abc123-3", "abc123-s0"]);
}

#[tokio::test]
async fn every_replica_is_read_and_named() {
    let case = Case::new().await;
    let twin = case.exchange.twin().await;
    let bases = vec![case.exchange.base.clone(), twin.base.clone()];
    twin.misbehave(Fault::Empty);
    let both = target(plan(&bases), &bases);
    let reads = case.read_with(&both, sentinel(Some(6))).await;
    let told: Vec<(&str, bool)> = reads
        .iter()
        .map(|read| (read.done.replica.as_str(), read.done.complete))
        .collect();
    assert_eq!(told, [("engine-1", true), ("engine-2", false)]);
}

#[tokio::test]
async fn an_order_that_is_there_twice_is_two_rows() {
    let case = Case::new().await;
    case.exchange.put("abc123-0", "open");
    let read = case.read(plan(&case.bases())).await;
    assert!(read.done.complete);
    let twice = case
        .rows()
        .iter()
        .filter(|row| row.id == "abc123-0")
        .count();
    assert_eq!(twice, 2);
}

#[tokio::test]
async fn ok_but_empty_is_not_complete() {
    let case = Case::new().await;
    assert!(
        case.reason(Fault::Empty)
            .await
            .contains("answers OK, but has no order")
    );
}

#[tokio::test]
async fn a_copy_without_the_sentinel_is_not_complete() {
    let case = Case::new().await;
    let reason = case.reason(Fault::Behind).await;
    assert!(
        reason.contains("does not have the acknowledged sentinel abc123-s0"),
        "{reason}"
    );
    case.exchange.misbehave(Fault::None);
    let read = case
        .read_with(&case.target(), sentinel(Some(7)))
        .await
        .remove(0);
    assert!(read.done.reason.unwrap().contains("watermark 6 is below"));
}

#[tokio::test]
async fn without_an_acknowledged_sentinel_nothing_is_complete_but_rows_are_kept() {
    let case = Case::new().await;
    let began = Instant::now();
    let none = Sentinels::none("nothing was acknowledged");
    let read = case.read_with(&case.target(), none).await.remove(0);
    assert_eq!(
        read.done.reason.as_deref(),
        Some("nothing was acknowledged")
    );
    assert_eq!((read.done.complete, read.done.rows), (false, 4));
    assert!(began.elapsed() < Duration::from_millis(500));
}

#[tokio::test]
async fn pages_that_lead_nowhere_end() {
    let case = Case::new().await;
    let circle = case.reason(Fault::Circle).await;
    assert!(circle.contains("cursor '0' came twice"), "{circle}");
    let nowhere = case.reason(Fault::EmptyForever).await;
    assert!(nowhere.contains("empty pages in a row"), "{nowhere}");
}

#[tokio::test]
async fn a_torn_page_is_not_complete() {
    let case = Case::new().await;
    let torn = case.reason(Fault::Torn).await;
    assert!(
        torn.contains("broke before the answer was complete"),
        "{torn}"
    );
}

#[tokio::test]
async fn an_error_is_quoted_without_the_secret_that_it_echoes() {
    let case = Case::new().await;
    let reason = case.reason(Fault::EchoesSecret).await;
    assert!(
        reason.contains("status 500: you sent me 'Bearer ***'"),
        "{reason}"
    );
    assert!(!reason.contains(SECRET));
}

#[tokio::test]
async fn nobody_at_the_address_is_not_complete() {
    let case = Case::new().await;
    let gone = vec!["http://127.0.0.1:9".to_string()];
    let nobody = target(plan(&gone), &gone);
    let read = case.read_with(&nobody, sentinel(Some(6))).await.remove(0);
    assert!(read.done.reason.unwrap().contains("connection refused"));
    assert_eq!(read.open, Some(Vec::new()).filter(|_| false));
}

#[tokio::test]
async fn by_id_every_order_that_may_be_there_is_asked_for() {
    let case = Case::new().await;
    let read = case.read(by_id(plan(&case.bases()))).await;
    assert_eq!(read.done.reason, None);
    assert!(read.done.complete && read.done.by_id);
    let mut rows = case.rows();
    rows.sort_by(|a, b| a.id.cmp(&b.id));
    assert_eq!(
        ids(&rows),
        [
            ("abc123-0", true),
            ("abc123-1", true),
            ("abc123-2", false),
            ("abc123-3", true),
            ("abc123-s0", true)
        ]
    );
    assert_eq!(read.open.unwrap().len(), 3);
}

#[tokio::test]
async fn by_id_an_unclear_answer_is_not_absence() {
    let case = Case::new().await;
    case.exchange.misbehave(Fault::EchoesSecret);
    let read = case.read(by_id(plan(&case.bases()))).await;
    let reason = read.done.reason.unwrap();
    assert!(
        !read.done.complete && reason.contains("Bearer ***"),
        "{reason}"
    );
    case.exchange.misbehave(Fault::WrongOrder);
    let read = case.read(by_id(plan(&case.bases()))).await;
    assert!(read.done.reason.unwrap().contains("answered with 'other'"));
}

#[tokio::test]
async fn ids_made_by_the_engine_are_asked_for_and_joined_with_ours() {
    let case = Case::new().await;
    let lines = "{\"slot\":0,\"id\":\"engine-11\"}\n{\"slot\":3,\"id\":\"engine-12\"}\n";
    std::fs::write(case.run_dir.ledger().join("server-ids-0.jsonl"), lines).unwrap();
    case.exchange.put("engine-11", "open");
    case.exchange.put("engine-77", "open");
    let mut plan = by_id(plan(&case.bases()));
    plan.system.orders.identity = Identity::Server;
    let read = case.read(plan.clone()).await;
    let reason = read.done.reason.unwrap();
    assert!(
        reason.contains("for 1 acknowledged orders the engine told no id"),
        "{reason}"
    );
    let mut rows = case.rows();
    rows.sort_by(|a, b| a.id.cmp(&b.id));
    assert_eq!(
        ids(&rows),
        [("abc123-0", true), ("abc123-3", false), ("abc123-s0", true)]
    );
    assert_eq!(
        read.open.unwrap(),
        [("abc123-0", "engine-11"), ("abc123-s0", "engine-77")].map(|(client, engine)| OrderIds {
            client: client.to_string(),
            engine: engine.to_string(),
        })
    );
}
