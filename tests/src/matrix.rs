//! Which check sees which defect of the reference engine, and where. `docs/defects.md` has the same as a table.

use shakedown_engine::{DefectInfo, defects};

/// A scenario of the library, made short, and light enough for two clusters at once on two cores: a loss is a loss at any
/// load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// The file in the library.
    pub scenario: &'static str,
    /// What is asked of it otherwise, as arguments.
    pub more: &'static [&'static str],
}

const HALF_THE_LOAD: &[&str] = &[
    "--set",
    "load.arrival.poisson.rate=500/s",
    "--set",
    "sla.steady-rate.throughput.at-least=400/s",
    "--set",
    "phases.steady=3s",
];

const fn at_half_the_load(scenario: &'static str) -> Setting {
    Setting {
        scenario,
        more: HALF_THE_LOAD,
    }
}

pub const BASELINE: Setting = at_half_the_load("baseline");
pub const QUICKSTART: Setting = at_half_the_load("quickstart");
pub const FOLLOWER_KILL: Setting = at_half_the_load("follower-kill");
pub const ENGINE_METRICS: Setting = at_half_the_load("engine-metrics");
pub const FIX_LEADER_KILL: Setting = at_half_the_load("fix-leader-kill");
pub const DISCONNECT: Setting = at_half_the_load("disconnect");
/// Sessions at their limit, of which a new leader must know.
pub const RISK_LIMITS: Setting = Setting {
    scenario: "risk-limits",
    more: &[
        "--set",
        "load.arrival.poisson.rate=500/s",
        "--set",
        "phases.steady=3s",
    ],
};
/// An account is kept out, which a new leader must know.
pub const KILL_SWITCH: Setting = at_half_the_load("kill-switch");
/// Orders that wait, of which a new leader must know.
pub const STOPS: Setting = Setting {
    scenario: "stops",
    more: &[
        "--set",
        "load.arrival.poisson.rate=500/s",
        "--set",
        "phases.steady=3s",
    ],
};
pub const VENUE_KILL: Setting = at_half_the_load("venue-kill");
/// Prices near the middle, where orders meet others of the same price, and every tenth trades.
pub const MARKET_FLOW: Setting = Setting {
    scenario: "market-flow",
    more: &[
        "--set",
        "load.arrival.hawkes.rate=400/s",
        "--set",
        "load.prices.power-law.crossing=10%",
        "--set",
        "phases.steady=3s",
    ],
};
pub const MARKET_DATA: Setting = Setting {
    scenario: "market-data",
    more: &[
        "--set",
        "market-data.rate=5000/s",
        "--set",
        "sla.points.points-rate.at-least=4750/s",
        "--set",
        "phases.steady=3s",
    ],
};
/// A leader that dies while the feed is listened to.
pub const MARKET_FEED: Setting = at_half_the_load("market-feed");

/// A power cut of every node when the load is over.
pub const POWER_CUT: Setting = at_half_the_load("power-cut");
/// Every replica is asked while a follower is away.
pub const DEGRADED_READ: Setting = at_half_the_load("degraded-read");

/// All of them. Neighbours last about as long as each other: they are run side by side.
pub const SETTINGS: [Setting; 16] = [
    BASELINE,
    ENGINE_METRICS,
    MARKET_DATA,
    MARKET_FLOW,
    QUICKSTART,
    FOLLOWER_KILL,
    VENUE_KILL,
    QUICKSTART,
    DISCONNECT,
    RISK_LIMITS,
    KILL_SWITCH,
    STOPS,
    POWER_CUT,
    DEGRADED_READ,
    FIX_LEADER_KILL,
    MARKET_FEED,
];

/// What is switched on, where it shows, and which check must see it.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    pub defect: &'static str,
    pub setting: Setting,
    pub check: &'static str,
}

const fn seen(defect: &'static str, setting: Setting, check: &'static str) -> Case {
    Case {
        defect,
        setting,
        check,
    }
}

/// Every defect, in the order in which the engine lists them.
pub const CASES: [Case; 37] = [
    seen("ack-before-quorum", QUICKSTART, "lost"),
    seen("forget-tail-on-promotion", QUICKSTART, "divergent"),
    seen("duplicate-on-retry", QUICKSTART, "duplicate"),
    seen("accept-rejected", BASELINE, "phantom"),
    seen("corrupt-quantity", BASELINE, "corrupt"),
    seen("slow-failover", QUICKSTART, "failover"),
    seen("flaky-replication", ENGINE_METRICS, "replication"),
    seen("leak-memory", ENGINE_METRICS, "memory"),
    seen("feed-gap", MARKET_DATA, "feed-gaps"),
    seen("stale-feed", MARKET_DATA, "fresh"),
    seen("feed-quantity", MARKET_FEED, "feed-book"),
    seen("drops-fills", VENUE_KILL, "missing"),
    seen("double-counts-fills", VENUE_KILL, "twice"),
    seen("slow-response", VENUE_KILL, "response"),
    seen("priority-inversion", MARKET_FLOW, "history"),
    seen("crossed-book", MARKET_FLOW, "invariants"),
    seen("duplicate-fill", MARKET_FLOW, "invariants"),
    seen("one-sided-fill", MARKET_FLOW, "invariants"),
    seen("ignores-cancel", BASELINE, "resurrected"),
    seen("resurrect-cancelled", QUICKSTART, "resurrected"),
    seen("ignores-replace", BASELINE, "corrupt"),
    seen("depth-drift", MARKET_FLOW, "invariants"),
    seen("drops-orders", BASELINE, "lost"),
    seen("lost-replica-order", BASELINE, "divergent"),
    seen("partial-snapshot", FOLLOWER_KILL, "divergent"),
    seen("late-ghost", BASELINE, "phantom"),
    seen("sequence-reuse", QUICKSTART, "reordered"),
    seen("slow-tail", BASELINE, "steady-p99"),
    seen("no-fsync", POWER_CUT, "lost"),
    seen("stale-reads", DEGRADED_READ, "stale"),
    seen("drop-copy-gap", FIX_LEADER_KILL, "drop-copy"),
    seen("forgets-lost-node", DISCONNECT, "ends"),
    seen("ends-bystanders", DISCONNECT, "ends"),
    seen("resets-limits", RISK_LIMITS, "limits"),
    seen("forgets-kill-switch", KILL_SWITCH, "kept-out"),
    seen("forgets-stops", STOPS, "stops"),
    seen("forgets-timers", STOPS, "expiry"),
];

/// Defects that hide what there is to be seen: no check may pass for them, and none can be red. The end-to-end tests of the
/// reads have the case.
pub const HIDING: [&str; 1] = ["empty-ok"];

/// A defect of a system's stand-in: not the reference engine but the system's own suite sees it.
#[derive(Debug, Clone, Copy)]
pub struct InDialect {
    pub defect: &'static str,
    pub system: &'static str,
    /// The figure of the system's documents that it violates.
    pub figure: &'static str,
}

const fn violated(defect: &'static str, system: &'static str, figure: &'static str) -> InDialect {
    InDialect {
        defect,
        system,
        figure,
    }
}

/// Defects of the stand-ins, in the order in which the engine lists them. That each changes what is served, its tests in
/// `deploy/engine/tests/stand_ins` show.
pub const IN_DIALECTS: [InDialect; 15] = [
    violated(
        "slow-trading",
        "hive-mind",
        "P99 trading latency at most 1 ms, P95 at most 500 us",
    ),
    violated(
        "consensus-flaps",
        "hive-mind",
        "at most 5 consensus failures in 5 minutes; 99.99 % available",
    ),
    violated(
        "inconsistent-data",
        "hive-mind",
        "no data inconsistency detected",
    ),
    violated("unready", "hive-mind", "99.99 % available"),
    violated(
        "blue-green-loses",
        "hive-mind",
        "no trading data lost, also by a switch from blue to green",
    ),
    violated("slow-match", "hft", "order latency P99 below 10 us"),
    violated(
        "no-rate-limit",
        "hft",
        "no more than 100,000 orders per second",
    ),
    violated(
        "corrupt-orderbook-debug",
        "hft",
        "the order book is not corrupt",
    ),
    violated("risk-overrun", "hft", "risk utilisation below 90 %"),
    violated("queue-drops", "hft", "error rate below 0.1 %"),
    violated("stale-quotes", "flashmm", "quotes at 20 Hz"),
    violated("low-fill-rate", "flashmm", "fill rate above 95 %"),
    violated(
        "wide-spread",
        "flashmm",
        "spread improvement over baseline above 10 %",
    ),
    violated("slow-inference", "flashmm", "inference within 3 ms"),
    violated(
        "loses-database",
        "flashmm",
        "database connectivity is not lost; error rate below 0.1 %",
    ),
];

/// The case of a defect.
///
/// # Panics
/// When it has none.
pub fn case(defect: &str) -> Case {
    let found = CASES.iter().find(|case| case.defect == defect);
    *found.unwrap_or_else(|| panic!("{defect} has no case"))
}

/// The rows of the table in `docs/defects.md`.
pub fn table() -> Vec<String> {
    defects()
        .iter()
        .map(|DefectInfo { name, about, .. }| {
            if HIDING.contains(name) {
                return format!("| `{name}` | {about} | inconclusive | cold-restart |");
            }
            if let Some(it) = IN_DIALECTS.iter().find(|it| it.defect == *name) {
                return format!("| `{name}` | {about} | {} | {} |", it.figure, it.system);
            }
            let case = case(name);
            let (check, scenario) = (case.check, case.setting.scenario);
            format!("| `{name}` | {about} | `{check}` | {scenario} |")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_defect_of_the_engine_has_its_case() {
        let names = defects().iter().map(|info| info.name);
        let names: Vec<&str> = names.filter(|name| !HIDING.contains(name)).collect();
        let cases = CASES.iter().map(|case| case.defect);
        let cases: Vec<&str> = cases
            .chain(IN_DIALECTS.iter().map(|it| it.defect))
            .collect();
        assert_eq!(cases, names);
    }

    #[test]
    fn every_setting_in_which_a_defect_shows_is_run_with_the_clean_engine() {
        for case in CASES {
            assert!(SETTINGS.contains(&case.setting), "{}", case.defect);
        }
    }
}
