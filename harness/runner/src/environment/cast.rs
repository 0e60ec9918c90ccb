//! Who plays what in a local environment: which processes there are, in which order they start, and what each is told.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use shakedown_scenarios::plan::{
    EnginePlayer, LocalStandIn, MakerPlayer, PartPlayer, Plan, Player, RestartedBy, System,
};

use super::engine_command::Member;
use super::error::EnvironmentError;
use super::health::PlainRequest;
use super::keeper::Keeper;
use super::kind::StartContext;
use super::node::{Line, Node};
use super::players::Plays;
use super::wiring::Wiring;

/// Who plays what, in the order in which they start.
#[derive(Debug, Clone)]
pub(super) struct Cast {
    players: Vec<Playing>,
    /// The part whose replicas are the entries.
    entrance: String,
    /// Every part that is played, in the profile's order, with its number of replicas.
    parts: Vec<(String, u32)>,
    /// Of parts that nobody starts again.
    stay_down: Vec<String>,
}

/// Who plays a part, and what else comes with it.
#[derive(Debug, Clone)]
struct Playing {
    part: String,
    plays: Plays,
}

/// The nodes of one player, and who keeps them.
#[derive(Debug)]
pub(super) struct Company {
    pub(super) nodes: Vec<Arc<Node>>,
    /// Of servers that have roles.
    pub(super) keeper: Option<Keeper>,
}

impl Cast {
    /// # Errors
    /// When somebody else's programs are to play, and are not here: each that is missing.
    pub(super) fn of(stand_in: &LocalStandIn, plan: &Plan) -> Result<Cast, EnvironmentError> {
        let system = &plan.system;
        let player = |part: &str, player: Player| PartPlayer {
            part: part.to_string(),
            player,
        };
        let first = system.parts.first().map_or("", |part| &part.name);
        let (players, entrance) = match stand_in {
            LocalStandIn::Engine { part } => (
                vec![player(part, Player::Engine(EnginePlayer::default()))],
                part.as_str(),
            ),
            LocalStandIn::MarketMaker { part, venue } => {
                let maker = Player::MarketMaker(MakerPlayer::default());
                let both = [(venue, Player::Venue), (part, maker)];
                (
                    both.map(|(part, plays)| player(part, plays)).to_vec(),
                    part.as_str(),
                )
            }
            LocalStandIn::PostgreSql(servers) => (
                vec![player(&servers.part, Player::PostgreSql(servers.clone()))],
                servers.part.as_str(),
            ),
            LocalStandIn::Redis(servers) => {
                let sentinels = servers.sentinels.as_ref();
                (
                    vec![player(&servers.part, Player::Redis(servers.clone()))],
                    sentinels.map_or(servers.part.as_str(), |it| it.part.as_str()),
                )
            }
            LocalStandIn::Parts(players) => (players.clone(), first),
        };
        let (mut found, mut missing) = (Vec::new(), Vec::new());
        for PartPlayer { part, player } in players {
            match Plays::find(&player, plan) {
                Ok(plays) => found.push(Playing { part, plays }),
                Err(why) => missing.push(why),
            }
        }
        if let Some(why) = EnvironmentError::all_of(missing) {
            return Err(why);
        }
        Cast::with(found, entrance, system)
    }

    fn with(
        players: Vec<Playing>,
        entrance: &str,
        system: &System,
    ) -> Result<Cast, EnvironmentError> {
        let all = players.iter().flat_map(Playing::parts);
        let known = system.parts.iter().map(|part| part.name.as_str());
        if let Some(part) = all
            .into_iter()
            .find(|part| !known.clone().any(|it| it == *part))
        {
            let part = part.to_string();
            return Err(EnvironmentError::NoSuchPart { part });
        }
        let is_played = |name: &str| players.iter().any(|player| player.has(name));
        let played = system.parts.iter().filter(|part| is_played(&part.name));
        let stays = played
            .clone()
            .filter(|part| part.restarted_by == RestartedBy::Nobody);
        Ok(Cast {
            entrance: entrance.to_string(),
            parts: played
                .clone()
                .map(|it| (it.name.clone(), it.replicas))
                .collect(),
            stay_down: stays.map(|part| part.name.clone()).collect(),
            players,
        })
    }

    /// The part whose replicas are the entries.
    pub(super) fn entrance(&self) -> &str {
        &self.entrance
    }

    /// Names of all processes, part by part.
    pub(super) fn names(&self) -> Vec<String> {
        let parts = self.parts.iter();
        parts
            .flat_map(|(part, replicas)| (1..=*replicas).map(move |n| format!("{part}-{n}")))
            .collect()
    }

    /// Who starts a replica again after it was killed.
    pub(super) fn restarted_by(&self, name: &str) -> RestartedBy {
        let part = part_of(name);
        match self.stay_down.iter().any(|it| it == part) {
            true => RestartedBy::Nobody,
            false => RestartedBy::Platform,
        }
    }

    /// True when some of it takes namespaces of its own.
    pub(super) fn needs_namespaces(&self) -> bool {
        let mut players = self.players.iter();
        players.any(|player| player.plays.needs_namespaces())
    }

    /// True when some servers tell each other, and clients, their own addresses, so that a go-between would be passed by.
    pub(super) fn tells_addresses(&self) -> bool {
        let mut players = self.players.iter();
        players.any(|player| player.plays.tells_addresses(self.replicas(&player.part)))
    }

    fn replicas(&self, part: &str) -> u32 {
        let mut parts = self.parts.iter();
        let found = parts.find(|(name, _)| name == part);
        found.map_or(0, |(_, replicas)| *replicas)
    }

    /// True when these two speak to each other at ports for peers.
    pub(super) fn are_peers(&self, one: &str, other: &str) -> bool {
        let same = part_of(one) == part_of(other);
        same && self.player(one).is_some_and(|plays| plays.has_peer_ports())
    }

    /// The port at which a process with an address of its own answers everybody.
    pub(super) fn port(&self, name: &str) -> u16 {
        self.player(name)
            .map_or(0, |plays| plays.port(part_of(name)))
    }

    fn player(&self, name: &str) -> Option<&Plays> {
        let mut players = self.players.iter();
        let found = players.find(|player| player.has(part_of(name)));
        found.map(|player| &player.plays)
    }

    /// The base URL of a process.
    pub(super) fn base_url(&self, own: &Member) -> String {
        let plays = self.player(&own.name);
        plays.map_or_else(String::new, |plays| plays.base_url(own))
    }

    /// Where a process is asked whether it is ready.
    pub(super) fn asked_at(&self, context: &StartContext<'_>, own: &Member) -> SocketAddr {
        let plays = self.player(&own.name);
        plays.map_or(own.http, |plays| plays.asked_at(own, &context.plan.system))
    }

    /// How a process is asked whether it is ready; `None`: a listening socket has to do.
    ///
    /// # Errors
    /// When the profile's request has holes.
    pub(super) fn readiness(
        &self,
        context: &StartContext<'_>,
        own: &Member,
    ) -> Result<Option<PlainRequest>, EnvironmentError> {
        let plays = self.player(&own.name);
        plays.map_or(Ok(None), |plays| {
            plays.readiness(&context.plan.system, part_of(&own.name))
        })
    }

    /// What makes a process this member.
    ///
    /// # Errors
    /// When nobody plays it.
    pub(super) fn line(
        &self,
        context: &StartContext<'_>,
        wiring: &Wiring,
        own: &Member,
        data: &Path,
    ) -> Result<Line, EnvironmentError> {
        let plays = self.player(&own.name);
        let plays = plays.ok_or_else(|| EnvironmentError::NoSuchPart {
            part: part_of(&own.name).to_string(),
        })?;
        Ok(plays.line(context, wiring, own, data))
    }

    /// The nodes by player, in the order in which they start.
    pub(super) fn companies(
        &self,
        nodes: &[Arc<Node>],
        wiring: &Wiring,
        data: &Path,
    ) -> Vec<Company> {
        let company = |player: &Playing| {
            let parts = player.parts();
            let of = |part: &str| {
                let nodes = nodes.iter().filter(move |it| part_of(&it.name) == part);
                nodes.cloned().collect::<Vec<_>>()
            };
            let nodes: Vec<Arc<Node>> = parts.into_iter().flat_map(of).collect();
            let others = player.plays.leads_to();
            let led_to = wiring
                .members
                .iter()
                .filter(|it| Some(part_of(&it.name)) == others);
            let names = nodes.iter().map(|node| node.name.as_str());
            let wiring = wiring.only(names.chain(led_to.map(|it| it.name.as_str())));
            Company {
                keeper: player.plays.keeper(&nodes, wiring, data),
                nodes,
            }
        };
        self.players.iter().map(company).collect()
    }
}

impl Playing {
    /// The part that is played, and those that come with it.
    fn parts(&self) -> Vec<&str> {
        let with = self.plays.with();
        std::iter::once(self.part.as_str()).chain(with).collect()
    }

    fn has(&self, part: &str) -> bool {
        self.parts().contains(&part)
    }
}

/// The part of a replica, by its name.
pub(super) fn part_of(name: &str) -> &str {
    name.rsplit_once('-').map_or(name, |(part, _)| part)
}
