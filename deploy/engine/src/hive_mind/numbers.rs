//! The metrics of hive-mind.

use super::watch::Watch;
use crate::http::App;
use crate::metrics::{Counted, Family, Usage};

/// All of them, as they are now.
pub(super) fn families(app: &App, watch: &Watch, usage: &Usage) -> Vec<Family> {
    let mut families = Vec::from(trading(app));
    families.extend(consensus(app, watch));
    let (sync_help, trip_help) = (
        "How long the syncs of the log took.",
        "From a question to another node to its answer.",
    );
    families.extend([
        app.log.syncs().family("log_sync_seconds", sync_help, 0.0),
        watch
            .round_trips()
            .family("node_round_trip_seconds", trip_help, 0.0),
        Family::gauge(
            "node_ready",
            "1 while this node says that it is ready.",
            u8::from(app.readiness().is_ok()),
        ),
        Family::counter(
            "failed_logins_total",
            "Requests without the key, or with a wrong one.",
            app.guard.wrong_keys(),
        ),
        Family::counter(
            "rate_limit_violations_total",
            "Requests beyond the limit on their rate.",
            app.guard.too_many(),
        ),
    ]);
    families.extend(app.metrics.process());
    families.extend(usage.families());
    let hive_mind = app.config.hive_mind.as_ref();
    families.extend(hive_mind.and_then(|it| it.colour).map(|colour| {
        let help = "Which deployment this node belongs to.";
        Family::info("hive_mind_info", help, "deployment", colour.as_str())
    }));
    families
}

fn trading(app: &App) -> [Family; 4] {
    let metrics = &app.metrics;
    let failed = metrics.count_of(Counted::Unavailable) + metrics.count_of(Counted::Unknown);
    [
        metrics.latency("trading_latency_seconds"),
        Family::counter(
            "trading_operations_total",
            "Requests of clients that this node answered.",
            metrics.answers(),
        ),
        Family::counter(
            "trading_failed_trades_total",
            "Requests that this node could not execute, or of which it does not know whether they were.",
            failed,
        ),
        Family::counter(
            "trading_trades_total",
            "Trades that this replica has; each replica has them all.",
            app.replica.read().exchange.trade_count(),
        ),
    ]
}

fn consensus(app: &App, watch: &Watch) -> [Family; 6] {
    let gauges = app.gauges();
    [
        Family::counter(
            "consensus_failures_total",
            "How often this node had a part in a consensus, and lost it.",
            watch.consensus_failures(),
        ),
        Family::counter(
            "leader_elections_total",
            "Changes of leader that this node saw.",
            app.metrics.elections(),
        ),
        Family::counter(
            "data_inconsistency_detected_total",
            "How often a part of the accepted orders was another at another node.",
            watch.inconsistencies(),
        ),
        Family::gauge(
            "connected_nodes",
            "Nodes that answer, with this one.",
            watch.connected_peers() + 1,
        ),
        Family::gauge("consensus_term", "Consensus term.", gauges.term),
        Family::gauge(
            "consensus_is_leader",
            "1 if this node leads.",
            u64::from(gauges.is_leader),
        ),
    ]
}
