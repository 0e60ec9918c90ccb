//! What a fault on a cluster has done, seen from the side of its targets as far as they have one.

use std::time::Duration;

use futures_util::future::join_all;
use shakedown_scenarios::plan::{ClusterKind, TaintEffect};
use tokio::time::Instant;

use super::ClusterFault;
use super::arming::{Acted, Armed};
use super::edits::taint;
use super::nodes::{self, Power, Tolerance};
use super::operations::{self, rolled, scaled, switched};
use super::pods::{self, AtAddress, Fate};
use super::subjects::Subject;
use crate::environment::{Environment, KubernetesTarget, ask};
use crate::faults::kill::left;
use crate::mechanisms::kubernetes::WatchState;
use crate::mechanisms::kubernetes::look::{PodLook, WorkloadLook};

const POLL: Duration = Duration::from_millis(50);
/// For what the API server is asked.
const API_POLL: Duration = Duration::from_millis(250);
/// Whoever answers at all does so long before this.
const SILENT_FOR: Duration = Duration::from_millis(500);
/// An API server that lives answers one small request long before this.
const API_SILENT_FOR: Duration = Duration::from_secs(2);
/// So long may a pod of a rollout be just being made before that is what is told.
const SETTLES_WITHIN: Duration = Duration::from_secs(20);

type Seen = Result<String, String>;

impl ClusterFault {
    /// What was seen, for each thing that is acted on; as an error where it is not the effect.
    pub(in crate::faults) async fn confirm(
        &self,
        environment: &Environment,
        until: Instant,
    ) -> Vec<Seen> {
        let (Some(armed), Some(target)) = (&self.armed, environment.pods()) else {
            return vec![Err("it was not armed".to_string())];
        };
        match &self.kind {
            ClusterKind::Delete { .. } | ClusterKind::Evict => {
                self.confirm_pods(target, until).await
            }
            ClusterKind::Cordon => self.confirm_nodes(until).await,
            ClusterKind::Drain => {
                let (mut seen, gone) =
                    tokio::join!(self.confirm_nodes(until), self.confirm_pods(target, until));
                seen.extend(gone);
                seen
            }
            ClusterKind::Taint { effect, .. } => {
                let mut seen = self.confirm_nodes(until).await;
                if *effect == TaintEffect::NoExecute {
                    let leave = self.subjects.replicas.iter();
                    let leave = leave.map(|it| self.confirm_leaving(it, armed, target, until));
                    seen.extend(join_all(leave).await);
                }
                seen
            }
            ClusterKind::NodeStop | ClusterKind::NodeReboot => {
                let all = self.subjects.replicas.iter();
                join_all(all.map(|it| self.confirm_power(it, target, until))).await
            }
            ClusterKind::ApiServerStop => vec![self.confirm_api_silence(until).await],
            ClusterKind::RollingUpdate { .. } | ClusterKind::Rollback => {
                let all = armed.acted.iter();
                join_all(all.map(|it| self.confirm_rollout(it, until))).await
            }
            ClusterKind::Scale { replicas } => {
                let all = armed.acted.iter();
                join_all(all.map(|it| self.confirm_scale(*replicas, it, until))).await
            }
            ClusterKind::Switch { service, selector } => {
                let mut meant = match &armed.before.service {
                    Some(before) => before.selector.clone(),
                    None => selector.clone(),
                };
                meant.extend(selector.clone());
                let query = operations::query(&meant);
                let look = || self.look_at_service(service, &query);
                vec![seen_by(until, API_POLL, look).await]
            }
            ClusterKind::KubeletStop | ClusterKind::RuntimeStop => {
                vec![Err("there is no agent on the node".to_string())]
            }
        }
    }

    async fn confirm_pods(&self, target: &KubernetesTarget, until: Instant) -> Vec<Seen> {
        let all = self.subjects.replicas.iter().map(|subject| async move {
            let pod = &subject.place.pod;
            let refusal = self.refused.iter().find(|(uid, _)| *uid == pod.uid);
            let refusal = refusal.map(|(_, message)| pods::not_evicted(pod, message));
            match (&self.kind, refusal) {
                // Asked once: nothing more will come.
                (ClusterKind::Evict, Some(refusal)) => Err(refusal),
                (_, refusal) => self
                    .confirm_end(subject, target, until)
                    .await
                    .map_err(|why| match refusal {
                        Some(refusal) => format!("{why}; {refusal}"),
                        None => why,
                    }),
            }
        });
        join_all(all).await
    }

    async fn confirm_end(
        &self,
        subject: &Subject,
        target: &KubernetesTarget,
        until: Instant,
    ) -> Seen {
        seen_by(until, POLL, || async {
            let state = target.state();
            self.look_at_pod(subject, target, &state).await
        })
        .await
    }

    async fn look_at_pod(
        &self,
        subject: &Subject,
        target: &KubernetesTarget,
        state: &WatchState,
    ) -> Seen {
        let pod = &subject.place.pod;
        let who = format!("{} (pod {})", subject.name, pod.full_name());
        let fate = pods::fate(pod, state);
        let at = match (
            fate,
            pods::heir_of_address(pod, state),
            subject.place.address(),
        ) {
            (_, Some(heir), _) => AtAddress::Another(heir),
            (Fate::There, None, _) | (_, None, None) => AtAddress::None,
            (_, None, Some(address)) => AtAddress::Heard(ask(address, "/", SILENT_FOR).await),
        };
        let now = target.place(&subject.name);
        let successor = pods::successor(&subject.name, pod, now.as_ref().map(|now| &now.pod));
        pods::judge(&who, fate, &at, self.since_ms(), successor.as_deref())
    }

    /// A pod that has to leave a tainted node, or may stay.
    async fn confirm_leaving(
        &self,
        subject: &Subject,
        armed: &Armed,
        target: &KubernetesTarget,
        until: Instant,
    ) -> Seen {
        let tolerance = armed.tolerances.get(&subject.name).copied();
        let tolerance = tolerance.unwrap_or(Tolerance::None);
        let note = tolerance.note(&subject.name);
        let seen = match tolerance {
            Tolerance::Always => Err(String::new()),
            Tolerance::None | Tolerance::For(_) => self.confirm_end(subject, target, until).await,
        };
        match (seen, note) {
            (Ok(text), _) => Ok(text),
            // As it has asked for: no failure of the taint.
            (Err(_), Some(note)) => Ok(note),
            (Err(why), None) => Err(why),
        }
    }

    async fn confirm_nodes(&self, until: Instant) -> Vec<Seen> {
        let all = self.subjects.nodes.iter().map(|node| {
            seen_by(until, API_POLL, || async {
                let look = self.cluster.node(&node.name).await;
                let look = look.map_err(|error| error.to_string())?;
                match &self.kind {
                    ClusterKind::Taint { key, value, effect } => {
                        nodes::tainted(&look, &taint(key, value, *effect), self.since_ms())
                    }
                    _ => nodes::cordoned(&look, self.since_ms()),
                }
            })
        });
        join_all(all).await
    }

    async fn confirm_power(
        &self,
        subject: &Subject,
        target: &KubernetesTarget,
        until: Instant,
    ) -> Seen {
        let place = &subject.place;
        let node = self
            .subjects
            .nodes
            .iter()
            .find(|it| place.pod.node.as_ref() == Some(&it.name));
        let (Some(node), Some(address)) = (node, place.address()) else {
            return Err(format!("{} has no node or no address", subject.name));
        };
        let who = format!("{} on {}", subject.name, node.name);
        seen_by(until, POLL, || async {
            let state = target.state();
            let now = state.nodes.get(&node.name);
            if self.kind == ClusterKind::NodeReboot {
                let pod = state.pods.get(&place.pod.name);
                if let Some(anew) = nodes::started_anew(node, now, &place.pod, pod) {
                    return Ok(format!(
                        "{anew}, seen {} ms after the injection",
                        self.since_ms()
                    ));
                }
            }
            // Twice, because one answer may be lost on the way.
            let mut how = String::new();
            for _ in 0..2 {
                match nodes::power(&ask(address, "/", SILENT_FOR).await) {
                    Power::Off(off) => how = off,
                    Power::On(on) => return Err(format!("{who} {on}")),
                }
            }
            let (since_ms, platform) = (self.since_ms(), nodes::platform_says(now));
            Ok(format!(
                "{who} {how} at {address}, seen {since_ms} ms after the injection; {platform}"
            ))
        })
        .await
    }

    async fn confirm_api_silence(&self, until: Instant) -> Seen {
        let cluster = self.cluster.within(API_SILENT_FOR);
        seen_by(until, API_POLL, || async {
            // Any account may ask for it, and one that may not is answered, too.
            let asked = cluster.service("default", "kubernetes").await;
            let down = nodes::api_server_down(asked.as_ref().map(|_| ()))?;
            Ok(format!(
                "{down}, seen {} ms after the injection",
                self.since_ms()
            ))
        })
        .await
    }

    async fn confirm_rollout(&self, acted: &Acted, until: Instant) -> Seen {
        let settles = until.min(Instant::now() + SETTLES_WITHIN);
        seen_by(until, API_POLL, || async {
            let (now, pods) = self.look_at_workload(&acted.before).await?;
            let rolled = rolled(&self.kind, &acted.before, &acted.pods, &now, &pods)?;
            let text = format!(
                "{}, seen {} ms after the injection",
                rolled.text,
                self.since_ms()
            );
            match rolled.settled || left(settles).is_zero() {
                true => Ok(text),
                false => Err(text),
            }
        })
        .await
    }

    async fn confirm_scale(&self, wanted: u32, acted: &Acted, until: Instant) -> Seen {
        seen_by(until, API_POLL, || async {
            let (now, pods) = self.look_at_workload(&acted.before).await?;
            scaled(wanted, &acted.pods, &now, &pods, self.since_ms())
        })
        .await
    }

    async fn look_at_workload(
        &self,
        before: &WorkloadLook,
    ) -> Result<(WorkloadLook, Vec<PodLook>), String> {
        let name = &before.workload;
        let now = self.cluster.workload(name).await;
        let now = now.map_err(|error| error.to_string())?;
        let pods = self.cluster.pods(&name.namespace, &now.selector).await;
        Ok((now, pods.map_err(|error| error.to_string())?))
    }

    async fn look_at_service(&self, service: &str, meant: &str) -> Seen {
        let (endpoints, pods) = tokio::join!(
            self.cluster.endpoints(&self.namespace, service),
            self.cluster.pods(&self.namespace, meant)
        );
        let endpoints = endpoints.map_err(|error| error.to_string())?;
        let pods = pods.map_err(|error| error.to_string())?;
        switched(service, &endpoints, &pods, self.since_ms())
    }
}

/// Looks until the effect is there, or the time is over; then with what was seen last.
async fn seen_by<F>(until: Instant, pause: Duration, mut look: impl FnMut() -> F) -> Seen
where
    F: Future<Output = Seen>,
{
    loop {
        match look().await {
            Ok(seen) => return Ok(seen),
            Err(why) if left(until).is_zero() => return Err(why),
            Err(_) => tokio::time::sleep(pause.min(left(until))).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn an_effect_that_comes_late_is_seen_and_one_that_does_not_is_not() {
        let looks = Cell::new(0);
        let pause = Duration::from_millis(1);
        let third = || {
            looks.set(looks.get() + 1);
            let seen = looks.get() >= 3;
            async move {
                seen.then(|| "seen".to_string())
                    .ok_or("not yet".to_string())
            }
        };
        let soon = Instant::now() + Duration::from_secs(5);
        assert_eq!(seen_by(soon, pause, third).await, Ok("seen".to_string()));
        let never = || async { Err("not yet".to_string()) };
        let until = Instant::now() + Duration::from_millis(20);
        assert_eq!(
            seen_by(until, pause, never).await,
            Err("not yet".to_string())
        );
        assert!(left(until).is_zero());
    }
}
