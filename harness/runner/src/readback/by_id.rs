//! Reading a copy by asking for each order by its id.

use std::sync::Arc;
use std::time::{Duration, Instant};

use shakedown_load::http::{Vars, holds};
use shakedown_record::readback::Row;
use shakedown_scenarios::plan::{Answer, FieldMap, Request};

use super::ours::{OrderIds, Ours};
use super::rows::{is_open, row};
use crate::probes::target::QUERY_TIMEOUT;
use crate::probes::{Copy, OrderWords, Reply, Target};

/// How an order is asked for: the profile's words.
#[derive(Debug, Clone)]
pub struct ByIdSpec {
    pub get: Request,
    pub found: Answer,
    pub absent: Answer,
    pub fields: FieldMap,
}

/// What a copy says of one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// It has it. `open` is `None` when the profile does not tell open from done.
    Found { row: Box<Row>, open: Option<bool> },
    /// It says definitely that it has no such order.
    Absent,
    /// Neither, in words.
    Unclear(String),
}

/// Tries before an answer counts as unclear: a read changes nothing, so it may be repeated.
const TRIES: u32 = 3;

/// Asks a copy for one order.
pub async fn ask(
    target: &Target,
    spec: &ByIdSpec,
    base: &str,
    ids: &OrderIds,
    words: Option<&OrderWords>,
) -> Told {
    let mut told = Told::Unclear("was not asked".to_string());
    for attempt in 0..TRIES {
        if attempt > 0 {
            tokio::time::sleep(Duration::from_millis(100 << attempt)).await;
        }
        target.query_turns.turn().await;
        let vars = Vars {
            id: Some(&ids.engine),
            session: words.map(|words| words.session.as_str()),
            account: words.map(|words| words.account.as_str()),
            symbol: words.map(|words| words.symbol.as_str()),
            side: words.map(|words| words.side.as_str()),
            ..Vars::default()
        };
        let sent = target.client.send(base, &spec.get, &vars, QUERY_TIMEOUT);
        told = match sent.await {
            Ok(reply) => read(target, spec, ids, &reply),
            Err(error) => Told::Unclear(error.to_string()),
        };
        if !matches!(told, Told::Unclear(_)) {
            break;
        }
    }
    told
}

fn read(target: &Target, spec: &ByIdSpec, ids: &OrderIds, reply: &Reply) -> Told {
    if matches(&spec.found, reply) {
        let mut row = row(&reply.body, &spec.fields);
        let shown = std::mem::replace(&mut row.id, ids.client.clone());
        // An answer about another order proves nothing about this one.
        let other = !shown.is_empty() && shown != ids.engine && shown != ids.client;
        if spec.fields.id.is_some() && (other || shown.is_empty()) {
            let shown = target.client.clean(&shown);
            return Told::Unclear(format!(
                "asked for {}, it answered with '{shown}'",
                ids.engine
            ));
        }
        let open = is_open(&row, &spec.fields);
        let row = Box::new(row);
        return Told::Found { row, open };
    }
    if matches(&spec.absent, reply) {
        return Told::Absent;
    }
    Told::Unclear(target.client.excerpt(reply))
}

fn matches(answer: &Answer, reply: &Reply) -> bool {
    let mut conditions = answer.conditions.iter();
    answer.status.contains(&reply.status)
        && conditions.all(|condition| holds(condition, &reply.body))
}

/// Why a copy is not known to have every sentinel, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Behind {
    /// It answers, and does not have it; or there is none to ask for.
    Missing(String),
    /// It gives no answer that says anything.
    Unreadable(String),
}

/// Waits until a copy has every acknowledged sentinel.
///
/// # Errors
/// When it does not have them by the deadline.
pub async fn wait_for_sentinels(
    target: &Arc<Target>,
    spec: &ByIdSpec,
    copy: &Copy,
    ours: &Ours,
    deadline: Instant,
) -> Result<(), Behind> {
    if let Some(missing) = &ours.sentinels.missing {
        return Err(Behind::Missing(missing.clone()));
    }
    let identity = target.plan.system.orders.identity;
    let ids = ours.sentinels.ids(identity);
    for order in ours.sentinels.acked_for(&copy.name) {
        let Some(ids) = ids.iter().find(|ids| ids.client == order.words.id) else {
            let id = &order.words.id;
            return Err(Behind::Missing(format!(
                "the engine told no id for sentinel {id}"
            )));
        };
        loop {
            let why = match ask(target, spec, &copy.base_url, ids, Some(&order.words)).await {
                Told::Found { .. } => break,
                Told::Absent => {
                    Behind::Missing(format!("it does not have the sentinel {}", ids.client))
                }
                Told::Unclear(why) => Behind::Unreadable(why),
            };
            if Instant::now() >= deadline {
                return Err(why);
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    Ok(())
}
