//! The names of what a drill keeps in a cluster, and how long its Lease is good. Pure.

use serde::{Deserialize, Serialize};
use shakedown_record::run_dir::sha256_hex_of;
use shakedown_scenarios::plan::{ClusterKind, FaultKind, Plan};

use crate::mechanisms::kubernetes::act::{LeaseClaim, ObjectKind, OwnObject};
use crate::mechanisms::kubernetes::{Reach, Restore, Right, Undo, rights};

/// Objects of ours carry this label with the id of their run.
pub(crate) const RUN_LABEL: &str = "shakedown.dev/run";
/// Key and value by which copies of journals are found.
pub(crate) const COPY_LABEL: (&str, &str) = ("app.kubernetes.io/name", "shakedown-journal");
/// By which Leases of drills are told from those of agents.
pub(crate) const LEASES_BEGIN_WITH: &str = "shakedown-drill-";

/// A dead runner's system is free so long after its last renewal.
const DURATION_S: u32 = 20;
/// An API server that was away may take so long to be back once it was started.
const API_SERVER_BACK_WITHIN_S: u32 = 60;
const SECOND_NS: u64 = 1_000_000_000;
/// What a label can hold.
const LONGEST_LABEL: usize = 63;

/// Who is about to drill what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrillAbout {
    pub run_id: String,
    /// Whose run it is, where that is known.
    pub operator: Option<String>,
    pub host: String,
    /// Unlike that of any other process.
    pub nonce: String,
    /// Where the Lease and the copy of the journal lie.
    pub namespace: String,
    /// The name of the Lease.
    pub lease: String,
    pub duration_s: u32,
}

/// Where a run's Lease and the copy of its journal are, for whoever has to remove them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DrillMark {
    pub reach: Reach,
    pub namespace: String,
    pub lease: String,
    /// As it stands in the Lease.
    pub holder: String,
    /// The config map.
    pub copy: String,
    /// The id of the run as a label.
    pub run: String,
    /// `recover` has taken this journal over from a run of another machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopted: Option<Adopted>,
}

/// How a journal was taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Adopted {
    /// Its commands may be run on this machine.
    pub commands: bool,
}

impl DrillAbout {
    /// The drill of a plan; `None` outside of a cluster.
    pub fn of(plan: &Plan, run_id: &str, operator: Option<&str>) -> Option<DrillAbout> {
        let cluster = plan.environment.cluster()?;
        Some(DrillAbout {
            run_id: run_id.to_string(),
            operator: operator.map(ToString::to_string),
            host: one_line("/proc/sys/kernel/hostname"),
            nonce: one_line("/proc/sys/kernel/random/uuid"),
            namespace: cluster.drills.clone(),
            lease: lease_name(&cluster.namespace, &plan.system.name),
            duration_s: duration_s(plan),
        })
    }

    /// Who holds the Lease, for people, and unlike any other.
    pub(super) fn holder(&self) -> String {
        let of = self.operator.as_ref();
        let of = of.map_or(String::new(), |operator| format!(" of {operator}"));
        let nonce: String = self.nonce.chars().take(8).collect();
        format!("run {}{of} on {} ({nonce})", self.run_id, self.host)
    }

    pub(super) fn claim(&self) -> LeaseClaim {
        LeaseClaim {
            namespace: self.namespace.clone(),
            name: self.lease.clone(),
            holder: self.holder(),
            duration_s: self.duration_s,
            label: (RUN_LABEL.to_string(), as_label(&self.run_id)),
        }
    }

    pub(super) fn mark(&self, reach: &Reach) -> DrillMark {
        let holder = self.holder();
        let digest = sha256_hex_of(format!("{holder} {}", self.nonce).as_bytes());
        DrillMark {
            reach: reach.clone(),
            namespace: self.namespace.clone(),
            lease: self.lease.clone(),
            holder,
            copy: format!("shakedown-journal-{}", &digest[..16]),
            run: as_label(&self.run_id),
            adopted: None,
        }
    }
}

impl DrillMark {
    /// The config map.
    pub(crate) fn own_copy(&self) -> OwnObject {
        OwnObject {
            kind: ObjectKind::ConfigMap,
            namespace: self.namespace.clone(),
            name: self.copy.clone(),
            label: (RUN_LABEL.to_string(), self.run.clone()),
        }
    }

    /// The Lease, by whoever holds it now.
    pub(crate) fn claim(&self, duration_s: u32) -> LeaseClaim {
        LeaseClaim {
            namespace: self.namespace.clone(),
            name: self.lease.clone(),
            holder: self.holder.clone(),
            duration_s,
            label: (RUN_LABEL.to_string(), self.run.clone()),
        }
    }

    /// The command that removes the copy.
    pub(crate) fn remove_copy_with(&self) -> String {
        Undo {
            reach: self.reach.clone(),
            what: Restore::Delete(self.own_copy()),
        }
        .by_hand()
    }

    /// The command that removes the Lease.
    pub(crate) fn remove_lease_with(&self) -> String {
        let (kubectl, namespace, lease) = (self.reach.kubectl(), &self.namespace, &self.lease);
        format!("{kubectl} -n {namespace} delete lease {lease}")
    }
}

/// Who holds a Lease while a dead run's journal is replayed: one name for all journals of one call.
pub(crate) fn recoverer() -> String {
    let nonce: String = one_line("/proc/sys/kernel/random/uuid")
        .chars()
        .take(8)
        .collect();
    let host = one_line("/proc/sys/kernel/hostname");
    format!("`shakedown recover` on {host} ({nonce})")
}

/// What a run needs to hold its Lease and to keep the copy of its journal, and `recover` to find it.
pub(crate) fn rights(plan: &Plan) -> Vec<Right> {
    let Some(cluster) = plan.environment.cluster() else {
        return Vec::new();
    };
    let lease = lease_name(&cluster.namespace, &plan.system.name);
    let mut all = rights::of_lease(&cluster.drills, &lease);
    all.extend(rights::of_config_maps(&cluster.drills));
    all
}

/// One name for a system in a namespace, whoever looks at it.
fn lease_name(namespace: &str, system: &str) -> String {
    let digest = sha256_hex_of(format!("{namespace}/{system}").as_bytes());
    let fits = |c: char| match c {
        'a'..='z' | '0'..='9' => c,
        'A'..='Z' => c.to_ascii_lowercase(),
        _ => '-',
    };
    let system: String = system.chars().map(fits).take(40).collect();
    format!(
        "{LEASES_BEGIN_WITH}{}-{}",
        system.trim_matches('-'),
        &digest[..10]
    )
}

/// While the scenario itself takes the API server away nobody can renew: the Lease is good for longer, so that this is no loss of
/// it, and nobody else takes it when the API server is back.
fn duration_s(plan: &Plan) -> u32 {
    let outages = plan.faults.iter().filter_map(|fault| match &fault.kind {
        FaultKind::Cluster(ClusterKind::ApiServerStop) => Some(fault.hold_ns.div_ceil(SECOND_NS)),
        _ => None,
    });
    let longest = outages.max().map(|outage_s| {
        u32::try_from(outage_s)
            .unwrap_or(u32::MAX)
            .saturating_add(API_SERVER_BACK_WITHIN_S)
    });
    DURATION_S.saturating_add(longest.unwrap_or(0))
}

fn as_label(run_id: &str) -> String {
    let plain = |c: char| match c {
        c if c.is_ascii_alphanumeric() || "-_.".contains(c) => c,
        _ => '-',
    };
    let label: String = run_id.chars().map(plain).take(LONGEST_LABEL).collect();
    label
        .trim_matches(|c: char| !c.is_ascii_alphanumeric())
        .to_string()
}

/// What the kernel says in a file of one line; empty when it does not.
fn one_line(path: &str) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.trim().to_string()
}

#[cfg(test)]
mod tests {
    use shakedown_scenarios::plan::{FaultPlan, Repeat, Selector, Trigger};

    use super::*;
    use crate::testing;

    pub(super) fn about() -> DrillAbout {
        DrillAbout {
            run_id: "20260102T030405678Z-Leader_kill".to_string(),
            operator: Some("ada".to_string()),
            host: "build-7".to_string(),
            nonce: "5f3a9c1e-0000-0000-0000-000000000000".to_string(),
            namespace: "drills".to_string(),
            lease: lease_name("stg", "acme"),
            duration_s: DURATION_S,
        }
    }

    #[test]
    fn a_system_in_a_namespace_has_one_lease_and_no_other() {
        let name = lease_name("stg", "Acme Matching Engine");
        assert_eq!(name, lease_name("stg", "Acme Matching Engine"));
        assert!(
            name.starts_with("shakedown-drill-acme-matching-engine-"),
            "{name}"
        );
        assert_ne!(name, lease_name("prod", "Acme Matching Engine"));
        assert_ne!(name, lease_name("stg", "Acme-Matching-Engine"));
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(lease_name("stg", &"ß/".repeat(200)).chars().all(fits));
    }

    #[test]
    fn holders_are_for_people_and_never_alike() {
        let one = about();
        assert_eq!(
            one.holder(),
            "run 20260102T030405678Z-Leader_kill of ada on build-7 (5f3a9c1e)"
        );
        let other = DrillAbout {
            nonce: "6f3a9c1e-1".to_string(),
            ..one.clone()
        };
        assert_ne!(one.holder(), other.holder());
        let reach = Reach {
            access: Default::default(),
            server: "https://a".to_string(),
            uid: None,
        };
        assert_ne!(one.mark(&reach).copy, other.mark(&reach).copy);
        assert_eq!(
            one.mark(&reach).remove_copy_with(),
            format!(
                "kubectl -n drills delete configmap {}",
                one.mark(&reach).copy
            )
        );
        assert_eq!(as_label(&format!("{}.", "x".repeat(62))).len(), 62);
    }

    #[test]
    fn an_outage_that_the_scenario_makes_does_not_end_the_lease() {
        let mut plan = testing::plan(&["http://127.0.0.1:1".to_string()]);
        assert_eq!(duration_s(&plan), 20);
        plan.faults.push(FaultPlan {
            id: "away".to_string(),
            kind: FaultKind::Cluster(ClusterKind::ApiServerStop),
            to: Selector::System,
            when: Trigger::At { at_ns: 0 },
            hold_ns: 30_500_000_000,
            repeat: Repeat {
                times: 1,
                every_ns: 0,
                jitter_ns: 0,
            },
        });
        assert_eq!(duration_s(&plan), 20 + 31 + 60);
    }
}
