//! Did a door stay shut: no knock of the intruder may get through. That none did says something only where the same door was open
//! for somebody else at about that time, and the same intruder could get through another one.

use std::collections::{BTreeMap, BTreeSet};

use shakedown_record::run_record::Quantity;
use shakedown_record::series::{Origin, REACHED};
use shakedown_scenarios::plan::isolation::{Guest, IsolationRule, Knocked};

use super::finding::{Finding, Holds, quantity, unmeasured};
use crate::measured::Measured;
use crate::metrics::Looks;
use crate::words::{count, moment_s};

/// Knocks that must tell something, at least.
const ENOUGH: usize = 10;

/// So far from a knock, in time, others may be that show what it tells.
const NEAR_NS: i64 = 2_000_000_000;

/// One knock of one guest.
#[derive(Debug, Clone, PartialEq)]
struct Knock {
    asked_ns: i64,
    answered_ns: i64,
    address: String,
    how: String,
    reached: bool,
}

/// Moments at which knocks got through, in order.
#[derive(Debug, Default)]
struct Open(Vec<(i64, i64)>);

impl Open {
    fn of<'k>(knocks: impl Iterator<Item = &'k Knock>) -> Open {
        let through = knocks.filter(|knock| knock.reached);
        Open(
            through
                .map(|knock| (knock.asked_ns, knock.answered_ns))
                .collect(),
        )
    }

    /// One of them is near to this knock.
    fn is_near(&self, knock: &Knock) -> bool {
        let from_ns = knock.asked_ns.saturating_sub(NEAR_NS);
        let to_ns = knock.answered_ns.saturating_add(NEAR_NS);
        // Rounds take seconds at most, so one that was asked for long before cannot reach into it.
        let first = self.0.partition_point(|(asked_ns, _)| *asked_ns < from_ns);
        self.0
            .get(first)
            .is_some_and(|(asked_ns, _)| *asked_ns <= to_ns)
    }
}

/// Holds the knocks of a rule's guests against it.
pub(crate) fn isolation(measured: &Measured, id: &str, rule: &IsolationRule) -> Finding {
    let (observed, holds) = Seen::of(measured, id, rule).came_to(measured.windows.end_ns);
    Finding {
        limit: quantity(Some(0.0), "knocks", "none gets through"),
        observed,
        holds,
        why: format!(
            "knocks of a pod with {} at {}, while one with {} got through",
            rule.intruder.words(),
            rule.to,
            rule.friend.words()
        ),
    }
}

/// All knocks of a rule's guests, in order of time.
struct Seen<'m> {
    rule: &'m IsolationRule,
    wall: Vec<Knock>,
    control: Vec<Knock>,
    friend: Vec<Knock>,
    /// Of the intruder; `None`: nobody looked.
    intruders: Option<&'m Looks>,
    friends: Option<&'m Looks>,
}

impl<'m> Seen<'m> {
    fn of(measured: &'m Measured, id: &str, rule: &'m IsolationRule) -> Seen<'m> {
        let of = |guest: Guest| {
            measured
                .store
                .of_target(Origin::Isolation, &guest.target(id))
        };
        let (intruders, friends) = (of(Guest::Intruder), of(Guest::Friend));
        let knocks = |looks: Option<&Looks>, door| {
            looks.map_or_else(Vec::new, |looks| knocks_at(looks, door))
        };
        Seen {
            rule,
            wall: knocks(intruders, Knocked::Wall),
            control: knocks(intruders, Knocked::Control),
            friend: knocks(friends, Knocked::Wall),
            intruders,
            friends,
        }
    }

    fn came_to(&self, run_ns: i64) -> (Quantity, Holds) {
        let knocks = self.wall.len();
        if knocks == 0 {
            let why = format!("the intruder never knocked{}", silence(self.intruders));
            return (unmeasured("knocks"), Holds::Unknown(why));
        }
        let through = self.wall.iter().filter(|knock| knock.reached);
        if let Some(first) = through.clone().next() {
            return (
                through_words(first, through.count(), knocks),
                Holds::NoWithProof,
            );
        }
        let telling = self.telling();
        let told = telling.len();
        let text = format!(
            "none of {} knocks got through; {} of them tell something",
            count(knocks as u64),
            count(told as u64)
        );
        let observed = quantity(Some(0.0), "knocks", text);
        if told < ENOUGH || told * 2 < knocks {
            return (observed, Holds::Unknown(self.untold(told)));
        }
        let covered = covered_ns(&telling, self.rule.every_ns) as f64 / run_ns.max(1) as f64;
        if covered < 0.5 {
            let why = format!(
                "the door was watched for {:.0} % of the run only{}",
                covered * 100.0,
                silence(self.intruders)
            );
            return (observed, Holds::Unknown(why));
        }
        (observed, Holds::Yes)
    }

    /// Knocks at the wall beside which the friend got through the same door, and the intruder through its control.
    fn telling(&self) -> Vec<&Knock> {
        let mut open: BTreeMap<&str, Open> = BTreeMap::new();
        for knock in &self.wall {
            open.entry(&knock.address).or_insert_with(|| {
                let friend = self.friend.iter();
                Open::of(friend.filter(|other| other.address == knock.address))
            });
        }
        let control = Open::of(self.control.iter());
        let tells = |knock: &&Knock| {
            let open = open.get(knock.address.as_str());
            open.is_some_and(|open| open.is_near(knock)) && control.is_near(knock)
        };
        self.wall.iter().filter(tells).collect()
    }

    /// Why knocks that did not get through say too little.
    fn untold(&self, telling: usize) -> String {
        let (friend, control) = (&self.friend, &self.control);
        if friend.is_empty() {
            let why = silence(self.friends);
            return format!("the friend never knocked, so the door may be shut for everybody{why}");
        }
        if !friend.iter().any(|knock| knock.reached) {
            return format!(
                "the friend did not get through either ({}): the door may be shut for everybody",
                last(friend)
            );
        }
        if !control.iter().any(|knock| knock.reached) {
            return format!(
                "the intruder did not get through its control either, {} ({}): it may be unable to go anywhere",
                self.rule.control,
                last(control)
            );
        }
        format!(
            "only {telling} of {} knocks tell something: beside the others the friend did not get through the same door, or the \
             intruder not through its control",
            self.wall.len()
        )
    }
}

fn through_words(first: &Knock, through: usize, knocks: usize) -> Quantity {
    let text = format!(
        "{} of {} knocks got through, the first at {} to {} ({})",
        count(through as u64),
        count(knocks as u64),
        moment_s(first.answered_ns as f64 / 1e9),
        first.address,
        first.how
    );
    quantity(Some(through as f64), "knocks", text)
}

/// How long was watched: each round stands for the time until the next.
fn covered_ns(telling: &[&Knock], every_ns: u64) -> u64 {
    let rounds: BTreeSet<i64> = telling.iter().map(|knock| knock.asked_ns).collect();
    every_ns.saturating_mul(rounds.len() as u64)
}

/// Why a guest was not heard, where somebody says.
fn silence(looks: Option<&Looks>) -> String {
    let why = looks.and_then(|looks| looks.why_between(i64::MIN, i64::MAX));
    why.map_or(String::new(), |why| format!(": {why}"))
}

/// How the last knock went.
fn last(knocks: &[Knock]) -> String {
    knocks.last().map_or("never".to_string(), |last| {
        format!("{} at last, at {}", last.how, last.address)
    })
}

/// What was knocked at one of the doors, in order of time.
fn knocks_at(looks: &Looks, door: Knocked) -> Vec<Knock> {
    let label = |labels: &BTreeMap<String, String>, name: &str| {
        labels.get(name).cloned().unwrap_or_default()
    };
    let named = looks.named(REACHED);
    let mut all: Vec<Knock> = named
        .filter(|(labels, _)| labels.get("door").is_some_and(|it| it == door.name()))
        .flat_map(|(labels, points)| {
            points.iter().map(move |point| {
                let look = looks.looks[point.look];
                Knock {
                    asked_ns: look.asked_ns,
                    answered_ns: look.answered_ns,
                    address: label(labels, "address"),
                    how: label(labels, "how"),
                    reached: point.value > 0.0,
                }
            })
        })
        .collect();
    all.sort_by_key(|knock| knock.asked_ns);
    all
}
