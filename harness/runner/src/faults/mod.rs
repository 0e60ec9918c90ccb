//! Faults: the life cycle that every kind goes through, and what each kind does in it.
//!
//! [`preflight`] (can it be done?), [`Prepared::arm`] (journal and watchdogs, synced), [`Prepared::inject`],
//! [`Prepared::confirm`] (seen from the target's side), [`Prepared::heal`], [`Prepared::confirm_clean`] (the
//! snapshot after equals the one before). A kind that was not confirmed did not happen; a state that was not
//! confirmed clean is not clean.
//!
//! Adding a kind: a variant of [`FaultKind`](shakedown_scenarios::plan::FaultKind), a file here with its steps, a
//! match arm in each step of [`Prepared`].

mod action;
mod agents;
mod aim;
mod clock;
mod cluster;
mod container;
mod disk;
mod error;
mod freeze;
mod group;
mod hook;
mod kill;
mod kill_switch;
mod link;
mod names;
mod nets;
mod operation;
mod power_cut;
mod prepared;
mod restart;
mod service;
mod slow;
mod snapshot;
mod strength;
mod stress;
mod target;
mod wire;

pub(crate) use agents::object_name;
pub use aim::{Aim, FarEnd, FaultTargetRef};
pub use cluster::{may_be_undone, needs as cluster_rights, undone_by};
pub use error::{FaultError, NotClean};
pub use operation::{ClockOffset, Moment};
pub use prepared::{Prepared, preflight};
pub use strength::Strength;
