//! Orders that wait, planted beside the load: stop orders and orders that are good until a time.
//!
//! ```text
//! before the load   stops 1..n, each one tick above the one before; a pair trades at a third of them
//!                   orders whose times end one after the other
//! after the load    a pair trades at two thirds of the stops; whatever of the others is left is traded with
//!                   every copy is asked for each of them
//! ```
//!
//! Each kind is on a symbol that the load leaves alone, so that nothing else sets them off, and no check of the load's orders
//! has to know of them. What was done and told is in the ledger's folder (`record::ledger::planted`).

use std::time::{Duration, Instant};

use shakedown_load::http::{Vars, price_text, quantity_text};
use shakedown_record::Outcome;
use shakedown_record::ledger::{
    PlantedKind, PlantedLine, PlantedLook, PlantedOrder, Side, append_planted, read_planted,
};
use shakedown_record::run_dir::RunDir;
use shakedown_record::{monotonic_ns, wall_ns};
use shakedown_scenarios::plan::{JsonPointer, OrderAction, PlantedOrders, TimedOrder, TimedOrders};

use crate::error::RunError;
use crate::probes::Target;
use crate::probes::target::{Copy, QUERY_TIMEOUT};
use crate::readback::scalar_at;

/// Tries to make a pair trade.
const TRIES: u32 = 5;

/// Pause between two tries, and between two looks at a copy that is behind.
const PAUSE: Duration = Duration::from_millis(250);

/// How long a copy may take to have the last order that was planted.
const CAUGHT_UP_WITHIN: Duration = Duration::from_secs(20);

/// An order to be planted.
struct Order<'a> {
    id: String,
    kind: PlantedKind,
    on: &'a PlantedOrders,
    price_ticks: i64,
    lots: u32,
    expires_ms: Option<u64>,
}

/// Plants what the scenario says, and sets off the first third of the stops.
///
/// # Errors
/// When it cannot be written down.
pub async fn plant(target: &Target, run_dir: &RunDir) -> Result<(), RunError> {
    let plan = &target.plan;
    let (Some(planted), Some(timed)) = (&plan.planted, &plan.system.timed_orders) else {
        return Ok(());
    };
    let mut lines = Vec::new();
    if let (Some(on), Some(way)) = (&planted.stops, &timed.stop) {
        for number in 1..=on.count {
            let stop = Order {
                id: id(target, &format!("s{number}")),
                kind: PlantedKind::Stop,
                on,
                price_ticks: on.instrument.around_ticks + i64::from(number),
                lots: 1,
                expires_ms: None,
            };
            lines.push(send(target, &way.new, &stop).await);
        }
        lines.extend(pair(target, on, on.count / 3, "before").await);
    }
    if let (Some(on), Some(way)) = (&planted.expiring, &timed.expiring) {
        let first_ms = wall_ms();
        for number in 1..=on.count {
            let after_ns = on.spread_ns / u64::from(on.count) * u64::from(number);
            let expiring = Order {
                id: id(target, &format!("e{number}")),
                kind: PlantedKind::Expiring,
                on,
                price_ticks: on.instrument.around_ticks,
                lots: 1,
                expires_ms: Some(first_ms + after_ns / 1_000_000),
            };
            lines.push(send(target, &way.new, &expiring).await);
        }
    }
    keep(run_dir, lines)
}

/// Sets off the second third of the stops, trades with whatever has not expired, and asks every copy for all of them.
///
/// # Errors
/// When what was planted cannot be read, or what is found cannot be written down.
pub async fn harvest(target: &Target, run_dir: &RunDir) -> Result<(), RunError> {
    let plan = &target.plan;
    let (Some(planted), Some(timed)) = (&plan.planted, &plan.system.timed_orders) else {
        return Ok(());
    };
    let mut lines = Vec::new();
    if let Some(on) = &planted.stops {
        lines.extend(pair(target, on, on.count / 3 * 2, "after").await);
    }
    if let Some(on) = &planted.expiring {
        let counter = Order {
            id: id(target, "counter"),
            kind: PlantedKind::Counter,
            on,
            price_ticks: on.instrument.around_ticks,
            lots: on.count,
            expires_ms: None,
        };
        lines.push(send(target, &plan.system.orders.new, &counter).await);
    }
    keep(run_dir, lines)?;
    let orders: Vec<PlantedOrder> = read_planted(&run_dir.ledger())?
        .into_iter()
        .filter_map(|line| match line {
            PlantedLine::Order(order) => Some(order),
            PlantedLine::Look(_) => None,
        })
        .collect();
    let copies = target.copies(true);
    let looks = copies.iter().map(|copy| look(target, timed, copy, &orders));
    let looks = futures_util::future::join_all(looks).await;
    keep(run_dir, looks.into_iter().flatten().collect())
}

fn keep(run_dir: &RunDir, lines: Vec<PlantedLine>) -> Result<(), RunError> {
    append_planted(&run_dir.ledger(), &lines).map_err(|source| RunError::Write {
        what: "what was planted".to_string(),
        source,
    })
}

/// The ids of the load begin with the prefix and a dash: these are none of them.
fn id(target: &Target, name: &str) -> String {
    format!("{}p-{name}", target.prefix)
}

fn wall_ms() -> u64 {
    wall_ns() / 1_000_000
}

/// Trades at so many ticks above the middle; each try has ids of its own, and one more trade there sets nothing more off.
async fn pair(target: &Target, on: &PlantedOrders, above: u32, when: &str) -> Vec<PlantedLine> {
    let mut lines = Vec::new();
    for attempt in 0..TRIES {
        let mut all_acked = true;
        for (kind, name) in [(PlantedKind::Maker, "m"), (PlantedKind::Taker, "t")] {
            let order = Order {
                id: id(target, &format!("{when}-{name}{attempt}")),
                kind,
                on,
                price_ticks: on.instrument.around_ticks + i64::from(above),
                lots: 1,
                expires_ms: None,
            };
            let line = send(target, &target.plan.system.orders.new, &order).await;
            all_acked &= matches!(&line, PlantedLine::Order(it) if it.outcome == Outcome::Acked);
            lines.push(line);
        }
        if all_acked {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    lines
}

async fn send(target: &Target, action: &OrderAction, order: &Order<'_>) -> PlantedLine {
    let side = match order.kind {
        PlantedKind::Stop | PlantedKind::Expiring | PlantedKind::Taker => Side::Buy,
        PlantedKind::Maker | PlantedKind::Counter => Side::Sell,
    };
    let side = target.side_name(side);
    let price = price_text(&order.on.instrument, order.price_ticks);
    let quantity = quantity_text(&order.on.instrument, order.lots);
    let expires = order.expires_ms.map(|at_ms| at_ms.to_string());
    let vars = Vars {
        id: Some(&order.id),
        session: Some("0"),
        account: target.plan.load.accounts.first().map(String::as_str),
        symbol: Some(&order.on.symbol),
        side: Some(&side),
        price: Some(&price),
        quantity: Some(&quantity),
        stop: Some(&price),
        expires: expires.as_deref(),
        ..Vars::default()
    };
    let (at_ns, wall_ms) = (monotonic_ns(), wall_ms());
    let answer = target.send_order(action, &vars, 0).await;
    PlantedLine::Order(PlantedOrder {
        id: order.id.clone(),
        kind: order.kind,
        price_ticks: order.price_ticks,
        expires_ms: order.expires_ms,
        outcome: answer.outcome,
        at_ns,
        wall_ms,
    })
}

/// What a copy says of each of them, once it has the last one that was acknowledged.
async fn look(
    target: &Target,
    timed: &TimedOrders,
    copy: &Copy,
    orders: &[PlantedOrder],
) -> Vec<PlantedLine> {
    let deadline = Instant::now() + CAUGHT_UP_WITHIN;
    let mut acked = orders
        .iter()
        .filter(|order| order.outcome == Outcome::Acked);
    let mut behind = None;
    if let Some(last) = acked.next_back() {
        while ask(target, timed, copy, last).await.found != Some(true) {
            if Instant::now() >= deadline {
                behind = Some(format!("it does not have {}, the last one", last.id));
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
    let mut lines = Vec::new();
    for order in orders {
        let look = match &behind {
            None => ask(target, timed, copy, order).await,
            Some(why) => unread(copy, order, why.clone()),
        };
        lines.push(PlantedLine::Look(look));
    }
    lines
}

fn unread(copy: &Copy, order: &PlantedOrder, why: String) -> PlantedLook {
    PlantedLook {
        replica: copy.name.clone(),
        id: order.id.clone(),
        why: Some(why),
        ..PlantedLook::default()
    }
}

async fn ask(
    target: &Target,
    timed: &TimedOrders,
    copy: &Copy,
    order: &PlantedOrder,
) -> PlantedLook {
    target.query_turns.turn().await;
    let vars = Vars {
        id: Some(&order.id),
        ..Vars::default()
    };
    let sent = target
        .client
        .send(&copy.base_url, &timed.get, &vars, QUERY_TIMEOUT);
    let reply = match sent.await {
        Ok(reply) => reply,
        Err(error) => return unread(copy, order, error.to_string()),
    };
    if reply.status != 404 && !reply.is_success() {
        return unread(copy, order, target.client.excerpt(&reply));
    }
    let way: Option<&TimedOrder> = match order.kind {
        PlantedKind::Stop => timed.stop.as_ref(),
        PlantedKind::Expiring => timed.expiring.as_ref(),
        PlantedKind::Maker | PlantedKind::Taker | PlantedKind::Counter => None,
    };
    let value = |pointer: Option<&JsonPointer>| {
        let text = scalar_at(&reply.body, pointer?)?;
        Some(target.client.clean(&text))
    };
    PlantedLook {
        replica: copy.name.clone(),
        id: order.id.clone(),
        found: Some(reply.is_success()),
        state: value(way.map(|way| &way.state)),
        count: value(way.and_then(|way| way.count.as_ref())),
        at_ms: value(way.and_then(|way| way.at_ms.as_ref())),
        filled: value(Some(&timed.filled)),
        why: None,
    }
}
