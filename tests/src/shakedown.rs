//! The binary as a black box: run it, stop it, read what it wrote.

use std::fs;
use std::io::{self, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use shakedown_record::monotonic_ns;
use shakedown_record::run_record::{Check, Failover, RunRecord};
use tempfile::TempDir;

use crate::calm::{soundly, why_not};
use crate::proc::{ProcessSeen, marked};

/// No run of the tests may last longer.
const LONGEST_RUN_S: f64 = 240.0;

static CORES: RwLock<()> = RwLock::new(());

/// Held by whoever measures times: no other test of the file runs meanwhile.
pub fn alone() -> RwLockWriteGuard<'static, ()> {
    CORES.write().unwrap_or_else(PoisonError::into_inner)
}

/// Held by whoever runs beside others: what it asserts must not depend on how fast the machine is.
pub fn beside() -> RwLockReadGuard<'static, ()> {
    CORES.read().unwrap_or_else(PoisonError::into_inner)
}

/// The root of the workspace.
pub fn workspace() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests
        .parent()
        .expect("this crate lies in the workspace")
        .to_path_buf()
}

/// A scenario of the shipped library.
pub fn library(name: &str) -> PathBuf {
    workspace()
        .join("scenarios/library")
        .join(format!("{name}.yaml"))
}

/// The binary under test: `SHAKEDOWN_BIN`, or the one that cargo built beside this test.
///
/// # Panics
/// When it is not there: nothing can be said without it.
pub fn binary() -> PathBuf {
    let path = std::env::var_os("SHAKEDOWN_BIN").map_or_else(
        || {
            let test = std::env::current_exe().expect("a running program has a path");
            test.ancestors()
                .nth(2)
                .expect("tests lie in target/PROFILE/deps")
                .join("shakedown")
        },
        PathBuf::from,
    );
    assert!(
        path.is_file(),
        "{} is missing: build it with `cargo build --release`, or name it in SHAKEDOWN_BIN",
        path.display()
    );
    path
}

/// Polls until `done` or until the seconds have passed; true when it was done.
pub fn within_s(seconds: f64, mut done: impl FnMut() -> bool) -> bool {
    let until_ns = monotonic_ns() + (seconds * 1e9) as u64;
    loop {
        if done() {
            return true;
        }
        if monotonic_ns() > until_ns {
            return false;
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// A place of its own for one test: working folder, state home, and every process that is started in it.
#[derive(Debug)]
pub struct Sandbox {
    folder: TempDir,
}

impl Sandbox {
    /// An empty sandbox.
    ///
    /// # Panics
    /// When there is no temporary folder.
    pub fn new() -> Sandbox {
        let folder = tempfile::Builder::new()
            .prefix("shakedown-test-")
            .tempdir()
            .expect("a temporary folder can be made");
        Sandbox { folder }
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file into it and returns the path.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        fs::write(&path, content).expect("the sandbox can be written");
        path
    }

    /// A command line of the binary, not yet started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.around(Command::new(binary()), arguments)
    }

    /// Another program (such as `env`) to which the arguments are given, in the same surroundings.
    pub fn around(&self, mut program: Command, arguments: &[&str]) -> Command {
        program
            .args(arguments)
            .current_dir(self.path())
            .env("XDG_STATE_HOME", self.path().join("state"))
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        program
    }

    /// Runs the binary to its end.
    ///
    /// # Panics
    /// When it cannot be started or does not end.
    pub fn run(&self, arguments: &[&str]) -> Finished {
        Running::start(self.command(arguments)).finish()
    }

    /// Runs a scenario to its end into a run directory of the sandbox.
    pub fn run_scenario(&self, scenario: &Path, more: &[&str]) -> ScenarioRun {
        let dir = self.new_run_dir();
        let finished = self.run(&run_arguments(scenario, &dir, more));
        ScenarioRun { finished, dir }
    }

    /// Runs a scenario until its generator was sound, a few times at most.
    ///
    /// A machine whose cores are taken away makes a run inconclusive, as it must, and such a run shows nothing of the
    /// engine. Only that is repeated; any other end is the result.
    pub fn run_soundly(&self, scenario: &Path, more: &[&str]) -> ScenarioRun {
        soundly(|| {
            let run = self.run_scenario(scenario, more);
            let sound = run.sound();
            (run, sound)
        })
    }

    /// A path for a run directory; it does not exist yet.
    pub fn new_run_dir(&self) -> PathBuf {
        (1..)
            .map(|number| self.path().join(format!("run-{number}")))
            .find(|path| !path.exists())
            .expect("numbers do not end")
    }

    /// Processes that were started in this sandbox and have not ended.
    pub fn processes(&self) -> Vec<ProcessSeen> {
        let name = self
            .path()
            .file_name()
            .expect("a temporary folder has a name");
        marked(&name.to_string_lossy())
    }

    /// Waits up to `seconds` until no process of this sandbox is left; what is left then.
    pub fn left_after_s(&self, seconds: f64) -> Vec<ProcessSeen> {
        within_s(seconds, || self.processes().is_empty());
        self.processes()
    }
}

impl Default for Sandbox {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        for process in self.processes() {
            // What a failed test left must not disturb the next one.
            if let Some(pid) = Pid::from_raw(process.pid as i32) {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
    }
}

/// `run SCENARIO --out DIR --yes` and more.
pub fn run_arguments<'a>(scenario: &'a Path, dir: &'a Path, more: &[&'a str]) -> Vec<&'a str> {
    let path = |path: &'a Path| path.to_str().expect("paths of the tests are text");
    let mut arguments = vec!["run", path(scenario), "--out", path(dir), "--yes"];
    arguments.extend_from_slice(more);
    arguments
}

/// The binary while it runs.
#[derive(Debug)]
pub struct Running {
    child: Child,
    started_ns: u64,
    output: [JoinHandle<io::Result<Vec<u8>>>; 2],
}

impl Running {
    /// Starts a prepared command.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(mut command: Command) -> Running {
        let mut child = command.spawn().expect("the binary can be started");
        let started_ns = monotonic_ns();
        let (mut stdout, mut stderr) = (
            child.stdout.take().expect("piped by the sandbox"),
            child.stderr.take().expect("piped by the sandbox"),
        );
        Running {
            child,
            started_ns,
            output: [
                thread::spawn(move || read_all(&mut stdout)),
                thread::spawn(move || read_all(&mut stderr)),
            ],
        }
    }

    /// Its pid.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    ///
    /// # Panics
    /// When it has ended already.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it still runs");
    }

    /// True while it runs.
    ///
    /// # Panics
    /// When its state cannot be read.
    pub fn is_running(&mut self) -> bool {
        self.child
            .try_wait()
            .expect("its state can be read")
            .is_none()
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not end within [`LONGEST_RUN_S`].
    pub fn finish(mut self) -> Finished {
        let ended = within_s(LONGEST_RUN_S, || !self.is_running());
        if !ended {
            // It is waited for below, or the test is over.
            let _ = self.child.kill();
        }
        let status = self.child.wait().expect("it can be waited for");
        let elapsed_s = (monotonic_ns() - self.started_ns) as f64 / 1e9;
        let [stdout, stderr] = self.output.map(|reader| {
            let bytes = reader.join().expect("the reader does not panic");
            String::from_utf8_lossy(&bytes.expect("pipes can be read")).into_owned()
        });
        assert!(
            ended,
            "it did not end within {LONGEST_RUN_S} s\n{stdout}\n{stderr}"
        );
        Finished {
            code: status.code(),
            signal: status.signal(),
            stdout,
            stderr,
            elapsed_s,
        }
    }
}

fn read_all(from: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// How the binary ended.
#[derive(Debug, Clone)]
pub struct Finished {
    /// `None` when a signal ended it.
    pub code: Option<i32>,
    pub signal: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    pub elapsed_s: f64,
}

impl Finished {
    /// Everything that it said.
    pub fn said(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// Standard output as JSON.
    ///
    /// # Panics
    /// When it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("stdout is no JSON: {error}\n{}", self.said()))
    }

    /// Asserts the exit code, and that nothing panicked.
    ///
    /// # Panics
    /// When the code is another one: with everything that was said.
    #[track_caller]
    pub fn expect_code(&self, code: i32) -> &Finished {
        assert_eq!(
            self.code,
            Some(code),
            "{} signal {:?} after {:.1} s\n{}",
            why_not(self.code, &self.said()),
            self.signal,
            self.elapsed_s,
            self.said()
        );
        assert!(!self.said().contains("panicked at"), "{}", self.said());
        self
    }

    /// Asserts that it said something, whatever the case of the letters.
    ///
    /// # Panics
    /// When it did not.
    #[track_caller]
    pub fn expect_words(&self, words: &[&str]) -> &Finished {
        let said = self.said().to_lowercase();
        for word in words {
            assert!(
                said.contains(&word.to_lowercase()),
                "'{word}' was not said\n{}",
                self.said()
            );
        }
        self
    }
}

/// A scenario's run: how it ended and where it was recorded.
#[derive(Debug, Clone)]
pub struct ScenarioRun {
    pub finished: Finished,
    pub dir: PathBuf,
}

impl ScenarioRun {
    /// False when the run says of itself that its generator was starved, and is inconclusive for it.
    pub fn sound(&self) -> bool {
        self.finished.code != Some(2) || !self.record().generator.saturated
    }

    /// `record.json`, through the record's own types.
    ///
    /// # Panics
    /// When it is missing or of another shape.
    #[track_caller]
    pub fn record(&self) -> RunRecord {
        let path = self.dir.join("record.json");
        let text = fs::read_to_string(&path).unwrap_or_else(|error| {
            panic!("{}: {error}\n{}", path.display(), self.finished.said())
        });
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("record.json: {error}"))
    }

    /// Asserts the exit code, here and in the record.
    ///
    /// # Panics
    /// When one of them is another.
    #[track_caller]
    pub fn expect_code(&self, code: u8) -> RunRecord {
        self.finished.expect_code(i32::from(code));
        let record = self.record();
        assert_eq!(record.exit_code, code, "{}", self.finished.said());
        record
    }
}

/// The failover of the first fault. An outage that no fault explains (a follower that was not given the processor, say)
/// has an entry of its own, which may come first.
///
/// # Panics
/// When the record has none.
#[track_caller]
pub fn failover(record: &RunRecord) -> &Failover {
    let fault = &record.faults[0].name;
    record
        .failover
        .iter()
        .find(|entry| entry.fault.as_ref() == Some(fault))
        .unwrap_or_else(|| panic!("no failover of {fault}: {:?}", record.failover))
}

/// The check with this id.
///
/// # Panics
/// When the record has none.
#[track_caller]
pub fn check<'a>(record: &'a RunRecord, id: &str) -> &'a Check {
    record
        .checks
        .iter()
        .find(|check| check.id == id)
        .unwrap_or_else(|| {
            let ids: Vec<&str> = record
                .checks
                .iter()
                .map(|check| check.id.as_str())
                .collect();
            panic!("no check '{id}' among {ids:?}")
        })
}
