//! Data loss by class. A class that was not checked says so; it is never 0.

use shakedown_record::run_record::{DataLoss, OrderExample};

use super::{Cell, Table};
use crate::words::{Tone, grouped, seconds};

/// How bad it is that a class has orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weight {
    /// Data was harmed.
    Harm,
    /// Nothing is known of these orders.
    Unknown,
    /// Agreed beforehand.
    Agreed,
}

struct Class {
    name: &'static str,
    count: fn(&DataLoss) -> Option<u64>,
    meaning: &'static str,
    weight: Weight,
}

const CLASSES: [Class; 10] = [
    Class {
        name: "lost",
        count: |data| data.lost,
        meaning: "acknowledged, and on no copy",
        weight: Weight::Harm,
    },
    Class {
        name: "divergent",
        count: |data| data.divergent,
        meaning: "acknowledged, and missing on some copies",
        weight: Weight::Harm,
    },
    Class {
        name: "phantom",
        count: |data| data.phantom,
        meaning: "found, though rejected or never sent",
        weight: Weight::Harm,
    },
    Class {
        name: "resurrected",
        count: |data| data.resurrected,
        meaning: "ended before, and open again",
        weight: Weight::Harm,
    },
    Class {
        name: "duplicate",
        count: |data| data.duplicate,
        meaning: "found more than once",
        weight: Weight::Harm,
    },
    Class {
        name: "corrupt",
        count: |data| data.corrupt,
        meaning: "found with other values than were sent",
        weight: Weight::Harm,
    },
    Class {
        name: "reordered",
        count: |data| data.reordered,
        meaning: "in another order than was acknowledged",
        weight: Weight::Harm,
    },
    Class {
        name: "stale",
        count: |data| data.stale,
        meaning: "an older state than was acknowledged",
        weight: Weight::Harm,
    },
    Class {
        name: "unresolved",
        count: |data| data.unresolved,
        meaning: "neither proven executed nor proven absent",
        weight: Weight::Unknown,
    },
    Class {
        name: "contract-cancelled",
        count: |data| data.contract_cancelled,
        meaning: "cancelled by agreement, as on disconnect",
        weight: Weight::Agreed,
    },
];

/// True when any class has orders.
pub(crate) fn data_loss_found(data: &DataLoss) -> bool {
    CLASSES
        .iter()
        .any(|class| (class.count)(data).is_some_and(|count| count > 0))
}

/// Names of the classes that were not checked, in order.
pub(crate) fn not_checked(data: &DataLoss) -> Vec<&'static str> {
    CLASSES
        .iter()
        .filter(|class| (class.count)(data).is_none())
        .map(|class| class.name)
        .collect()
}

/// One row for each class; `found_only` leaves out those without orders.
pub(crate) fn data_loss_table(data: &DataLoss, found_only: bool) -> Table {
    let mut table = Table::new(&["Class", "#Orders", "Meaning", "For example"]);
    for class in &CLASSES {
        let count = (class.count)(data);
        if found_only && count.unwrap_or(0) == 0 {
            continue;
        }
        table.push(vec![
            Cell::new(class.name),
            count_cell(count, class.weight),
            Cell::new(class.meaning),
            Cell::new(example(&data.examples, class.name)),
        ]);
    }
    table
}

fn count_cell(count: Option<u64>, weight: Weight) -> Cell {
    match (count, weight) {
        (None, _) => Cell::toned("not checked", Tone::Unsure),
        (Some(0), _) => Cell::toned("0", Tone::Good),
        (Some(n), Weight::Harm) => Cell::toned(grouped(n), Tone::Bad),
        (Some(n), Weight::Unknown) => Cell::toned(grouped(n), Tone::Unsure),
        (Some(n), Weight::Agreed) => Cell::new(grouped(n)),
    }
}

fn example(examples: &[OrderExample], class: &str) -> String {
    examples
        .iter()
        .find(|example| example.class == class)
        .map(|example| example.order.clone())
        .unwrap_or_default()
}

/// Recovery point: how much was lost, in orders and in time. `None` when it was not measured.
pub(crate) fn recovery_point(data: &DataLoss) -> Option<String> {
    let orders = data.rpo_orders?;
    let time = data.rpo_s.map(|s| format!(", {}", seconds(s)));
    Some(format!(
        "RPO {}{}",
        crate::words::counted(orders, "order"),
        time.unwrap_or_default()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_that_was_not_checked_is_never_zero() {
        let data = DataLoss {
            lost: Some(0),
            duplicate: Some(2),
            ..DataLoss::default()
        };
        let table = data_loss_table(&data, false);
        assert_eq!(table.rows.len(), CLASSES.len());
        assert_eq!(table.rows[0][1].text, "0");
        assert_eq!(table.rows[1][1].text, "not checked");
        assert_eq!(data_loss_table(&data, true).rows.len(), 1);
        assert!(data_loss_found(&data));
        assert!(!data_loss_found(&DataLoss::default()));
        assert!(!not_checked(&data).contains(&"lost"));
        assert_eq!(not_checked(&data).len(), CLASSES.len() - 2);
    }
}
