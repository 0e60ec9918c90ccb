//! A recording sent again: over one session exactly as it was, over several to the nearest orders of each.

use std::sync::Arc;

use shakedown_load::flow::Flow;
use shakedown_record::ledger::{OrderKind, Side};
use shakedown_scenarios::plan::{Arrival, Recorded, Recording, Replay};

use crate::rig::{Run, config, mix, run};
use crate::server::{Server, accept_now};

const MS: u64 = 1_000_000;

/// Every 10 ms an order and, of every third, its cancel 25 ms later.
fn recording() -> Recording {
    let mut messages: Vec<(u64, OrderKind, u32)> = Vec::new();
    for order in 0..60 {
        messages.push((u64::from(order) * 10 * MS, OrderKind::New, order));
        if order % 3 == 0 {
            let at_ns = u64::from(order) * 10 * MS + 25 * MS;
            messages.push((at_ns, OrderKind::Cancel, order));
        }
    }
    messages.sort_by_key(|(at_ns, ..)| *at_ns);
    let number = |wanted: u32| {
        let entered =
            |(_, kind, order): &(u64, OrderKind, u32)| *kind == OrderKind::New && *order == wanted;
        messages.iter().position(entered).unwrap() as u32
    };
    let recorded = messages.iter().map(|(at_ns, kind, order)| Recorded {
        at_ns: *at_ns,
        kind: *kind,
        side: if order % 2 == 0 {
            Side::Buy
        } else {
            Side::Sell
        },
        price_ticks: 5_000_000 + i64::from(*order),
        quantity_lots: 10 + order,
        order: number(*order),
    });
    Recording::new(recorded.collect(), "0".repeat(64), String::new())
}

fn replayed(server: &Server, sessions: u32) -> (Run, Flow) {
    let mut config = config(&server.url(), 1.0, sessions);
    config.plan.arrival = Arrival::Replay(Replay {
        recording: Arc::new(recording()),
        speed: 1.0,
        again: true,
    });
    config.plan.mix = mix(60, 20, 0);
    config.plan.symbols.truncate(1);
    // Nothing may be late: a slow machine must not end an order in another way.
    config.plan.timeout_ns = 20_000 * MS;
    let flow = Flow::new(&config.plan, config.seed).unwrap();
    let run = run(config);
    assert_eq!(run.outcomes().acked, run.finished.scheduled);
    (run, flow)
}

#[test]
fn over_one_session_every_message_means_the_recorded_order() {
    let server = Server::start(accept_now);
    let (run, flow) = replayed(&server, 1);
    assert!(run.entries.len() > 120, "{}", run.entries.len());
    for (slot, entry) in &run.entries {
        let draft = flow.draft(*slot);
        assert_eq!(
            (
                entry.kind,
                entry.target,
                entry.price_ticks,
                entry.quantity_lots
            ),
            (
                draft.kind,
                draft.aim,
                draft.price_ticks,
                draft.quantity_lots
            ),
            "{slot}"
        );
    }
}

#[test]
fn over_several_sessions_as_many_orders_are_cancelled() {
    let server = Server::start(accept_now);
    let (run, flow) = replayed(&server, 5);
    let mut others = 0;
    for (slot, entry) in &run.entries {
        let draft = flow.draft(*slot);
        if draft.kind == OrderKind::Cancel && entry.kind == OrderKind::Cancel {
            others += u32::from(entry.target != draft.aim);
            assert_eq!(entry.side, draft.side);
        }
    }
    let cancels = |kind_of: &dyn Fn(u64) -> OrderKind| {
        let slots = run.entries.keys();
        slots
            .filter(|slot| kind_of(**slot) == OrderKind::Cancel)
            .count()
    };
    let asked = cancels(&|slot| flow.draft(slot).kind);
    let sent = cancels(&|slot| run.entries[&slot].kind);
    // A session that has no order of a side yet sends a new one: once for each session and side at the begin.
    assert!(
        sent + 2 * 5 >= asked && others > 10,
        "{sent} of {asked}, {others} others"
    );
}
