//! What can be seen from the ends while it is done. Every call blocks: for round trips, and for as long as a rate
//! takes to show.

use std::collections::BTreeMap;
use std::io;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use shakedown_record::fault::{Effect, EffectFigure};

use super::course::{By, Course, What};
use super::effect::{self, Delay, Sent, counter};
use crate::environment::{ClusterNetwork, End, Heard, LinkWeb, Steering, ask_on};
use crate::faults::error::FaultError;
use crate::faults::link::lost;
use crate::mechanisms::link::{Direction, DirectionEvidence, Period, Spread, past_the_link};
use crate::mechanisms::net::table::RuleCounts;

/// New connections for one median; one has to do where each takes long.
const TRIALS: usize = 3;
const LONG: Duration = Duration::from_secs(1);
/// A connection that comes about is answered far sooner, unless it is delayed.
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);
/// Silence for this long is silence: an answer inside one machine takes far less.
const SILENT_FOR: Duration = Duration::from_millis(400);
/// So long must a rate be watched.
const WINDOW: Duration = Duration::from_secs(1);

/// What was found before anything was done.
#[derive(Debug, Default)]
pub(super) struct Before {
    /// Median round trip for each pair of ends, in nanoseconds.
    pub(super) calm_ns: Vec<u64>,
    /// Connections that were opened and not used: half-open ones are looked at from inside.
    pub(super) held: Vec<TcpStream>,
}

/// A process at the first end of a link, with the addresses that it should reach through the link only.
#[derive(Debug, Clone)]
pub(super) struct Insider {
    pub(super) name: String,
    pub(super) pid: u32,
    pub(super) upstreams: Vec<std::net::SocketAddr>,
}

type Seen = (Vec<EffectFigure>, Result<String, String>);

impl Course {
    /// The median round trip for each pair of ends, in nanoseconds; or why there is none.
    pub(super) fn round_trips(&self) -> Result<io::Result<Vec<u64>>, FaultError> {
        let within = self.answers_within();
        let trials = if within > ANSWERS_WITHIN + LONG {
            1
        } else {
            TRIALS
        };
        let mut medians = Vec::new();
        for route in &self.routes {
            match route
                .median_ns(trials, within)
                .map_err(|e| self.failed(e))?
            {
                Ok(median_ns) => medians.push(median_ns),
                Err(error) => return Ok(Err(error)),
            }
        }
        Ok(Ok(medians))
    }

    /// Opens a connection for each pair of ends.
    pub(super) fn hold(&self) -> Result<io::Result<Vec<TcpStream>>, FaultError> {
        let open = |route: &crate::environment::Route| {
            route.open(ANSWERS_WITHIN).map_err(|e| self.failed(e))
        };
        self.routes.iter().map(open).collect()
    }

    /// Looks once.
    pub(super) fn look(&self, before: &Before, insiders: &[Insider]) -> Result<Effect, FaultError> {
        if let Some(past) = past(insiders) {
            return Ok(Effect::not_seen(past));
        }
        let (figures, told) = match (&self.by, self.what) {
            (
                by,
                What::Delay {
                    by_ns, jitter_ns, ..
                },
            ) => self.see_delay(by, Delay { by_ns, jitter_ns }, before)?,
            (by, What::Bandwidth { bytes_per_s }) => self.see_rate(by, bytes_per_s)?,
            (By::Links(web, _), What::HalfOpen) => self.see_half_open(web, before),
            (By::Links(web, _), What::Lose(share)) => self.see_loss(web, share),
            (By::Links(web, _), What::Cut) => {
                let dropped = self.sum(web, |period| period.dropped_segments);
                self.see_nothing_through(counter("segments dropped", "segments", dropped))?
            }
            (By::Links(web, _), What::Reset) => {
                let reset = self.sum(web, |period| period.connections.reset);
                let seen = self.see_nothing_through(counter("connections reset", "", reset))?;
                match reset {
                    0 => (
                        seen.0,
                        Err("no connection was there to be reset".to_string()),
                    ),
                    _ => seen,
                }
            }
            (By::Discipline(_, _, network), What::Lose(share)) => {
                self.see_dropped(network, share)?
            }
            (By::Discipline(..), What::HalfOpen | What::Cut | What::Reset) => {
                (Vec::new(), Err("no discipline can do that".to_string()))
            }
        };
        let effect = match told {
            Ok(text) => Effect::seen(text),
            Err(text) => Effect::not_seen(text),
        };
        Ok(Effect { figures, ..effect })
    }

    fn see_delay(&self, by: &By, asked: Delay, before: &Before) -> Result<Seen, FaultError> {
        if let By::Discipline(_, steering, network) = by
            && self.far.clients
            && !network.clients_are_here()
        {
            return self.see_steered(network, *steering);
        }
        // First, so that they are among what went through.
        let now = self.round_trips()?.unwrap_or_default();
        let (longer, told) = effect::round_trip(asked, self.passes(), &before.calm_ns, &now);
        let (figure, also) = match by {
            By::Links(web, _) => {
                let delays = self.delays(web);
                effect::added(asked, delays.p50_ns, delays.count)
            }
            By::Discipline(_, steering, network) => {
                let steered = self.steered(network, *steering)?;
                let told = match steered {
                    0 => Err("no packet was steered to the discipline".to_string()),
                    _ => Ok(format!("{steered} packets were steered to the discipline")),
                };
                (counter("packets delayed", "packets", steered), told)
            }
        };
        Ok((vec![figure, longer], both(also, told)))
    }

    /// What goes to clients who are elsewhere: only they could time a round trip.
    fn see_steered(
        &self,
        network: &ClusterNetwork,
        steering: Steering,
    ) -> Result<Seen, FaultError> {
        let steered = self.steered(network, steering)?;
        let told = match steered {
            0 => Err("no packet to a client was steered to the discipline".to_string()),
            _ => Ok(format!(
                "{steered} packets to clients, who are elsewhere, were steered to the discipline; no round trip was \
                 timed from their side"
            )),
        };
        let figure = counter("packets delayed", "packets", steered);
        Ok((vec![figure], told))
    }

    fn see_rate(&self, by: &By, bytes_per_s: u64) -> Result<Seen, FaultError> {
        let first = self.sent(by)?;
        let begun = Instant::now();
        std::thread::sleep(WINDOW);
        let second = self.sent(by)?;
        let seconds = begun.elapsed().as_secs_f64();
        let (figure, told) = effect::rate(bytes_per_s, &first, &second, seconds);
        Ok((vec![figure], told))
    }

    fn see_half_open(&self, web: &LinkWeb, before: &Before) -> Seen {
        let forgotten = self.sum(web, |period| period.connections.forgotten);
        let swallowed = self.each_direction(web, |period, direction| {
            period.direction(direction).discarded_bytes
        });
        let figures = vec![
            counter("connections half open", "", forgotten),
            counter("bytes acknowledged and lost", "bytes", swallowed),
        ];
        let heard: Vec<Heard> = before
            .held
            .iter()
            .map(|stream| ask_on(stream, SILENT_FOR).unwrap_or(Heard::End))
            .collect();
        let told = if heard.contains(&Heard::Answer) {
            Err("what is asked on an open connection is still answered".to_string())
        } else if heard.contains(&Heard::End) {
            Err("an open connection was told its end".to_string())
        } else if forgotten == 0 || swallowed == 0 {
            Err("no connection of the system's own was hit".to_string())
        } else {
            Ok(format!(
                "{forgotten} connections stay open, {swallowed} bytes were acknowledged and lost, and nothing is answered"
            ))
        };
        (figures, told)
    }

    fn see_loss(&self, web: &LinkWeb, share: f64) -> Seen {
        let pieces = self.each_direction(web, |period, at| period.direction(at).chunks);
        let stalled = self.each_direction(web, |period, at| period.direction(at).stalled);
        let (figure, told) = lost(share, stalled, pieces);
        (vec![figure], told)
    }

    /// What a discipline has dropped of all that came to it.
    fn see_dropped(&self, network: &ClusterNetwork, share: f64) -> Result<Seen, FaultError> {
        let (mut dropped, mut came) = (0, 0);
        for (name, _) in self.senders(network) {
            let did = network.shaped(&name, &self.fault);
            let did = did.map_err(|source| self.link(source))?;
            dropped += u64::from(did.dropped_packets);
            came += did.came();
        }
        let (figure, told) = lost(share, dropped, came);
        Ok((vec![figure], told))
    }

    fn see_nothing_through(&self, figure: EffectFigure) -> Result<Seen, FaultError> {
        for route in &self.routes {
            let tried = route.median_ns(1, SILENT_FOR);
            if tried.map_err(|e| self.failed(e))?.is_ok() {
                let still = format!("connections to {} are still answered", route.to);
                return Ok((vec![figure], Err(still)));
            }
        }
        let ends = self.routes.len();
        let told = format!("no connection is answered, tried between {ends} pairs of ends");
        Ok((vec![figure], Ok(told)))
    }

    /// The delays of all that went through since the fault is on, in the directions that are meant.
    fn delays(&self, web: &LinkWeb) -> Spread {
        let mut all = DirectionEvidence::default().added_histogram().clone();
        for lane in self.lanes() {
            let Some(evidence) = web.evidence(&lane.key) else {
                continue;
            };
            for direction in self.directions(&lane) {
                // What the link was told underneath does not count.
                if evidence.now.condition.state(direction).delay_ns == 0 {
                    continue;
                }
                let own = evidence.now.direction(direction).added_histogram();
                all.add(own)
                    .expect("a histogram that grows takes every value");
            }
        }
        Spread::of(&all)
    }

    fn sum(&self, web: &LinkWeb, of: impl Fn(&Period) -> u64) -> u64 {
        let lanes = self.lanes().into_iter();
        lanes
            .filter_map(|lane| Some(of(&web.evidence(&lane.key)?.now)))
            .sum()
    }

    fn each_direction(&self, web: &LinkWeb, of: impl Fn(&Period, Direction) -> u64) -> u64 {
        let one = |lane: super::course::Lane| {
            let now = web.evidence(&lane.key)?.now;
            let directions = self.directions(&lane).into_iter();
            Some(directions.map(|at| of(&now, at)).sum::<u64>())
        };
        self.lanes().into_iter().filter_map(one).sum()
    }

    /// What each sender has sent until now over what is limited.
    fn sent(&self, by: &By) -> Result<BTreeMap<End, Sent>, FaultError> {
        let mut all: BTreeMap<End, Sent> = BTreeMap::new();
        match by {
            By::Links(web, _) => {
                for lane in self.lanes() {
                    let Some(evidence) = web.evidence(&lane.key) else {
                        continue;
                    };
                    for direction in self.directions(&lane) {
                        let sent = all.entry(lane.sender(direction)).or_default();
                        let did = evidence.now.direction(direction);
                        sent.bytes += did.bytes;
                        sent.waited += did.throttled;
                    }
                }
            }
            By::Discipline(_, _, network) => {
                for (name, _) in self.senders(network) {
                    let did = network.shaped(&name, &self.fault);
                    let did = did.map_err(|source| self.link(source))?;
                    let sent = Sent {
                        bytes: did.sent_bytes,
                        // What waits now did not wait before, or still does: either way there is a queue.
                        waited: u64::from(did.queued_packets)
                            + u64::from(did.dropped_packets)
                            + u64::from(did.sent_packets),
                    };
                    let queued = did.queued_packets > 0 || did.dropped_packets > 0;
                    let waited = if queued { sent.waited } else { 0 };
                    all.insert(End::Node(name), Sent { waited, ..sent });
                }
            }
        }
        Ok(all)
    }

    fn steered(&self, network: &ClusterNetwork, steering: Steering) -> Result<u64, FaultError> {
        let mut least = u64::MAX;
        for (name, _) in self.senders(network) {
            let packets = match steering {
                Steering::Table => network.evidence(&name).map(|evidence| {
                    let counts = evidence.as_ref().and_then(|all| all.of(&self.fault));
                    counts.map_or(0, RuleCounts::hit_packets)
                }),
                Steering::Filters => network.shaped(&name, &self.fault).map(|did| did.came()),
            };
            least = least.min(packets.map_err(|source| self.link(source))?);
        }
        Ok(if least == u64::MAX { 0 } else { least })
    }

    /// How long a round trip is waited for: what is asked takes its time.
    fn answers_within(&self) -> Duration {
        let asked_ns = match self.what {
            What::Delay {
                by_ns, jitter_ns, ..
            } => by_ns + jitter_ns,
            What::Bandwidth { .. } | What::HalfOpen | What::Cut | What::Lose(_) | What::Reset => 0,
        };
        ANSWERS_WITHIN + Duration::from_nanos(asked_ns) * 6
    }
}

fn both(one: Result<String, String>, other: Result<String, String>) -> Result<String, String> {
    match (one, other) {
        (Ok(one), Ok(other)) => Ok(format!("{one}; {other}")),
        (Err(one), Err(other)) => Err(format!("{one}; {other}")),
        (Err(why), Ok(_)) | (Ok(_), Err(why)) => Err(why),
    }
}

/// Who has connections past the links; one that has ended has none.
fn past(insiders: &[Insider]) -> Option<String> {
    let found: Vec<String> = insiders
        .iter()
        .filter_map(|insider| {
            let past = past_the_link(insider.pid, &insider.upstreams).unwrap_or_default();
            let past: Vec<String> = past.iter().map(ToString::to_string).collect();
            let words = || format!("{} is connected to {}", insider.name, past.join(", "));
            (!past.is_empty()).then(words)
        })
        .collect();
    (!found.is_empty()).then(|| format!("{}, past the link that the fault is on", found.join("; ")))
}
