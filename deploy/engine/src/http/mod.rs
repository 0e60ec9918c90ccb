//! The engine over HTTP: order entry, what this replica holds, health, role, version and metrics.
//!
//! Every reply is JSON (but for `/metrics`) and names the node that gave it in the header `x-node`. The lists show
//! this node's own replica, as it is: a replica that lags or was deposed shows what it has, which is the point.

mod app;
pub(crate) mod body;
mod entry;
pub mod guard;
pub(crate) mod health;
pub(crate) mod presence;
pub(crate) mod read;
pub(crate) mod reply;
mod server;

pub use app::App;
pub use presence::Presence;
pub use server::serve;
