//! The Lease of the order and its board, in a cluster.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;

use super::leash::{LeaseLook, Leash, LeashError, PHASE_ANNOTATION, Phase};
use super::order::LeaseRef;
use super::voice::Board;
use crate::mechanisms::kubernetes::{Access, Cluster};

/// Less than a look may take, so that an API server that is silent is told from one that is not asked.
const ONE_CALL_WITHIN: Duration = Duration::from_millis(900);

/// The key of the board under which the reports are.
pub const BOARD_KEY: &str = "reports";

/// The API server, by the account of the agent's pod. One that cannot be reached is tried again each time.
#[derive(Default)]
struct Reached(Option<Cluster>);

/// Looks at the Lease by the API.
pub struct ClusterLeash {
    lease: LeaseRef,
    reached: Reached,
}

/// A ConfigMap as a board.
pub struct ClusterBoard {
    namespace: String,
    name: String,
    reached: Reached,
}

impl Reached {
    async fn cluster(&mut self) -> Result<Cluster, LeashError> {
        if let Some(cluster) = &self.0 {
            return Ok(cluster.clone());
        }
        let reached = Cluster::connect(&Access::default()).await;
        let cluster = reached.map_err(|error| LeashError(error.to_string()))?;
        let cluster = cluster.within(ONE_CALL_WITHIN);
        Ok(self.0.insert(cluster).clone())
    }
}

impl ClusterLeash {
    /// Nothing is asked yet.
    pub fn new(lease: LeaseRef) -> ClusterLeash {
        ClusterLeash {
            lease,
            reached: Reached::default(),
        }
    }
}

impl ClusterBoard {
    /// Nothing is written yet.
    pub fn new(namespace: String, name: String) -> ClusterBoard {
        ClusterBoard {
            namespace,
            name,
            reached: Reached::default(),
        }
    }
}

impl Leash for ClusterLeash {
    async fn look(&mut self) -> Result<LeaseLook, LeashError> {
        let cluster = self.reached.cluster().await?;
        let LeaseRef { namespace, name } = &self.lease;
        let lease = cluster.get::<Lease>(namespace, name).await;
        Ok(look_of(
            lease.map_err(|error| LeashError(error.to_string()))?,
        ))
    }
}

impl Board for ClusterBoard {
    async fn post(&mut self, reports: &str) -> Result<(), LeashError> {
        let cluster = self.reached.cluster().await?;
        let data = BTreeMap::from([(BOARD_KEY.to_string(), Some(reports.to_string()))]);
        let posted = cluster.patch_config_map(&self.namespace, &self.name, &data);
        posted.await.map_err(|error| LeashError(error.to_string()))
    }
}

fn look_of(lease: Lease) -> LeaseLook {
    let renewed = lease.spec.and_then(|spec| spec.renew_time);
    let annotations = lease.metadata.annotations.unwrap_or_default();
    let phase = annotations.get(PHASE_ANNOTATION);
    LeaseLook {
        renewed: renewed.map_or_else(String::new, |time| time.0.to_string()),
        phase: Phase::of(phase.map(String::as_str)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(json: &str) -> LeaseLook {
        look_of(serde_json::from_str(json).unwrap())
    }

    #[test]
    fn a_renewal_within_the_same_second_is_another_text() {
        let of = |micros: &str| {
            look(&format!(
                "{{\"metadata\":{{\"annotations\":{{\"shakedown.dev/phase\":\"inject\"}}}},\
                 \"spec\":{{\"renewTime\":\"2026-11-22T00:31:06.{micros}Z\"}}}}"
            ))
        };
        assert_ne!(of("000001").renewed, of("000002").renewed);
        assert_eq!(of("000001").phase, Phase::Inject);
    }

    #[test]
    fn a_lease_that_says_nothing_says_wait() {
        let bare = look("{}");
        assert_eq!((bare.phase, bare.renewed.as_str()), (Phase::Wait, ""));
    }
}
