//! Leases: one holder at a time, and who it is.
//!
//! A Lease that is not renewed runs out by itself. Its times are those of its holder's clock: somebody else takes it
//! only when it is over by more than two clocks may differ.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions};
use kube::{Api, Client};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::client::Cluster;
use super::super::error::{Ask, ClusterError};

/// How far two machines' clocks may be apart.
const CLOCKS_APART: SignedDuration = SignedDuration::from_secs(2);

/// A Lease that somebody wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LeaseClaim {
    pub namespace: String,
    pub name: String,
    /// Whoever it is, unlike all others: with the id of the run.
    pub holder: String,
    /// It is over so long after it was renewed last.
    pub duration_s: u32,
    /// Key and value, by which it is known as ours.
    pub label: (String, String),
}

/// What came of a claim.
#[derive(Debug)]
pub enum Acquired {
    Held(HeldLease),
    /// Somebody else has it.
    Taken {
        by: String,
        /// When it was taken, by the holder's clock.
        since: Option<Timestamp>,
        until: Timestamp,
    },
}

/// A Lease that is ours, as long as it is renewed in time.
#[derive(Debug)]
pub struct HeldLease {
    claim: LeaseClaim,
    /// As it was written last.
    object: Box<Lease>,
}

impl HeldLease {
    pub fn claim(&self) -> &LeaseClaim {
        &self.claim
    }

    /// What stands on it from the next renewal on.
    pub fn annotate(&mut self, key: &str, value: &str) {
        let annotations = self.object.metadata.annotations.get_or_insert_default();
        annotations.insert(key.to_string(), value.to_string());
    }

    /// What somebody has put on it, as it was seen at the last renewal.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        let annotations = self.object.metadata.annotations.as_ref()?;
        annotations.get(key).map(String::as_str)
    }
}

/// What is to be done about a Lease.
#[derive(Debug, PartialEq)]
enum Verdict {
    Create,
    /// It is free, ours, or over.
    Replace,
    Leave {
        by: String,
        until: Timestamp,
    },
}

impl Cluster {
    /// Takes a Lease, if nobody else has it. One of our own holder is taken up again.
    ///
    /// # Errors
    /// When the API server does not do it.
    pub async fn acquire(&self, claim: &LeaseClaim) -> Result<Acquired, ClusterError> {
        let found = match self.get::<Lease>(&claim.namespace, &claim.name).await {
            Ok(found) => Some(found),
            Err(error) if error.is_gone() => None,
            Err(error) => return Err(error),
        };
        let now = Timestamp::now();
        let known = found.as_ref().map(|it| it.spec.clone().unwrap_or_default());
        let written = match judge(known.as_ref(), &claim.holder, now) {
            Verdict::Leave { by, until } => {
                let since = known.as_ref().and_then(taken_at);
                return Ok(Acquired::Taken { by, since, until });
            }
            Verdict::Create => {
                self.create(&claim.namespace, &wanted(claim, None, now))
                    .await
            }
            Verdict::Replace => self.replace_lease(claim, wanted(claim, found, now)).await,
        };
        match written {
            Ok(object) => Ok(Acquired::Held(HeldLease {
                claim: claim.clone(),
                object: Box::new(object),
            })),
            // Somebody was faster.
            Err(ClusterError::Exists(_) | ClusterError::Conflict { .. }) => {
                let by = self.get::<Lease>(&claim.namespace, &claim.name).await?;
                let spec = by.spec.unwrap_or_default();
                Ok(Acquired::Taken {
                    since: taken_at(&spec),
                    until: over_at(&spec).unwrap_or(now),
                    by: spec.holder_identity.unwrap_or_default(),
                })
            }
            Err(error) => Err(error),
        }
    }

    /// Renews it, before its duration is over.
    ///
    /// # Errors
    /// [`ClusterError::Conflict`] or [`ClusterError::NotFound`] when it is no longer ours; when the API server does not
    /// do it.
    pub async fn renew(&self, held: &mut HeldLease) -> Result<(), ClusterError> {
        let mut object = Lease::clone(&held.object);
        if let Some(spec) = &mut object.spec {
            spec.renew_time = Some(MicroTime(Timestamp::now()));
        }
        match self.replace_lease(&held.claim, object).await {
            Ok(object) => {
                *held.object = object;
                Ok(())
            }
            // The answer to a renewal before may have been lost.
            Err(conflict @ ClusterError::Conflict { .. }) => {
                let claim = &held.claim;
                let found = self.get::<Lease>(&claim.namespace, &claim.name).await?;
                let holder = found
                    .spec
                    .as_ref()
                    .and_then(|it| it.holder_identity.as_ref());
                match holder == Some(&claim.holder) {
                    true => {
                        *held.object = found;
                        Ok(())
                    }
                    false => Err(conflict),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// Gives it back: removes it, if it is still ours.
    ///
    /// # Errors
    /// When the API server does not do it.
    pub async fn release(&self, held: &HeldLease) -> Result<(), ClusterError> {
        let (claim, meta) = (&held.claim, held.object.metadata.clone());
        let params = DeleteParams::default().preconditions(Preconditions {
            uid: meta.uid,
            resource_version: meta.resource_version,
        });
        let ask = Ask::of("delete", "leases", &claim.namespace, &claim.name);
        let delete = |client: Client| {
            let api = Api::<Lease>::namespaced(client, &claim.namespace);
            let name = claim.name.clone();
            async move { api.delete(&name, &params).await }
        };
        match self.call(ask, delete).await {
            Ok(_) | Err(ClusterError::NotFound(_) | ClusterError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The Leases of a namespace.
    ///
    /// # Errors
    /// When the API server does not give them.
    pub async fn leases(&self, namespace: &str) -> Result<Vec<Lease>, ClusterError> {
        let list = |client: Client| {
            let api = Api::<Lease>::namespaced(client, namespace);
            async move { api.list(&ListParams::default()).await }
        };
        let ask = Ask::many("list", "leases", Some(namespace));
        Ok(self.call(ask, list).await?.items)
    }

    /// Puts something on somebody's Lease.
    ///
    /// # Errors
    /// When there is none, or the API server does not do it.
    pub async fn annotate_lease(
        &self,
        namespace: &str,
        name: &str,
        key: &str,
        value: &str,
    ) -> Result<(), ClusterError> {
        let patch = json!({"metadata": {"annotations": {key: value}}});
        let send = |client: Client| {
            let api = Api::<Lease>::namespaced(client, namespace);
            async move {
                api.patch(name, &PatchParams::default(), &Patch::Merge(patch))
                    .await
            }
        };
        let ask = Ask::of("patch", "leases", namespace, name);
        self.call(ask, send).await.map(drop)
    }

    async fn replace_lease(
        &self,
        claim: &LeaseClaim,
        object: Lease,
    ) -> Result<Lease, ClusterError> {
        let ask = Ask::of("update", "leases", &claim.namespace, &claim.name);
        let replace = |client: Client| {
            let api = Api::<Lease>::namespaced(client, &claim.namespace);
            let name = claim.name.clone();
            async move { api.replace(&name, &PostParams::default(), &object).await }
        };
        self.call(ask, replace).await
    }
}

fn taken_at(spec: &LeaseSpec) -> Option<Timestamp> {
    Some(spec.acquire_time.as_ref()?.0)
}

fn over_at(spec: &LeaseSpec) -> Option<Timestamp> {
    let renewed = spec.renew_time.as_ref()?.0;
    let duration = SignedDuration::from_secs(i64::from(spec.lease_duration_seconds?));
    renewed.checked_add(duration).ok()
}

fn judge(known: Option<&LeaseSpec>, holder: &str, now: Timestamp) -> Verdict {
    let Some(known) = known else {
        return Verdict::Create;
    };
    let by = known.holder_identity.clone().unwrap_or_default();
    match over_at(known) {
        _ if by.is_empty() || by == holder => Verdict::Replace,
        Some(until) if now.duration_since(until) < CLOCKS_APART => Verdict::Leave { by, until },
        // It is over, or says no end.
        Some(_) | None => Verdict::Replace,
    }
}

fn wanted(claim: &LeaseClaim, found: Option<Lease>, now: Timestamp) -> Lease {
    let (key, value) = claim.label.clone();
    let before = found.as_ref().and_then(|it| it.spec.as_ref());
    let transitions = before.and_then(|it| it.lease_transitions).unwrap_or(-1);
    let meta = found.map(|it| it.metadata);
    let mut labels = meta
        .as_ref()
        .and_then(|it| it.labels.clone())
        .unwrap_or_default();
    labels.insert(key, value);
    Lease {
        metadata: ObjectMeta {
            name: Some(claim.name.clone()),
            labels: Some(labels),
            resource_version: meta.and_then(|it| it.resource_version),
            ..ObjectMeta::default()
        },
        spec: Some(LeaseSpec {
            holder_identity: Some(claim.holder.clone()),
            lease_duration_seconds: Some(i32::try_from(claim.duration_s).unwrap_or(i32::MAX)),
            acquire_time: Some(MicroTime(now)),
            renew_time: Some(MicroTime(now)),
            lease_transitions: Some(transitions.saturating_add(1)),
            ..LeaseSpec::default()
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn claim() -> LeaseClaim {
        LeaseClaim {
            namespace: "stg".to_string(),
            name: "drill".to_string(),
            holder: "run-1".to_string(),
            duration_s: 10,
            label: ("run".to_string(), "1".to_string()),
        }
    }

    #[test]
    fn a_lease_is_taken_when_nobody_can_still_hold_it() {
        let now = at("2026-01-01T00:00:00Z");
        let lease = wanted(&claim(), None, now);
        let spec = lease.spec.clone().unwrap();
        assert_eq!(judge(None, "run-2", now), Verdict::Create);
        assert_eq!(judge(Some(&spec), "run-1", now), Verdict::Replace);
        let until = at("2026-01-01T00:00:10Z");
        let by = "run-1".to_string();
        let taken = Verdict::Leave { by, until };
        assert_eq!(
            judge(Some(&spec), "run-2", at("2026-01-01T00:00:09Z")),
            taken
        );
        assert_eq!(
            judge(Some(&spec), "run-2", at("2026-01-01T00:00:11Z")),
            taken
        );
        assert_eq!(
            judge(Some(&spec), "run-2", at("2026-01-01T00:00:12Z")),
            Verdict::Replace
        );
        assert_eq!(
            judge(Some(&LeaseSpec::default()), "run-2", now),
            Verdict::Replace
        );
    }

    #[test]
    fn a_lease_that_changes_hands_says_so_and_keeps_its_version() {
        let now = at("2026-01-01T00:00:00Z");
        let mut lease = wanted(&claim(), None, now);
        assert_eq!(lease.spec.as_ref().unwrap().lease_transitions, Some(0));
        lease.metadata.resource_version = Some("7".to_string());
        let next = wanted(&claim(), Some(lease), now);
        assert_eq!(next.metadata.resource_version.as_deref(), Some("7"));
        assert_eq!(next.spec.unwrap().lease_transitions, Some(1));
        assert_eq!(next.metadata.labels.unwrap()["run"], "1");
    }
}
