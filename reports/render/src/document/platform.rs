//! What the platform did: its share of each failover, and every change of a pod or a node.

use shakedown_analysis::PlatformMoment;
use shakedown_analysis::words::moment_s;
use shakedown_record::run_record::Failover;

use super::{Cell, Table, outage_name};
use crate::words::seconds;

/// What stands where no time of the platform is known.
const NO_TIME: &str = "-";

/// Failover by platform and engine, in time after the injection; no row where no platform told of itself.
pub(crate) fn split_table(entries: &[Failover]) -> Table {
    let mut table = Table::new(&[
        "After",
        "#Noticed",
        "#Not ready",
        "#Rescheduled",
        "How",
        "#Ready",
        "#Elected",
        "#First ack",
    ]);
    for entry in entries {
        let Some(split) = &entry.split else {
            continue;
        };
        let (platform, engine) = (&split.platform, &split.engine);
        let time = |after: Option<f64>| Cell::measured(after, seconds);
        table.push(vec![
            Cell::new(outage_name(entry)),
            time(platform.detected_s),
            time(platform.not_ready_s),
            time(platform.rescheduled_s),
            Cell::measured(platform.rescheduled_how.clone(), |how| how),
            time(platform.ready_s),
            time(engine.elected_s),
            time(engine.first_ack_s),
        ]);
    }
    table.without_empty_columns()
}

/// Every change of a pod or a node, by the time at which Shakedown heard of it.
pub(crate) fn platform_table(moments: &[PlatformMoment]) -> Table {
    let mut table = Table::new(&["#Heard at", "Of", "What happened", "Its own time"]);
    for moment in moments {
        let own = moment.own_time.clone();
        table.push(vec![
            Cell::new(moment_s(moment.at_s)),
            Cell::new(moment.subject.clone()),
            Cell::new(moment.text.clone()),
            Cell::new(own.unwrap_or_else(|| NO_TIME.to_string())),
        ]);
    }
    table
}
