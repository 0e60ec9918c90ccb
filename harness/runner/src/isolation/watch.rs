//! Has the guests knock while the run goes on, and writes down how that went.
//!
//! All times are readings of this machine's clock, before a round was asked for and after its answer: what a guest saw was in
//! between.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use shakedown_record::monotonic_ns;
use shakedown_record::series::{Gap, Origin, REACHED, Sample, SeriesKind};
use shakedown_scenarios::plan::isolation::Knocked;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::guests::CONTAINER;
use super::knock::{ANSWER_WITHIN, CONNECT_WITHIN, Knock, Place, Round, Went};
use super::party::{Invited, Party};
use crate::mechanisms::kubernetes::Cluster;
use crate::mechanisms::kubernetes::act::Conversation;
use crate::probes::SeriesLog;
use crate::probes::together::panics;

/// The program of a pod, wherever its image keeps it.
const ITSELF: &str = "/proc/1/exe";

/// Whoever enforces policies has to hear of a new pod first; until then some let it through.
const SETTLES_IN: Duration = Duration::from_secs(3);

/// A guest that was lost is looked for again after this.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The way to a guest and back, beside its knocks.
const WAY_WITHIN: Duration = Duration::from_secs(5);

/// Knocks until it is dropped.
#[derive(Debug)]
pub struct IsolationWatch {
    tasks: JoinSet<()>,
}

impl IsolationWatch {
    /// Begins to knock.
    pub fn begin(party: &Party, log: &Arc<SeriesLog>) -> Self {
        let mut tasks = JoinSet::new();
        for guest in party.all() {
            let post = Post {
                guest: guest.clone(),
                log: Arc::clone(log),
            };
            tasks.spawn(post.run(party.cluster().clone()));
        }
        Self { tasks }
    }

    /// Ends it; what its tasks said if they panicked: bugs.
    pub fn end(mut self) -> Vec<String> {
        panics(&mut self.tasks)
    }
}

/// One guest, from here.
struct Post {
    guest: Invited,
    log: Arc<SeriesLog>,
}

/// A round that is under way.
struct Asked {
    id: u64,
    asked_ns: u64,
    at: Instant,
    places: Vec<(Knocked, Place)>,
}

impl Post {
    async fn run(self, cluster: Cluster) {
        let mut known = None;
        loop {
            let asked_ns = monotonic_ns();
            let why = match self.engage(&cluster, &mut known).await {
                Ok(mut with) => {
                    let why = self.ask(&mut with.stdin, &mut with.stdout).await;
                    format!("{why}: {}", with.ended().await)
                }
                Err(why) => why,
            };
            self.gap(asked_ns, why);
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }

    /// Starts to talk with the guest's pod; with a new one not at once.
    async fn engage(
        &self,
        cluster: &Cluster,
        known: &mut Option<String>,
    ) -> Result<Conversation, String> {
        let pod = self.guest.pod(cluster).await?;
        if known.as_ref() != Some(&pod.uid) {
            tokio::time::sleep(SETTLES_IN).await;
            *known = Some(pod.uid);
        }
        let words = [ITSELF, "worker", "--knock"].map(str::to_string);
        cluster
            .converse(&self.guest.own.namespace, &pod.name, CONTAINER, &words)
            .await
            .map_err(|error| error.to_string())
    }

    /// Asks for a round at every tick until nothing is heard any more; why.
    async fn ask(
        &self,
        say: &mut (impl AsyncWrite + Unpin),
        hear: &mut (impl AsyncRead + Unpin),
    ) -> String {
        let mut ticks = interval(self.guest.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut lines = BufReader::new(hear).lines();
        let mut open: VecDeque<Asked> = VecDeque::new();
        let mut id = 0;
        loop {
            tokio::select! {
                _ = ticks.tick() => {
                    let late = CONNECT_WITHIN + ANSWER_WITHIN + WAY_WITHIN;
                    if open.front().is_some_and(|first| first.at.elapsed() > late) {
                        return format!("it has not said for {} s how its knocks went", late.as_secs());
                    }
                    let places = self.places();
                    if places.is_empty() {
                        self.gap(monotonic_ns(), "nobody has an address at which to knock".to_string());
                        continue;
                    }
                    id += 1;
                    let asked = Asked { id, asked_ns: monotonic_ns(), at: Instant::now(), places };
                    if let Err(error) = tell(say, &asked).await {
                        return error.to_string();
                    }
                    open.push_back(asked);
                }
                line = lines.next_line() => {
                    let went: Went = match line {
                        Ok(Some(line)) => match serde_json::from_str(&line) {
                            Ok(went) => went,
                            Err(error) => return format!("it makes no sense: {error}"),
                        },
                        Ok(None) => return "it says nothing any more".to_string(),
                        Err(error) => return error.to_string(),
                    };
                    if let Some(index) = open.iter().position(|asked| asked.id == went.id)
                        && let Some(asked) = open.remove(index)
                    {
                        self.keep(&asked, went.how);
                    }
                }
            }
        }
    }

    fn places(&self) -> Vec<(Knocked, Place)> {
        let doors = self.guest.doors.iter();
        doors
            .flat_map(|(knocked, door)| door.places().into_iter().map(|place| (*knocked, place)))
            .collect()
    }

    /// Whose address is somebody else's by now is left out.
    fn keep(&self, asked: &Asked, how: Vec<Knock>) {
        let is_still = |knocked: Knocked, place: &Place| {
            let mut doors = self.guest.doors.iter();
            doors.any(|(of, door)| *of == knocked && door.addresses().contains(&place.address))
        };
        let went = asked.places.iter().zip(how);
        let samples = went
            .filter(|((knocked, place), _)| is_still(*knocked, place))
            .map(|((knocked, place), how)| Sample {
                name: REACHED.to_string(),
                labels: BTreeMap::from([
                    ("door".to_string(), knocked.name().to_string()),
                    ("address".to_string(), place.address.to_string()),
                    ("how".to_string(), how.words()),
                ]),
                kind: SeriesKind::Gauge,
                value: f64::from(u8::from(how.reached())),
            })
            .collect();
        let of = (self.guest.target.as_str(), Origin::Isolation);
        self.log
            .look(of, (asked.asked_ns, monotonic_ns()), None, samples);
    }

    fn gap(&self, asked_ns: u64, reason: String) {
        self.log.gap(Gap {
            target: self.guest.target.clone(),
            origin: Origin::Isolation,
            asked_ns,
            answered_ns: monotonic_ns(),
            reason,
            absent: false,
        });
    }
}

async fn tell(say: &mut (impl AsyncWrite + Unpin), asked: &Asked) -> std::io::Result<()> {
    let round = Round {
        id: asked.id,
        at: asked
            .places
            .iter()
            .map(|(_, place)| place.clone())
            .collect(),
    };
    let mut line = serde_json::to_vec(&round)?;
    line.push(b'\n');
    say.write_all(&line).await?;
    say.flush().await
}

#[cfg(test)]
mod tests;
