//! What the pods of the replicas use, while the load runs: from the metrics API of the cluster, into the same file as what
//! local processes use.
//!
//! What the API tells was measured before, and is told again until it is measured anew. So a value is written once, and its
//! look lasts from the beginning of the stretch that it was measured in to the answer that first showed it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use shakedown_record::monotonic_ns;
use shakedown_record::series::{
    CPU_IN_USE, CPU_LIMIT, Gap, MEMORY_LIMIT, MEMORY_USED, Origin, Sample, SeriesKind,
};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::machine::sample;
use super::scraper::Asked;
use super::series_log::SeriesLog;
use crate::environment::{Environment, KubernetesTarget, Place};
use crate::mechanisms::kubernetes::look::{ContainerState, NodeLook, UsageLook};

/// How often it is asked whether there is something new.
const EVERY: Duration = Duration::from_secs(5);

/// Longest time that one answer may take.
const WITHIN: Duration = Duration::from_secs(2);

/// The time that is told has whole seconds, and clocks of nodes are not quite the same.
const CLOCKS_APART_NS: u64 = 1_000_000_000;

/// Looks at the pods of all replicas.
pub(super) struct PodUsage {
    pub environment: Arc<Environment>,
    pub log: Arc<SeriesLog>,
    pub replicas: Vec<String>,
}

/// What was told of a replica last.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Told {
    taken_at: Timestamp,
    /// When it was asked for the last time that showed this.
    asked_ns: u64,
}

/// Why nothing was told, and whether it is known that there is no such pod.
type Untold = (String, bool);

impl PodUsage {
    /// Looks at a schedule, and whenever it is asked, until nobody can ask any more: then for a last time.
    pub(super) async fn run(self, mut asked: mpsc::Receiver<Asked>) {
        let mut ticks = interval_at(Instant::now(), EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut known = BTreeMap::new();
        loop {
            tokio::select! {
                _ = ticks.tick() => self.look(&mut known).await,
                ask = asked.recv() => {
                    self.look(&mut known).await;
                    let Some(tell) = ask else { return };
                    let _nobody_waits = tell.send(());
                }
            }
        }
    }

    async fn look(&self, known: &mut BTreeMap<String, Told>) {
        for replica in &self.replicas {
            let asked_ns = monotonic_ns();
            let told = self.read(replica).await;
            let answered_ns = monotonic_ns();
            match told {
                Ok((usage, started_s, samples)) => {
                    let before = known.get(replica).copied();
                    let told = Told {
                        taken_at: usage.taken_at,
                        asked_ns,
                    };
                    known.insert(replica.clone(), told);
                    if before.is_some_and(|before| before.taken_at == usage.taken_at) {
                        continue;
                    }
                    let from_ns = oldest_ns(&usage, before, asked_ns, Timestamp::now());
                    let who = (replica.as_str(), Origin::Machine);
                    self.log
                        .look(who, (from_ns, answered_ns), started_s, samples);
                }
                Err((reason, absent)) => self.log.gap(Gap {
                    target: replica.clone(),
                    origin: Origin::Machine,
                    asked_ns,
                    answered_ns,
                    reason,
                    absent,
                }),
            }
        }
    }

    async fn read(&self, replica: &str) -> Result<(UsageLook, Option<f64>, Vec<Sample>), Untold> {
        let pods = self.environment.pods();
        let pods = pods.ok_or_else(|| ("there is no cluster".to_string(), false))?;
        let place = pods.place(replica).filter(Place::runs);
        let place = place.ok_or_else(|| ("it has no pod that runs".to_string(), true))?;
        let usage = usage_at(pods, &place).await?;
        let node = pods.node_of(replica);
        let samples = samples(&usage, &place, node.as_ref()).map_err(|why| (why, false))?;
        Ok((usage, started_s(&place), samples))
    }
}

async fn usage_at(pods: &KubernetesTarget, place: &Place) -> Result<UsageLook, Untold> {
    let cluster = pods.cluster().within(WITHIN);
    let usage = cluster.usage_of(&place.pod.namespace, &place.pod.name);
    usage.await.map_err(|error| (error.to_string(), false))
}

/// The earliest moment at which any of it can have been measured: by the time that it tells, and never later than what the
/// answers before it allow.
fn oldest_ns(usage: &UsageLook, before: Option<Told>, asked_ns: u64, now: Timestamp) -> u64 {
    let ns = |duration: SignedDuration| u64::try_from(duration.as_nanos()).unwrap_or(0);
    let by_clock = asked_ns.saturating_sub(ns(now.duration_since(usage.taken_at)));
    let latest = before.map_or(by_clock, |before| by_clock.min(before.asked_ns));
    let window_ns = u64::try_from(usage.window.as_nanos()).unwrap_or(u64::MAX);
    latest
        .saturating_sub(window_ns)
        .saturating_sub(CLOCKS_APART_NS)
}

/// When its container began to run.
fn started_s(place: &Place) -> Option<f64> {
    let mut all = place.pod.containers.iter();
    let own = all.find(|it| it.name == place.container)?;
    match &own.state {
        ContainerState::Running { started_at } => {
            started_at.map(|at| at.as_nanosecond() as f64 / 1e9)
        }
        ContainerState::Waiting { .. } | ContainerState::Terminated(_) => None,
    }
}

/// What its container uses, and of how much: of the limit of the container, or of what its node has for pods.
fn samples(
    usage: &UsageLook,
    place: &Place,
    node: Option<&NodeLook>,
) -> Result<Vec<Sample>, String> {
    let used = usage.containers.get(&place.container);
    let used = used.ok_or_else(|| {
        format!(
            "the metrics API tells nothing of container {} of pod {}",
            place.container,
            place.pod.full_name()
        )
    })?;
    let mut all = place.pod.containers.iter();
    let own = all.find(|it| it.name == place.container);
    let memory = own.and_then(|own| own.memory_limit_bytes);
    let memory = memory.or(node.and_then(|node| node.memory_bytes));
    let cpu = own.and_then(|own| own.cpu_limit_millis);
    let cpu = cpu.or(node.and_then(|node| node.cpu_millis));
    let gauge = |name: &str, value: f64| sample(name, SeriesKind::Gauge, value);
    let mut samples = vec![
        gauge(MEMORY_USED, used.memory_bytes),
        gauge(CPU_IN_USE, used.cpus),
    ];
    samples.extend(memory.map(|bytes| gauge(MEMORY_LIMIT, bytes as f64)));
    samples.extend(cpu.map(|millis| gauge(CPU_LIMIT, millis as f64 / 1e3)));
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mechanisms::kubernetes::look::{ContainerUse, PodLook};

    const S: u64 = 1_000_000_000;

    fn usage(taken_at: &str) -> UsageLook {
        let own = ContainerUse {
            cpus: 0.5,
            memory_bytes: 3e6,
        };
        UsageLook {
            taken_at: taken_at.parse().unwrap(),
            window: Duration::from_secs(15),
            containers: BTreeMap::from([("engine".to_string(), own)]),
        }
    }

    fn place(limits: &str) -> Place {
        let text = format!(
            r#"{{"metadata":{{"name":"engine-0","namespace":"stg","uid":"u"}},
            "spec":{{"nodeName":"node-1","containers":[{{"name":"proxy"}},{{"name":"engine","resources":{{"limits":{{{limits}}}}}}}]}},
            "status":{{"phase":"Running","containerStatuses":[{{"name":"engine","image":"i","imageID":"i","ready":true,
            "restartCount":0,"state":{{"running":{{"startedAt":"2026-01-01T00:00:00Z"}}}}}}]}}}}"#
        );
        Place {
            replica: "engine-1".to_string(),
            pod: PodLook::of(&serde_json::from_str(&text).unwrap()).unwrap(),
            container: "engine".to_string(),
            port: 8080,
        }
    }

    fn node() -> NodeLook {
        let text = r#"{"metadata":{"name":"node-1","uid":"n"},"status":{"allocatable":{"cpu":"1930m","memory":"4Gi"}}}"#;
        NodeLook::of(&serde_json::from_str(text).unwrap()).unwrap()
    }

    fn value(samples: &[Sample], name: &str) -> Option<f64> {
        let mut all = samples.iter();
        all.find(|sample| sample.name == name)
            .map(|sample| sample.value)
    }

    #[test]
    fn what_is_used_is_held_against_the_containers_limit_or_the_node() {
        let limited = place(r#""cpu":"2","memory":"64Mi""#);
        let told = samples(&usage("2026-01-01T00:00:07Z"), &limited, Some(&node())).unwrap();
        assert_eq!(value(&told, CPU_IN_USE), Some(0.5));
        assert_eq!(value(&told, CPU_LIMIT), Some(2.0));
        assert_eq!(value(&told, MEMORY_USED), Some(3e6));
        assert_eq!(value(&told, MEMORY_LIMIT), Some(67_108_864.0));
        assert_eq!(started_s(&limited), Some(1_767_225_600.0));
        let free = place("");
        let told = samples(&usage("2026-01-01T00:00:07Z"), &free, Some(&node())).unwrap();
        assert_eq!(value(&told, CPU_LIMIT), Some(1.93));
        assert_eq!(value(&told, MEMORY_LIMIT), Some(4_294_967_296.0));
        let told = samples(&usage("2026-01-01T00:00:07Z"), &free, None).unwrap();
        assert_eq!(value(&told, MEMORY_LIMIT), None, "nobody knows of how much");
        let mut other = usage("2026-01-01T00:00:07Z");
        other.containers.clear();
        let why = samples(&other, &limited, None).unwrap_err();
        assert!(
            why.contains("container engine of pod stg/engine-0"),
            "{why}"
        );
    }

    #[test]
    fn a_value_is_as_old_as_the_stretch_that_it_was_measured_in() {
        let now: Timestamp = "2026-01-01T00:00:20Z".parse().unwrap();
        let asked = 1_000 * S;
        let own = usage("2026-01-01T00:00:07Z");
        // 13 s ago, over 15 s, and a second for the clocks.
        assert_eq!(oldest_ns(&own, None, asked, now), (1_000 - 29) * S);
        // A cluster whose clock is ahead does not make it younger than what the answers before allow.
        let ahead = usage("2026-01-01T00:10:00Z");
        assert_eq!(oldest_ns(&ahead, None, asked, now), (1_000 - 16) * S);
        let before = Told {
            taken_at: own.taken_at,
            asked_ns: 995 * S,
        };
        assert_eq!(oldest_ns(&ahead, Some(before), asked, now), (995 - 16) * S);
    }
}
