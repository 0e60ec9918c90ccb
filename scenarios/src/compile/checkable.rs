//! Which classes of data loss a profile can prove.

use crate::plan::{DataClass, DataLayout, FieldMap, Identity, ReadBack, System};

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

fn provable(class: DataClass, system: &System) -> Result<(), &'static str> {
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
    let replicas = system.parts.first().map_or(1, |part| part.replicas);
    let many_copies = match system.data {
        DataLayout::Replicated | DataLayout::Sharded { .. } | DataLayout::Memory => replicas > 1,
        DataLayout::Store { .. } => false,
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
        DataClass::Unresolved => require(ids_are_ours, UNKNOWN_ID),
    }
}

fn divergent(system: &System, replicas: u32, at_each_replica: bool) -> Result<(), &'static str> {
    match system.data {
        DataLayout::Replicated if replicas < 2 => Err("there is one copy only"),
        DataLayout::Replicated => require(at_each_replica, ENTRY_ONLY),
        DataLayout::Sharded { .. } => {
            Err("any one copy of an order's shard will do, so that copies may differ")
        }
        DataLayout::Store { .. } => Err("the store is read as one copy"),
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
