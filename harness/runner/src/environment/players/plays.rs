//! What differs between players.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use rustix::process::Signal;
use shakedown_scenarios::plan::gates::{Operation, OperationBy};
use shakedown_scenarios::plan::{
    EngineDialect, EnginePlayer, MakerDialect, MakerPlayer, Plan, Player, ServicePlayer, System,
};

use super::own::{further, maker_arguments, over_fix, service_arguments, venue_arguments};
use crate::environment::alike::Which;
use crate::environment::cast::part_of;
use crate::environment::engine_command::{Member, node_arguments};
use crate::environment::error::EnvironmentError;
use crate::environment::health::{PlainRequest, readiness};
use crate::environment::keeper::Keeper;
use crate::environment::kind::StartContext;
use crate::environment::node::{Line, Node};
use crate::environment::wiring::Wiring;
use crate::environment::{alike, postgresql, redis};

/// Where a program of Shakedown's own answers that has an address of its own.
const HTTP_PORT: u16 = 8080;

/// What plays a part, ready to be started.
#[derive(Debug, Clone)]
pub(in crate::environment) enum Plays {
    /// Every replica is a node of the reference engine.
    Engine(EnginePlayer),
    MarketMaker(MakerPlayer),
    Service(ServicePlayer),
    Venue,
    /// Every replica is a server of PostgreSQL.
    PostgreSql(Box<postgresql::Servers>),
    /// Every replica is a server of Redis, and those of another part may be their sentinels.
    Redis(redis::Servers),
    Alike(alike::Servers),
}

impl Plays {
    /// # Errors
    /// When somebody else's programs are to play, and are not here.
    pub(in crate::environment) fn find(
        player: &Player,
        plan: &Plan,
    ) -> Result<Plays, EnvironmentError> {
        Ok(match player {
            Player::Engine(engine) => Plays::Engine(engine.clone()),
            Player::MarketMaker(maker) => Plays::MarketMaker(maker.clone()),
            Player::Service(service) => Plays::Service(service.clone()),
            Player::Venue => Plays::Venue,
            Player::PostgreSql(servers) => {
                let found = postgresql::Servers::find(servers, &plan.system, keeps(plan))?;
                Plays::PostgreSql(Box::new(found))
            }
            Player::Redis(servers) => Plays::Redis(redis::Servers::find(servers)?),
            Player::Nats(servers) => {
                Plays::Alike(alike::Servers::find(Which::Nats(servers.clone()))?)
            }
            Player::InfluxDb(servers) => {
                Plays::Alike(alike::Servers::find(Which::InfluxDb(servers.clone()))?)
            }
            Player::PgBouncer(servers) => {
                Plays::Alike(alike::Servers::find(Which::PgBouncer(servers.clone()))?)
            }
        })
    }

    /// Parts that come with it.
    pub(in crate::environment) fn with(&self) -> Option<&str> {
        match self {
            Plays::Engine(_)
            | Plays::MarketMaker(_)
            | Plays::Service(_)
            | Plays::Venue
            | Plays::PostgreSql(_)
            | Plays::Alike(_) => None,
            Plays::Redis(servers) => servers.sentinels(),
        }
    }

    /// The part to which it leads its clients.
    pub(in crate::environment) fn leads_to(&self) -> Option<&str> {
        let Plays::Alike(servers) = self else {
            return None;
        };
        match servers.which() {
            Which::PgBouncer(plan) => Some(&plan.of),
            Which::Nats(_) | Which::InfluxDb(_) => None,
        }
    }

    /// True for servers, and for programs with ports that are always the same.
    pub(in crate::environment) fn needs_namespaces(&self) -> bool {
        match self {
            Plays::Engine(plan) => plan.dialect.is_some(),
            Plays::MarketMaker(plan) => plan.dialect.is_some(),
            Plays::Venue => false,
            Plays::Service(_) | Plays::PostgreSql(_) | Plays::Redis(_) | Plays::Alike(_) => true,
        }
    }

    /// True for so many servers that tell each other their own addresses.
    pub(in crate::environment) fn tells_addresses(&self, replicas: u32) -> bool {
        match self {
            Plays::Engine(_)
            | Plays::MarketMaker(_)
            | Plays::Service(_)
            | Plays::Venue
            | Plays::PostgreSql(_) => false,
            Plays::Redis(servers) => replicas > 1 || servers.sentinels().is_some(),
            Plays::Alike(servers) => match servers.which() {
                Which::Nats(_) => replicas > 1,
                Which::InfluxDb(_) | Which::PgBouncer(_) => false,
            },
        }
    }

    /// True when its replicas speak to each other at ports of their own.
    pub(in crate::environment) fn has_peer_ports(&self) -> bool {
        match self {
            Plays::Engine(_) => true,
            Plays::MarketMaker(_)
            | Plays::Service(_)
            | Plays::Venue
            | Plays::PostgreSql(_)
            | Plays::Redis(_)
            | Plays::Alike(_) => false,
        }
    }

    /// The port at which a replica of the part with an address of its own answers everybody.
    pub(in crate::environment) fn port(&self, part: &str) -> u16 {
        match self {
            Plays::Engine(_) | Plays::MarketMaker(_) | Plays::Venue => HTTP_PORT,
            Plays::Service(plan) => plan.port,
            Plays::PostgreSql(_) => postgresql::PORT,
            Plays::Redis(servers) if servers.sentinels() == Some(part) => redis::SENTINEL_PORT,
            Plays::Redis(_) => redis::PORT,
            Plays::Alike(servers) => servers.port(),
        }
    }

    /// The base URL of a replica.
    pub(in crate::environment) fn base_url(&self, own: &Member) -> String {
        match self {
            Plays::Engine(_) | Plays::MarketMaker(_) | Plays::Service(_) | Plays::Venue => {
                format!("http://{}", own.http)
            }
            Plays::PostgreSql(servers) => {
                format!("postgresql://{}/{}", own.http, servers.database())
            }
            Plays::Redis(_) => format!("redis://{}", own.http),
            Plays::Alike(servers) => servers.base_url(own),
        }
    }

    /// Where a replica is asked whether it is ready.
    pub(in crate::environment) fn asked_at(&self, own: &Member, system: &System) -> SocketAddr {
        match self {
            Plays::Engine(plan) if plan.keeps_ports() => {
                let readiness = system.readiness(part_of(&own.name));
                let port = readiness.and_then(|(_, port)| port);
                SocketAddr::new(own.http.ip(), port.unwrap_or(own.http.port()))
            }
            Plays::Engine(_)
            | Plays::MarketMaker(_)
            | Plays::Service(_)
            | Plays::Venue
            | Plays::PostgreSql(_)
            | Plays::Redis(_) => own.http,
            Plays::Alike(servers) => servers.asked_at(own),
        }
    }

    /// How a replica of the part is asked whether it is ready; `None`: nobody says how.
    ///
    /// # Errors
    /// When the profile's request has holes.
    pub(in crate::environment) fn readiness(
        &self,
        system: &System,
        part: &str,
    ) -> Result<Option<PlainRequest>, EnvironmentError> {
        match self {
            Plays::Engine(_) | Plays::MarketMaker(_) | Plays::Service(_) | Plays::Venue => {
                readiness(system, part)
            }
            Plays::PostgreSql(servers) => Ok(Some(PlainRequest::PostgreSql {
                database: servers.database().to_string(),
            })),
            Plays::Redis(_) => Ok(Some(PlainRequest::Redis)),
            Plays::Alike(servers) => match servers.which() {
                Which::PgBouncer(plan) => Ok(Some(PlainRequest::PostgreSql {
                    database: plan.database.clone(),
                })),
                Which::Nats(_) | Which::InfluxDb(_) => readiness(system, part),
            },
        }
    }

    /// What makes a process this member.
    pub(in crate::environment) fn line(
        &self,
        context: &StartContext<'_>,
        wiring: &Wiring,
        own: &Member,
        data: &Path,
    ) -> Line {
        let arguments: Vec<OsString> = match self {
            Plays::PostgreSql(servers) => return servers.line(own, data),
            Plays::Redis(servers) => return servers.line(own, data),
            Plays::Alike(servers) => return servers.line(own, &of_part(wiring, own), data),
            Plays::Engine(plan) => {
                let all = of_part(wiring, own);
                let gateway = &context.plan.system.gateway;
                let mut words = node_arguments(own, &all, data, gateway, &context.defects);
                let dialect = plan.dialect.map(EngineDialect::name);
                words.extend(further(dialect, &plan.settings, &wiring.seen_by(own)));
                words
            }
            Plays::Venue => venue_arguments(context, own),
            Plays::Service(plan) => {
                let mut words = service_arguments(plan, own, &context.defects);
                words.extend(further(None, &plan.settings, &wiring.seen_by(own)));
                words
            }
            Plays::MarketMaker(plan) => {
                let side = context.plan.system.venue.as_ref();
                let seen = wiring.seen_by(own);
                let venue = seen
                    .iter()
                    .find(|it| side.is_some_and(|side| side.part == part_of(&it.name)));
                let fix = over_fix(context);
                let mut words = maker_arguments(own, venue.unwrap_or(own), &fix, &context.defects);
                let dialect = plan.dialect.map(MakerDialect::name);
                words.extend(further(dialect, &plan.settings, &seen));
                words
            }
        };
        Line {
            program: context.exe.clone(),
            arguments,
            is_apart: false,
            farewell: Signal::TERM,
        }
    }

    /// Who keeps servers that have roles; `None`: there are none.
    pub(in crate::environment) fn keeper(
        &self,
        nodes: &[Arc<Node>],
        wiring: Wiring,
        data: &Path,
    ) -> Option<Keeper> {
        let data = data.to_path_buf();
        match self {
            Plays::Engine(_) | Plays::MarketMaker(_) | Plays::Service(_) | Plays::Venue => None,
            Plays::PostgreSql(servers) => {
                let servers = postgresql::Servers::clone(servers);
                let keeper = postgresql::Keeper::new(servers, nodes, wiring, data);
                Some(Keeper::PostgreSql(keeper))
            }
            Plays::Redis(servers) => {
                let keeper = redis::Keeper::new(servers.clone(), nodes, wiring, data);
                Some(Keeper::Redis(Box::new(keeper)))
            }
            Plays::Alike(servers) => {
                let keeper = alike::Keeper::new(servers.clone(), nodes, wiring, data);
                Some(Keeper::Alike(Box::new(keeper)))
            }
        }
    }
}

/// The members of the same part, as one of them is to see them.
fn of_part(wiring: &Wiring, own: &Member) -> Vec<Member> {
    let mut all = wiring.seen_by(own);
    all.retain(|member| part_of(&member.name) == part_of(&own.name));
    all
}

/// Whether the servers' data is kept by us, to be brought back.
fn keeps(plan: &Plan) -> bool {
    let mut kinds = plan.faults.iter().map(|fault| &fault.kind);
    kinds.any(|kind| kind.operation().map(Operation::by) == Some(&OperationBy::Servers))
}
