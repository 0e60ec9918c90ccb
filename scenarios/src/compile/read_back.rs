//! How orders are read back.

use crate::plan::{CopyDepth, CopyTrades, FieldMap, ReadBack, Variable};
use crate::spec::profile::{
    AtSpec, ByIdSpec, CopyDepthSpec, CopyTradesSpec, FieldsSpec, GetSpec, ListSpec, ReadBackSpec,
};

use super::exchange::{Exchanges, pointer, request_uses};
use super::sheet::{At, Sheet};
use super::template::Use;

/// `Some(None)` when the profile has no read-back.
pub(super) fn read_back(
    spec: Option<&ReadBackSpec>,
    exchanges: &Exchanges,
) -> Option<Option<ReadBack>> {
    let at = At::of(&["read-back"]);
    let exchanges = &of_store(&at, spec, exchanges).unwrap_or(*exchanges);
    match spec {
        None => Some(None),
        Some(ReadBackSpec::List(spec)) => list(&at.to("list"), spec, exchanges).map(Some),
        Some(ReadBackSpec::ById(spec)) => by_id(&at.to("by-id"), spec, exchanges).map(Some),
        Some(ReadBackSpec::ByCancel(_)) => {
            exchanges
                .sheet
                .not_supported(&at.to("by-cancel"), "`by-cancel`");
            None
        }
        Some(ReadBackSpec::Count(_)) => {
            exchanges.sheet.not_supported(&at.to("count"), "`count`");
            None
        }
    }
}

/// Where a store behind the engine holds the data, and is asked in its own language: that.
fn of_store<'s>(
    at: &At,
    spec: Option<&ReadBackSpec>,
    exchanges: &Exchanges<'s>,
) -> Option<Exchanges<'s>> {
    let (way, get, read_at) = match spec? {
        ReadBackSpec::List(spec) => ("list", &spec.get, spec.at),
        ReadBackSpec::ById(spec) => ("by-id", &spec.get, spec.at),
        ReadBackSpec::ByCancel(_) | ReadBackSpec::Count(_) => return None,
    };
    let GetSpec::Full(request) = get else {
        return None;
    };
    let is_of_store = request.sql.is_some() || request.command.is_some();
    let sheet = exchanges.sheet;
    let part = sheet.text(&At::of(&["data", "store", "part"]))?;
    let of_part = exchanges.of_part(part);
    if !is_of_store || of_part.language == exchanges.language {
        return None;
    }
    if read_at == AtSpec::Entry {
        sheet.refuse_with(
            &at.to(way).to("at"),
            format!("the entry is the engine's, and this is asked of `{part}`"),
            "write at: each-replica, which are those of the store",
        );
    }
    Some(of_part)
}

fn list(at: &At, spec: &ListSpec, exchanges: &Exchanges) -> Option<ReadBack> {
    let sheet = exchanges.sheet;
    let get = exchanges.get(&at.to("get"), &spec.get, Use::Page)?;
    let has_cursor = request_uses(&get, &Variable::Cursor);
    if spec.next.is_some() && !has_cursor {
        sheet.refuse_with(
            &at.to("get"),
            "every page would be the first: the request does not say where to go on",
            "put {{cursor}} where the engine expects it, or leave `next` out if there is one page only",
        );
    }
    if has_cursor && spec.next.is_none() {
        sheet.refuse_entry(
            at,
            "`next` is missing: the request has a cursor, but nothing says where a page tells the next one",
            "such as next: /next",
        );
    }
    if spec.fields.id.is_none() {
        sheet.refuse_entry(
            &at.to("fields"),
            "`id` is missing: rows could not be matched with orders",
            "such as fields: { id: /id }",
        );
    }
    let trades = match &spec.trades {
        Some(spec) => Some(Box::new(trades(&at.to("trades"), spec, exchanges)?)),
        None => None,
    };
    let depth = match &spec.depth {
        Some(spec_of) => Some(Box::new(depth(&at.to("depth"), spec_of, spec, exchanges)?)),
        None => None,
    };
    Some(ReadBack::List {
        trades,
        depth,
        get,
        rows: pointer(&spec.rows),
        next: spec.next.as_ref().map(pointer),
        mark: spec.mark.as_ref().map(pointer),
        at_each_replica: spec.at == AtSpec::EachReplica,
        fields: fields(at, &spec.fields, (&spec.open, &spec.filled), sheet),
    })
}

fn trades(at: &At, spec: &CopyTradesSpec, exchanges: &Exchanges) -> Option<CopyTrades> {
    let get = exchanges.get(&at.to("get"), &spec.get, Use::Page)?;
    if request_uses(&get, &Variable::Cursor) != spec.next.is_some() {
        exchanges.sheet.refuse_entry(
            at,
            "`next` and {{cursor}} go together: one says where a page tells the next one, the other asks for it",
            "write both, or neither if there is one page only",
        );
    }
    Some(CopyTrades {
        get,
        rows: pointer(&spec.rows),
        next: spec.next.as_ref().map(pointer),
        id: pointer(&spec.id),
        maker: pointer(&spec.maker),
        taker: pointer(&spec.taker),
        price: pointer(&spec.price),
        quantity: pointer(&spec.quantity),
        sequence: spec.sequence.as_ref().map(pointer),
    })
}

fn depth(
    at: &At,
    spec: &CopyDepthSpec,
    list: &ListSpec,
    exchanges: &Exchanges,
) -> Option<CopyDepth> {
    let get = exchanges.get(&at.to("get"), &spec.get, Use::Depth)?;
    if !request_uses(&get, &Variable::Symbol) {
        exchanges.sheet.refuse_with(
            &at.to("get"),
            "the request does not say which symbol it means",
            "put {{symbol}} into the path: /depth/{{symbol}}",
        );
    }
    if list.fields.remaining.is_none() {
        exchanges.sheet.refuse_entry(
            at,
            "nothing tells how much of an order can still trade, of which a depth is the sum",
            "say where a row has it: fields: { remaining: /remaining }",
        );
    }
    if list.mark.is_none() {
        exchanges.sheet.refuse_entry(
            at,
            "without `mark` in the list, depth and orders may be of two moments",
            "say where a page states the copy's watermark: mark: /watermark",
        );
    }
    Some(CopyDepth {
        get,
        mark: pointer(&spec.mark),
        bids: pointer(&spec.bids),
        asks: pointer(&spec.asks),
        price: pointer(&spec.price),
        quantity: pointer(&spec.quantity),
        orders: spec.orders.as_ref().map(pointer),
    })
}

fn by_id(at: &At, spec: &ByIdSpec, exchanges: &Exchanges) -> Option<ReadBack> {
    let sheet = exchanges.sheet;
    let get = exchanges.get(&at.to("get"), &spec.get, Use::Lookup)?;
    if !request_uses(&get, &Variable::Id) {
        sheet.refuse_with(
            &at.to("get"),
            "the request does not say which order it means",
            "put {{id}} into the path: /v1/orders/{{id}}",
        );
    }
    let bare = spec.found.conditions.is_empty() && spec.absent.conditions.is_empty();
    let shared = |code: &&u16| spec.found.status.contains(code);
    if bare && let Some(code) = spec.absent.status.iter().find(shared) {
        sheet.refuse_with(
            &at.to("absent").to("status"),
            format!("status {code} means `found` already"),
            "tell the two apart by what the reply says: where: { /state: UNKNOWN }",
        );
    }
    Some(ReadBack::ById {
        get,
        found: exchanges.answer(&at.to("found"), &spec.found),
        absent: exchanges.answer(&at.to("absent"), &spec.absent),
        at_each_replica: spec.at == AtSpec::EachReplica,
        fields: fields(at, &spec.fields, (&spec.open, &spec.filled), sheet),
    })
}

fn fields(
    at: &At,
    spec: &FieldsSpec,
    (open, filled): (&[String], &[String]),
    sheet: &Sheet,
) -> FieldMap {
    for (name, states) in [("open", open), ("filled", filled)] {
        if !states.is_empty() && spec.state.is_none() {
            sheet.refuse_with(
                &at.to(name),
                "no field tells the state that is compared with these",
                "add fields: { state: /state }",
            );
        }
    }
    FieldMap {
        id: spec.id.as_ref().map(pointer),
        price: spec.price.as_ref().map(pointer),
        quantity: spec.quantity.as_ref().map(pointer),
        symbol: spec.symbol.as_ref().map(pointer),
        side: spec.side.as_ref().map(pointer),
        state: spec.state.as_ref().map(pointer),
        filled: spec.filled.as_ref().map(pointer),
        remaining: spec.remaining.as_ref().map(pointer),
        sequence: spec.sequence.as_ref().map(pointer),
        replaced_sequence: spec.replaced_sequence.as_ref().map(pointer),
        cancelled_sequence: spec.cancelled_sequence.as_ref().map(pointer),
        open_states: open.to_vec(),
        filled_states: filled.to_vec(),
    }
}
