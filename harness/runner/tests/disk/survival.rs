//! Whoever dies: nothing hangs, nothing is left, and the data is there.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use shakedown_runner::mechanisms::Child;
use shakedown_runner::mechanisms::ProcessHandle;
use shakedown_runner::mechanisms::disk::{DiskEnd, DiskError, DiskFault, DiskMount};

use super::bench::{Bench, RECORD_BYTES, WRITE_FAILED, lives, role, timed, until};

const A_MINUTE_NS: u64 = 60_000_000_000;

/// Disks in the mount table of the host.
fn host_disks() -> usize {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap();
    table
        .lines()
        .filter(|line| line.contains("fuse.shakedown"))
        .count()
}

async fn wait_held(disk: &DiskMount) {
    while disk.status().await.unwrap().held == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A program behind the disk that appends and syncs without end.
async fn writer(bench: &Bench) -> Child {
    let data = bench.data();
    let mut command = role("writer", data.to_str().unwrap());
    bench.namespace.join(&mut command, Path::new("/")).unwrap();
    let started = bench
        .spawner
        .run(move |here| here.spawn(&mut command))
        .await;
    let child = Child::adopt(started.unwrap().unwrap()).unwrap();
    until(|| acked(&data) >= 5);
    child
}

fn acked(data: &Path) -> usize {
    fs::read(data.with_extension("acked")).map_or(0, |acked| acked.len())
}

/// The log is whole records, each the one that it should be, and none that was acknowledged is missing.
fn check_log(data: &Path) {
    let log = fs::read(data.join("log")).unwrap();
    for (number, record) in log.chunks(RECORD_BYTES).enumerate() {
        assert!(
            record.iter().all(|byte| usize::from(*byte) == number % 256),
            "record {number}"
        );
    }
    assert!(
        log.len() >= acked(data) * RECORD_BYTES,
        "{} bytes",
        log.len()
    );
    assert!(acked(data) >= 5);
}

#[tokio::test]
async fn only_those_in_the_namespace_see_the_disk() {
    let bench = Bench::start().await;
    let mut look = Command::new("/bin/sh");
    let script = format!(
        "pwd; cd {} && echo from-inside > file && stat -f -c %T .",
        bench.data().display()
    );
    look.args(["-c", &script]);
    bench
        .namespace
        .join(&mut look, bench.data().parent().unwrap())
        .unwrap();
    let output = look.output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let parent = bench.data().parent().unwrap().display().to_string();
    assert_eq!(said, format!("{parent}\nfuseblk\n"));
    assert_eq!(
        fs::read_to_string(bench.data().join("file")).unwrap(),
        "from-inside\n"
    );
    assert_eq!(host_disks(), 0);
    assert!(bench.namespace.has_disk_at(&bench.data()).unwrap());
    assert!(bench.disk().status().await.unwrap().operations.write.count >= 1);
}

#[tokio::test]
async fn an_ended_disk_leaves_a_bare_folder_and_no_process() {
    let mut bench = Bench::start().await;
    let data = bench.data();
    bench.inside(|| fs::write(data.join("file"), b"kept").unwrap());
    let disk = bench.disk.take().unwrap();
    let process = disk.process();
    assert_eq!(disk.end().await.unwrap(), DiskEnd::Clean);
    assert!(!lives(process));
    assert!(!bench.namespace.has_disk_at(&data).unwrap());
    assert_eq!(
        bench.inside(|| fs::read(data.join("file")).unwrap()),
        b"kept"
    );
}

#[tokio::test]
async fn a_disk_in_use_is_killed_at_its_end() {
    let mut bench = Bench::start().await;
    let file = bench.open("log");
    (&file).write_all(b"kept").unwrap();
    let disk = bench.disk.take().unwrap();
    assert_eq!(disk.end().await.unwrap(), DiskEnd::Killed);
    assert!(file.sync_data().is_err());
    assert_eq!(fs::read(bench.data().join("log")).unwrap(), b"kept");
    assert!(!bench.namespace.has_disk_at(&bench.data()).unwrap());
}

#[tokio::test]
async fn a_disk_that_is_let_go_heals_and_serves_what_is_open() {
    let mut bench = Bench::start().await;
    let file = bench.open("log");
    bench
        .disk()
        .set(DiskFault::slow_sync(A_MINUTE_NS))
        .await
        .unwrap();
    let disk = bench.disk.take().unwrap();
    let process = disk.process();
    drop(disk);
    let (synced, took) = timed(|| (&file).write_all(b"kept").and_then(|()| file.sync_data()));
    synced.unwrap();
    assert!(took < Duration::from_secs(10), "{took:?}");
    until(|| !bench.namespace.has_disk_at(&bench.data()).unwrap());
    assert!(lives(process), "the file is still open");
    drop(file);
    until(|| !lives(process));
}

#[tokio::test]
async fn when_the_disk_is_killed_nothing_hangs_and_the_folder_is_bare() {
    let bench = Bench::start().await;
    let data = bench.data();
    let node = writer(&bench).await;
    bench
        .disk()
        .set(DiskFault::slow_sync(A_MINUTE_NS))
        .await
        .unwrap();
    wait_held(bench.disk()).await;
    let disk = ProcessHandle::open(bench.disk().process())
        .unwrap()
        .unwrap();
    disk.signal(Signal::KILL).unwrap();
    let exit = node.wait(Duration::from_secs(10)).await;
    let code = exit.and_then(|exit| exit.status.code());
    assert_eq!(code, Some(WRITE_FAILED), "its sync fails: {exit:?}");
    assert!(bench.disk().wait_detached(Duration::from_secs(10)).await);
    assert!(!bench.disk().is_serving());
    assert!(matches!(
        bench.disk().status().await,
        Err(DiskError::Gone { .. })
    ));
    check_log(&data);
    bench.inside(|| {
        check_log(&data);
        fs::write(data.join("after"), b"goes on").unwrap();
    });
    assert_eq!(fs::read(data.join("after")).unwrap(), b"goes on");
}

#[tokio::test]
async fn a_killed_node_does_not_wait_for_its_slow_sync() {
    let bench = Bench::start().await;
    let node = writer(&bench).await;
    bench
        .disk()
        .set(DiskFault::slow_sync(A_MINUTE_NS))
        .await
        .unwrap();
    wait_held(bench.disk()).await;
    node.handle().signal(Signal::KILL).unwrap();
    let (exit, took) = {
        let start = std::time::Instant::now();
        (node.wait(Duration::from_secs(10)).await, start.elapsed())
    };
    assert!(
        exit.is_some_and(|exit| exit.by_signal(Signal::KILL)),
        "{exit:?}"
    );
    assert!(took < Duration::from_secs(2), "{took:?}");
    let status = bench.disk().status().await.unwrap();
    assert_eq!((status.held, status.operations.sync_data.cut_short), (0, 1));
    assert!(!status.is_sound(), "the fault itself is still there");
    check_log(&bench.data());
}

/// Processes in a mount namespace.
fn inhabitants(namespace: &str) -> Vec<String> {
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|pid| pid.bytes().all(|byte| byte.is_ascii_digit()))
        .filter(|pid| {
            fs::read_link(format!("/proc/{pid}/ns/mnt"))
                .is_ok_and(|link| link == Path::new(namespace))
        })
        .collect()
}

#[tokio::test]
async fn when_shakedown_is_killed_everything_is_gone_and_the_data_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    let started = role("shakedown", folder.path().to_str().unwrap())
        .spawn()
        .unwrap();
    let shakedown = Child::adopt(started).unwrap();
    let told = folder.path().join("told");
    until(|| told.exists());
    let text = fs::read_to_string(&told).unwrap();
    let told: Vec<&str> = text.split(' ').collect();
    let [disk, node] = [told[0], told[1]].map(|pid| {
        let handle = ProcessHandle::of_pid(pid.parse().unwrap()).unwrap();
        handle.unwrap().id()
    });
    assert!(
        inhabitants(told[2]).contains(&told[1].to_string()),
        "the node is in it"
    );

    shakedown.handle().signal(Signal::KILL).unwrap();
    let ((), took) = timed(|| until(|| !lives(disk) && !lives(node)));
    assert!(took < Duration::from_secs(5), "{took:?}");
    until(|| inhabitants(told[2]).is_empty());
    assert_eq!(host_disks(), 0);
    check_log(&data);
}

#[tokio::test]
async fn a_disk_that_cannot_be_mounted_says_why() {
    let bench = Bench::start().await;
    let exe = bench.data().parent().unwrap().join("shakedown.sh");
    let nowhere = DiskMount::start(&bench.spawner, &exe, Path::new("/nonexistent")).await;
    assert!(
        matches!(nowhere, Err(DiskError::Start { .. })),
        "{nowhere:?}"
    );
    let file = DiskMount::start(&bench.spawner, &exe, &exe)
        .await
        .unwrap_err();
    assert!(file.to_string().contains("Not a directory"), "{file}");
    let data = bench.data();
    let stranger = DiskMount::start(&bench.spawner, Path::new("/bin/true"), &data).await;
    assert!(
        matches!(stranger, Err(DiskError::NotMounted { .. })),
        "{stranger:?}"
    );
}
