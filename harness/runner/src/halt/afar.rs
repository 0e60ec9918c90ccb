//! Halting runs by their Leases, wherever their runners are: an annotation asks, and the end of the Lease says that it is done.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;

use super::HaltedRun;
use crate::drill::{HALT_ANNOTATION, LEASES_BEGIN_WITH, RUN_LABEL, entries_of};
use crate::journal::Entry;
use crate::mechanisms::kubernetes::{Cluster, ClusterError};
use crate::recover::Afar;

const POLL: Duration = Duration::from_millis(250);

/// A run that goes on somewhere.
struct Asked {
    namespace: String,
    lease: String,
    holder: String,
    /// As a label.
    run: String,
    told: HaltedRun,
}

/// Asks every run that holds a Lease in the cluster to heal and end, but for those whose ids are `known`, and waits until each
/// has, or the deadline is over.
///
/// # Errors
/// When the cluster does not say which there are.
pub async fn halt_afar(
    afar: &Afar,
    known: &[String],
    by: &str,
    deadline: Duration,
) -> Result<Vec<HaltedRun>, ClusterError> {
    let begun = Instant::now();
    let cluster = afar.connect().await?;
    let leases = afar.all(async |namespace| cluster.leases(namespace).await);
    let now = Timestamp::now();
    let runs = leases.await?.into_iter();
    let mut asked: Vec<Asked> = runs.filter_map(|lease| live(&lease, now)).collect();
    asked.retain(|one| !known.contains(&one.run));
    for one in &mut asked {
        let (namespace, lease) = (&one.namespace, &one.lease);
        let sent = cluster.annotate_lease(namespace, lease, HALT_ANNOTATION, by);
        one.told.error = sent.await.err().map(|error| error.to_string());
    }
    loop {
        for one in &mut asked {
            one.look(&cluster, begun).await;
        }
        let is_waiting = |one: &Asked| one.told.error.is_none() && one.told.ended_after_s.is_none();
        if !asked.iter().any(is_waiting) || begun.elapsed() >= deadline {
            return Ok(asked.into_iter().map(|one| one.told).collect());
        }
        tokio::time::sleep(POLL).await;
    }
}

/// A run whose Lease is still good.
fn live(lease: &Lease, now: Timestamp) -> Option<Asked> {
    let name = lease.metadata.name.clone()?;
    let spec = lease.spec.as_ref()?;
    let holder = spec.holder_identity.clone()?;
    let run = lease.metadata.labels.as_ref()?.get(RUN_LABEL)?.clone();
    let good_for = Duration::from_secs(u64::try_from(spec.lease_duration_seconds?).ok()?);
    let until = spec.renew_time.as_ref()?.0.checked_add(good_for).ok()?;
    let is_run = name.starts_with(LEASES_BEGIN_WITH) && holder.starts_with("run ");
    (is_run && now < until).then(|| Asked {
        namespace: lease.metadata.namespace.clone().unwrap_or_default(),
        lease: name,
        told: HaltedRun {
            run_id: run.clone(),
            pid: None,
            holder: Some(holder.clone()),
            healed_after_s: None,
            ended_after_s: None,
            orders_cancelled: None,
            orders_open: None,
            error: None,
            to_recover: false,
        },
        holder,
        run,
    })
}

impl Asked {
    async fn look(&mut self, cluster: &Cluster, begun: Instant) {
        if self.told.error.is_some() || self.told.ended_after_s.is_some() {
            return;
        }
        // In this order: a run that ended in between has removed its journal.
        let lease = cluster.get::<Lease>(&self.namespace, &self.lease).await;
        let copies = cluster
            .config_maps(&self.namespace, &format!("{RUN_LABEL}={}", self.run))
            .await;
        let ended = match lease {
            Ok(lease) => lease.spec.and_then(|it| it.holder_identity) != Some(self.holder.clone()),
            Err(error) if error.is_gone() => true,
            // Asked again soon.
            Err(_) => return,
        };
        let Ok(copies) = copies else { return };
        let is_fault = |entry: &Entry| matches!(entry, Entry::FaultIntent { .. });
        let mut of_copies = copies.iter().map(|copy| entries_of(&copy.data).0);
        let faults_on = of_copies.any(|entries| entries.iter().any(is_fault));
        let now_s = begun.elapsed().as_secs_f64();
        if !faults_on && self.told.healed_after_s.is_none() {
            self.told.healed_after_s = Some(now_s);
        }
        if ended {
            self.told.ended_after_s = Some(now_s);
            self.told.to_recover = !copies.is_empty();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use k8s_openapi::api::coordination::v1::LeaseSpec;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};

    use super::*;

    fn lease(name: &str, holder: &str) -> Lease {
        let labels = BTreeMap::from([(RUN_LABEL.to_string(), "run-1".to_string())]);
        Lease {
            metadata: ObjectMeta {
                name: Some(name.to_string()),
                namespace: Some("drills".to_string()),
                labels: Some(labels),
                ..ObjectMeta::default()
            },
            spec: Some(LeaseSpec {
                holder_identity: Some(holder.to_string()),
                lease_duration_seconds: Some(20),
                renew_time: Some(MicroTime("2026-01-01T00:00:00Z".parse().unwrap())),
                ..LeaseSpec::default()
            }),
        }
    }

    #[test]
    fn only_runs_that_are_live_are_asked() {
        let of = |name: &str, holder: &str, now: &str| {
            live(&lease(name, holder), now.parse().unwrap()).map(|it| it.told.run_id)
        };
        let (early, late) = ("2026-01-01T00:00:19Z", "2026-01-01T00:00:20Z");
        let drill = "shakedown-drill-acme-1";
        assert_eq!(of(drill, "run run-1", early), Some("run-1".to_string()));
        assert_eq!(of(drill, "run run-1", late), None);
        assert_eq!(of(drill, "`shakedown recover` on a", early), None);
        assert_eq!(of("shakedown-agent-1", "run run-1", early), None);
    }
}
