//! A million points of market data a second, into the reference engine's ingest while orders come and the feed is listened to.

use shakedown_record::{Phase, Verdict};
use shakedown_tests::shakedown::{Sandbox, alone, check, library};

#[test]
fn a_million_points_a_second_are_taken_in() {
    let _alone = alone();
    let sandbox = Sandbox::new();
    let run = sandbox.run_soundly(
        &library("market-data"),
        &[
            "--set",
            "market-data.rate=1000000/s",
            "--set",
            "sla.points.points-rate.at-least=950000/s",
            "--set",
            "phases.steady=5s",
        ],
    );
    let record = run.expect_code(0);
    assert_eq!(record.verdict, Verdict::Pass);
    assert_eq!(check(&record, "points").verdict, Verdict::Pass);
    assert!(record.latency[&Phase::Steady].count > 1_000);
    let points = record.points.expect("points were published");
    assert_eq!(points.counts.lost(), 0);
    assert!(points.counts.acknowledged > 5_000_000, "{points:?}");
    assert_eq!(sandbox.left_after_s(2.0), []);
}
