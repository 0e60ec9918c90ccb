//! Planted orders that wait: red when one does not get what it waited for, gets it twice, early or late; and silent where that
//! cannot be told.

use shakedown_record::ledger::{PlantedKind, PlantedLine, PlantedLook, PlantedOrder};
use shakedown_scenarios::plan::{TimedOrder, TimedOrders};

use super::*;
use crate::plan::{action, request};

const STOPS: &str = "stops";
const EXPIRY: &str = "expiry";

/// The wall clock when the load began, in milliseconds since 1970.
const WALL: u64 = 1_700_000_000_000;

/// Before the load and after it, on the clock of the run.
const PLANTED: i64 = -2 * S as i64;
const HARVESTED: i64 = (END + S) as i64;

fn way(done: &str, at_ms: bool) -> TimedOrder {
    let at = |name: &str| JsonPointer(name.into());
    TimedOrder {
        new: action(),
        state: at("/state"),
        waiting: vec!["waiting".into()],
        done: vec![done.into()],
        count: Some(at("/count")),
        at_ms: at_ms.then(|| at("/at")),
    }
}

fn order(id: &str, kind: PlantedKind, price_ticks: i64, at_ns: i64) -> PlantedOrder {
    PlantedOrder {
        id: id.into(),
        kind,
        price_ticks,
        expires_ms: None,
        outcome: Outcome::Acked,
        at_ns: (ZERO as i64 + at_ns) as u64,
        wall_ms: (WALL as i64 + at_ns / MS as i64) as u64,
    }
}

fn looks(id: &str, say: impl Fn(&mut PlantedLook)) -> Vec<PlantedLine> {
    let look = |replica: &&str| {
        let mut look = PlantedLook {
            replica: (*replica).to_string(),
            id: id.into(),
            found: Some(true),
            filled: Some("0.000".into()),
            ..PlantedLook::default()
        };
        say(&mut look);
        PlantedLine::Look(look)
    };
    REPLICAS.iter().map(look).collect()
}

fn states(look: &mut PlantedLook, state: &str, count: u32) {
    look.state = Some(state.into());
    look.count = Some(count.to_string());
}

/// Six stops, of which two are reached before the fault and two after it; and orders whose times end every half second.
fn sound() -> Run {
    let mut run = Run::healthy();
    run.plan.rules = vec![
        rule(STOPS, RuleKind::Stops),
        rule(EXPIRY, RuleKind::Expiry { within_ns: S }),
    ];
    run.plan.system.timed_orders = Some(TimedOrders {
        stop: Some(way("triggered", false)),
        expiring: Some(way("expired", true)),
        get: request(),
        filled: JsonPointer("/filled".into()),
    });
    let mut lines = Vec::new();
    for ticks in 1..=6 {
        let id = format!("s{ticks}");
        lines.push(PlantedLine::Order(order(
            &id,
            PlantedKind::Stop,
            ticks,
            PLANTED,
        )));
        lines.extend(looks(&id, |look| match ticks <= 4 {
            true => states(look, "triggered", 1),
            false => states(look, "waiting", 0),
        }));
    }
    for (id, ticks, at_ns) in [("t1", 2, PLANTED), ("t2", 4, HARVESTED)] {
        lines.push(PlantedLine::Order(order(
            id,
            PlantedKind::Taker,
            ticks,
            at_ns,
        )));
        lines.extend(looks(id, |look| look.filled = Some("0.001".into())));
    }
    for number in 1..=60 {
        let id = format!("e{number}");
        let due_ms = WALL + number * 500;
        let mut expiring = order(&id, PlantedKind::Expiring, 1, PLANTED);
        expiring.expires_ms = Some(due_ms);
        lines.push(PlantedLine::Order(expiring));
        lines.extend(looks(&id, |look| match due_ms < WALL + 26_000 {
            true => {
                states(look, "expired", 1);
                // The outage is from 12.037 s to 12.537 s.
                let at_ms = if number == 25 {
                    WALL + 12_600
                } else {
                    due_ms + 9
                };
                look.at_ms = Some(at_ms.to_string());
            }
            false => states(look, "waiting", 0),
        }));
    }
    let counter = order("counter", PlantedKind::Counter, 1, HARVESTED);
    lines.push(PlantedLine::Order(counter));
    run.planted = lines;
    run
}

/// The same, with another word of one copy.
fn but(id: &str, say: impl Fn(&mut PlantedLook)) -> Run {
    let mut run = sound();
    for line in &mut run.planted {
        if let PlantedLine::Look(look) = line
            && look.id == id
            && look.replica == "engine-2"
        {
            say(look);
        }
    }
    run
}

fn sent(id: &str, change: impl Fn(&mut PlantedOrder)) -> Run {
    let mut run = sound();
    for line in &mut run.planted {
        if let PlantedLine::Order(order) = line
            && order.id == id
        {
            change(order);
        }
    }
    run
}

#[test]
fn what_waited_and_got_it_once_passes() {
    let run = sound();
    passes(&run, STOPS);
    passes(&run, EXPIRY);
    let record = run.judge().record;
    let (stops, expiry) = (record.stops.unwrap(), record.expiry.unwrap());
    assert_eq!(
        (stops.orders, stops.copies, stops.before, stops.after),
        (6, 3, 2, 2)
    );
    assert_eq!((expiry.before, expiry.during, expiry.after), (24, 1, 26));
}

#[test]
fn a_stop_that_is_not_triggered_once_is_named() {
    fails(
        &but("s2", |look| states(look, "waiting", 0)),
        STOPS,
        "s2 was not triggered on engine-2",
    );
    fails(
        &but("s4", |look| states(look, "waiting", 0)),
        STOPS,
        "s4 was not triggered on engine-2",
    );
    fails(
        &but("s1", |look| states(look, "triggered", 2)),
        STOPS,
        "s1 is `triggered` on engine-2, 2 times",
    );
    fails(
        &but("s6", |look| states(look, "triggered", 1)),
        STOPS,
        "s6 was triggered on engine-2, though its price was not",
    );
    fails(
        &but("s3", |look| look.found = Some(false)),
        STOPS,
        "s3 is not on engine-2",
    );
    let run = but("s2", |look| states(look, "waiting", 0));
    passes(&run, EXPIRY);
    assert_eq!(run.judge().record.stops.unwrap().contradictions, 1);
}

#[test]
fn a_pair_that_may_have_traded_sets_off_what_it_may() {
    let mut run = but("s5", |look| states(look, "triggered", 1));
    fails(&run, STOPS, "s5 was triggered");
    let mut more = order("t3", PlantedKind::Taker, 5, HARVESTED);
    more.outcome = Outcome::Timeout;
    run.planted.push(PlantedLine::Order(more));
    passes(&run, STOPS);
}

#[test]
fn an_order_that_does_not_end_at_its_time_is_named() {
    fails(
        &but("e25", |look| states(look, "waiting", 0)),
        EXPIRY,
        "e25 has not ended on engine-2",
    );
    fails(
        &but("e3", |look| states(look, "expired", 2)),
        EXPIRY,
        "e3 is `expired` on engine-2, 2 times",
    );
    let at = |id: &str, at_ms: u64| {
        but(id, move |look| {
            look.at_ms = Some((WALL + at_ms).to_string())
        })
    };
    fails(&at("e4", 1_990), EXPIRY, "e4 ended 10 ms early on engine-2");
    fails(&at("e4", 3_002), EXPIRY, "e4 ended 1 s late on engine-2");
    // What was due during the outage may end as long after it.
    passes(&at("e25", 13_500), EXPIRY);
    fails(&at("e25", 13_700), EXPIRY, "e25 ended 1.2 s late");
    fails(
        &but("e5", |look| look.filled = Some("0.001".into())),
        EXPIRY,
        "e5 has ended and was traded on engine-2",
    );
    let early = but("e60", |look| {
        states(look, "expired", 1);
        look.at_ms = Some((WALL + 20_000).to_string());
    });
    fails(&early, EXPIRY, "e60 ended 10 s early");
}

#[test]
fn what_was_not_planted_asked_or_reached_shows_nothing() {
    let mut nothing = sound();
    nothing.planted.clear();
    is_open(&nothing, STOPS, "no planted order was acknowledged");
    is_open(&nothing, EXPIRY, "no planted order was acknowledged");
    let unread = |look: &mut PlantedLook| {
        look.found = None;
        look.why = Some("connection refused".into());
    };
    is_open(&but("s2", unread), STOPS, "connection refused");
    is_open(&but("e2", unread), EXPIRY, "connection refused");
    is_open(
        &but("s2", |look| look.state = Some("odd".into())),
        STOPS,
        "which the profile does not name",
    );
    is_open(
        &but("e2", |look| look.at_ms = None),
        EXPIRY,
        "does not say when e2 ended",
    );
    let mut two = sound();
    two.planted
        .retain(|line| !matches!(line, PlantedLine::Look(look) if look.replica == "engine-3"));
    is_open(&two, STOPS, "2 of 3 copies");
    is_open(
        &sent("t2", |order| order.at_ns = ZERO + 5 * S),
        STOPS,
        "after service was good again",
    );
    is_open(
        &sent("t1", |order| order.at_ns = ZERO + 20 * S),
        STOPS,
        "before the fault",
    );
    is_open(
        &sent("e25", |order| order.outcome = Outcome::Rejected),
        EXPIRY,
        "during the outage",
    );
    is_open(
        &sent("counter", |order| order.outcome = Outcome::Timeout),
        EXPIRY,
        "nothing says when",
    );
    is_open(
        &sent("counter", |order| order.wall_ms += 700),
        EXPIRY,
        "the wall clock was stepped by 700 ms",
    );
}
