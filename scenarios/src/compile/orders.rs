//! How orders get in and how answers are read.

use crate::plan::{AckLevel, Identity, OrderAction, Orders, Take, Variable};
use crate::spec::profile::{
    ActionSpec, AnswerSpec, IdentitySpec, LevelSpec, NewOrderSpec, OrdersSpec,
};

use super::exchange::{Exchanges, extract, request_uses};
use super::sheet::{At, Sheet};
use super::template::Use;

/// Everything about orders.
pub(super) fn orders(spec: &OrdersSpec, exchanges: &Exchanges) -> Option<Orders> {
    let at = At::of(&["orders"]);
    let sheet = exchanges.sheet;
    let identity = match spec.identity {
        IdentitySpec::Client => Identity::Client,
        IdentitySpec::Server => Identity::Server,
    };
    if identity == Identity::Server && spec.new.take.server_id.is_none() {
        sheet.refuse_with(
            &at.to("identity"),
            "the engine makes the ids, but nothing says where an acknowledgement tells them",
            "add to orders.new: take: { server-id: /orderId }",
        );
    }
    let new = new_order(&at.to("new"), &spec.new, identity, exchanges);
    let cancel = action(&at.to("cancel"), spec.cancel.as_ref(), exchanges);
    let replace = action(&at.to("replace"), spec.replace.as_ref(), exchanges);
    let sides = match &spec.sides {
        None => ["buy".to_string(), "sell".to_string()],
        Some(sides) => {
            if sides.buy == sides.sell || sides.buy.is_empty() || sides.sell.is_empty() {
                sheet.refuse_with(
                    &at.to("sides"),
                    "the two sides must have two names",
                    "such as sides: { buy: B, sell: S }",
                );
            }
            [sides.buy.clone(), sides.sell.clone()]
        }
    };
    let take = &spec.new.take;
    Some(Orders {
        identity,
        level: match spec.new.level {
            LevelSpec::Received => AckLevel::Received,
            LevelSpec::Accepted => AckLevel::Accepted,
            LevelSpec::Durable => AckLevel::Durable,
        },
        new: new?,
        cancel: cancel?,
        replace: replace?,
        take: Take {
            server_id: take.server_id.as_ref().map(extract),
            sequence: take.sequence.as_ref().map(extract),
            served_by: take.served_by.as_ref().map(extract),
            term: take.term.as_ref().map(extract),
        },
        side_names: sides,
    })
}

fn new_order(
    at: &At,
    spec: &NewOrderSpec,
    identity: Identity,
    exchanges: &Exchanges,
) -> Option<OrderAction> {
    let send = exchanges.send(&at.to("send"), &spec.send, Use::Order);
    if let Some(send) = &send
        && identity == Identity::Client
        && !request_uses(send, &Variable::Id)
    {
        exchanges.sheet.refuse_entry(
            &at.to("send"),
            "the client makes the ids, but the request does not send them",
            "put {{id}} where the engine expects the client's order id, or write identity: server",
        );
    }
    let answers = [
        ("acked", Some(&spec.acked)),
        ("rejected", spec.rejected.as_ref()),
        ("throttled", spec.throttled.as_ref()),
    ];
    tell_apart(at, &answers, exchanges.sheet);
    let [acked, rejected, throttled] =
        answers.map(|(name, answer)| answer.map(|answer| exchanges.answer(&at.to(name), answer)));
    Some(OrderAction {
        send: send?,
        acked: acked?,
        rejected,
        throttled,
        too_late: None,
    })
}

/// A cancel or replace; `Some(None)` when the profile has none.
fn action(
    at: &At,
    spec: Option<&ActionSpec>,
    exchanges: &Exchanges,
) -> Option<Option<OrderAction>> {
    let Some(spec) = spec else {
        return Some(None);
    };
    let send = exchanges.send(&at.to("send"), &spec.send, Use::Order);
    if let Some(send) = &send
        && !request_uses(send, &Variable::Id)
    {
        exchanges.sheet.refuse_entry(
            &at.to("send"),
            "the request does not say which order it means",
            "put {{id}} into the path or the body",
        );
    }
    let answers = [
        ("acked", Some(&spec.acked)),
        ("rejected", spec.rejected.as_ref()),
        ("throttled", spec.throttled.as_ref()),
        ("too-late", spec.too_late.as_ref()),
    ];
    tell_apart(at, &answers, exchanges.sheet);
    let [acked, rejected, throttled, too_late] =
        answers.map(|(name, answer)| answer.map(|answer| exchanges.answer(&at.to(name), answer)));
    Some(Some(OrderAction {
        send: send?,
        acked: acked?,
        rejected,
        throttled,
        too_late,
    }))
}

/// Two classes of answers with the same status and no conditions cannot be told apart.
fn tell_apart(at: &At, answers: &[(&str, Option<&AnswerSpec>)], sheet: &Sheet) {
    for (index, (name, answer)) in answers.iter().enumerate() {
        let Some(answer) = answer else { continue };
        for (earlier, other) in &answers[..index] {
            let Some(other) = other else { continue };
            let bare = answer.conditions.is_empty() && other.conditions.is_empty();
            let shared = answer
                .status
                .iter()
                .find(|code| other.status.contains(code));
            if let (true, Some(code)) = (bare, shared) {
                sheet.refuse_with(
                    &at.to(name).to("status"),
                    format!("status {code} means `{earlier}` already"),
                    "tell the two apart by what the reply says: where: { /state: ACCEPTED }",
                );
            }
        }
    }
}
