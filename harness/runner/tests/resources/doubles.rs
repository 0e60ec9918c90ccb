//! What is acted on, and who acts: processes played by this binary.

use std::fs;
use std::io::{BufRead, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child as StdChild, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use shakedown_record::monotonic_ns;
use shakedown_runner::mechanisms::cgroup::{
    Cgroups, Controller, Freezer, Placement, Snapshot, Version, freezer_watchdog_main,
};
use shakedown_runner::mechanisms::stress::stress_main;
use shakedown_runner::mechanisms::{Child, ProcessHandle, ProcessId, Watchdog};

const ROLE: &str = "SHAKEDOWN_RESOURCE_ROLE";
const ARGUMENTS: &str = "SHAKEDOWN_RESOURCE_ARGUMENTS";

pub const SOON: Duration = Duration::from_millis(300);
pub const LONG: Duration = Duration::from_secs(10);

/// Plays the role that this process was started for, if it was.
pub fn play() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let text = std::env::var(ARGUMENTS).unwrap_or_default();
    let arguments: Vec<String> = text.lines().map(str::to_string).collect();
    match role.as_str() {
        "__freezer-watchdog" => exit(freezer_watchdog_main(&arguments).code()),
        "__stress" => exit(stress_main(&arguments).code()),
        "threads" => threads(),
        "eater" => eat(),
        "writer" => write_files(Path::new(&arguments[0])),
        "clock" => fs::write(&arguments[0], monotonic_ns().to_string()).unwrap(),
        "owner" => own(&arguments),
        other => panic!("no such role: {other}"),
    }
}

fn exit(code: u8) -> ! {
    std::process::exit(code.into())
}

/// Three threads that do a little, often.
fn threads() {
    for _ in 0..2 {
        std::thread::spawn(tick);
    }
    tick();
}

fn tick() {
    let until = Instant::now() + Duration::from_secs(60);
    while Instant::now() < until {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Takes as many MiB as each line of standard input says, says when it has them, and keeps them.
fn eat() {
    let mut kept = Vec::new();
    for line in std::io::stdin().lock().lines() {
        let mib: usize = line.unwrap().parse().unwrap();
        for _ in 0..mib {
            let mut piece = vec![0u8; 1 << 20];
            for page in piece.chunks_mut(4096) {
                page[0] = 1;
            }
            kept.push(std::hint::black_box(piece));
        }
        say("eaten");
    }
}

/// Fills the page cache, at most 64 MiB of it, once it has been told to.
fn write_files(path: &Path) {
    std::io::stdin().read_exact(&mut [0u8]).unwrap();
    let mut file = fs::File::create(path).unwrap();
    let piece = vec![7u8; 1 << 20];
    for _ in 0..64 {
        file.write_all(&piece).unwrap();
    }
    tick();
}

/// Plays Shakedown: freezes a process, says so, and waits to be killed.
fn own(arguments: &[String]) {
    let version = match arguments[0].as_str() {
        "v1" => Version::V1,
        _ => Version::V2,
    };
    let target = ProcessHandle::open(ProcessId {
        pid: arguments[1].parse().unwrap(),
        start_time_ticks: arguments[2].parse().unwrap(),
    })
    .unwrap()
    .unwrap();
    let cgroups = Cgroups::discover().unwrap().only(version);
    let placement = Placement::plan(&cgroups, &target, Controller::Freezer, &arguments[3]).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let watchdog = runtime
        .block_on(Watchdog::over_groups(
            Path::new(&arguments[4]),
            target.id(),
            vec![placement.undo()],
        ))
        .unwrap();
    let freezer = Freezer::of(placement.enter().unwrap());
    freezer.freeze().unwrap();
    freezer.confirm_frozen(&target, LONG).unwrap();
    say(&format!("frozen {}", watchdog.process().pid));
    std::thread::sleep(Duration::from_secs(60));
}

/// Answers go to standard error: the test harness has standard output.
fn say(word: &str) {
    let mut answers = std::io::stderr();
    writeln!(answers, "{word}").unwrap();
}

/// A process under test.
pub struct Target {
    pub child: Child,
    pub handle: ProcessHandle,
    stdin: Option<ChildStdin>,
    answers: Option<std::io::BufReader<std::process::ChildStderr>>,
}

impl Target {
    /// A role of this binary.
    pub fn role(role: &str, arguments: &[&str]) -> Target {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "double", "--nocapture"])
            .env(ROLE, role)
            .env(ARGUMENTS, arguments.join("\n"));
        Target::start(&mut command)
    }

    /// A shell script.
    pub fn script(text: &str) -> Target {
        Target::start(Command::new("/bin/sh").args(["-c", text]))
    }

    pub fn sleeper() -> Target {
        Target::script("exec sleep 60")
    }

    /// Uses a whole CPU.
    pub fn busy() -> Target {
        Target::script("while :; do :; done")
    }

    pub fn start(command: &mut Command) -> Target {
        let mut started: StdChild = command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = started.stdin.take();
        let answers = started.stderr.take().map(std::io::BufReader::new);
        let child = Child::adopt(started).unwrap();
        Target {
            handle: child.handle().clone(),
            child,
            stdin,
            answers,
        }
    }

    pub fn tell(&mut self, word: &str) {
        // One that has been killed cannot be told.
        drop(writeln!(self.stdin.as_mut().unwrap(), "{word}"));
    }

    pub fn answer(&mut self) -> String {
        let mut line = String::new();
        self.answers.as_mut().unwrap().read_line(&mut line).unwrap();
        line.trim().to_string()
    }

    pub fn kill(&self) {
        self.handle.signal(rustix::process::Signal::KILL).unwrap();
        assert!(self.handle.wait_exit_blocking(LONG).unwrap());
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        drop(self.handle.signal(rustix::process::Signal::KILL));
    }
}

/// A script that stands for the Shakedown binary.
pub fn write_exe(folder: &Path) -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let text = format!(
        "#!/bin/sh\n\
         export {ROLE}=\"$1\"\n\
         shift\n\
         IFS='\n'\n\
         export {ARGUMENTS}=\"$*\"\n\
         exec '{}' --exact double --nocapture\n",
        own.display()
    );
    let path = folder.join("shakedown.sh");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// One process, one controller, and what the world looked like before.
pub struct Case {
    pub cgroups: Cgroups,
    pub placement: Placement,
    before: Snapshot,
}

impl Case {
    pub fn new(target: &Target, version: Version, controller: Controller, name: &str) -> Case {
        let cgroups = Cgroups::discover().unwrap();
        let before = Snapshot::take(&cgroups, target.handle.id()).unwrap();
        let placement = Placement::plan(
            &cgroups.only(version),
            &target.handle,
            controller,
            &tag(name),
        )
        .unwrap();
        Case {
            cgroups,
            placement,
            before,
        }
    }

    pub fn differences(&self) -> Vec<String> {
        let mine = self.placement.group().dir().display().to_string();
        let now = self.before.again(&self.cgroups).unwrap();
        // Other tests have groups of their own at the same time.
        self.before
            .differences(&now)
            .into_iter()
            .filter(|text| !text.contains("is still there") || text.contains(&format!("{mine} ")))
            .collect()
    }

    /// As a fault looks at it: at its own place only.
    pub fn differences_at_its_place(&self) -> Vec<String> {
        let now = self.before.again(&self.cgroups).unwrap();
        self.before.differences_at(&now, &self.placement)
    }

    /// Takes it back, twice, and looks.
    pub fn finish(&self) {
        assert!(self.placement.leave().unwrap());
        assert!(!self.placement.leave().unwrap());
        assert_eq!(self.differences(), [""; 0]);
    }
}

impl Drop for Case {
    fn drop(&mut self) {
        // A test that failed leaves nothing behind either.
        drop(self.placement.leave());
    }
}

pub fn tag(name: &str) -> String {
    format!("test-{}-{name}", std::process::id())
}

/// Waits until something holds.
pub fn eventually(what: &str, holds: impl Fn() -> bool) {
    let until = Instant::now() + LONG;
    while !holds() {
        assert!(Instant::now() < until, "{what} did not come about");
        std::thread::sleep(Duration::from_millis(5));
    }
}
