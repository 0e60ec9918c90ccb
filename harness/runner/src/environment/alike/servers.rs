//! What each of these servers is started with.

use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use shakedown_scenarios::plan::{InfluxDbServers, NatsServers, PgBouncerServers};

use super::{
    INFLUXDB, INFLUXDB_BACKUP_PORT, INFLUXDB_PORT, NATS, NATS_HTTP_PORT, NATS_PORT,
    NATS_ROUTES_PORT, PGBOUNCER, PGBOUNCER_PORT,
};
use crate::environment::cast::part_of;
use crate::environment::engine_command::Member;
use crate::environment::error::{EnvironmentError, failed};
use crate::environment::node::{Line, Node};
use crate::environment::programs::Programs;

/// In the data folder.
const CONFIGURATION: &str = "configuration";

/// Who everybody is to PostgreSQL behind PgBouncer.
const USER: &str = "postgres";

/// How the servers of a plan are made.
#[derive(Debug, Clone)]
pub(in crate::environment) struct Servers {
    which: Which,
    programs: Programs,
}

/// Which servers they are.
#[derive(Debug, Clone)]
pub(in crate::environment) enum Which {
    Nats(NatsServers),
    InfluxDb(InfluxDbServers),
    PgBouncer(PgBouncerServers),
}

impl Servers {
    /// # Errors
    /// When there is nothing to run them with.
    pub(in crate::environment) fn find(which: Which) -> Result<Servers, EnvironmentError> {
        let kit = match &which {
            Which::Nats(_) => &NATS,
            Which::InfluxDb(_) => &INFLUXDB,
            Which::PgBouncer(_) => &PGBOUNCER,
        };
        Ok(Servers {
            programs: Programs::find(kit)?,
            which,
        })
    }

    pub(in crate::environment) fn which(&self) -> &Which {
        &self.which
    }

    /// Where a server with an address of its own takes clients.
    pub(in crate::environment) fn port(&self) -> u16 {
        match &self.which {
            Which::Nats(_) => NATS_PORT,
            Which::InfluxDb(_) => INFLUXDB_PORT,
            Which::PgBouncer(_) => PGBOUNCER_PORT,
        }
    }

    /// Where a server is asked over HTTP.
    pub(in crate::environment) fn asked_at(&self, own: &Member) -> SocketAddr {
        match &self.which {
            Which::Nats(_) => SocketAddr::new(own.http.ip(), NATS_HTTP_PORT),
            Which::InfluxDb(_) | Which::PgBouncer(_) => own.http,
        }
    }

    /// The base URL of a server.
    pub(in crate::environment) fn base_url(&self, own: &Member) -> String {
        match &self.which {
            Which::Nats(_) | Which::InfluxDb(_) => format!("http://{}", self.asked_at(own)),
            Which::PgBouncer(plan) => format!("postgresql://{}/{}", own.http, plan.database),
        }
    }

    /// What makes a process the server of a node, one of several.
    pub(in crate::environment) fn line(&self, own: &Member, all: &[Member], data: &Path) -> Line {
        let path = || OsString::from(data.join(CONFIGURATION));
        match &self.which {
            Which::Nats(_) => {
                let arguments = nats_arguments(own, all, data);
                self.programs.line("nats-server", arguments, true)
            }
            Which::InfluxDb(_) => {
                let arguments = vec!["run".into(), "-config".into(), path()];
                self.programs.line("influxd", arguments, true)
            }
            Which::PgBouncer(_) => self.programs.line("pgbouncer", vec![path()], true),
        }
    }

    /// A data folder with the configuration of what it is for; `primary` is where PgBouncer leads to.
    pub(super) fn configure(
        &self,
        node: &Node,
        own: &Member,
        data: &Path,
        primary: Option<SocketAddr>,
    ) -> Result<(), EnvironmentError> {
        let text = match &self.which {
            Which::Nats(_) => None,
            Which::InfluxDb(_) => Some(influxdb(own, data)),
            Which::PgBouncer(plan) => primary.map(|primary| pgbouncer(plan, own, primary)),
        };
        let path = data.join(CONFIGURATION);
        let written = self.programs.own(data).and_then(|()| match text {
            Some(text) => fs::write(&path, text).and_then(|()| self.programs.give(&path)),
            None => Ok(()),
        });
        written.map_err(|error| failed(node, "write its configuration", error))
    }
}

/// Several are a cluster, whose name is the part's.
fn nats_arguments(own: &Member, all: &[Member], data: &Path) -> Vec<OsString> {
    let (ip, port) = (own.http.ip(), own.http.port());
    let mut words = [
        "--server_name",
        &own.name,
        "--addr",
        &ip.to_string(),
        "--port",
        &port.to_string(),
        "--http_port",
        &NATS_HTTP_PORT.to_string(),
        "--jetstream",
    ]
    .map(String::from)
    .to_vec();
    if all.len() > 1 {
        let route = |member: &Member| format!("nats://{}:{NATS_ROUTES_PORT}", member.http.ip());
        let routes: Vec<String> = all.iter().map(route).collect();
        words.extend([
            "--cluster_name".to_string(),
            part_of(&own.name).to_string(),
            "--cluster".to_string(),
            route(own),
            "--routes".to_string(),
            routes.join(","),
        ]);
    }
    let mut arguments: Vec<OsString> = words.into_iter().map(OsString::from).collect();
    arguments.extend(["--store_dir".into(), data.into()]);
    arguments
}

/// It is alone, and measures nothing of itself.
fn influxdb(own: &Member, data: &Path) -> String {
    let (ip, port, data) = (own.http.ip(), own.http.port(), data.display());
    format!(
        "bind-address = \"{ip}:{INFLUXDB_BACKUP_PORT}\"\n[meta]\ndir = \"{data}/meta\"\n[data]\ndir = \"{data}/data\"\n\
         wal-dir = \"{data}/wal\"\nquery-log-enabled = false\n[monitor]\nstore-enabled = false\n[http]\n\
         bind-address = \"{ip}:{port}\"\nlog-enabled = false\n"
    )
}

/// Whoever reaches the address is let in, as the one user that every server of PostgreSQL here has.
fn pgbouncer(plan: &PgBouncerServers, own: &Member, primary: SocketAddr) -> String {
    let (ip, port) = (own.http.ip(), own.http.port());
    let mut text = format!(
        "[databases]\n* = host={} port={} user={USER}\n[pgbouncer]\nlisten_addr = {ip}\nlisten_port = {port}\nunix_socket_dir =\n\
         auth_type = any\nserver_connect_timeout = 2\nserver_login_retry = 0.5\n",
        primary.ip(),
        primary.port()
    );
    for (name, value) in &plan.settings {
        text.push_str(&format!("{name} = {value}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn member(name: &str, last: u8, port: u16) -> Member {
        Member {
            id: 1,
            name: name.to_string(),
            http: SocketAddr::from(([10, 0, 0, last], port)),
            peer: SocketAddr::from(([10, 0, 0, last], 1)),
            gateway: None,
            ingest: None,
        }
    }

    fn line(arguments: Vec<OsString>) -> String {
        arguments.join(&OsString::from(" ")).into_string().unwrap()
    }

    #[test]
    fn one_server_of_nats_is_alone_and_several_are_a_cluster() {
        let all = [member("bus-1", 1, 4222), member("bus-2", 2, 4222)];
        let alone = line(nats_arguments(&all[0], &all[..1], Path::new("/d")));
        assert_eq!(
            alone,
            "--server_name bus-1 --addr 10.0.0.1 --port 4222 --http_port 8222 --jetstream --store_dir /d"
        );
        let together = line(nats_arguments(&all[1], &all, Path::new("/d")));
        assert!(
            together.contains(
                "--cluster_name bus --cluster nats://10.0.0.2:6222 --routes nats://10.0.0.1:6222,nats://10.0.0.2:6222"
            ),
            "{together}"
        );
    }

    #[test]
    fn pgbouncer_leads_to_the_primary() {
        let plan = PgBouncerServers {
            of: "postgres".to_string(),
            database: "trading".to_string(),
            settings: BTreeMap::from([("pool_mode".to_string(), "transaction".to_string())]),
        };
        let own = member("pool-1", 3, 6432);
        let text = pgbouncer(&plan, &own, SocketAddr::from(([10, 0, 0, 1], 5432)));
        assert!(text.starts_with("[databases]\n* = host=10.0.0.1 port=5432 user=postgres\n[pgbouncer]\nlisten_addr = 10.0.0.3\n"));
        assert!(text.ends_with("\npool_mode = transaction\n"), "{text}");
    }
}
