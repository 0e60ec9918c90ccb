//! Servers of PostgreSQL as the nodes of a local cluster: a primary and its standbys, from Debian's package.
//!
//! ```text
//! programs   where the server is installed, and who it runs as
//! servers    data folders: initdb, a copy of the primary, what a server is started with
//! keeper     who is the primary; promotes a standby after its death, and starts servers again in the right role
//! ```
//!
//! The keeper does what a cluster manager such as Patroni does, and knows more than one could: it started the processes, so
//! that it learns of a death at once and is never wrong about it. It does not see partitions.

mod keeper;
mod programs;
mod servers;

pub(super) use keeper::Keeper;
pub(super) use servers::Servers;

/// Where a server listens, at an address of its own.
pub(super) const PORT: u16 = 5432;

/// What has the programs, on Debian.
const PACKAGE: &str = "postgresql-15";
