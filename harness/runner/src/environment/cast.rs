//! Who plays what in a local environment: which processes there are, and what each is told.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use rustix::process::Signal;
use shakedown_scenarios::plan::{LocalStandIn, Part, System};

use super::engine_command::{Member, node_arguments};
use super::error::EnvironmentError;
use super::keeper::Keeper;
use super::kind::StartContext;
use super::node::{Line, Node};
use super::wiring::Wiring;
use super::{postgresql, redis};

/// Who plays what.
#[derive(Debug, Clone)]
pub(super) enum Cast {
    /// Every replica of a part is a node of the reference engine.
    Engine { part: String },
    /// A market maker, and the venue that it quotes to.
    MarketMaker { part: String, venue: String },
    /// Every replica of a part is a server of PostgreSQL.
    PostgreSql(Box<postgresql::Servers>),
    /// Every replica of a part is a server of Redis, and those of another one may be their sentinels.
    Redis(redis::Servers),
}

impl Cast {
    /// # Errors
    /// When somebody else's programs are to play, and are not here.
    pub(super) fn of(stand_in: &LocalStandIn, system: &System) -> Result<Cast, EnvironmentError> {
        Ok(match stand_in {
            LocalStandIn::Engine { part } => Cast::Engine { part: part.clone() },
            LocalStandIn::MarketMaker { part, venue } => Cast::MarketMaker {
                part: part.clone(),
                venue: venue.clone(),
            },
            LocalStandIn::PostgreSql(plan) => {
                Cast::PostgreSql(Box::new(postgresql::Servers::find(plan, system)?))
            }
            LocalStandIn::Redis(plan) => Cast::Redis(redis::Servers::find(plan)?),
        })
    }

    /// The part that the load goes to.
    pub(super) fn first<'s>(&self, system: &'s System) -> Result<&'s Part, EnvironmentError> {
        match self {
            Cast::Engine { part } | Cast::MarketMaker { part, .. } => known(system, part),
            Cast::PostgreSql(servers) => known(system, servers.part()),
            Cast::Redis(servers) => known(system, servers.part()),
        }
    }

    /// The part whose replicas are the entries, where that is another one than the first.
    pub(super) fn entrance(&self) -> Option<&str> {
        match self {
            Cast::Engine { .. } | Cast::MarketMaker { .. } | Cast::PostgreSql(_) => None,
            Cast::Redis(servers) => servers.sentinels(),
        }
    }

    /// Names of all processes.
    pub(super) fn names(&self, system: &System) -> Result<Vec<String>, EnvironmentError> {
        let of = |part: &Part| {
            let numbers = 1..=part.replicas;
            let names = numbers.map(|n| format!("{}-{n}", part.name));
            names.collect::<Vec<String>>()
        };
        let mut names = of(self.first(system)?);
        match self {
            Cast::Engine { .. } | Cast::PostgreSql(_) => {}
            Cast::MarketMaker { venue, .. } => names.extend(of(known(system, venue)?)),
            Cast::Redis(servers) => {
                if let Some(sentinels) = servers.sentinels() {
                    names.extend(of(known(system, sentinels)?));
                }
            }
        }
        Ok(names)
    }

    /// What makes a process this member.
    pub(super) fn line(
        &self,
        context: &StartContext<'_>,
        wiring: &Wiring,
        own: &Member,
        data: &Path,
    ) -> Line {
        let arguments = match self {
            Cast::PostgreSql(servers) => return servers.line(own, data),
            Cast::Redis(servers) => return servers.line(own, data),
            Cast::Engine { .. } => node_arguments(
                own,
                &wiring.seen_by(own),
                data,
                &context.plan.system.gateway,
                &context.defects,
            ),
            Cast::MarketMaker { venue, .. } if part_of(&own.name) == venue => {
                venue_arguments(context, own)
            }
            Cast::MarketMaker { venue, .. } => {
                let seen = wiring.seen_by(own);
                let venue = seen.iter().find(|it| part_of(&it.name) == venue);
                let fix = over_fix(context);
                maker_arguments(own, venue.unwrap_or(own), &fix, &context.defects)
            }
        };
        Line {
            program: context.exe.clone(),
            arguments,
            is_apart: false,
        }
    }

    /// Who keeps servers that have roles; `None`: there are none.
    pub(super) fn keeper(
        &self,
        nodes: &[Arc<Node>],
        wiring: &Wiring,
        data: &Path,
    ) -> Option<Keeper> {
        match self {
            Cast::Engine { .. } | Cast::MarketMaker { .. } => None,
            Cast::PostgreSql(servers) => {
                let servers = postgresql::Servers::clone(servers);
                let (wiring, data) = (wiring.clone(), data.to_path_buf());
                let keeper = postgresql::Keeper::new(servers, nodes, wiring, data);
                Some(Keeper::PostgreSql(keeper))
            }
            Cast::Redis(servers) => {
                let (wiring, data) = (wiring.clone(), data.to_path_buf());
                let keeper = redis::Keeper::new(servers.clone(), nodes, wiring, data);
                Some(Keeper::Redis(Box::new(keeper)))
            }
        }
    }

    /// What ends a process in good order.
    pub(super) fn farewell(&self) -> Signal {
        match self {
            Cast::Engine { .. } | Cast::MarketMaker { .. } | Cast::Redis(_) => Signal::TERM,
            // At SIGTERM it waits for its clients to leave.
            Cast::PostgreSql(_) => Signal::INT,
        }
    }
}

/// The part of a replica, by its name.
pub(super) fn part_of(name: &str) -> &str {
    name.rsplit_once('-').map_or(name, |(part, _)| part)
}

fn known<'s>(system: &'s System, name: &str) -> Result<&'s Part, EnvironmentError> {
    let found = system.parts.iter().find(|part| part.name == name);
    found.ok_or_else(|| EnvironmentError::NoSuchPart {
        part: name.to_string(),
    })
}

/// The same words for both ends; none over WebSocket.
fn over_fix(context: &StartContext<'_>) -> Vec<String> {
    let side = context.plan.system.venue.as_ref();
    let fix = side.and_then(|side| side.fix.as_ref());
    fix.map_or_else(Vec::new, |fix| {
        let tag = fix.tag.to_string();
        ["--fix", &fix.comp_id, "--fix-tag", &tag]
            .map(String::from)
            .to_vec()
    })
}

fn maker_arguments(
    own: &Member,
    venue: &Member,
    fix: &[String],
    defects: &[String],
) -> Vec<OsString> {
    let mut words = vec![
        "engine".to_string(),
        "maker".to_string(),
        "--name".to_string(),
        own.name.clone(),
        "--http".to_string(),
        own.http.to_string(),
        "--venue".to_string(),
        venue.http.to_string(),
    ];
    words.extend_from_slice(fix);
    if !defects.is_empty() {
        words.extend(["--defect".to_string(), defects.join(",")]);
    }
    words.push("--with-parent".to_string());
    words.into_iter().map(OsString::from).collect()
}

fn venue_arguments(context: &StartContext<'_>, own: &Member) -> Vec<OsString> {
    let behaviour = serde_json::to_string(&context.plan.venue).unwrap_or_default();
    let words = [
        "venue".into(),
        "--listen".into(),
        own.http.to_string().into(),
        "--log".into(),
        context.run_dir.venue().into_os_string(),
        "--seed".into(),
        context.plan.seed.to_string().into(),
        "--behaviour".into(),
        OsString::from(behaviour),
        "--with-parent".into(),
    ];
    let fix = over_fix(context).into_iter().map(OsString::from);
    words.into_iter().chain(fix).collect()
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    #[test]
    fn a_market_maker_is_told_where_the_venue_is() {
        let member = |id: usize, name: &str, port: u16| Member {
            id,
            name: name.to_string(),
            http: SocketAddr::from(([127, 0, 0, 1], port)),
            peer: SocketAddr::from(([127, 0, 0, 1], port + 1)),
            gateway: None,
            ingest: None,
        };
        let (maker, venue) = (member(1, "maker-1", 7), member(2, "venue-1", 9));
        let words = maker_arguments(
            &maker,
            &venue,
            &["--fix".to_string(), "V".to_string()],
            &["drops-fills".to_string()],
        );
        let line = words.join(&OsString::from(" ")).into_string().unwrap();
        assert_eq!(
            line,
            "engine maker --name maker-1 --http 127.0.0.1:7 --venue 127.0.0.1:9 --fix V --defect drops-fills --with-parent"
        );
        assert_eq!((part_of("maker-1"), part_of("venue-1")), ("maker", "venue"));
    }
}
