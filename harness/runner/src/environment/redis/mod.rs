//! Servers of Redis as the nodes of a local cluster: a master, its replicas, and the sentinels that watch them, from Debian's
//! packages.
//!
//! ```text
//! servers    data folders with their configuration, and what a server or sentinel is started with
//! keeper     brings them up in the order in which they can find each other
//! ```
//!
//! Nothing here promotes anybody: that is what the sentinels do, as they do elsewhere. They and the servers write what they have
//! learnt into their own configuration files, so that one that is started again goes on as what it was.

mod keeper;
mod servers;

use super::programs::{Kit, Place};

pub(super) use keeper::Keeper;
pub(super) use servers::Servers;

/// Where a server listens, at an address of its own.
pub(super) const PORT: u16 = 6379;

/// Where a sentinel listens, at an address of its own.
pub(super) const SENTINEL_PORT: u16 = 26379;

/// Its programs: a sentinel is a server that is told to be one.
const KIT: Kit = Kit {
    what: "Redis",
    programs: &["redis-server"],
    place: Place::Folder("/usr/bin"),
    package: "redis-server",
    elsewhere: "SHAKEDOWN_REDIS",
    users: ["redis", "nobody"],
};
