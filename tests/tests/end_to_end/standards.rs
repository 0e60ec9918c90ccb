//! The doubles of RTS 6 and RTS 7: validated, run here on a small scale, and red where they must be.
#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by unwrapping it"
)]

use shakedown_record::Verdict;
use shakedown_tests::shakedown::{Sandbox, alone, check, library};

const SHORT: [&str; 2] = ["--set", "phases.steady=6s"];

#[test]
fn both_doubles_validate_and_their_figures_are_held_against_today() {
    let sandbox = Sandbox::new();
    for name in ["rts6-double", "rts7-double"] {
        let path = library(name);
        sandbox
            .run(&["validate", path.to_str().unwrap()])
            .expect_code(0);
        sandbox
            .run(&["plan", name])
            .expect_words(&["an example, nobody's peak"]);
    }
    // Real figures, of long ago and of the far future.
    let text = std::fs::read_to_string(library("rts6-double")).unwrap();
    for (from, to, date, said) in [
        (
            "2019-01-01",
            "2019-06-30",
            "2019-07-01",
            "this peak is too old",
        ),
        ("2999-01-01", "2999-06-30", "2999-07-01", "is still to come"),
    ] {
        let real = text
            .replace("  example: true\n", "")
            .replace("2026-04-01", from)
            .replace("2026-09-30", to)
            .replace("2026-10-01", date);
        let path = sandbox.write("real.yaml", real);
        let wrong = sandbox.run(&["validate", path.to_str().unwrap()]);
        wrong.expect_code(64);
        wrong.expect_words(&["real.yaml:13:", said]);
    }
}

#[test]
fn a_double_that_is_borne_passes_and_says_whose_peak_it_is() {
    let _alone = alone();
    let sandbox = Sandbox::new();
    let run = sandbox.run_soundly(&library("rts6-double"), &SHORT);
    let record = run.expect_code(0);
    for id in ["peak-in", "peak-out", "peak-trades"] {
        let check = check(&record, id);
        assert_eq!(check.verdict, Verdict::Pass, "{check:?}");
        let source = check.source.as_deref().unwrap();
        assert!(
            source.starts_with("an example, nobody's peak: RTS 6 article 10"),
            "{source}"
        );
    }
    let sent = check(&record, "peak-in").observed.value.unwrap();
    assert!((sent - 240.0).abs() < 2.0, "{sent}");
    // The ledger tells how many were sent; the engine's list how many were filled.
    let trades = check(&record, "peak-trades").observed.value.unwrap();
    assert!(trades < sent / 2.0, "{trades}");
    // Judged again much later, it is what it was.
    sandbox
        .run(&["report", run.dir.to_str().unwrap()])
        .expect_code(0);
}

#[test]
fn a_double_that_is_not_traded_does_not_pass() {
    let _alone = alone();
    let sandbox = Sandbox::new();
    // Nothing crosses, so nothing is traded: that is the flow's lack, not the system's.
    let quiet = [
        "--set",
        "load.prices.power-law.crossing=0%",
        "--set",
        "sla={}",
        "--set",
        "phases.steady=2s",
    ];
    let run = sandbox.run_soundly(&library("rts6-double"), &quiet);
    let record = run.expect_code(2);
    assert_eq!(check(&record, "peak-trades").verdict, Verdict::Inconclusive);
    assert_eq!(check(&record, "peak-in").verdict, Verdict::Pass);
    run.finished.expect_words(&["let more orders cross"]);
}
