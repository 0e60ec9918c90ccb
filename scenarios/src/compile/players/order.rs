//! Who has to be there before whom: stores before those who use them, and everybody after those he needs.

use crate::compile::sheet::{At, Sheet};
use crate::plan::{PartPlayer, Piece, Player};

/// The players in the order in which they start; `None` when they wait for each other.
pub(super) fn in_order(at: &At, players: &[PartPlayer], sheet: &Sheet) -> Option<Vec<PartPlayer>> {
    // Among those who wait for nobody: servers first, then as written.
    let mut left: Vec<&PartPlayer> = players.iter().collect();
    left.sort_by_key(|player| player.player.server().is_none());
    let mut ordered: Vec<PartPlayer> = Vec::new();
    while !left.is_empty() {
        let waits = |player: &PartPlayer| {
            let needed = needs(player, players);
            let mut needed = needed.iter();
            needed.any(|name| left.iter().any(|other| other.has(name)))
        };
        let Some(next) = left.iter().position(|player| !waits(player)) else {
            refuse_circle(at, &left, players, sheet);
            return None;
        };
        ordered.push(left.remove(next).clone());
    }
    Some(ordered)
}

/// The parts that a player needs.
fn needs(player: &PartPlayer, players: &[PartPlayer]) -> Vec<String> {
    let settings = player.player.settings().into_iter();
    let pieces = settings.flat_map(|settings| settings.values().flatten());
    let named = pieces.filter_map(|piece| match piece {
        Piece::Text(_) => None,
        Piece::Address(replica) => replica.rsplit_once('-').map(|(part, _)| part.to_string()),
        Piece::Addresses(part) => Some(part.clone()),
    });
    let mut needed: Vec<String> = named.collect();
    match &player.player {
        Player::MarketMaker(_) => {
            let venue = |other: &&PartPlayer| matches!(other.player, Player::Venue);
            let venues = players.iter().filter(venue);
            needed.extend(venues.map(|venue| venue.part.clone()));
        }
        Player::PgBouncer(plan) => needed.push(plan.of.clone()),
        Player::Engine(_)
        | Player::Service(_)
        | Player::Venue
        | Player::PostgreSql(_)
        | Player::Redis(_)
        | Player::Nats(_)
        | Player::InfluxDb(_) => {}
    }
    needed
}

fn refuse_circle(at: &At, left: &[&PartPlayer], players: &[PartPlayer], sheet: &Sheet) {
    // From anybody who waits one comes into the circle, and round it.
    let mut path: Vec<&PartPlayer> = Vec::new();
    let mut next = left.first().copied();
    while let Some(player) = next {
        if let Some(begin) = path.iter().position(|known| known.part == player.part) {
            let circle = path[begin..].iter().chain([&player]);
            let names: Vec<&str> = circle.map(|player| player.part.as_str()).collect();
            sheet.refuse_entry(
                &at.to(&player.part),
                format!("these wait for each other: {}", names.join(" needs ")),
                "one of them has to start without the other",
            );
            return;
        }
        path.push(player);
        let needed = needs(player, players);
        next = left
            .iter()
            .copied()
            .find(|other| needed.iter().any(|name| other.has(name)));
    }
}
