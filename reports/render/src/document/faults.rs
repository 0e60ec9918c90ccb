//! Faults and failover as tables.

use shakedown_record::fault::EffectFigure;
use shakedown_record::run_record::{Failover, FaultRecord, RunRecord};

use super::{Cell, NOT_MEASURED, Table};
use crate::words::{Tone, amount, seconds};

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
    let mut row = asked(fault);
    row.extend(life(fault));
    row.push(effect(fault));
    row
}

/// What was asked for, on whom, by which mechanism, and what was seen of it.
pub(crate) fn effects_table(record: &RunRecord) -> Table {
    let mut table = Table::new(&["Fault", "Asked", "Target", "Done by", "Effect measured"]);
    for fault in &record.faults {
        let mut row = asked(fault);
        row.push(effect(fault));
        table.push(row);
    }
    table
}

/// When each fault was injected, seen, healed and clean.
pub(crate) fn life_table(record: &RunRecord) -> Table {
    let mut table = Table::new(&[
        "Fault",
        "#Injected",
        "#Effect after",
        "#Healed after",
        "#Clean after",
    ]);
    for fault in &record.faults {
        let mut row = vec![Cell::new(fault.name.clone())];
        row.extend(life(fault));
        table.push(row);
    }
    table
}

/// Every figure of every effect: asked against measured, with the error that is allowed; counters too.
pub(crate) fn figures_table(record: &RunRecord) -> Table {
    let mut table = Table::new(&[
        "Fault",
        "Figure",
        "#Asked",
        "#Measured",
        "#Stated error",
        "Within it",
    ]);
    for fault in &record.faults {
        for figure in &fault.effect.figures {
            table.push(figure_row(&fault.name, figure));
        }
    }
    table
}

fn figure_row(fault: &str, figure: &EffectFigure) -> Vec<Cell> {
    let show = |value: Option<f64>| value.map(|value| amount(value, &figure.unit));
    let none = || Cell::toned("-", Tone::Quiet);
    vec![
        Cell::new(fault),
        Cell::new(figure.name.clone()),
        show(figure.asked).map_or_else(none, Cell::new),
        show(figure.measured).map_or_else(|| Cell::toned(NOT_MEASURED, Tone::Unsure), Cell::new),
        show(figure.error).map_or_else(none, |text| Cell::new(format!("± {text}"))),
        match figure.within_error() {
            Some(true) => Cell::toned("yes", Tone::Good),
            Some(false) => Cell::toned("NO", Tone::Bad),
            None => none(),
        },
    ]
}

fn asked(fault: &FaultRecord) -> Vec<Cell> {
    let targets: Vec<String> = fault
        .targets
        .iter()
        .map(|target| {
            let role = target.role.as_deref();
            let role = role.map(|role| format!(", the {role}")).unwrap_or_default();
            format!("{}{role} ({})", target.name, target.handle)
        })
        .collect();
    vec![
        Cell::new(fault.name.clone()),
        Cell::new(fault.kind.clone()),
        Cell::new(targets.join("; ")),
        Cell::new(fault.mechanism.clone()),
    ]
}

fn life(fault: &FaultRecord) -> [Cell; 4] {
    let after = |at: Option<f64>, missing: &str| match (fault.injected_at_s, at) {
        (Some(injected), Some(at)) => Cell::new(seconds(at - injected)),
        _ => Cell::toned(missing, Tone::Bad),
    };
    [
        match fault.injected_at_s {
            Some(at) => Cell::new(format!("at {}", seconds(at))),
            None => Cell::toned("never", Tone::Bad),
        },
        after(fault.confirmed_at_s, "not seen"),
        after(fault.healed_at_s, "not healed"),
        after(fault.clean_at_s, "not clean"),
    ]
}

fn effect(fault: &FaultRecord) -> Cell {
    match fault.effect.confirmed {
        true => Cell::toned(format!("seen: {}", fault.effect.text), Tone::Good),
        false => Cell::toned(format!("NOT SEEN: {}", fault.effect.text), Tone::Bad),
    }
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
