//! Nodes as processes of their own. A test program with them is the engine's command line as well
//! (`PROGRAM engine …`), hence it has no test harness.

use std::io::Write;
use std::net::SocketAddr;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use clap::Parser;
use rustix::process::{Pid, Signal, kill_process};
use shakedown_engine::EngineCommand;
use shakedown_engine::config::Member;

use super::{http_of, members, wait_ready};

#[derive(Debug, Parser)]
struct Line {
    #[command(subcommand)]
    program: Program,
}

#[derive(Debug, clap::Subcommand)]
enum Program {
    /// The engine.
    Engine {
        #[command(subcommand)]
        command: EngineCommand,
    },
}

/// What such a program does: the engine's command, if it is called so, or else these tests.
pub fn run_tests(tests: &[(&str, fn())]) -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("engine") {
        let Program::Engine { command } = Line::parse().program;
        return match shakedown_engine::cli::run(command) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                say(&format!("{error}"));
                ExitCode::FAILURE
            }
        };
    }
    let wanted = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with('-'));
    for (name, test) in tests {
        if wanted
            .as_deref()
            .is_some_and(|wanted| !name.contains(wanted))
        {
            continue;
        }
        test();
        say(&format!("test {name} ... ok"));
    }
    ExitCode::SUCCESS
}

/// Does nothing for so long.
pub fn pause(milliseconds: u64) {
    std::thread::sleep(Duration::from_millis(milliseconds));
}

/// Says a line on the output.
pub fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").expect("the output can be written");
}

/// This program as the engine's command line.
pub fn engine() -> Command {
    let mut command = Command::new("/proc/self/exe");
    command
        .arg("engine")
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// Nodes that the test starts, signals and starts again itself.
pub struct Nodes {
    pub members: Vec<Member>,
    folder: tempfile::TempDir,
    arguments: &'static [&'static str],
    processes: Vec<Child>,
}

impl Nodes {
    /// Three nodes, each with these arguments as well.
    pub fn start(arguments: &'static [&'static str]) -> Self {
        let mut nodes = Self {
            members: members(3),
            folder: tempfile::tempdir().expect("a folder"),
            arguments,
            processes: Vec::new(),
        };
        for place in 0..3 {
            let process = nodes.spawn(place);
            nodes.processes.push(process);
        }
        wait_ready(&nodes.addresses());
        nodes
    }

    fn spawn(&self, place: usize) -> Child {
        let member = &self.members[place];
        let mut command = engine();
        command
            .args([
                "node",
                "--name",
                &member.name,
                "--id",
                &member.id.to_string(),
                "--data",
            ])
            .arg(self.folder.path().join(&member.name))
            .args([
                "--http",
                &member.http.to_string(),
                "--peer-listen",
                &member.peer.to_string(),
            ])
            .args(["--with-parent", "--snapshot-every", "200"])
            .stdout(Stdio::null());
        for other in &self.members {
            command.args(["--member", &other.to_string()]);
        }
        command.args(self.arguments);
        command.spawn().expect("the node starts")
    }

    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.members.iter().map(http_of).collect()
    }

    pub fn without(&self, place: usize) -> Vec<SocketAddr> {
        let mut addresses = self.addresses();
        addresses.remove(place);
        addresses
    }

    pub fn signal(&self, place: usize, signal: Signal) {
        let pid = Pid::from_child(&self.processes[place]);
        kill_process(pid, signal).expect("the node is there");
    }

    pub fn kill(&mut self, place: usize) {
        self.processes[place].kill().expect("the node is there");
        self.processes[place].wait().expect("the node has ended");
    }

    /// Asks a node to stop, and waits until it has.
    pub fn ask_to_stop(&mut self, place: usize) {
        self.signal(place, Signal::TERM);
        let ended = self.processes[place].wait().expect("the node has ended");
        assert!(ended.success(), "{ended}");
    }

    pub fn restart(&mut self, place: usize) {
        self.processes[place] = self.spawn(place);
        wait_ready(&self.addresses());
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _gone = process.kill();
            let _gone = process.wait();
        }
    }
}
