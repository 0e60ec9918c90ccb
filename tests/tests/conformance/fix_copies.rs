//! The drop copy: every acknowledged message is in it, whatever happens to the engine.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use shakedown_load::{GeneratorConfig, Work};
use shakedown_record::Outcome;
use shakedown_record::ledger::{CopiedReport, OrderKind, read_drop_copy};
use shakedown_scenarios::plan::{FixDropCopy, GatewayPlan};

use crate::fix::gateway;
use crate::reference::{Engine, full_mix};
use crate::rig::{MS, Run, config, roll, run};
use crate::way::Way;

fn with_copies(engine: &Engine) -> GeneratorConfig {
    let mut config = config(Way::Fix, engine.entry(Way::Fix));
    config.plan.mix = full_mix();
    let mut fix = gateway();
    fix.drop_copy = Some(FixDropCopy {
        sender: "SHK-COPY".to_string(),
        target: "ENGINE-DC".to_string(),
    });
    if let Work::Orders { gateway, .. } = &mut config.work {
        *gateway = GatewayPlan::Fix(Box::new(fix));
    }
    config
}

/// Acknowledged slots of which the drop copy says nothing: the report has the engine's sequence number, the order's id
/// and what was done.
fn missing(run: &Run, copies: &[CopiedReport]) -> Vec<u64> {
    let known: BTreeSet<(&str, &str, &str)> = copies
        .iter()
        .map(|copy| (&*copy.exec_id, &*copy.exec_type, &*copy.id))
        .collect();
    let acked = run.with(Outcome::Acked).into_iter();
    acked
        .filter(|slot| {
            let entry = &run.entries[slot];
            let sequence = entry.sequence.unwrap().to_string();
            let done = match entry.kind {
                OrderKind::Cancel => "4",
                OrderKind::Replace => "5",
                OrderKind::New | OrderKind::Oversized | OrderKind::Request => "0",
            };
            let id = format!("t3st00-{}", entry.target.unwrap_or(*slot));
            !known.contains(&(&*sequence, done, &*id))
        })
        .collect()
}

#[test]
fn every_acknowledged_message_is_in_the_drop_copy() {
    let engine = Engine::start(Way::Fix);
    let run = run(with_copies(&engine));
    assert!(run.outcomes().acked > 100, "{:?}", run.outcomes());
    let mut copies = read_drop_copy(run.folder.path()).unwrap();
    assert_eq!(missing(&run, &copies), Vec::<u64>::new());
    let ids: BTreeSet<&str> = copies.iter().map(|copy| &*copy.exec_id).collect();
    assert_eq!(ids.len(), copies.len(), "every report once");
    let rejected = copies.iter().filter(|copy| copy.exec_type == "8").count() as u64;
    let outcomes = run.outcomes();
    assert!(
        rejected > 0 && rejected <= outcomes.rejected + outcomes.timeout,
        "{rejected} {outcomes:?}"
    );
    let trades: Vec<&CopiedReport> = copies.iter().filter(|copy| copy.exec_type == "F").collect();
    assert!(
        !trades.is_empty() && trades.len().is_multiple_of(2),
        "both sides of each"
    );
    assert!(
        trades
            .iter()
            .all(|trade| trade.last_price.is_some() && trade.last_quantity.is_some())
    );
    let acked = run.with(Outcome::Acked).len();
    let first = copies
        .iter()
        .position(|copy| copy.exec_type == "0")
        .unwrap();
    copies.remove(first);
    assert_eq!(
        missing(&run, &copies).len(),
        1,
        "one of {acked} is missed when it is not there"
    );
}

#[test]
fn the_drop_copy_is_whole_again_when_the_engine_has_ended_and_come_back() {
    let mut engine = Engine::start(Way::Fix);
    let mut config = with_copies(&engine);
    config.duration_ns = Some(3_000 * MS);
    let rolling = roll(config);
    thread::sleep(Duration::from_millis(800));
    engine.cut();
    thread::sleep(Duration::from_millis(200));
    engine.up();
    let run = rolling.finish();
    let outcomes = run.outcomes();
    assert!(outcomes.acked > 50 && outcomes.acked < run.finished.scheduled);
    let copies = read_drop_copy(run.folder.path()).unwrap();
    assert_eq!(missing(&run, &copies), Vec::<u64>::new());
}
