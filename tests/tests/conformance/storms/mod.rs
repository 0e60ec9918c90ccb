//! The conservation law: whatever becomes of connections, every scheduled slot ends in exactly one outcome, and no outcome
//! says more than is known.
//!
//! A seed decides the gateway, the load, what the server does to each message, and which storms break connections on
//! their way (`shakedown_tests::storm_proxy`): the proxy is killed, frozen, deaf, gone; connections are reset, ended, vanish.
//! What is checked afterwards needs no clock: it holds on any machine, however starved.

mod law;
mod weather;

use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use law::violations;
use weather::{Outcome as Weathered, weather};

/// Seeds of the ci tier.
const SAMPLE: u64 = 12;

/// So many at the same time.
const AT_ONCE: usize = 4;

/// Which seeds to run, in place of the sample: `FROM..TO`, without `TO`. The campaign sets it.
const SEEDS: &str = "SHAKEDOWN_STORMS";

/// The columns of the campaign, in the order of `Evidence`.
fn row(weathered: &Weathered, broken: &[String]) -> String {
    let outcomes = weathered.finished.as_ref().map(|end| end.report.outcomes);
    let outcomes = outcomes.unwrap_or_default();
    let words = match broken {
        [] => "-".to_string(),
        all => all.join("; ").replace(['\t', '\n'], " "),
    };
    let counts = [
        outcomes.total(),
        outcomes.acked,
        outcomes.rejected + outcomes.throttled,
        outcomes.bad_response + outcomes.timeout + outcomes.reset_after_send + outcomes.unresolved,
        outcomes.refused + outcomes.unreachable + outcomes.not_sent,
        weathered.seen.len() as u64,
        broken.len() as u64,
    ];
    let counts = counts.map(|count| count.to_string()).join("\t");
    format!(
        "{}\t{:?}\t{}\t{counts}\t{words}",
        weathered.seed,
        weathered.way,
        weathered.program.names()
    )
}

#[test]
fn conservation_holds_to_the_unit() {
    let (from, to) = match std::env::var(SEEDS) {
        Err(_) => (1, SAMPLE + 1),
        Ok(text) => {
            let (from, to) = text.split_once("..").unwrap();
            (from.parse().unwrap(), to.parse().unwrap())
        }
    };
    let next = AtomicU64::new(from);
    let rows = Mutex::new(Vec::new());
    let broken = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= to {
                        return;
                    }
                    let weathered = weather(seed);
                    let found = violations(&weathered);
                    rows.lock().unwrap().push((seed, row(&weathered, &found)));
                    let named = found.into_iter().map(|what| format!("seed {seed}: {what}"));
                    broken.lock().unwrap().extend(named);
                }
            });
        }
    });
    let mut rows = rows.into_inner().unwrap();
    rows.sort();
    if std::env::var(SEEDS).is_ok() {
        // The campaign reads these lines, and judges what they say.
        for (_, row) in &rows {
            writeln!(std::io::stdout(), "row\t{row}").unwrap();
        }
        return;
    }
    let broken = broken.into_inner().unwrap();
    assert!(broken.is_empty(), "{broken:#?}");
    assert_eq!(rows.len() as u64, SAMPLE);
}
