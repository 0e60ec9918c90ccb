//! Power cuts through a real mount: what was synced stays, what was not goes, whoever is killed when.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::process::Signal;
use shakedown_runner::mechanisms::Child;

use super::bench::{Bench, RECORD_BYTES, role, until};

#[tokio::test]
async fn each_file_goes_back_to_its_last_sync_and_names_stay() {
    let bench = Bench::start().await;
    let data = bench.data();
    fs::write(data.join("before"), b"there before").unwrap();
    fs::write(data.join("over"), [b'x'; 9_000]).unwrap();
    bench.disk().keep_undo().await.unwrap();
    bench.inside(|| {
        let mut log = File::create(data.join("log")).unwrap();
        log.write_all(b"synced").unwrap();
        log.sync_data().unwrap();
        log.write_all(b", lost").unwrap();
        fs::rename(data.join("log"), data.join("moved")).unwrap();
        fs::write(data.join("never"), b"never synced").unwrap();
        fs::write(data.join("gone"), b"and removed").unwrap();
        fs::remove_file(data.join("gone")).unwrap();
        let over = File::options().write(true).open(data.join("over")).unwrap();
        over.write_all_at(b"yyy", 4_095).unwrap();
        over.sync_all().unwrap();
        over.write_all_at(&[b'z'; 6_000], 1_000).unwrap();
        let before = File::options()
            .write(true)
            .open(data.join("before"))
            .unwrap();
        before.set_len(5).unwrap();
        before.set_len(50).unwrap();
    });
    let read = |name: &str| fs::read(data.join(name)).unwrap();
    assert_eq!(
        read("moved"),
        b"synced, lost",
        "it is all in the folder below"
    );
    let taken = bench.disk().cut_power().await.unwrap().taken;
    assert_eq!(
        (read("moved"), read("never")),
        (b"synced".into(), Vec::new())
    );
    assert_eq!(read("before"), b"there before");
    let mut over = [b'x'; 9_000];
    over[4_095..4_098].copy_from_slice(b"yyy");
    assert!(read("over") == over);
    assert!(!data.join("log").exists() && !data.join("gone").exists());
    assert!(taken.files >= 4 && taken.bytes > 6_000, "{taken:?}");
    assert_eq!(bench.disk().cut_power().await.unwrap().taken, taken);
}

#[tokio::test]
async fn a_writer_that_syncs_before_it_acknowledges_loses_nothing_it_acknowledged() {
    let bench = Bench::start().await;
    bench.disk().keep_undo().await.unwrap();
    let data = bench.data();
    let mut command = role("writer", data.to_str().unwrap());
    bench.namespace.join(&mut command, Path::new("/")).unwrap();
    let started = bench
        .spawner
        .run(move |here| here.spawn(&mut command))
        .await;
    let writer = Child::adopt(started.unwrap().unwrap()).unwrap();
    let acked = || fs::read(data.with_extension("acked")).map_or(0, |acked| acked.len());
    until(|| acked() >= 50);
    writer.handle().signal(Signal::KILL).unwrap();
    until(|| writer.exit().is_some());
    let taken = bench.disk().cut_power().await.unwrap().taken;
    let log = fs::read(data.join("log")).unwrap();
    assert!(
        log.len().is_multiple_of(RECORD_BYTES),
        "{} bytes",
        log.len()
    );
    assert!(log.len() / RECORD_BYTES >= acked(), "{taken:?}");
}
