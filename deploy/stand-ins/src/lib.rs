//! Stand-ins of systems that are made of services and stores: bot3, and the three services of ai-trading.
//!
//! They do in small what the real ones do, over real servers of PostgreSQL, Redis and NATS JetStream, so that what
//! happens when one of those is killed, frozen or cut off is what would happen. Each has [`defects`] that can be
//! switched on. They share nothing with what checks them but the engine's plain parts. `docs/stand-ins.md` says what
//! stands for what.
//!
//! ```text
//! bot3             binary frames -> decisions;  orders -> Redis (limits) -> PostgreSQL -> broker
//! trading-app      trades -> price of data-processor, signal of ml-service -> PgBouncer -> PostgreSQL; reads a replica
//! data-processor   points -> last prices, bars of a second -> PostgreSQL, Redis
//! ml-service       prices -> features -> a logistic model -> a signal
//! ```

pub mod bot3;
pub mod cli;
pub mod client;
pub mod defects;
pub mod error;
pub mod fields;
pub mod life;
pub mod market;
pub mod metrics;
pub mod model;
pub mod reply;
pub mod service;
pub mod stores;
pub mod trading;

pub use cli::StandInCommand;
pub use defects::{DefectInfo, defects};
pub use error::StandInError;
