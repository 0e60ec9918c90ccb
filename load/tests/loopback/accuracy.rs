//! Times in the ledger against the server's own log, on the same clock.

use std::time::Duration;

use shakedown_record::monotonic_ns;
use shakedown_record::slots::SlotHealth;
use shakedown_scenarios::plan::Arrival;

use crate::rig::{MS, Run, config, run};
use crate::server::{Server, accept_after, accept_now};

/// How often a second of load is made again at most.
const TRIES: u32 = 20;

/// Makes a run, and makes it again while the generator says of itself that it was starved.
fn soundly(mut measure: impl FnMut() -> (Server, Run)) -> (Server, Run) {
    let mut tries = 1;
    loop {
        let (server, run) = measure();
        if !run.finished.report.saturated || tries == TRIES {
            return (server, run);
        }
        tries += 1;
    }
}

/// How much later than the server's log the ledger says that answers came, at a quantile.
fn error_ns(run: &Run, server: &Server, quantile: f64) -> u64 {
    let mut errors: Vec<u64> = server
        .log()
        .iter()
        .map(|seen| {
            let done_ns = run.zero_ns + run.entries[&seen.slot()].done_ns.unwrap();
            assert!(
                done_ns >= seen.replied_ns,
                "an answer cannot come before it was given"
            );
            done_ns - seen.replied_ns
        })
        .collect();
    errors.sort_unstable();
    errors[((errors.len() - 1) as f64 * quantile) as usize]
}

#[test]
fn programmed_delays_come_out_as_programmed() {
    let (server, run) = soundly(|| {
        let server = Server::start(|seen| {
            let delay = if seen.number.is_multiple_of(10) {
                30
            } else {
                2
            };
            accept_after(seen, Duration::from_millis(delay))
        });
        let run = run(config(&server.url(), 200.0, 32));
        (server, run)
    });
    assert_eq!(run.outcomes().acked, 200);
    let (p50_ns, p99_ns) = (run.response_ns(0.50), run.response_ns(0.99));
    assert!((2 * MS..10 * MS).contains(&p50_ns), "{p50_ns}");
    assert!((30 * MS..60 * MS).contains(&p99_ns), "{p99_ns}");
    let error_ns = error_ns(&run, &server, 0.5);
    assert!(
        error_ns < MS,
        "half of the answers are stamped more than {error_ns} ns late"
    );
}

/// Frozen from 0.3 s to 0.6 s: whoever is due meanwhile waits for the rest of it, and that is what is recorded.
#[test]
fn a_freeze_is_recorded_from_the_intended_time() {
    let mut window_ns = 0..0;
    let (_server, run) = soundly(|| {
        let zero_ns = monotonic_ns();
        window_ns = zero_ns + 700 * MS..zero_ns + 1_000 * MS;
        let frozen_ns = window_ns.clone();
        let server = Server::start(move |seen| {
            if frozen_ns.contains(&seen.read_ns) {
                return accept_after(seen, Duration::from_nanos(frozen_ns.end - seen.read_ns));
            }
            accept_now(seen)
        });
        let mut config = config(&server.url(), 400.0, 8);
        config.duration_ns = Some(1_600 * MS);
        let run = run(config);
        (server, run)
    });
    assert_eq!(run.outcomes().acked, 640, "{:?}", run.outcomes());
    let mut waited = 0;
    for entry in run.entries.values() {
        let due_ns = run.zero_ns + entry.intended_ns;
        if due_ns > window_ns.start + 5 * MS && due_ns < window_ns.end - 30 * MS {
            let rest_ns = window_ns.end - due_ns;
            let response_ns = entry.response_ns(0);
            assert!(
                response_ns >= rest_ns && response_ns < rest_ns + 100 * MS,
                "{response_ns} for {rest_ns}"
            );
            waited += 1;
        }
    }
    assert!(waited > 80, "{waited}");
    let unhealthy = run
        .slots
        .iter()
        .filter(|(_, stats)| stats.health(20 * MS) == SlotHealth::Unhealthy);
    assert!((2..=6).contains(&unhealthy.count()));
}

#[test]
fn slots_leave_when_they_are_due() {
    let (_server, run) = soundly(|| {
        let server = Server::start(accept_now);
        let mut config = config(&server.url(), 1_500.0, 32);
        config.plan.arrival = Arrival::Poisson {
            rate_per_s: 1_500.0,
        };
        let run = run(config);
        (server, run)
    });
    let mut lags: Vec<u32> = run.entries.values().map(|entry| entry.lag_ns).collect();
    lags.sort_unstable();
    let median_ns = lags[lags.len() / 2];
    assert!(
        u64::from(median_ns) < MS,
        "half of the slots leave {median_ns} ns late"
    );
}
