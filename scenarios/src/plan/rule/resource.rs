//! Limits on what the system uses of its machine.

use serde::Serialize;
use shakedown_record::phase::Phase;

use crate::plan::{EnvironmentPlan, SCRAPE_EVERY_NS};

/// How often a cluster measures its pods, as a rule.
const PODS_EVERY_NS: u64 = 15_000_000_000;

/// A limit on the share of something that is in use at any replica of the part that orders enter through.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ResourceRule {
    pub of: Resource,
    /// Of 1.
    pub at_most: f64,
    /// Broken once it was above the limit for this long without a break.
    pub for_ns: u64,
    pub phase: Phase,
}

/// Something that there is only so much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resource {
    /// CPU time, of what the limits and the machine allow.
    Cpu,
    Memory,
    /// The file system of the data.
    Disk,
}

impl Resource {
    /// The name used in files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Resource::Cpu => "cpu",
            Resource::Memory => "memory",
            Resource::Disk => "disk",
        }
    }
}

impl EnvironmentPlan {
    /// Time between two values of what a replica uses, in nanoseconds.
    pub fn usage_every_ns(&self) -> u64 {
        match self {
            EnvironmentPlan::Kubernetes(_) => PODS_EVERY_NS,
            EnvironmentPlan::Local { .. }
            | EnvironmentPlan::Docker(_)
            | EnvironmentPlan::External(_) => SCRAPE_EVERY_NS,
        }
    }
}
