//! A disk does what it is told, says so, and stops when it is told.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::time::Duration;

use shakedown_runner::mechanisms::disk::{
    DiskError, DiskFailure, DiskFault, DiskStatus, Failing, OperationFault,
};

use super::bench::{Bench, RECORD_BYTES, median, timed};

const EIO: Option<i32> = Some(5);
const ENOSPC: Option<i32> = Some(28);

fn synced_write(mut file: &File) -> io::Result<()> {
    file.write_all(&[1; RECORD_BYTES])?;
    file.sync_data()
}

fn times(file: &File, count: usize) -> Vec<Duration> {
    (0..count)
        .map(|_| timed(|| synced_write(file).unwrap()).1)
        .collect()
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

#[tokio::test]
async fn a_slow_sync_is_as_slow_as_asked_and_sound_when_healed() {
    let bench = Bench::start().await;
    let file = bench.open("log");
    let before = median(times(&file, 30));
    let asked = Duration::from_millis(25);
    let at_start = bench
        .disk()
        .set(DiskFault::slow_sync(asked.as_nanos() as u64))
        .await
        .unwrap();
    let slow = times(&file, 30);
    let status = bench.disk().status().await.unwrap();
    let healed = bench.disk().heal().await.unwrap();
    let after = median(times(&file, 30));

    assert!(slow.iter().all(|time| *time >= asked), "{slow:?}");
    let added = median(slow).saturating_sub(before);
    assert!(ms(added) < 40.0, "25 ms asked, {added:?} measured");
    let counts = status.operations.since(&at_start.operations);
    assert_eq!((counts.sync_data.count, counts.sync_data.delayed), (30, 30));
    assert_eq!((counts.write.count, counts.write.delayed), (30, 0));
    let mean = Duration::from_nanos(counts.sync_data.mean_delay_ns().unwrap());
    writeln!(
        io::stdout(),
        "{asked:?} asked, {added:?} measured by the writer, {mean:?} by the disk"
    )
    .unwrap();
    assert!(
        (25.0..35.0).contains(&ms(mean)),
        "25 ms asked, {mean:?} counted"
    );
    assert!(!status.is_sound() && healed.is_sound(), "{healed:?}");
    assert!(after < asked, "{after:?} after healing, {before:?} before");
}

#[tokio::test]
async fn a_fault_of_another_operation_does_not_bite() {
    let bench = Bench::start().await;
    let file = bench.open("log");
    let slow = OperationFault {
        delay_ns: 2_000_000_000,
        fail: None,
    };
    let fault = DiskFault {
        sync: slow,
        ..DiskFault::default()
    };
    bench.disk().set(fault).await.unwrap();
    let (_, took) = timed(|| synced_write(&file).unwrap());
    assert!(
        took < Duration::from_secs(1),
        "fdatasync is not fsync: {took:?}"
    );
    let status = bench.disk().status().await.unwrap();
    assert_eq!(
        status.operations.delayed(),
        0,
        "nothing that could pass for an effect"
    );
    let (_, took) = timed(|| file.sync_all().unwrap());
    assert!(took >= Duration::from_secs(2), "{took:?}");
}

#[tokio::test]
async fn a_file_opened_for_synced_writes_is_slow_with_every_write() {
    let bench = Bench::start().await;
    let path = bench.data().join("log");
    let flags = rustix::fs::OFlags::SYNC.bits().cast_signed();
    let opened = bench.inside(|| {
        let mut options = File::options();
        options
            .create_new(true)
            .write(true)
            .custom_flags(flags)
            .open(path)
    });
    let file = opened.unwrap();
    bench
        .disk()
        .set(DiskFault::slow_sync(50_000_000))
        .await
        .unwrap();
    let (_, took) = timed(|| (&file).write_all(&[1; RECORD_BYTES]).unwrap());
    assert!(took >= Duration::from_millis(50), "{took:?}");
    assert_eq!(bench.disk().status().await.unwrap().operations.delayed(), 1);
}

#[tokio::test]
async fn every_operation_can_be_slow() {
    let bench = Bench::start().await;
    let path = bench.data().join("file");
    bench.inside(|| fs::write(&path, [1; 4096]).unwrap());
    let slow = OperationFault {
        delay_ns: 30_000_000,
        fail: None,
    };
    let fault = DiskFault {
        read: slow,
        write: slow,
        change: slow,
        ..DiskFault::default()
    };
    bench.disk().set(fault).await.unwrap();
    // Opened again, so that the page cache has forgotten it.
    let read = timed(|| bench.inside(|| fs::read(&path).unwrap())).1;
    let written = timed(|| bench.inside(|| fs::write(&path, [2; 4096]).unwrap())).1;
    let renamed = timed(|| bench.inside(|| fs::rename(&path, path.with_extension("x")).unwrap())).1;
    for (what, took, at_least) in [
        ("read", read, 30),
        ("written", written, 60),
        ("renamed", renamed, 30),
    ] {
        assert!(
            took >= Duration::from_millis(at_least),
            "{what} in {took:?}"
        );
    }
    let counts = bench.disk().status().await.unwrap().operations;
    assert!(
        counts.read.delayed > 0 && counts.write.delayed == 1,
        "{counts:?}"
    );
    assert_eq!(
        counts.change.delayed, 2,
        "cut to nothing and renamed: {counts:?}"
    );
}

fn three_at_once(bench: &Bench) -> Duration {
    let files = ["a", "b", "c"].map(|name| bench.open(name));
    timed(|| {
        std::thread::scope(|scope| {
            for file in &files {
                scope.spawn(move || synced_write(file).unwrap());
            }
        });
    })
    .1
}

#[tokio::test]
async fn delays_overlap_unless_the_device_does_one_thing_at_a_time() {
    let bench = Bench::start().await;
    let fault = DiskFault::slow_sync(400_000_000);
    bench.disk().set(fault).await.unwrap();
    let overlapping = three_at_once(&bench);
    bench
        .disk()
        .set(DiskFault {
            one_at_a_time: true,
            ..fault
        })
        .await
        .unwrap();
    let queued = three_at_once(&bench);
    let times = format!("{overlapping:?} overlapping, {queued:?} queued");
    assert!((400.0..800.0).contains(&ms(overlapping)), "{times}");
    assert!(queued >= Duration::from_millis(1200), "{times}");
}

#[tokio::test]
async fn many_slow_syncs_hold_up_no_other_file() {
    let bench = Bench::start().await;
    let files: Vec<File> = (0..20)
        .map(|number| bench.open(&format!("slow-{number}")))
        .collect();
    let other = bench.open("other");
    bench
        .disk()
        .set(DiskFault::slow_sync(30_000_000_000))
        .await
        .unwrap();
    let waiting: Vec<_> = files
        .into_iter()
        .map(|file| std::thread::spawn(move || timed(|| synced_write(&file)).1))
        .collect();
    while bench.disk().status().await.unwrap().held < 20 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (_, took) = timed(|| (&other).write_all(b"not slow").unwrap());
    assert!(took < Duration::from_secs(1), "{took:?}");
    let healed = bench.disk().heal().await.unwrap();
    assert!(healed.fault.is_pass_through());
    for waiting in waiting {
        let took = waiting.join().unwrap();
        assert!(
            took < Duration::from_secs(10),
            "released by healing, not by time: {took:?}"
        );
    }
    let status = bench.disk().status().await.unwrap();
    let sync_data = status.operations.sync_data;
    assert_eq!((sync_data.cut_short, sync_data.delayed), (20, 0));
    assert!(status.is_sound(), "{status:?}");
}

#[tokio::test]
async fn an_error_reaches_the_writer_until_it_is_healed() {
    let bench = Bench::start().await;
    let file = bench.open("log");
    synced_write(&file).unwrap();
    bench.disk().set(DiskFault::failing(1.0, 1)).await.unwrap();
    assert_eq!((&file).write(&[2; 10]).unwrap_err().raw_os_error(), EIO);
    assert_eq!(file.sync_data().unwrap_err().raw_os_error(), EIO);
    assert_eq!(file.sync_all().unwrap_err().raw_os_error(), EIO);
    let status = bench.disk().heal().await.unwrap();
    assert_eq!(status.operations.failed(), 3);
    synced_write(&file).unwrap();
    let length = fs::metadata(bench.data().join("log")).unwrap().len();
    assert_eq!(
        length,
        2 * RECORD_BYTES as u64,
        "the failed write left nothing"
    );
}

fn outcomes(file: &File) -> Vec<bool> {
    (0..100).map(|_| file.sync_data().is_ok()).collect()
}

#[tokio::test]
async fn a_share_fails_and_the_seed_says_which() {
    let bench = Bench::start().await;
    let file = bench.open("log");
    let fault = DiskFault::failing(0.3, 42);
    let start = bench.disk().set(fault).await.unwrap();
    let first = outcomes(&file);
    let counts = bench
        .disk()
        .set(fault)
        .await
        .unwrap()
        .operations
        .since(&start.operations);
    let again = outcomes(&file);
    bench
        .disk()
        .set(DiskFault { seed: 43, ..fault })
        .await
        .unwrap();
    let other = outcomes(&file);
    let failed = first.iter().filter(|ok| !**ok).count();
    assert!((15..=45).contains(&failed), "{failed} of 100");
    assert_eq!(counts.sync_data.failed, failed as u64);
    assert_eq!(first, again);
    assert_ne!(first, other);
}

fn room_seen(bench: &Bench) -> u64 {
    let data = bench.data();
    let seen = bench.inside(|| rustix::fs::statvfs(&data)).unwrap();
    seen.f_bavail * seen.f_frsize
}

#[tokio::test]
async fn a_full_disk_is_full_at_the_bound_and_has_room_again_when_healed() {
    let bench = Bench::start().await;
    let real_room = room_seen(&bench);
    let file = bench.open("log");
    let bound = 10 * RECORD_BYTES as u64 + 100;
    bench.disk().set(DiskFault::full(bound)).await.unwrap();
    assert_eq!(room_seen(&bench) / 4096, 10);
    for _ in 0..10 {
        synced_write(&file).unwrap();
    }
    assert_eq!(
        (&file).write(&[3; RECORD_BYTES]).unwrap(),
        100,
        "what there was room for"
    );
    assert_eq!((&file).write(&[3; 1]).unwrap_err().raw_os_error(), ENOSPC);
    assert_eq!(room_seen(&bench), 0);

    let rewritten = bench.inside(|| File::options().write(true).open(bench.data().join("log")));
    rewritten.unwrap().write_all_at(&[4; 5000], 0).unwrap();
    let new_folder = bench.inside(|| fs::create_dir(bench.data().join("folder")));
    assert_eq!(new_folder.unwrap_err().raw_os_error(), ENOSPC);
    let status = bench.disk().status().await.unwrap();
    assert_eq!((status.room_left_bytes, status.out_of_room), (Some(0), 2));
    assert_eq!(fs::metadata(bench.data().join("log")).unwrap().len(), bound);

    let healed = bench.disk().heal().await.unwrap();
    assert!(healed.is_sound() && healed.room_left_bytes.is_none());
    synced_write(&file).unwrap();
    let room = room_seen(&bench);
    assert!(room > real_room / 2, "{room} now, {real_room} before");
}

#[tokio::test]
async fn removing_makes_room_on_a_full_disk() {
    let bench = Bench::start().await;
    let data = bench.data();
    bench.inside(|| fs::write(data.join("old"), [1; 3 * RECORD_BYTES]).unwrap());
    let file = bench.open("log");
    bench.disk().set(DiskFault::full(0)).await.unwrap();
    assert_eq!(synced_write(&file).unwrap_err().raw_os_error(), ENOSPC);
    let allocated = rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, 100);
    assert_eq!(allocated.unwrap_err(), rustix::io::Errno::NOSPC);
    bench.inside(|| File::create(data.join("empty")).unwrap());
    bench.inside(|| fs::rename(data.join("empty"), data.join("old")).unwrap());
    for _ in 0..3 {
        synced_write(&file).unwrap();
    }
    assert_eq!(synced_write(&file).unwrap_err().raw_os_error(), ENOSPC);
    bench.inside(|| file.set_len(RECORD_BYTES as u64).unwrap());
    for _ in 0..2 {
        synced_write(&file).unwrap();
    }
}

#[tokio::test]
async fn what_is_out_of_bounds_is_refused_and_changes_nothing() {
    let bench = Bench::start().await;
    let before: DiskStatus = bench.disk().set(DiskFault::full(9)).await.unwrap();
    let share = OperationFault {
        delay_ns: 0,
        fail: Some(Failing {
            with: DiskFailure::InputOutput,
            share: 2.0,
        }),
    };
    let refused = bench
        .disk()
        .set(DiskFault {
            read: share,
            ..DiskFault::default()
        })
        .await;
    assert!(matches!(refused, Err(DiskError::Fault(_))), "{refused:?}");
    assert_eq!(bench.disk().status().await.unwrap().fault, before.fault);
}
