//! Faults and failover as tables.

use shakedown_record::run_record::{Failover, FaultRecord, RunRecord};

use super::{Cell, Table};
use crate::words::{Tone, seconds};

/// Every fault: asked for, seen, healed.
pub(crate) fn faults_table(record: &RunRecord) -> Table {
    let mut table = Table::new(&[
        "Fault",
        "Asked",
        "Target",
        "Done by",
        "#Injected",
        "#Effect after",
        "#Healed after",
        "#Clean after",
        "Effect measured",
    ]);
    for fault in &record.faults {
        table.push(fault_row(fault));
    }
    table
}

fn fault_row(fault: &FaultRecord) -> Vec<Cell> {
    let after = |at: Option<f64>, missing: &str| match (fault.injected_at_s, at) {
        (Some(injected), Some(at)) => Cell::new(seconds(at - injected)),
        _ => Cell::toned(missing, Tone::Bad),
    };
    let targets: Vec<String> = fault
        .targets
        .iter()
        .map(|target| {
            let role = target.role.as_deref();
            let role = role.map(|role| format!(", the {role}")).unwrap_or_default();
            format!("{}{role} ({})", target.name, target.handle)
        })
        .collect();
    let effect = match fault.effect.confirmed {
        true => Cell::toned(format!("seen: {}", fault.effect.text), Tone::Good),
        false => Cell::toned(format!("NOT SEEN: {}", fault.effect.text), Tone::Bad),
    };
    vec![
        Cell::new(fault.name.clone()),
        Cell::new(fault.kind.clone()),
        Cell::new(targets.join("; ")),
        Cell::new(fault.mechanism.clone()),
        match fault.injected_at_s {
            Some(at) => Cell::new(format!("at {}", seconds(at))),
            None => Cell::toned("never", Tone::Bad),
        },
        after(fault.confirmed_at_s, "not seen"),
        after(fault.healed_at_s, "not healed"),
        after(fault.clean_at_s, "not clean"),
        effect,
    ]
}

/// Failover taken apart, one row for each fault or outage.
pub(crate) fn failover_table(entries: &[Failover]) -> Table {
    let mut table = Table::new(&[
        "Outage",
        "#Began",
        "#First ack",
        "#Recovered",
        "#Worst session",
        "#All replicas back",
        "#Outage by the heal",
        "#Resolution",
    ]);
    for entry in entries {
        table.push(vec![
            Cell::new(outage_name(entry)),
            Cell::new(format!("at {}", seconds(entry.started_at_s))),
            Cell::measured(entry.first_ack_s, seconds),
            recovered(entry),
            Cell::measured(entry.worst_session_gap_s, seconds),
            Cell::measured(entry.redundancy_s, seconds),
            Cell::measured(entry.heal_outage_s, seconds),
            Cell::measured(entry.resolution_s, seconds),
        ]);
    }
    table.without_empty_columns()
}

/// The fault's name, or that no fault explains the outage.
pub(crate) fn outage_name(entry: &Failover) -> String {
    entry
        .fault
        .clone()
        .unwrap_or_else(|| "an outage that no fault explains".into())
}

fn recovered(entry: &Failover) -> Cell {
    match (entry.recovered_s, entry.censored_at_s) {
        (Some(s), _) => Cell::new(seconds(s)),
        (None, Some(censored)) => Cell::toned(
            format!("not within {}, when observation ended", seconds(censored)),
            Tone::Bad,
        ),
        (None, None) => Cell::measured(None, seconds),
    }
}
