//! Servers of PostgreSQL as the nodes of a local cluster: a primary and its standbys, from Debian's package.
//!
//! ```text
//! servers    data folders: initdb, a copy of the primary, what a server is started with
//! recovery   backups of the primary, and the way back to a moment
//! keeper     who is the primary; promotes a standby after its death, and starts servers again in the right role
//! ```
//!
//! The keeper does what a cluster manager such as Patroni does, and knows more than one could: it started the processes, so
//! that it learns of a death at once and is never wrong about it. It does not see partitions.

mod keeper;
mod recovery;
mod servers;

use super::programs::{Kit, Place};

pub(super) use keeper::Keeper;
pub(super) use servers::Servers;

/// Where a server listens, at an address of its own.
pub(super) const PORT: u16 = 5432;

/// Its programs. Servers of version 14 are the first that tell clients whether they are standbys.
const KIT: Kit = Kit {
    what: "PostgreSQL",
    programs: &["postgres", "initdb", "pg_basebackup", "pg_verifybackup"],
    place: Place::Versions("/usr/lib/postgresql", 14),
    package: "postgresql-15",
    elsewhere: "SHAKEDOWN_POSTGRESQL",
    users: ["postgres", "nobody"],
};
