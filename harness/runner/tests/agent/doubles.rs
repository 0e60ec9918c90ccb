//! The processes beside the test: containers, agents, watchdogs, all played by this binary.

use std::fs;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use shakedown_runner::agent::{
    AgentSetup, Board, LeaseLook, Leash, LeashError, Order, Phase, run_agent,
};
use shakedown_runner::mechanisms::cgroup::freezer_watchdog_main;
use shakedown_runner::mechanisms::watchdog_main;
use shakedown_runner::state_dir::StateDir;

const ROLE: &str = "SHAKEDOWN_AGENT_ROLE";
const ARGUMENTS: &str = "SHAKEDOWN_AGENT_ARGUMENTS";

/// Plays the role that this process was started for, if it was.
pub fn play() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let text = std::env::var(ARGUMENTS).unwrap_or_default();
    let arguments: Vec<String> = text.lines().map(str::to_string).collect();
    match role.as_str() {
        "__watchdog" => exit(watchdog_main(&arguments).code()),
        "__freezer-watchdog" => exit(freezer_watchdog_main(&arguments).code()),
        "server" => serve(&arguments[0]),
        "socket" => greet_on(&UnixListener::bind(&arguments[0]).unwrap()),
        "stage" => stage(&arguments),
        "agent" => agent(&arguments),
        other => panic!("no such role: {other}"),
    }
}

fn exit(code: u8) -> ! {
    std::process::exit(code.into())
}

/// This binary in a role.
pub fn role(role: &str, arguments: &[&str]) -> Vec<(String, String)> {
    vec![
        (ROLE.to_string(), role.to_string()),
        (ARGUMENTS.to_string(), arguments.join("\n")),
    ]
}

/// The command line for a role.
pub fn command(role_name: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "double", "--nocapture"])
        .envs(role(role_name, arguments));
    command
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
    let path = folder.join("watchdog.sh");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// A container's program: answers HTTP, after a fashion.
fn serve(address: &str) {
    serve_on(TcpListener::bind(address).unwrap());
}

/// Answers every connection.
pub fn serve_on(listener: TcpListener) {
    for stream in listener.incoming() {
        let Ok(mut stream) = stream else {
            continue;
        };
        std::thread::spawn(move || {
            let mut request = [0u8; 512];
            if stream.read(&mut request).is_ok_and(|read| read > 0) {
                drop(stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
            }
        });
    }
}

/// A container runtime, as far as anybody asks: says a few bytes to whoever says something.
fn greet_on(listener: &UnixListener) {
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        if stream.read(&mut [0u8; 64]).is_ok_and(|read| read > 0) {
            drop(stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]));
        }
    }
}

/// A node of its own, in a pid namespace of its own: starts a service (program, role, where it listens) and, once that
/// has begun to listen, an agent with the rest of the arguments. Ends as the agent does.
fn stage(arguments: &[String]) {
    let [program, service, place, agent @ ..] = arguments else {
        panic!("{arguments:?}");
    };
    let mut service = Command::new(program)
        .args(["--exact", "double", "--nocapture"])
        .envs(role(service, &[place]))
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let listens = || TcpStream::connect(place).is_ok() || UnixStream::connect(place).is_ok();
    while !listens() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let agent: Vec<&str> = agent.iter().map(String::as_str).collect();
    let ended = command("agent", &agent)
        .stdout(Stdio::null())
        .status()
        .unwrap();
    service.kill().unwrap();
    service.wait().unwrap();
    exit(ended.code().unwrap().try_into().unwrap());
}

/// Order, state folder, lease file, watchdog, report file, board file.
fn agent(arguments: &[String]) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let out: File = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&arguments[4])
        .unwrap();
    let setup = AgentSetup {
        order: Order::parse(&fs::read_to_string(&arguments[0]).unwrap()).unwrap(),
        leash: FileLeash(PathBuf::from(&arguments[2])),
        state: StateDir::at(Path::new(&arguments[1])),
        exe: PathBuf::from(&arguments[3]),
        out: Box::new(out),
        board: Some(FileBoard(PathBuf::from(&arguments[5]))),
    };
    let ended = runtime.block_on(run_agent(setup));
    exit(ended.code());
}

/// A board in a file.
struct FileBoard(PathBuf);

impl Board for FileBoard {
    async fn post(&mut self, reports: &str) -> Result<(), LeashError> {
        fs::write(&self.0, reports).map_err(|error| LeashError(error.to_string()))
    }
}

/// A Lease in a file: the time of its renewal, and the phase.
struct FileLeash(PathBuf);

impl Leash for FileLeash {
    async fn look(&mut self) -> Result<LeaseLook, LeashError> {
        let text = fs::read_to_string(&self.0).map_err(|error| LeashError(error.to_string()))?;
        let (renewed, phase) = text.split_once('\n').unwrap_or((&text, ""));
        Ok(LeaseLook {
            renewed: renewed.to_string(),
            phase: Phase::of(Some(phase).filter(|phase| !phase.is_empty())),
        })
    }
}
