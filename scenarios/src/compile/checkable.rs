//! Which classes of data loss a profile can prove.

use crate::plan::{DataClass, DataLayout, FieldMap, GatewayPlan, Identity, ReadBack, System};

/// Which classes of data loss can be proven with a profile, in the order of reports; `Err` says why one cannot.
pub fn checkable(system: &System) -> Vec<(DataClass, Result<(), String>)> {
    DataClass::ALL
        .into_iter()
        .map(|class| (class, provable(class, system).map_err(str::to_string)))
        .collect()
}

const ENTRY_ONLY: &str = "the read-back asks the entry only, so that copies cannot be told apart";
const UNKNOWN_ID: &str =
    "the engine makes the ids: an order whose answer was lost or negative has no id to look for";

const NO_NUMBERS: &str =
    "acknowledgements carry no sequence number of the engine (`take: sequence`)";
const NO_STATES: &str = "the read-back does not tell which orders are open (`open`)";

/// How a history of requests is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HistoryBy {
    /// The engine numbers what it does: its order is replayed.
    Numbers,
    /// It does not: an order is searched for, in windows, which few requests at a time allow.
    Search,
}

/// How the history of all requests is judged with a profile; `Err` says why it cannot be.
pub fn history_by(system: &System) -> Result<HistoryBy, &'static str> {
    require(
        system.cancel_on_disconnect.is_none(),
        "the engine cancels orders by itself when connections end (`cancel-on-disconnect`)",
    )?;
    rebuildable(system)?;
    match takes_sequence(system) && one_numbering(system).is_ok() {
        true => Ok(HistoryBy::Numbers),
        false => Ok(HistoryBy::Search),
    }
}

/// Whether books can be held against those that are read, order by order; `Err` says why not.
pub(crate) fn rebuildable(system: &System) -> Result<(), &'static str> {
    one_book(system)?;
    readable_books(system)?;
    let fields = match &system.read_back {
        Some(ReadBack::List { fields, .. } | ReadBack::ById { fields, .. }) => fields,
        None => return Err("the profile has no read-back"),
    };
    require(
        fields.remaining.is_some(),
        "the read-back does not tell how much of an order can still trade (`remaining`)",
    )
}

/// Each symbol has one book.
fn one_book(system: &System) -> Result<(), &'static str> {
    let replicas = system.parts.first().map_or(1, |part| part.replicas);
    match system.data {
        DataLayout::Replicated | DataLayout::Sharded { .. } | DataLayout::Store { .. } => Ok(()),
        DataLayout::Memory => require(replicas <= 1, "each replica has books of its own"),
    }
}

/// Whether it can be told what becomes of orders whose connection ends; `Err` says why not.
pub(crate) fn bound(system: &System) -> Result<(), &'static str> {
    require(
        system.cancel_on_disconnect.is_some(),
        "it promises nothing of the orders of a session whose connection ends (`cancel-on-disconnect`)",
    )?;
    readable_books(system)
}

/// Whether it can be told what somebody has open and filled; `Err` says why not.
pub(crate) fn limited(system: &System) -> Result<(), &'static str> {
    require(
        system.exposure.is_some(),
        "it says of no limit on what is open and filled (`risk-limits`)",
    )?;
    require(takes_sequence(system), NO_NUMBERS)?;
    one_numbering(system)?;
    readable_books(system)
}

/// Whether acknowledgements can be held against terms; `Err` says why not.
pub(crate) fn terms_told(system: &System) -> Result<(), &'static str> {
    require(
        takes_term(system),
        "acknowledgements tell no term (`take: term`)",
    )?;
    let replicas = system.parts.first().map_or(1, |part| part.replicas);
    match system.data {
        DataLayout::Replicated | DataLayout::Store { .. } => Ok(()),
        DataLayout::Sharded { .. } => Err("each shard has leaders and terms of its own"),
        DataLayout::Memory => require(replicas <= 1, "replicas have no leader in common"),
    }
}

/// Acknowledgements carry the term of the leader.
fn takes_term(system: &System) -> bool {
    match &system.gateway {
        GatewayPlan::Http | GatewayPlan::Http2 => system.orders.take.term.is_some(),
        GatewayPlan::Reported(way) | GatewayPlan::WebSocket(way) => way.take.term.is_some(),
        GatewayPlan::Fix(_)
        | GatewayPlan::Binary(_)
        | GatewayPlan::PostgreSql(_)
        | GatewayPlan::Redis(_) => false,
    }
}

/// Whether the books can be told from the orders that are read; `Err` says why not.
pub(crate) fn readable_books(system: &System) -> Result<(), &'static str> {
    match &system.read_back {
        None => Err("the profile has no read-back"),
        Some(ReadBack::ById { .. }) => {
            Err("orders are read one by one, not as a list at one moment")
        }
        Some(ReadBack::List { fields, .. }) => {
            require(states_are_told(fields), NO_STATES)?;
            corrupt(fields)
        }
    }
}

/// Whether there is a drop copy to compare with; `Err` says why not.
pub(crate) fn copied(system: &System) -> Result<(), &'static str> {
    let has_one = match &system.gateway {
        GatewayPlan::Fix(fix) => fix.drop_copy.is_some(),
        GatewayPlan::Http
        | GatewayPlan::Http2
        | GatewayPlan::Reported(_)
        | GatewayPlan::WebSocket(_)
        | GatewayPlan::Binary(_)
        | GatewayPlan::PostgreSql(_)
        | GatewayPlan::Redis(_) => false,
    };
    require(
        has_one,
        "its gateway has no drop copy (`gateway: { fix: { drop-copy: … } }`)",
    )
}

fn states_are_told(fields: &FieldMap) -> bool {
    fields.state.is_some() && !fields.open_states.is_empty()
}

/// Acknowledgements carry the engine's sequence number.
fn takes_sequence(system: &System) -> bool {
    match &system.gateway {
        GatewayPlan::Http | GatewayPlan::Http2 => system.orders.take.sequence.is_some(),
        GatewayPlan::Reported(way) | GatewayPlan::WebSocket(way) => way.take.sequence.is_some(),
        GatewayPlan::Fix(fix) => fix.take.sequence.is_some(),
        GatewayPlan::Binary(_) => true,
        GatewayPlan::PostgreSql(_) | GatewayPlan::Redis(_) => false,
    }
}

/// Numbers of two acknowledgements can be compared: there is one engine, or one for each symbol.
fn one_numbering(system: &System) -> Result<(), &'static str> {
    let replicas = system.parts.first().map_or(1, |part| part.replicas);
    match system.data {
        DataLayout::Replicated | DataLayout::Sharded { .. } => Ok(()),
        DataLayout::Store { .. } | DataLayout::Memory => require(
            replicas <= 1,
            "each replica may number what it does by itself",
        ),
    }
}

pub(super) fn provable(class: DataClass, system: &System) -> Result<(), &'static str> {
    if class == DataClass::Reordered {
        require(takes_sequence(system), NO_NUMBERS)?;
        return one_numbering(system);
    }
    let Some(read_back) = &system.read_back else {
        return Err("the profile has no read-back");
    };
    let (is_list, at_each_replica, fields) = match read_back {
        ReadBack::List {
            at_each_replica,
            fields,
            ..
        } => (true, *at_each_replica, fields),
        ReadBack::ById {
            at_each_replica,
            fields,
            ..
        } => (false, *at_each_replica, fields),
    };
    let replicas = system.holder().map_or(1, |part| part.replicas);
    let many_copies = match system.data {
        DataLayout::Replicated | DataLayout::Sharded { .. } | DataLayout::Memory => replicas > 1,
        DataLayout::Store { .. } => system.copies_are_equal() && replicas > 1,
    };
    let ids_are_ours = match system.orders.identity {
        Identity::Client => true,
        Identity::Server => false,
    };
    match class {
        DataClass::Lost => require(!many_copies || at_each_replica, ENTRY_ONLY),
        DataClass::Divergent => divergent(system, replicas, at_each_replica),
        DataClass::Phantom => require(ids_are_ours, UNKNOWN_ID),
        DataClass::Duplicate if !is_list => {
            Err("orders are read one by one: a second one under the same id would not be seen")
        }
        DataClass::Duplicate => require(
            ids_are_ours,
            "the engine makes the ids: an order that was executed twice has two of them",
        ),
        DataClass::Corrupt => corrupt(fields),
        DataClass::Resurrected => {
            require(
                system.orders.cancel.is_some(),
                "the profile cancels nothing",
            )?;
            require(states_are_told(fields), NO_STATES)
        }
        DataClass::Reordered => one_numbering(system),
        DataClass::Unresolved => require(ids_are_ours, UNKNOWN_ID),
        DataClass::Stale if !is_list => Err("orders are read one by one, not as of one moment"),
        DataClass::Stale if !ids_are_ours => Err(UNKNOWN_ID),
        DataClass::Stale => divergent(system, replicas, at_each_replica),
    }
}

fn divergent(system: &System, replicas: u32, at_each_replica: bool) -> Result<(), &'static str> {
    match system.data {
        DataLayout::Replicated | DataLayout::Store { .. } if system.copies_are_equal() => {
            require(replicas > 1, "there is one copy only")?;
            require(at_each_replica, ENTRY_ONLY)
        }
        DataLayout::Sharded { .. } => {
            Err("any one copy of an order's shard will do, so that copies may differ")
        }
        DataLayout::Replicated | DataLayout::Store { .. } => Err("the store is read as one copy"),
        DataLayout::Memory => Err("only the replica that acknowledged holds an order"),
    }
}

fn corrupt(fields: &FieldMap) -> Result<(), &'static str> {
    require(
        fields.price.is_some() && fields.quantity.is_some(),
        "the read-back names no fields for both price and quantity",
    )
}

fn require(holds: bool, otherwise: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(otherwise) }
}
