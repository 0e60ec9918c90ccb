//! For tests only: a small exchange in this process, with defects of its own, and a plan that fits it.

mod exchange;
mod node;
mod plans;

pub use exchange::{Exchange, Fault};
pub use node::write_exe;
pub use plans::{SECRET, by_id, plan, secrets, target, write_ledger};
