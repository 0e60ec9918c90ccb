//! Servers whose replicas are all alike to Shakedown: NATS, InfluxDB, PgBouncer, from Debian's packages.
//!
//! ```text
//! servers    what each is started with: a command line or a configuration in its data folder
//! keeper     brings them up, makes what has to be there, and leads PgBouncer to whoever is the primary
//! ```
//!
//! Who leads a cluster of NATS is its own affair; nobody promotes any of them.

mod keeper;
mod servers;

use super::programs::{Kit, Place};

pub(super) use keeper::Keeper;
pub(super) use servers::{Servers, Which};

/// Where NATS takes clients, other servers, and questions over HTTP.
const NATS_PORT: u16 = 4222;
const NATS_ROUTES_PORT: u16 = 6222;
const NATS_HTTP_PORT: u16 = 8222;

const INFLUXDB_PORT: u16 = 8086;
const INFLUXDB_BACKUP_PORT: u16 = 8088;

const PGBOUNCER_PORT: u16 = 6432;

const NATS: Kit = Kit {
    what: "NATS",
    programs: &["nats-server"],
    place: Place::Folder("/usr/sbin"),
    package: "nats-server",
    elsewhere: "SHAKEDOWN_NATS",
    users: ["nats", "nobody"],
};

const INFLUXDB: Kit = Kit {
    what: "InfluxDB",
    programs: &["influxd"],
    place: Place::Folder("/usr/bin"),
    package: "influxdb",
    elsewhere: "SHAKEDOWN_INFLUXDB",
    users: ["influxdb", "nobody"],
};

const PGBOUNCER: Kit = Kit {
    what: "PgBouncer",
    programs: &["pgbouncer"],
    place: Place::Folder("/usr/sbin"),
    package: "pgbouncer",
    elsewhere: "SHAKEDOWN_PGBOUNCER",
    users: ["postgres", "nobody"],
};
