//! The tables of a report, once: the terminal, Markdown and HTML only differ in how they set them.

mod data;
mod facts;
mod faults;
mod figures;
mod open;
mod platform;
mod table;

pub(crate) use data::{data_loss_found, data_loss_table, not_checked, recovery_point};
pub(crate) use facts::{facts_table, generator_table, outcomes_table};
pub(crate) use faults::{
    effects_table, failover_table, faults_table, figures_table, life_table, outage_name,
};
pub(crate) use figures::{
    availability_table, checks_table, latency_table, phases_table, throughput_table, ways_table,
};
pub(crate) use open::unchecked_table;
pub(crate) use platform::{platform_table, split_table};
pub(crate) use table::{Cell, NOT_MEASURED, Table};
