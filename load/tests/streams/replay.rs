//! A recorded stream once more: its times, and which order each message means.

use shakedown_load::flow::{Flow, LiveBySlot, LiveOrder};
use shakedown_load::pacing::Schedule;
use shakedown_record::ledger::{OrderKind, Side};
use shakedown_scenarios::plan::LoadPlan;

use crate::common::{digest, load_with, stream};

const MS: u64 = 1_000_000;

/// Two orders: the first is reduced and then reduced to nothing, the second is hit and then deleted. Three lines are about
/// what nobody can send.
const RECORDING: &str = "\
34200.000000000,1,11,100,500000000,1
34200.100000000,1,12,50,500100000,-1
34200.150000000,5,0,10,500050000,1
34200.200000001,2,11,40,500000000,1
34200.250000000,3,99,10,499000000,1
34200.300000000,4,12,20,500100000,-1
34200.300000000,3,12,30,500100000,-1
34200.500000000,2,11,60,500000000,1
34200.600000000,7,0,0,-1,-1
";

fn replay(words: &str) -> LoadPlan {
    let section = format!(
        "  arrival: {{ replay: {{ file: r.csv, again: true{words} }} }}
  symbols: {{ names: [BTCUSD] }}
  accounts: {{ skew: {{ zipf: 1 }} }}
  sessions: 4
  timeout: 1s"
    );
    load_with(&section, RECORDING)
}

#[test]
fn each_message_is_sent_as_it_was_recorded() {
    let found: Vec<_> = stream(&replay(""), 7, 6)
        .into_iter()
        .map(|(slot, draft)| {
            let order = (draft.side, draft.price_ticks, draft.quantity_lots);
            (slot.at_ns, draft.kind, order, draft.aim)
        })
        .collect();
    let (low, high) = (5_000_000, 5_001_000);
    assert_eq!(
        found,
        [
            (0, OrderKind::New, (Side::Buy, low, 100), None),
            (100 * MS, OrderKind::New, (Side::Sell, high, 50), None),
            (
                200 * MS + 1,
                OrderKind::Replace,
                (Side::Buy, low, 60),
                Some(0)
            ),
            (300 * MS, OrderKind::New, (Side::Buy, high, 20), None),
            (300 * MS, OrderKind::Cancel, (Side::Sell, high, 30), Some(1)),
            (500 * MS, OrderKind::Cancel, (Side::Buy, low, 60), Some(0)),
        ]
    );
}

#[test]
fn a_recording_begins_again_a_mean_gap_after_its_end() {
    let plan = replay("");
    let second: Vec<_> = stream(&plan, 7, 12).split_off(6);
    let first = stream(&plan, 7, 6);
    for ((slot, draft), (slot_before, before)) in second.iter().zip(&first) {
        assert_eq!(slot.at_ns, slot_before.at_ns + 600 * MS);
        assert_eq!(draft.aim, before.aim.map(|aim| aim + 6));
        assert_eq!(
            (draft.kind, draft.price_ticks),
            (before.kind, before.price_ticks)
        );
    }
}

#[test]
fn speed_divides_times_and_nothing_else() {
    let (plain, fast) = (
        stream(&replay(""), 7, 30),
        stream(&replay(", speed: 2"), 7, 30),
    );
    for ((slot, draft), (fast_slot, fast_draft)) in plain.iter().zip(&fast) {
        assert!(fast_slot.at_ns.abs_diff(slot.at_ns / 2) <= 1 + slot.index / 6);
        assert_eq!(draft, fast_draft);
    }
}

#[test]
fn prices_around_the_middle_keep_their_distances() {
    let plan = replay(", prices: around, tick: 0.1");
    let ticks: Vec<i64> = stream(&plan, 7, 2)
        .iter()
        .map(|(_, draft)| draft.price_ticks)
        .collect();
    assert_eq!(ticks, [5_000_000, 5_000_100]);
}

#[test]
fn a_recording_that_is_over_is_followed_by_nothing() {
    let mut lines = RECORDING.to_string();
    for (number, id) in (1..=80).enumerate() {
        lines += &format!("{}.5,1,{},10,500000000,1\n", 34_201 + number, 100 + id);
    }
    let section = "  arrival: { replay: { file: r.csv } }
  symbols: { names: [BTCUSD] }
  sessions: 4
  timeout: 1s";
    let plan = load_with(section, &lines);
    let mut schedule = Schedule::new(plan.arrival, 7);
    assert_eq!(schedule.nth(85).map(|slot| slot.at_ns), Some(80_500 * MS));
    assert_eq!(
        schedule.next().map(|slot| slot.at_ns),
        Some(Schedule::NEVER_NS)
    );
    assert_eq!(
        schedule.next().map(|slot| slot.at_ns),
        Some(Schedule::NEVER_NS)
    );
}

#[test]
fn an_order_that_is_not_live_stands_for_the_nearest_of_its_side() {
    let plan = replay("");
    let flow = Flow::new(&plan, 7).unwrap();
    let cancel = flow.draft(5);
    let order = |slot, side, price_ticks| LiveOrder {
        slot,
        symbol: 0,
        side,
        account: 0,
        price_ticks,
        quantity_lots: 1,
        server_id: None,
    };
    let fill = |takes_the_nearest| {
        let mut live = LiveBySlot::for_sessions(1, takes_the_nearest);
        live.add(order(20, Side::Buy, 5_000_300));
        live.add(order(21, Side::Buy, 4_999_900));
        live.add(order(22, Side::Buy, 5_000_100));
        live.add(order(23, Side::Sell, 5_000_000));
        live
    };
    let mut live = fill(true);
    let slots: Vec<u64> =
        std::iter::from_fn(|| live.take(0, &cancel).map(|order| order.slot)).collect();
    assert_eq!(slots, [21, 22, 20]);
    assert_eq!(
        fill(true).take(23, &cancel).map(|order| order.slot),
        Some(23)
    );
    assert_eq!(fill(false).take(0, &cancel), None);
    let mut full = LiveBySlot::for_sessions(usize::MAX, false);
    (0..200).for_each(|slot| full.add(order(slot, Side::Buy, 1)));
    assert_eq!(full.take(71, &cancel), None, "the oldest are forgotten");
    assert!(full.take(72, &cancel).is_some());
}

/// Changing one of these breaks the replay of every recorded run: do it knowingly and say so in the changelog.
#[test]
fn one_seed_is_one_stream_for_ever() {
    let plan = replay("");
    // The seed decides the accounts.
    let found = vec![[digest(&plan, 7, 1_000), digest(&plan, 8, 1_000)]];
    assert_eq!(found, GOLDEN);
}

const GOLDEN: [[&str; 2]; 1] = [[
    "d25aaa39d60bc3edbc2784cc70225e44a2ee361bdcf7056b740d1bdabeb5f5c9",
    "6de9200e98ffab4d5540801bd73282fe937cd49dd5e5c7492b1c55f674d95ae2",
]];
