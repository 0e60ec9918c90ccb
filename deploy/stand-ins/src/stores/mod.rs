//! Clients of the stores behind the services: PostgreSQL, Redis through its sentinels, NATS JetStream.
//!
//! ```text
//! service -> Postgresql | Redis | Broker    one connection, dialled when it is needed, left when it fails
//!            Watch                          asks each of them twice a second whether it answers
//! ```
//!
//! A connection that failed is never used again: what was asked on it may be done or not, and the caller is told which of the
//! two it knows ([`StoreError`]).

mod broker;
mod error;
mod nats;
mod postgresql;
mod redis;
mod resp;
mod turns;
mod watch;

pub use broker::{Broker, Publication};
pub use error::StoreError;
pub use postgresql::{Postgresql, params};
pub use redis::{Redis, RedisEntry};
pub use resp::Reply;
pub use watch::{Store, Watch};

use std::time::Duration;

/// How long a store may take to answer before it counts as one that does not.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// How long one server may take to let somebody in, before the next one is tried.
const DIALS_WITHIN: Duration = Duration::from_secs(1);
