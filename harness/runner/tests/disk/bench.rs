//! A disk over a folder of its own, and the processes of the tests: this binary in other roles.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use shakedown_runner::mechanisms::disk::{
    DiskFault, DiskMount, MountNamespace, disk_main, preflight,
};
use shakedown_runner::mechanisms::{Child, ProcessHandle, ProcessId, Spawner};
use tempfile::TempDir;

const ROLE: &str = "SHAKEDOWN_DISK_ROLE";
const ARGUMENTS: &str = "SHAKEDOWN_DISK_ARGUMENTS";

/// One record of the writer: a page.
pub const RECORD_BYTES: usize = 4096;

/// The exit code of a writer whose write or sync failed.
pub const WRITE_FAILED: i32 = 3;

/// Plays a role, if this process was started to.
pub fn play() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let arguments: Vec<String> = std::env::var(ARGUMENTS)
        .unwrap_or_default()
        .split_whitespace()
        .map(str::to_string)
        .collect();
    match role.as_str() {
        "disk" => std::process::exit(disk_main(&arguments).code().into()),
        "writer" => write_records(Path::new(&arguments[0])),
        "shakedown" => hold_a_disk(Path::new(&arguments[0])),
        other => panic!("nobody plays {other}"),
    }
}

/// This binary in a role.
pub fn role(role: &str, arguments: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "double", "--nocapture"])
        .env(ROLE, role)
        .env(ARGUMENTS, arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command
}

/// A script that stands for the Shakedown binary.
fn write_exe(folder: &Path) -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let text = format!(
        "#!/bin/sh\n[ \"$1\" = __disk ] || exit 64\nshift\n\
         exec env {ROLE}=disk {ARGUMENTS}=\"$*\" '{}' --exact double --nocapture\n",
        own.display()
    );
    let path = folder.join("shakedown.sh");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// Appends numbered records, each synced and then acknowledged in a file beside the data folder, without end.
fn write_records(data: &Path) {
    let mut log = OpenOptions::new()
        .create(true)
        .append(true)
        .open(data.join("log"))
        .unwrap();
    let mut acked = File::create(data.with_extension("acked")).unwrap();
    for number in 0u64.. {
        let number = number as u8;
        let written = log.write_all(&[number; RECORD_BYTES]);
        if written.and_then(|()| log.sync_data()).is_err() {
            std::process::exit(WRITE_FAILED);
        }
        acked.write_all(&[number]).unwrap();
    }
}

/// A disk with a writer behind it, until this process is killed.
fn hold_a_disk(folder: &Path) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let spawner = Spawner::start().unwrap();
        let data = folder.join("data");
        let disk = DiskMount::start(&spawner, &write_exe(folder), &data).await;
        let disk = disk.unwrap();
        let mut writer = role("writer", data.to_str().unwrap());
        disk.namespace().join(&mut writer, Path::new("/")).unwrap();
        let writer = spawner.run(move |here| here.spawn(&mut writer)).await;
        let writer = Child::adopt(writer.unwrap().unwrap()).unwrap();
        let writer = writer.handle().pid();
        until(|| fs::read(data.with_extension("acked")).is_ok_and(|acked| acked.len() >= 5));
        disk.set(DiskFault::slow_sync(60_000_000_000))
            .await
            .unwrap();
        while disk.status().await.unwrap().held == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let namespace = fs::read_link(format!("/proc/{writer}/ns/mnt")).unwrap();
        let text = format!("{} {} {}", disk.process().pid, writer, namespace.display());
        fs::write(folder.join("told.tmp"), text).unwrap();
        fs::rename(folder.join("told.tmp"), folder.join("told")).unwrap();
        std::future::pending::<()>().await;
    });
}

/// Waits until something is so.
pub fn until(mut so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !so() {
        assert!(Instant::now() < deadline, "20 s passed in vain");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// True when this process is there, and not only waiting to be reaped.
pub fn lives(process: ProcessId) -> bool {
    let handle = ProcessHandle::open(process).unwrap();
    handle.is_some_and(|handle| {
        handle.state().unwrap() != shakedown_runner::mechanisms::ProcessState::Exited
    })
}

/// A disk over an empty folder.
pub struct Bench {
    pub disk: Option<DiskMount>,
    pub namespace: MountNamespace,
    pub spawner: Spawner,
    temporary: TempDir,
}

impl Bench {
    pub async fn start() -> Bench {
        preflight().expect("these tests need a machine that can have a disk");
        let temporary = tempfile::tempdir().unwrap();
        let spawner = Spawner::start().unwrap();
        let data = temporary.path().join("data");
        fs::create_dir(&data).unwrap();
        fs::create_dir(temporary.path().join("bare")).unwrap();
        let disk = DiskMount::start(&spawner, &write_exe(temporary.path()), &data).await;
        let disk = disk.unwrap();
        Bench {
            namespace: disk.namespace().clone(),
            disk: Some(disk),
            spawner,
            temporary,
        }
    }

    pub fn disk(&self) -> &DiskMount {
        self.disk.as_ref().unwrap()
    }

    /// The folder under the disk. Which of the two is seen depends on the namespace.
    pub fn data(&self) -> PathBuf {
        self.temporary.path().join("data")
    }

    /// A folder beside it, without a disk.
    pub fn bare(&self) -> PathBuf {
        self.temporary.path().join("bare")
    }

    /// Does something where the disk is seen.
    pub fn inside<R: Send>(&self, job: impl FnOnce() -> R + Send) -> R {
        self.namespace.run(job).unwrap()
    }

    /// Opens a file behind the disk, for appending.
    pub fn open(&self, name: &str) -> File {
        let path = self.data().join(name);
        self.inside(|| {
            let mut options = OpenOptions::new();
            options
                .create(true)
                .append(true)
                .read(true)
                .open(path)
                .unwrap()
        })
    }
}

/// How long something takes.
pub fn timed<R>(job: impl FnOnce() -> R) -> (R, Duration) {
    let start = Instant::now();
    let done = job();
    (done, start.elapsed())
}

/// The one in the middle.
pub fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
