//! The sentinel: an order behind all others. A copy that does not have it has not been read to its end.
//!
//! Without it, an engine that answers "OK, but empty" would look like one that lost everything, and one that has not
//! caught up yet like one that diverged.

use std::sync::Arc;
use std::time::{Duration, Instant};

use shakedown_load::http::{price_text, quantity_text};
use shakedown_record::Outcome;
use shakedown_record::event::Event;
use shakedown_record::ledger::Side;
use shakedown_record::readback::ReadKind;
use shakedown_scenarios::plan::{Identity, SymbolShare};

use crate::probes::{Copy, OrderWords, Target};
use crate::readback::OrderIds;
use crate::run::EventLog;

/// How long sentinels are tried.
const AT_MOST: Duration = Duration::from_secs(10);

/// Pause between two tries.
const PAUSE: Duration = Duration::from_millis(250);

/// One sentinel order that may be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentinelOrder {
    pub words: OrderWords,
    pub server_id: Option<String>,
    pub sequence: Option<u64>,
    pub acked: bool,
    /// The only copy that is to have it; `None`: every copy.
    pub copy: Option<String>,
}

/// All sentinels of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sentinels {
    /// Every one that was sent and may be there.
    pub orders: Vec<SentinelOrder>,
    /// Why not every symbol has an acknowledged one.
    pub missing: Option<String>,
    /// Ids that were used.
    pub sent: usize,
}

impl Sentinels {
    /// None were sent, and why.
    pub fn none(reason: &str) -> Self {
        Self {
            missing: Some(reason.to_string()),
            ..Self::default()
        }
    }

    /// The acknowledged ones.
    pub fn acked(&self) -> impl Iterator<Item = &SentinelOrder> {
        self.orders.iter().filter(|order| order.acked)
    }

    /// The acknowledged ones that a copy must have.
    pub fn acked_for<'a>(&'a self, copy: &'a str) -> impl Iterator<Item = &'a SentinelOrder> {
        self.acked()
            .filter(move |order| order.copy.as_deref().is_none_or(|only| only == copy))
    }

    /// The highest engine sequence of an acknowledgement that a copy must have; `None` when the engine told none.
    pub fn sequence_for(&self, copy: &str) -> Option<u64> {
        self.acked_for(copy)
            .filter_map(|order| order.sequence)
            .max()
    }

    /// The ids of all that may be there.
    pub fn ids(&self, identity: Identity) -> Vec<OrderIds> {
        let orders = self.orders.iter();
        orders
            .filter_map(|order| {
                let engine = match identity {
                    Identity::Client => Some(order.words.id.clone()),
                    Identity::Server => order.server_id.clone(),
                };
                engine.map(|engine| OrderIds {
                    client: order.words.id.clone(),
                    engine,
                })
            })
            .collect()
    }
}

/// Sends one new order for each symbol until it is acknowledged, each try under an id of its own; where each replica has
/// books of its own, one to each of them. Those that were sent before stay known, and are not waited for any more: what comes
/// after an outage must show itself anew.
pub async fn send(
    target: &Arc<Target>,
    events: &EventLog,
    read: ReadKind,
    before: Sentinels,
) -> Sentinels {
    let deadline = Instant::now() + AT_MOST;
    let mut sentinels = Sentinels {
        missing: None,
        ..before
    };
    for order in &mut sentinels.orders {
        order.acked = false;
    }
    let apart = target.copies_apart();
    let places: Vec<Option<(usize, &Copy)>> = match apart.is_empty() {
        true => vec![None],
        false => apart.iter().enumerate().map(Some).collect(),
    };
    let sending = Sending {
        target,
        events,
        read,
        deadline,
    };
    for symbol in &target.plan.load.symbols {
        for place in &places {
            sending.one(symbol, *place, &mut sentinels).await;
        }
    }
    sentinels
}

struct Sending<'a> {
    target: &'a Target,
    events: &'a EventLog,
    read: ReadKind,
    deadline: Instant,
}

impl Sending<'_> {
    /// Tries until one is acknowledged or refused, or time is over.
    async fn one(
        &self,
        symbol: &SymbolShare,
        place: Option<(usize, &Copy)>,
        sentinels: &mut Sentinels,
    ) {
        loop {
            let number = sentinels.sent;
            sentinels.sent += 1;
            let words = words(self.target, symbol, number);
            let id = words.id.clone();
            let action = &self.target.plan.system.orders.new;
            let way = place.map_or(number, |(way, _)| way);
            let answer = self.target.order(action, &words, &id, way).await;
            let acked = answer.outcome == Outcome::Acked;
            if acked || answer.outcome.is_indeterminate() {
                sentinels.orders.push(SentinelOrder {
                    words,
                    server_id: answer.server_id,
                    sequence: answer.sequence,
                    acked,
                    copy: place.map(|(_, copy)| copy.name.clone()),
                });
            }
            let late = Instant::now() >= self.deadline;
            let refused = answer.outcome == Outcome::Rejected;
            if acked || late || refused {
                let reason = (!acked).then_some(answer.said);
                self.events.emit(Event::Sentinel {
                    acked,
                    id,
                    reason: reason.clone(),
                    read: self.read,
                });
                if let Some(reason) = reason {
                    let at =
                        place.map_or_else(String::new, |(_, copy)| format!(" at {}", copy.name));
                    let missing = format!("no sentinel order for {}{at}: {reason}", symbol.name);
                    sentinels.missing.get_or_insert(missing);
                }
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// A buy of one lot at the lower end of the band: it rests, whatever the book holds. Its session is none of the load's, whose
/// limits (risk, rate) it would use up, or break.
fn words(target: &Target, symbol: &SymbolShare, number: usize) -> OrderWords {
    let instrument = &symbol.instrument;
    let price_ticks = (instrument.around_ticks - instrument.band_ticks).max(1);
    OrderWords {
        id: format!("{}-s{number}", target.prefix),
        session: target.plan.load.sessions.to_string(),
        account: target.plan.free_account().unwrap_or_default().to_string(),
        symbol: symbol.name.clone(),
        side: target.side_name(Side::Buy),
        price: price_text(instrument, price_ticks),
        quantity: quantity_text(instrument, 1),
    }
}

#[cfg(test)]
mod tests {
    use shakedown_record::event::read_events;
    use shakedown_scenarios::plan::DataLayout;

    use super::*;
    use crate::testing::{Exchange, Fault, plan, target};

    async fn sent(fault: Fault) -> (Sentinels, Vec<Event>, Exchange) {
        let exchange = Exchange::open().await;
        exchange.misbehave(fault);
        let bases = [exchange.base.clone()];
        let target = target(plan(&bases), &bases);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let log = EventLog::create(&path).unwrap();
        let sentinels = send(&target, &log, ReadKind::Converged, Sentinels::default()).await;
        let events = read_events(&path).unwrap();
        (
            sentinels,
            events.into_iter().map(|it| it.event).collect(),
            exchange,
        )
    }

    #[tokio::test]
    async fn one_order_for_each_symbol_is_put_behind_all_others() {
        let (sentinels, events, exchange) = sent(Fault::None).await;
        assert_eq!(
            (
                sentinels.missing.clone(),
                sentinels.sequence_for("engine-1")
            ),
            (None, Some(1))
        );
        assert!(
            matches!(&events[..], [Event::Sentinel { acked: true, id, .. }] if id == "abc123-s0")
        );
        let order = &exchange.orders()[0];
        assert_eq!(
            (order.id.as_str(), order.price.as_str()),
            ("abc123-s0", "49000.00")
        );
        assert_eq!(sentinels.ids(Identity::Client).len(), 1);
        assert!(sentinels.ids(Identity::Server).is_empty());
    }

    #[tokio::test]
    async fn after_an_outage_another_one_is_sent_and_the_first_is_waited_for_no_more() {
        let (first, _, exchange) = sent(Fault::None).await;
        let bases = [exchange.base.clone()];
        let target = target(plan(&bases), &bases);
        let folder = tempfile::tempdir().unwrap();
        let log = EventLog::create(&folder.path().join("events.jsonl")).unwrap();
        let second = send(&target, &log, ReadKind::Cold, first).await;
        let acked: Vec<&str> = second
            .acked()
            .map(|order| order.words.id.as_str())
            .collect();
        assert_eq!(acked, ["abc123-s1"]);
        assert_eq!(second.ids(Identity::Client).len(), 2, "both may be open");
    }

    #[tokio::test]
    async fn a_rejected_sentinel_is_missing_with_its_reason() {
        let (sentinels, events, exchange) = sent(Fault::RejectsAll).await;
        let missing = sentinels.missing.unwrap();
        assert!(
            missing.contains("BTCUSD") && missing.contains("risk limit"),
            "{missing}"
        );
        assert!(matches!(
            &events[..],
            [Event::Sentinel {
                acked: false,
                reason: Some(_),
                ..
            }]
        ));
        assert!(sentinels.orders.is_empty() && exchange.orders().is_empty());
    }

    #[tokio::test]
    async fn where_each_replica_has_books_of_its_own_each_gets_one() {
        let exchanges = [Exchange::open().await, Exchange::open().await];
        let bases = exchanges.each_ref().map(|exchange| exchange.base.clone());
        let mut plan = plan(&bases);
        plan.system.data = DataLayout::Memory;
        plan.system.parts[0].replicas = 2;
        let target = target(plan, &bases);
        let folder = tempfile::tempdir().unwrap();
        let log = EventLog::create(&folder.path().join("events.jsonl")).unwrap();
        let sent = send(&target, &log, ReadKind::Converged, Sentinels::default()).await;
        assert_eq!(sent.missing, None);
        for (exchange, (copy, id)) in exchanges
            .iter()
            .zip([("engine-1", "abc123-s0"), ("engine-2", "abc123-s1")])
        {
            let orders = exchange.orders();
            assert_eq!(orders.len(), 1);
            assert_eq!(orders[0].id, id);
            let wanted: Vec<&str> = sent
                .acked_for(copy)
                .map(|order| order.words.id.as_str())
                .collect();
            assert_eq!(wanted, [id]);
        }
    }
}
