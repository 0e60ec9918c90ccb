//! Who plays which part on this machine, and who has to be there before whom.

mod order;
mod programs;
mod stores;

use crate::plan::{
    EnvironmentPlan, InfluxDbServers, LocalStandIn, NatsServers, Part, PartPlayer, Player, System,
};
use crate::spec::Entries;
use crate::spec::profile::PlayerSpec;
use crate::spec::scalar::Id;

use super::gateway::not_too_many;
use super::human::counted;
use super::parts::replicas;
use super::references::instead;
use super::sheet::{At, Sheet};
use order::in_order;

/// Most nodes of one cluster of the reference engine.
const MOST_NODES: u32 = 9;

/// What a player is held against.
#[derive(Debug, Clone, Copy)]
struct Stage<'a> {
    specs: &'a Entries<Id, PlayerSpec>,
    system: &'a System,
    sheet: &'a Sheet<'a>,
}

/// All players, in the order in which they start; `None` when somebody is missing.
pub(super) fn players(
    specs: &Entries<Id, PlayerSpec>,
    system: &System,
    sheet: &Sheet,
) -> Option<EnvironmentPlan> {
    let stage = Stage {
        specs,
        system,
        sheet,
    };
    let at = At::of(&["environments", "local", "stand-in", "parts"]);
    if system.gateway.is_store() {
        sheet.refuse_entry(
            &at,
            "orders go to a store (`gateway`), and behind a store there are no other parts",
            "name its servers alone: stand-in: { postgresql: … }, or take `gateway` out",
        );
        return None;
    }
    let played = specs.iter().map(|(name, spec)| {
        let at = at.to(&name.0);
        let part = stage.part(&at, &name.0)?;
        let player = stage.player(&at, spec, part)?;
        Some(PartPlayer {
            part: part.name.clone(),
            player,
        })
    });
    // Each of them is looked at, whatever is wrong with another.
    let played: Vec<Option<PartPlayer>> = played.collect();
    let played: Vec<PartPlayer> = played.into_iter().collect::<Option<_>>()?;
    let is_whole = stage.everybody_plays(&at, &played);
    let ordered = in_order(&at, &played, sheet);
    let players = ordered.filter(|_| is_whole)?;
    Some(EnvironmentPlan::Local {
        stand_in: LocalStandIn::Parts(players),
    })
}

impl Stage<'_> {
    fn part(&self, at: &At, name: &str) -> Option<&Part> {
        let mut parts = self.system.parts.iter();
        let found = parts.find(|part| part.name == name);
        if found.is_none() {
            self.sheet.refuse_entry(
                at,
                format!("there is no part `{name}`"),
                instead(name, &self.names(), "the parts are"),
            );
        }
        found
    }

    fn names(&self) -> Vec<String> {
        let parts = self.system.parts.iter();
        parts.map(|part| part.name.clone()).collect()
    }

    fn player(&self, at: &At, spec: &PlayerSpec, part: &Part) -> Option<Player> {
        match spec {
            PlayerSpec::Engine(spec) => {
                if part.replicas > MOST_NODES {
                    self.sheet.refuse_with(
                        at,
                        format!(
                            "the reference engine does not run as {}",
                            replicas(part.replicas)
                        ),
                        format!("at most {MOST_NODES} on one machine"),
                    );
                }
                Some(Player::Engine(self.engine(at, spec)))
            }
            PlayerSpec::Service(spec) => Some(Player::Service(self.service(at, spec, part))),
            PlayerSpec::MarketMaker(spec) => {
                self.one_process(at, "the market maker", part);
                self.venue(at, "a market maker quotes to the venue", None)?;
                Some(Player::MarketMaker(self.maker(at, spec)))
            }
            PlayerSpec::Venue(_) => {
                self.one_process(at, "the venue", part);
                self.venue(at, "this is played as the venue", Some(part))?;
                Some(Player::Venue)
            }
            PlayerSpec::Postgresql(spec) => {
                Some(Player::PostgreSql(self.postgresql(at, spec, part)))
            }
            PlayerSpec::Redis(spec) => self.redis(at, spec, part).map(Player::Redis),
            PlayerSpec::Nats(_) => {
                not_too_many(at, part, "a leader and its followers", self.sheet);
                Some(Player::Nats(NatsServers {}))
            }
            PlayerSpec::Influxdb(spec) => {
                not_too_many(at, part, "each by itself", self.sheet);
                let database = spec.database.as_ref().map(|name| name.0.clone());
                Some(Player::InfluxDb(InfluxDbServers { database }))
            }
            PlayerSpec::Pgbouncer(spec) => self.pgbouncer(at, spec, part).map(Player::PgBouncer),
        }
    }

    fn one_process(&self, at: &At, who: &str, part: &Part) {
        if part.replicas != 1 {
            self.sheet.refuse_with(
                at,
                format!("{who} runs as one process, not as {}", part.replicas),
                format!("such as parts: {{ {}: {{ replicas: 1 }} }}", part.name),
            );
        }
    }

    /// The profile has a venue, which this part is, if one is named, and which plays.
    fn venue(&self, at: &At, why: &str, is: Option<&Part>) -> Option<()> {
        let named = self.system.venue.as_ref().map(|side| side.part.as_str());
        let plays = |name: &str| {
            let mut specs = self.specs.iter();
            specs.any(|(part, spec)| part.0 == name && matches!(spec, PlayerSpec::Venue(_)))
        };
        let (message, hint) = match (named, is) {
            (None, _) => (
                format!("{why}, and the profile names none"),
                "add venue: { part: venue }, and that part",
            ),
            (Some(name), Some(part)) if name != part.name => (
                format!("{why}, and the profile's venue is `{name}`"),
                "let that part be played as the venue",
            ),
            (Some(name), None) if !plays(name) => (
                format!("{why}, and `{name}` is not played as one"),
                "add it here: { venue: {} }",
            ),
            (Some(_), _) => return Some(()),
        };
        self.sheet.refuse_entry(at, message, hint);
        None
    }

    /// Every part is played by one, and orders enter where somebody takes them.
    fn everybody_plays(&self, at: &At, played: &[PartPlayer]) -> bool {
        let mut is_whole = true;
        for part in &self.system.parts {
            let who = played.iter().filter(|player| player.has(&part.name));
            match who.count() {
                1 => continue,
                0 => self.sheet.refuse_entry(
                    at,
                    format!("nobody plays the part `{}`", part.name),
                    format!("such as {}: {{ engine: {{}} }}", part.name),
                ),
                several => self.sheet.refuse_entry(
                    &at.to(&part.name),
                    format!("{} play this part", counted(several as u64, "player")),
                    "sentinels need no player of their own: take this one out",
                ),
            }
            is_whole = false;
        }
        let first = self.system.parts.first().map(|part| part.name.as_str());
        let mut first_player = played.iter().filter(|player| first == Some(&player.part));
        let server = first_player.find_map(|player| Some((player, player.player.server()?)));
        if let Some((player, server)) = server {
            self.sheet.refuse_entry(
                &at.to(&player.part),
                format!(
                    "orders enter through the first part, and this is a server of {}",
                    server.name()
                ),
                "write the part that takes orders first under `parts`",
            );
            is_whole = false;
        }
        is_whole
    }
}
