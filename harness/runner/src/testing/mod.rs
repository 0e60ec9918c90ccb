//! For tests only: a small exchange in this process, with defects of its own, and a plan that fits it.

mod alertmanager;
mod api_server;
mod exchange;
mod node;
mod plans;

pub use alertmanager::Alertmanager;
pub use api_server::ApiServer;
pub use exchange::{Exchange, Fault};
pub use node::write_exe;
pub use plans::{SECRET, by_id, plan, secrets, target, write_ledger};
