//! What a release has to get through besides its load: operations on the data, and a new version beside the present one.

mod canary;
mod operations;

pub(super) use canary::{canary_refusal, gate_rules};
pub(super) use operations::{backup, migrate, operations, refuse_unkept, restore, restores};
