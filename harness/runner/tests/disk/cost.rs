//! What a sound disk costs.

use std::fs::File;
use std::io::Write;
use std::time::Duration;

use super::bench::{Bench, RECORD_BYTES, median, timed};

const WRITES: usize = 400;

/// Appends and syncs once, as the log of the reference engine does.
fn append(mut log: &File) -> Duration {
    timed(|| {
        log.write_all(&[1; RECORD_BYTES]).unwrap();
        log.sync_data().unwrap();
    })
    .1
}

#[tokio::test]
async fn a_synced_write_costs_little_more_than_on_the_bare_folder() {
    let bench = Bench::start().await;
    let mut options = File::options();
    options.create(true).append(true);
    let beside = options.open(bench.bare().join("log")).unwrap();
    let behind = bench.open("log");
    // One by one, because what a sync takes changes with what else the machine writes.
    let (beside, behind): (Vec<_>, Vec<_>) = (0..WRITES)
        .map(|_| (append(&beside), append(&behind)))
        .unzip();
    let (beside, behind) = (median(beside), median(behind));
    let ratio = behind.as_secs_f64() / beside.as_secs_f64();
    let added = behind.saturating_sub(beside);
    writeln!(
        std::io::stdout(),
        "4 KiB written and synced: {beside:?} bare, {behind:?} behind a disk, {ratio:.2} times"
    )
    .unwrap();
    let counts = bench.disk().status().await.unwrap().operations;
    assert_eq!(counts.sync_data.count, WRITES as u64);
    assert!(
        counts.sync_data.own_ns > 0 && counts.delayed() == 0,
        "{counts:?}"
    );
    assert!(
        added < Duration::from_millis(5),
        "{added:?} more than {beside:?}"
    );
}
