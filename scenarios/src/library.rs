//! The shipped systems and scenarios, inside the binary.

use serde::Serialize;

use crate::compile::FileKind;

/// One shipped file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Shipped {
    /// What a scenario's `system:`, or `shakedown run`, calls it: `quickstart`, `reference`.
    pub name: &'static str,
    /// Relative to `scenarios/library`.
    pub path: &'static str,
    pub text: &'static str,
    pub kind: FileKind,
}

impl Shipped {
    /// One sentence on it: the scenario's `about`, or the first comment.
    pub fn about(&self) -> &'static str {
        let sentence = match self.kind {
            FileKind::Scenario | FileKind::Suite => self
                .text
                .lines()
                .find_map(|line| line.strip_prefix("about: ")),
            FileKind::Profile | FileKind::Calendar => self
                .text
                .lines()
                .filter_map(|line| line.strip_prefix("# "))
                .nth(1),
        };
        sentence.unwrap_or_default()
    }
}

macro_rules! shipped {
    ($kind:ident, $name:literal, $path:literal) => {
        Shipped {
            name: $name,
            path: $path,
            text: include_str!(concat!("../library/", $path)),
            kind: FileKind::$kind,
        }
    };
}

/// A scenario whose file is called `kubernetes-` and what it does.
macro_rules! in_kubernetes {
    ($what:literal) => {
        Shipped {
            name: concat!("kubernetes-", $what),
            path: concat!("kubernetes-", $what, ".yaml"),
            text: include_str!(concat!("../library/kubernetes-", $what, ".yaml")),
            kind: FileKind::Scenario,
        }
    };
}

static SHIPPED: [Shipped; 83] = [
    shipped!(Profile, "reference", "systems/reference.yaml"),
    shipped!(Profile, "reference-fix", "systems/reference-fix.yaml"),
    shipped!(
        Profile,
        "reference-sessions",
        "systems/reference-sessions.yaml"
    ),
    shipped!(Profile, "reference-risk", "systems/reference-risk.yaml"),
    shipped!(
        Profile,
        "reference-reported",
        "systems/reference-reported.yaml"
    ),
    shipped!(
        Profile,
        "reference-unnumbered",
        "systems/reference-unnumbered.yaml"
    ),
    shipped!(Profile, "reference-outage", "systems/reference-outage.yaml"),
    shipped!(Profile, "reference-timed", "systems/reference-timed.yaml"),
    shipped!(Profile, "market-maker", "systems/market-maker.yaml"),
    shipped!(Profile, "market-maker-fix", "systems/market-maker-fix.yaml"),
    shipped!(Profile, "postgres-async", "systems/postgres-async.yaml"),
    shipped!(Profile, "postgres-sync", "systems/postgres-sync.yaml"),
    shipped!(
        Profile,
        "postgres-commit-off",
        "systems/postgres-commit-off.yaml"
    ),
    shipped!(Profile, "redis-sentinel", "systems/redis-sentinel.yaml"),
    shipped!(
        Profile,
        "redis-sentinel-min-replicas",
        "systems/redis-sentinel-min-replicas.yaml"
    ),
    shipped!(
        Profile,
        "redis-sentinel-wait",
        "systems/redis-sentinel-wait.yaml"
    ),
    shipped!(
        Calendar,
        "us-equities-example",
        "calendars/us-equities-example.yaml"
    ),
    shipped!(Scenario, "quickstart", "quickstart.yaml"),
    shipped!(Scenario, "baseline", "baseline.yaml"),
    shipped!(Scenario, "engine-metrics", "engine-metrics.yaml"),
    shipped!(Scenario, "market-data", "market-data.yaml"),
    shipped!(Scenario, "market-feed", "market-feed.yaml"),
    shipped!(Scenario, "market-flow", "market-flow.yaml"),
    shipped!(Scenario, "slow-lane", "slow-lane.yaml"),
    shipped!(Scenario, "stops", "stops.yaml"),
    shipped!(Scenario, "fix-leader-kill", "fix-leader-kill.yaml"),
    shipped!(Scenario, "disconnect", "disconnect.yaml"),
    shipped!(Scenario, "risk-limits", "risk-limits.yaml"),
    shipped!(Scenario, "kill-switch", "kill-switch.yaml"),
    shipped!(
        Scenario,
        "reported-leader-kill",
        "reported-leader-kill.yaml"
    ),
    shipped!(Scenario, "rts6-double", "rts6-double.yaml"),
    shipped!(Scenario, "rts7-double", "rts7-double.yaml"),
    shipped!(Scenario, "follower-kill", "follower-kill.yaml"),
    shipped!(Scenario, "leader-freeze", "leader-freeze.yaml"),
    shipped!(Scenario, "rolling-restart", "rolling-restart.yaml"),
    shipped!(Scenario, "leader-partition", "leader-partition.yaml"),
    shipped!(Scenario, "one-way-partition", "one-way-partition.yaml"),
    shipped!(Scenario, "lossy-link", "lossy-link.yaml"),
    shipped!(Scenario, "slow-link", "slow-link.yaml"),
    shipped!(Scenario, "two-faults", "two-faults.yaml"),
    shipped!(Scenario, "venue-kill", "venue-kill.yaml"),
    shipped!(Scenario, "venue-fix", "venue-fix.yaml"),
    shipped!(Scenario, "postgresql-async", "postgresql-async.yaml"),
    shipped!(Scenario, "postgresql-sync", "postgresql-sync.yaml"),
    shipped!(
        Scenario,
        "postgresql-commit-off",
        "postgresql-commit-off.yaml"
    ),
    shipped!(Scenario, "redis-default", "redis-default.yaml"),
    shipped!(Scenario, "redis-min-replicas", "redis-min-replicas.yaml"),
    shipped!(Scenario, "redis-wait", "redis-wait.yaml"),
    shipped!(Scenario, "memory-limit", "memory-limit.yaml"),
    shipped!(Scenario, "cold-restart", "cold-restart.yaml"),
    shipped!(Scenario, "power-cut", "power-cut.yaml"),
    shipped!(Scenario, "power-cut-one", "power-cut-one.yaml"),
    shipped!(Scenario, "degraded-read", "degraded-read.yaml"),
    shipped!(Scenario, "slow-disk", "slow-disk.yaml"),
    shipped!(Scenario, "full-disk", "full-disk.yaml"),
    shipped!(Scenario, "out-of-memory", "out-of-memory.yaml"),
    shipped!(Scenario, "cpu-limit", "cpu-limit.yaml"),
    shipped!(Scenario, "docker-leader-pause", "docker-leader-pause.yaml"),
    shipped!(Scenario, "docker-leader-kill", "docker-leader-kill.yaml"),
    in_kubernetes!("leader-crash"),
    in_kubernetes!("leader-delete"),
    in_kubernetes!("leader-evict"),
    in_kubernetes!("leader-freeze"),
    in_kubernetes!("leader-oom"),
    in_kubernetes!("leader-partition"),
    in_kubernetes!("leader-one-way"),
    in_kubernetes!("slow-leader"),
    in_kubernetes!("node-stop"),
    in_kubernetes!("node-lost"),
    in_kubernetes!("node-drain"),
    in_kubernetes!("node-taint"),
    in_kubernetes!("kubelet-stop"),
    in_kubernetes!("runtime-stop"),
    in_kubernetes!("zone-outage"),
    in_kubernetes!("zone-partition"),
    in_kubernetes!("api-server-stop"),
    in_kubernetes!("rolling-update"),
    in_kubernetes!("bad-rollout"),
    in_kubernetes!("rollback"),
    in_kubernetes!("switch"),
    in_kubernetes!("scale"),
    in_kubernetes!("cpu-limit"),
    in_kubernetes!("dns"),
];

/// Every shipped file, systems first.
pub fn all() -> &'static [Shipped] {
    &SHIPPED
}

/// A shipped file by name.
pub fn find(name: &str) -> Option<&'static Shipped> {
    let mut all = all().iter();
    all.find(|shipped| shipped.name == name || shipped.path == name)
}
