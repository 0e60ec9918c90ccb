//! Doubles for tests with real processes: an engine node, a watchdog and a whole Shakedown, played by the test
//! binary itself, which a small script starts again.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use shakedown_record::run_dir::RunDir;
use shakedown_runner::environment::{Environment, EnvironmentError, StartContext};
use shakedown_runner::journal::{Journal, RunAbout};
use shakedown_runner::mechanisms::{ProcessHandle, ProcessId, ProcessState, watchdog_main};
use shakedown_runner::state_dir::StateDir;
use shakedown_scenarios::plan::{
    AckLevel, Answer, Arrival, Auth, Ceilings, CleanUp, DataLayout, EnvironmentPlan, FaultKind,
    FreezeBy, GatewayPlan, Guards, Health, Identity, LoadPlan, LocalStandIn, MarketData, Mix,
    OrderAction, OrderShape, Orders, Part, Phases, Plan, Request, RestartedBy, RetryPolicy,
    Session, System, Take, Template,
};

/// A freeze by SIGSTOP.
pub const FROZEN: FaultKind = FaultKind::Freeze {
    by: FreezeBy::Signal,
};

const ROLE: &str = "SHAKEDOWN_DOUBLE";
const ARGUMENTS: &str = "SHAKEDOWN_DOUBLE_ARGUMENTS";

/// How the node double misbehaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Habit {
    Sound,
    /// Ends before it listens.
    EndsAtOnce,
    /// Answers 503 for ever.
    NeverReady,
    /// Ignores SIGTERM and SIGUSR1.
    Deaf,
    /// Comes up once, and ends at once when it is started again.
    StartsOnce,
}

/// Call this first in a test named `double`: it plays a role if the process was started to.
pub fn play() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let arguments: Vec<String> = std::env::var(ARGUMENTS)
        .unwrap()
        .split_whitespace()
        .map(str::to_string)
        .collect();
    match role.as_str() {
        "watchdog" => std::process::exit(watchdog_main(&arguments).code().into()),
        "never-ready" => serve(&arguments, "503 Service Unavailable"),
        "starts-once" if starts(&arguments) > 1 => {
            drop(writeln!(std::io::stderr(), "will not start again"));
            std::process::exit(4);
        }
        _ => serve(&arguments, "200 OK"),
    }
}

fn option<'a>(arguments: &'a [String], name: &str) -> &'a str {
    let at = arguments.iter().position(|argument| argument == name);
    &arguments[at.unwrap() + 1]
}

fn starts(arguments: &[String]) -> usize {
    let path = Path::new(option(arguments, "--data")).join("starts");
    let mut text = fs::read_to_string(&path).unwrap_or_default();
    text.push('x');
    fs::write(&path, &text).unwrap();
    text.len()
}

fn serve(arguments: &[String], status: &'static str) {
    speak_to_peers(arguments);
    let listener = TcpListener::bind(option(arguments, "--http")).unwrap();
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        std::thread::spawn(move || {
            let mut request = [0u8; 1024];
            // A client that asked nothing, or left, is no matter.
            if stream.read(&mut request).is_ok_and(|read| read > 0) {
                let reply = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
                drop(stream.write_all(reply.as_bytes()));
            }
        });
    }
}

/// Says a byte to each other member a hundred times a second and gives back what they say, at the addresses that it
/// was given; and at another one, past all links, when the file `past` in its folder names one.
fn speak_to_peers(arguments: &[String]) {
    let listener = TcpListener::bind(option(arguments, "--peer-listen")).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                let mut byte = [0];
                while stream.read_exact(&mut byte).is_ok() && stream.write_all(&byte).is_ok() {}
            });
        }
    });
    let own = option(arguments, "--name").to_string();
    let members = arguments.windows(2).filter(|pair| pair[0] == "--member");
    for pair in members {
        let mut fields = pair[1].split(['=', ',']).skip(1);
        let (name, _, peer) = (fields.next(), fields.next(), fields.next().unwrap());
        if name == Some(own.as_str()) {
            continue;
        }
        let peer = peer.to_string();
        std::thread::spawn(move || {
            loop {
                drop(TcpStream::connect(&peer).map(say_bytes));
                std::thread::sleep(Duration::from_millis(10));
            }
        });
    }
    let past = Path::new(option(arguments, "--data")).join("past");
    std::thread::spawn(move || {
        loop {
            let stream = fs::read_to_string(&past).ok().map(TcpStream::connect);
            std::thread::sleep(Duration::from_millis(100));
            drop(stream);
        }
    });
}

fn say_bytes(mut stream: TcpStream) {
    while stream.write_all(b"x").is_ok() && stream.read_exact(&mut [0]).is_ok() {
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A script that stands for the Shakedown binary.
pub fn write_exe(folder: &Path, habit: Habit) -> PathBuf {
    let (prelude, role) = match habit {
        Habit::Sound => ("", "node"),
        Habit::EndsAtOnce => ("echo cannot open the log; exit 3", "node"),
        Habit::NeverReady => ("", "never-ready"),
        Habit::Deaf => ("trap '' TERM USR1", "node"),
        Habit::StartsOnce => ("", "starts-once"),
    };
    let own = std::env::current_exe().unwrap();
    let text = format!(
        "#!/bin/sh\n\
         role={role}\n\
         case \"$1\" in\n\
         __watchdog) shift; role=watchdog ;;\n\
         *) {}\n\
         ;;\n\
         esac\n\
         exec env {ROLE}=$role {ARGUMENTS}=\"$*\" '{}' --exact double --nocapture\n",
        if prelude.is_empty() { ":" } else { prelude },
        own.display()
    );
    let path = folder.join("shakedown.sh");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// Starts the test binary again in a role of the test's own, with a folder to work in.
pub fn start_role(role: &str, folder: &Path) -> std::process::Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "double", "--nocapture"])
        .env(OWN_ROLE, role)
        .env(OWN_FOLDER, folder)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap()
}

const OWN_ROLE: &str = "SHAKEDOWN_TEST_ROLE";
const OWN_FOLDER: &str = "SHAKEDOWN_TEST_FOLDER";

/// The role that [`start_role`] gave to this process.
pub fn own_role() -> Option<(String, PathBuf)> {
    let role = std::env::var(OWN_ROLE).ok()?;
    Some((role, PathBuf::from(std::env::var(OWN_FOLDER).unwrap())))
}

/// A folder with everything a run needs.
pub struct Run {
    pub state: StateDir,
    pub run_dir: RunDir,
    pub journal: Arc<Journal>,
    pub exe: PathBuf,
    pub plan: Plan,
}

impl Run {
    pub fn new(folder: &Path, habit: Habit, replicas: u32) -> Run {
        let state = StateDir::at(&folder.join("state"));
        let run_dir = RunDir::create(&folder.join("run")).unwrap();
        let journal = Journal::create(
            &state,
            RunAbout {
                run_id: "run-1".into(),
                run_dir: run_dir.root().to_path_buf(),
                system: "double".into(),
                environment: "local".into(),
                started_at: "2026-01-02T03:04:05Z".into(),
            },
        );
        Run {
            state,
            run_dir,
            journal: Arc::new(journal.unwrap()),
            exe: write_exe(folder, habit),
            plan: plan(replicas),
        }
    }

    pub async fn start(&self) -> Result<Environment, EnvironmentError> {
        Environment::start(&StartContext {
            plan: &self.plan,
            run_dir: &self.run_dir,
            exe: self.exe.clone(),
            defects: Vec::new(),
            journal: Arc::clone(&self.journal),
        })
        .await
    }

    pub fn data(&self) -> PathBuf {
        self.state.nodes("run-1").unwrap()
    }
}

pub fn get(path: &str) -> Request {
    Request {
        method: "GET".into(),
        path: Template::literal(path),
        headers: Vec::new(),
        body: None,
    }
}

/// A plan for a local cluster of the double; what the environment does not read is left at its simplest.
pub fn plan(replicas: u32) -> Plan {
    let acked = Answer {
        status: vec![200],
        conditions: Vec::new(),
    };
    let new = OrderAction {
        send: get("/orders"),
        acked,
        rejected: None,
        throttled: None,
        too_late: None,
    };
    let system = System {
        name: "double".into(),
        data: DataLayout::Replicated,
        parts: vec![Part {
            name: "engine".into(),
            replicas,
            quorum: None,
            roles: Vec::new(),
            restarted_by: RestartedBy::Platform,
            ready: None,
        }],
        secrets: Default::default(),
        auth: Auth::None,
        ceilings: Ceilings::default(),
        session: Session {
            in_flight: 1,
            reconnect_every_ns: 10_000_000,
            retry: RetryPolicy::Never,
        },
        gateway: GatewayPlan::Http,
        tls: None,
        market_data: MarketData::default(),
        venue: None,
        orders: Orders {
            identity: Identity::Client,
            level: AckLevel::Durable,
            new,
            cancel: None,
            replace: None,
            take: Take::default(),
            side_names: ["buy".into(), "sell".into()],
        },
        cancel_on_disconnect: None,
        exposure: None,
        kill_switch: None,
        operations: Default::default(),
        timed_orders: None,
        read_back: None,
        health: Some(Health {
            port: None,
            ready: Some(get("/health/ready")),
            live: None,
        }),
        metrics: None,
        resources: None,
        alerts: None,
        version: None,
        clean_up: CleanUp::Nothing,
    };
    Plan {
        scenario: "double".into(),
        about: String::new(),
        tags: Vec::new(),
        seed: 1,
        system,
        environment: EnvironmentPlan::Local {
            stand_in: LocalStandIn::Engine {
                part: "engine".into(),
            },
        },
        load: LoadPlan {
            arrival: Arrival::Constant { rate_per_s: 1.0 },
            mix: Mix {
                new: 1,
                cancel: 0,
                replace: 0,
                oversized: 0,
            },
            symbols: Vec::new(),
            accounts: Vec::new(),
            sessions: 1,
            threads: 1,
            workers: 1,
            timeout_ns: 1_000_000_000,
            shape: OrderShape::default(),
        },
        peak: None,
        points: None,
        venue: None,
        planted: None,
        phases: Phases {
            warm_up_at_most_ns: 0,
            steady_ns: 0,
            recovery_at_most_ns: 0,
        },
        faults: Vec::new(),
        guards: Guards::default(),
        rules: Vec::new(),
        abort: Vec::new(),
        reads: Vec::new(),
        notes: Vec::new(),
        digest: String::new(),
    }
}

/// Waits until something holds; panics with its name when it does not within `at_most`.
pub fn eventually(what: &str, at_most: Duration, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + at_most;
    while !holds() {
        assert!(Instant::now() < until, "not within {at_most:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A sleeping process that ends with this value.
pub struct Sleeper {
    child: std::process::Child,
    pub handle: ProcessHandle,
}

impl Sleeper {
    pub fn start() -> Sleeper {
        let child = Command::new("/bin/sleep").arg("60").spawn().unwrap();
        let handle = ProcessHandle::of_pid(child.id()).unwrap().unwrap();
        Sleeper { child, handle }
    }

    pub fn state(&self) -> ProcessState {
        self.handle.state().unwrap()
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Process ids as text, for a file between processes.
pub fn write_ids(path: &Path, ids: &[ProcessId]) {
    let draft = path.with_extension("draft");
    fs::write(&draft, serde_json::to_vec(ids).unwrap()).unwrap();
    fs::rename(draft, path).unwrap();
}

/// Ids from [`write_ids`], once they are there.
pub fn read_ids(path: &Path) -> Vec<ProcessId> {
    eventually(
        "the other process is ready",
        Duration::from_secs(30),
        || path.exists(),
    );
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

pub fn is_alive(id: ProcessId) -> bool {
    ProcessHandle::open(id).unwrap().is_some()
}

pub fn listens(address: &str) -> bool {
    let address: SocketAddr = address.trim_start_matches("http://").parse().unwrap();
    std::net::TcpStream::connect(address).is_ok()
}
