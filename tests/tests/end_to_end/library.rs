//! The shipped scenarios pass against the clean engine; the quickstart has a file of its own.
//!
//! Two run at a time, with less load than they have: what is held here is their verdict, their faults and their effects.

use shakedown_record::run_record::RunRecord;
use shakedown_record::{Phase, Verdict};
use shakedown_tests::shakedown::{Sandbox, check, failover, library};

const SHORT: [&str; 2] = ["--set", "phases.steady=5s"];
const LESS: [&str; 4] = [
    "--set",
    "load.arrival.poisson.rate=400/s",
    "--set",
    "sla.steady-rate.throughput.at-least=300/s",
];

fn passes(name: &str) -> RunRecord {
    passes_with(name, &[SHORT.as_slice(), &LESS].concat())
}

fn passes_with(name: &str, more: &[&str]) -> RunRecord {
    let sandbox = Sandbox::new();
    let run = sandbox.run_soundly(&library(name), more);
    let record = run.expect_code(0);
    assert_eq!(record.verdict, Verdict::Pass);
    assert_eq!(record.data_loss.lost, Some(0));
    assert_eq!(
        record.data_loss.coverage.replicas_read,
        record.data_loss.coverage.replicas_expected
    );
    for fault in &record.faults {
        assert!(
            fault.effect.confirmed && fault.clean_at_s.is_some(),
            "{fault:?}"
        );
    }
    assert_eq!(sandbox.left_after_s(2.0), []);
    record
}

#[test]
fn baseline() {
    let record = passes("baseline");
    assert_eq!(record.faults, []);
    assert!(record.latency[&Phase::Steady].count > 500);
}

#[test]
fn engine_metrics() {
    let record = passes("engine-metrics");
    for id in [
        "engine-p99",
        "replication",
        "unknown-orders",
        "accepted",
        "memory",
    ] {
        let check = check(&record, id);
        assert_eq!(check.verdict, Verdict::Pass, "{check:?}");
        assert!(check.observed.value.is_some(), "{check:?}");
    }
    // The engine has its latency in native buckets where it is asked for them, and in no others then.
    let latency = &check(&record, "engine-p99").observed.text;
    assert!(latency.contains("between"), "{latency}");
    let memory = check(&record, "memory").observed.value.unwrap();
    assert!((1e6..134e6).contains(&memory), "{memory} bytes");
}

#[test]
fn market_flow() {
    let record = passes_with(
        "market-flow",
        &[
            "--set",
            "phases.steady=10s",
            "--set",
            "load.arrival.hawkes.rate=300/s",
        ],
    );
    assert_eq!(record.faults, []);
    assert!(record.latency[&Phase::Steady].count > 1_000);
}

#[test]
fn slow_lane() {
    let record = passes_with("slow-lane", &["--set", "phases.steady=8s"]);
    let history = record.history.unwrap();
    assert_eq!((history.contradictions, &history.open), (0, &None));
    let search = history.search.as_ref().unwrap();
    assert!(
        history.requests > 500 && search.windows > 200,
        "{history:?}"
    );
}

#[test]
fn follower_kill() {
    let record = passes("follower-kill");
    assert_eq!(record.faults[0].kind, "kill");
    assert_ne!(record.faults[0].targets[0].role.as_deref(), Some("leader"));
}

#[test]
fn disconnect() {
    let record = passes("disconnect");
    let ends = record.cancel_on_disconnect.expect("there is a contract");
    // Those of the leader lost their connection, and the others kept theirs until the copies were read.
    assert!(ends.connections_ended >= 20, "{ends:?}");
    assert_eq!(
        (ends.connections_kept, ends.contradictions),
        (64, 0),
        "{ends:?}"
    );
    // Of a good part of them the client had not cancelled the order, nor had it been filled.
    assert!(
        ends.orders > 800 && ends.cancelled > ends.orders / 3,
        "{ends:?}"
    );
    assert_eq!(record.data_loss.contract_cancelled, Some(ends.cancelled));
}

#[test]
fn risk_limits() {
    let half = ["--set", "load.arrival.poisson.rate=500/s"];
    let record = passes_with("risk-limits", &[SHORT.as_slice(), &half].concat());
    let exposure = record.exposure.expect("there is a limit");
    assert_eq!((exposure.above, exposure.holders), (0, 16), "{exposure:?}");
    assert!(exposure.most > 0.9 && exposure.most <= 1.0, "{exposure:?}");
}

#[test]
fn kill_switch() {
    let record = passes("kill-switch");
    let kinds: Vec<&str> = record.faults.iter().map(|it| it.kind.as_str()).collect();
    assert_eq!(kinds, ["kill-switch", "kill"]);
    let killed = record.kill_switch.expect("a rule asks");
    assert_eq!(
        (killed.accounts, killed.contradictions),
        (1, 0),
        "{killed:?}"
    );
    let after = killed.tried_after_faults.expect("the leader died later");
    assert!(after > 100 && killed.tried > after, "{killed:?}");
    let terms = record.terms.expect("a rule asks");
    assert!(terms.terms >= 2 && terms.contradictions == 0, "{terms:?}");
}

#[test]
fn stops() {
    let half = ["--set", "load.arrival.poisson.rate=500/s"];
    let record = passes_with("stops", &[SHORT.as_slice(), &half].concat());
    let stops = record.stops.expect("stop orders were planted");
    assert_eq!(
        (stops.orders, stops.copies, stops.contradictions),
        (30, 3, 0)
    );
    assert_eq!((stops.before, stops.after), (10, 10), "{stops:?}");
    let expiry = record.expiry.expect("orders with an end were planted");
    assert_eq!((expiry.orders, expiry.contradictions), (160, 0));
    let sides = [expiry.before, expiry.during, expiry.after];
    assert!(sides.iter().all(|some| *some > 0), "{expiry:?}");
}

#[test]
fn market_data() {
    let record = passes("market-data");
    let points = record.points.expect("points were published");
    assert_eq!(points.counts.lost(), 0);
    assert!(points.counts.acknowledged > 200_000, "{points:?}");
    assert_eq!(points.connected, 1);
}

#[test]
fn venue_kill() {
    let record = passes("venue-kill");
    assert_eq!(record.faults[0].targets[0].name, "venue-1");
    let venue = record.venue.expect("a venue was played");
    assert_eq!((venue.starts, venue.logons), (2, 2), "{venue:?}");
    assert!(venue.rejected > 10 && venue.fills > 1_000, "{venue:?}");
    assert_eq!(venue.untagged, 0);
    let filled = venue.flow[&Phase::Steady].filled.unwrap();
    assert!((0.6..0.8).contains(&filled), "{filled}");
    let trades = venue.trades.expect("the trades were read");
    assert_eq!(trades.incomplete, None);
    assert_eq!(trades.read, venue.fills);
    // What was quoted while the venue was gone waited for it.
    let worst_ns = venue.response[&Phase::Run].max_ns.unwrap();
    assert!(worst_ns > 1_000_000_000, "{worst_ns}");
}

#[test]
fn venue_fix() {
    let record = passes("venue-fix");
    let kinds: Vec<&str> = record.faults.iter().map(|it| it.kind.as_str()).collect();
    assert_eq!(kinds, ["kill", "freeze", "partition"]);
    let venue = record.venue.expect("a venue was played");
    assert_eq!(venue.starts, 2);
    assert!(venue.logons > 2 && venue.fills > 1_000, "{venue:?}");
    assert_eq!(venue.untagged, 0);
    let trades = venue.trades.expect("the trades were read");
    // Much of it was said while nobody heard it, and said again.
    assert_eq!((trades.incomplete, trades.read), (None, venue.fills));
}

#[test]
fn market_feed() {
    let record = passes("market-feed");
    let feed = record.feed.expect("the feed was heard");
    assert_eq!((feed.gaps, feed.duplicates, feed.untold), (0, 0, Some(0)));
    assert_eq!(feed.phantom, Some(0));
    assert!(feed.messages > 2_000, "{} messages", feed.messages);
    let books = record.feed_book.expect("the books were rebuilt");
    assert_eq!(
        (books.contradictions, books.copies, books.open),
        (0, 3, None)
    );
    assert!(books.orders > 1_000 && books.late.expect("somebody came late") > 1_000);
    assert_eq!(feed.clock_error_ns, Some(0));
    let skew = &feed.skew[&Phase::Run];
    assert!(skew.count > 1_000 && skew.p50_ns.is_some());
}

#[test]
fn leader_freeze() {
    let record = passes("leader-freeze");
    assert_eq!(record.faults[0].kind, "freeze");
    assert_eq!(record.faults[0].targets[0].role.as_deref(), Some("leader"));
}

#[test]
fn rolling_restart() {
    let record = passes("rolling-restart");
    let restarted: std::collections::BTreeSet<&str> = record
        .faults
        .iter()
        .filter(|fault| fault.kind == "restart")
        .flat_map(|fault| fault.targets.iter().map(|target| target.name.as_str()))
        .collect();
    assert_eq!(restarted.len(), 3, "{:?}", record.faults);
}

#[test]
fn leader_partition() {
    let record = passes("leader-partition");
    let fault = &record.faults[0];
    assert_eq!(fault.kind, "partition");
    assert_eq!(fault.targets[0].role.as_deref(), Some("leader"));
    let hit = &fault.effect.figures[0];
    assert!(hit.measured.is_some_and(|packets| packets > 0.0), "{hit:?}");
    // The old leader cannot serve; the next one does, while the cut lasts.
    let failover = failover(&record);
    assert!(
        failover
            .recovered_s
            .is_some_and(|s| (0.2..5.0).contains(&s)),
        "{failover:?}"
    );
}

#[test]
fn one_way_partition() {
    let record = passes("one-way-partition");
    assert_eq!(record.faults[0].kind, "partition");
    assert!(
        record.faults[0].mechanism.contains("there"),
        "{:?}",
        record.faults
    );
}

#[test]
fn lossy_link() {
    let record = passes("lossy-link");
    let figures = &record.faults[0].effect.figures;
    let loss = figures
        .iter()
        .find(|figure| figure.name == "loss")
        .expect("the share is measured");
    assert_eq!(
        (loss.asked, loss.within_error()),
        (Some(0.1), Some(true)),
        "{loss:?}"
    );
}

#[test]
fn two_faults() {
    let record = passes("two-faults");
    let kinds: Vec<&str> = record
        .faults
        .iter()
        .map(|fault| fault.kind.as_str())
        .collect();
    assert_eq!(kinds, ["loss", "kill"]);
    let [loss, kill] = &record.faults[..] else {
        panic!("two faults: {:?}", record.faults);
    };
    assert!(loss.injected_at_s < kill.injected_at_s && kill.injected_at_s < loss.healed_at_s);
}

#[test]
fn out_of_memory() {
    let record = passes("out-of-memory");
    assert!(
        record.faults[0].effect.text.contains("want of memory"),
        "{:?}",
        record.faults
    );
    assert!(failover(&record).recovered_s.is_some_and(|s| s > 0.2));
}

#[test]
fn cpu_limit() {
    let record = passes("cpu-limit");
    assert!(
        record.faults[0].effect.text.contains("held back"),
        "{:?}",
        record.faults
    );
}

#[test]
fn memory_limit() {
    let record = passes("memory-limit");
    assert!(
        record.faults[0]
            .effect
            .text
            .contains("ran into its memory limit"),
        "{:?}",
        record.faults
    );
}

#[test]
fn slow_disk() {
    let record = passes("slow-disk");
    let added = &record.faults[0].effect.figures[0];
    assert_eq!(
        (added.asked, added.within_error()),
        (Some(20e6), Some(true)),
        "{added:?}"
    );
    let p50_ns = |phase| record.latency[&phase].p50_ns.expect("there are samples");
    let [steady, impact] = [Phase::Steady, Phase::Impact].map(p50_ns);
    // An order waits for one sync at least, and the leader's is among those waited for.
    assert!(impact > steady + 20_000_000, "{steady} {impact}");
}

#[test]
fn full_disk() {
    let record = passes("full-disk");
    let refused = &record.faults[0].effect.figures[0];
    assert!(refused.measured.is_some_and(|n| n > 0.0), "{refused:?}");
    assert!(failover(&record).recovered_s.is_some_and(|s| s > 0.2));
}

#[test]
fn slow_link() {
    // It has little load of its own.
    let record = passes_with("slow-link", &SHORT);
    assert_eq!(record.faults[0].kind, "delay");
}
