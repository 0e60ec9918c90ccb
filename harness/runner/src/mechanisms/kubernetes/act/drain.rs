//! Draining a node: evicting what can be evicted, with a report for each pod.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use shakedown_record::monotonic_ns;

use super::super::client::Cluster;
use super::super::error::ClusterError;
use super::super::look::PodLook;
use super::pod::Evicted;

/// Between two looks at pods that are going, and two tries of an eviction that was refused.
const PAUSE: Duration = Duration::from_millis(500);

/// How a node is to be drained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrainOrder {
    /// For all of it, until the last pod is gone.
    pub within: Duration,
    /// Instead of each pod's own.
    pub grace_s: Option<u32>,
    /// Also those that nobody makes again.
    pub bare: bool,
}

/// Whether a pod is evicted when its node is drained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Drainable {
    Yes,
    /// Its daemon set would put it back.
    DaemonSet,
    /// Its kubelet runs it from a file.
    Mirror,
    /// Nobody makes it again.
    Bare,
    /// It will not run again.
    Over,
}

/// What became of each pod of the node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DrainReport {
    pub node: String,
    pub pods: Vec<DrainedPod>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DrainedPod {
    pub namespace: String,
    pub name: String,
    pub uid: String,
    /// Evictions that were asked for.
    pub tries: u32,
    /// When the API server agreed, by this machine's monotonic clock.
    pub evicted_at_mono_ns: Option<u64>,
    pub end: DrainEnd,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DrainEnd {
    /// It was seen to be gone at this moment of this machine's monotonic clock.
    Gone { at_mono_ns: u64 },
    /// Evicted, and still there when the time was over.
    Going,
    /// A budget forbade it until the time was over; its last words.
    Refused { message: String },
    /// Left where it is.
    Left(Drainable),
    /// For people.
    Failed(String),
}

impl DrainReport {
    /// True when nothing is left of what was to go.
    pub fn is_clean(&self) -> bool {
        self.pods.iter().all(|pod| match &pod.end {
            DrainEnd::Gone { .. } | DrainEnd::Left(_) => true,
            DrainEnd::Going | DrainEnd::Refused { .. } | DrainEnd::Failed(_) => false,
        })
    }
}

/// Whether a drain evicts a pod.
pub fn drainable(pod: &PodLook, bare: bool) -> Drainable {
    let owner = pod.owner.as_ref().map(|owner| owner.kind.as_str());
    match owner {
        _ if pod.mirror => Drainable::Mirror,
        _ if pod.phase.is_over() => Drainable::Over,
        Some("DaemonSet") => Drainable::DaemonSet,
        Some(_) => Drainable::Yes,
        None if bare => Drainable::Yes,
        None => Drainable::Bare,
    }
}

impl Cluster {
    /// The pods of a node, and which of them a drain would evict: for guards. Changes nothing.
    ///
    /// # Errors
    /// When the API server does not give them.
    pub async fn drain_plan(
        &self,
        node: &str,
        bare: bool,
    ) -> Result<Vec<(PodLook, Drainable)>, ClusterError> {
        let pods = self.pods_on(node).await?.into_iter();
        Ok(pods
            .map(|pod| {
                let drained = drainable(&pod, bare);
                (pod, drained)
            })
            .collect())
    }

    /// Evicts what can be evicted from a node that is cordoned already (`Edit::Cordon`), and waits until it is gone.
    /// Evictions that a budget refuses are asked for again until the time is over.
    ///
    /// # Errors
    /// When the pods of the node cannot be listed. What goes wrong with one pod is in the report.
    pub async fn drain(&self, node: &str, order: &DrainOrder) -> Result<DrainReport, ClusterError> {
        let until = Instant::now() + order.within;
        let pods = self.drain_plan(node, order.bare).await?;
        let all = pods.into_iter().map(|(pod, drained)| async move {
            let mut report = DrainedPod {
                namespace: pod.namespace,
                name: pod.name,
                uid: pod.uid,
                tries: 0,
                evicted_at_mono_ns: None,
                end: DrainEnd::Left(drained),
            };
            if drained == Drainable::Yes {
                self.drain_pod(&mut report, order.grace_s, until).await;
            }
            report
        });
        Ok(DrainReport {
            node: node.to_string(),
            pods: futures_util::future::join_all(all).await,
        })
    }

    async fn drain_pod(&self, pod: &mut DrainedPod, grace_s: Option<u32>, until: Instant) {
        loop {
            pod.tries += 1;
            let asked = self.evict(&pod.namespace, &pod.name, &pod.uid, grace_s);
            match asked.await {
                Ok(Evicted::Done) => break,
                Ok(Evicted::Gone) => {
                    let at_mono_ns = monotonic_ns();
                    pod.end = DrainEnd::Gone { at_mono_ns };
                    return;
                }
                Ok(Evicted::Refused { message }) => pod.end = DrainEnd::Refused { message },
                Err(error) if error.is_passing() => pod.end = DrainEnd::Failed(error.to_string()),
                Err(error) => {
                    pod.end = DrainEnd::Failed(error.to_string());
                    return;
                }
            }
            if Instant::now() + PAUSE >= until {
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
        pod.evicted_at_mono_ns = Some(monotonic_ns());
        pod.end = DrainEnd::Going;
        while Instant::now() < until {
            match self.pod(&pod.namespace, &pod.name).await {
                Ok(now) if now.uid == pod.uid => {}
                Err(error) if !error.is_gone() => tracing::warn!("{error}"),
                // Gone, or another of its name.
                Ok(_) | Err(_) => {
                    let at_mono_ns = monotonic_ns();
                    pod.end = DrainEnd::Gone { at_mono_ns };
                    return;
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(meta: &str, status: &str) -> PodLook {
        let text = format!(r#"{{"metadata":{{"name":"p","uid":"1"{meta}}},"status":{status}}}"#);
        PodLook::of(&serde_json::from_str(&text).unwrap()).unwrap()
    }

    fn owned(kind: &str) -> String {
        format!(
            r#","ownerReferences":[{{"apiVersion":"apps/v1","kind":"{kind}","name":"o","uid":"2","controller":true}}]"#
        )
    }

    #[test]
    fn a_drain_leaves_what_would_come_back_or_never_would() {
        let mirror = r#","annotations":{"kubernetes.io/config.mirror":"x"}"#;
        let over = r#"{"phase":"Succeeded"}"#;
        assert_eq!(
            drainable(&pod(&owned("ReplicaSet"), "{}"), false),
            Drainable::Yes
        );
        assert_eq!(
            drainable(&pod(&owned("DaemonSet"), "{}"), true),
            Drainable::DaemonSet
        );
        assert_eq!(drainable(&pod(mirror, "{}"), true), Drainable::Mirror);
        assert_eq!(drainable(&pod("", "{}"), false), Drainable::Bare);
        assert_eq!(drainable(&pod("", "{}"), true), Drainable::Yes);
        assert_eq!(drainable(&pod(&owned("Job"), over), true), Drainable::Over);
    }

    #[test]
    fn a_report_is_clean_when_nothing_stayed_that_was_to_go() {
        let report = |end: DrainEnd| DrainReport {
            node: "a".to_string(),
            pods: vec![DrainedPod {
                namespace: "stg".to_string(),
                name: "p".to_string(),
                uid: "1".to_string(),
                tries: 1,
                evicted_at_mono_ns: None,
                end,
            }],
        };
        assert!(report(DrainEnd::Gone { at_mono_ns: 1 }).is_clean());
        assert!(report(DrainEnd::Left(Drainable::DaemonSet)).is_clean());
        assert!(!report(DrainEnd::Going).is_clean());
        let message = String::new();
        assert!(!report(DrainEnd::Refused { message }).is_clean());
        assert!(!report(DrainEnd::Failed(String::new())).is_clean());
    }
}
