//! A run in a place with a shortage, and what it said of itself.

use std::path::PathBuf;

use crate::fixture::Fixture;
use crate::foreign::{CANARY_TOKEN, ForeignTarget};
use crate::shakedown::{Finished, Running, Sandbox, ScenarioRun, binary, run_arguments, within_s};

use super::place::Place;
use super::pressure::press;
use super::shortage::Shortage;

/// Which command is starved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// `shakedown load`.
    Load,
    /// `shakedown run`.
    Run,
}

impl Who {
    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Who::Load => "load",
            Who::Run => "run",
        }
    }
}

/// What a run said.
#[derive(Debug, Clone)]
pub struct Told {
    pub finished: Finished,
    /// The generator calls itself unsound.
    pub saturated: bool,
    /// Why, the first cause first.
    pub why: String,
}

impl Told {
    /// What is wrong with it for this shortage; `None` when all is as it must be.
    pub fn wrong(&self, shortage: Shortage) -> Option<String> {
        let (code, saturated) = match shortage {
            Shortage::Nothing => (0, false),
            _ => (2, true),
        };
        let named = self.why.contains(shortage.words());
        let is_right = self.finished.code == Some(code) && self.saturated == saturated && named;
        (!is_right).then(|| {
            format!(
                "{}: exit {:?}, saturated {}, why '{}'\n{}",
                shortage.name(),
                self.finished.code,
                self.saturated,
                self.why,
                self.finished.said()
            )
        })
    }
}

/// Makes one run with a shortage.
///
/// # Panics
/// When the place cannot be made, or the run says nothing.
pub fn round(who: Who, shortage: Shortage) -> Told {
    let sandbox = Sandbox::new();
    let place = Place::of(shortage, &sandbox);
    match who {
        Who::Load => load(&sandbox, &place, shortage),
        Who::Run => run(&sandbox, &place, shortage),
    }
}

/// A program that cargo built beside the binary.
fn built(name: &str) -> String {
    let path: PathBuf = binary().with_file_name(name);
    path.to_string_lossy().into_owned()
}

fn load(sandbox: &Sandbox, place: &Place, shortage: Shortage) -> Told {
    let server = place.beside(&built("truth-server"), sandbox);
    let log = sandbox.path().join("replies.csv");
    let log = log.to_str().expect("paths of the tests are text");
    let server = Fixture::start(&server.to_string_lossy(), &["--log", log])
        .expect("the server can be started");
    let port = server.value("port").expect("it says its port");
    let (url, sessions) = (
        format!("http://127.0.0.1:{port}/"),
        shortage.sessions().to_string(),
    );
    let arguments = [
        "load",
        &url,
        "--json",
        "--rate",
        "2000/s",
        "--duration",
        "2500ms",
        "--sessions",
        &sessions,
        "-H",
        "x-request-id: {{id}}",
    ];
    let mut running = Running::start(sandbox.around(place.program(), &arguments));
    press(shortage, place, &mut running);
    let finished = running.finish();
    let json = finished.json();
    Told {
        saturated: json["generator"]["saturated"] == true,
        why: json["generator"]["why"].as_str().unwrap_or("").to_string(),
        finished,
    }
}

fn run(sandbox: &Sandbox, place: &Place, shortage: Shortage) -> Told {
    let engine = place.beside(&built("foreign-engine"), sandbox);
    let target = ForeignTarget::start(&engine.to_string_lossy(), sandbox, "none");
    let dir = sandbox.new_run_dir();
    let sessions = format!("load.sessions={}", shortage.sessions());
    let arguments = run_arguments(&target.scenario, &dir, &["--set", &sessions]);
    let mut command = sandbox.around(place.program(), &arguments);
    command.env("FOREIGN_TOKEN", CANARY_TOKEN);
    let mut running = Running::start(command);
    // Under pressure from the beginning it would never be steady, which would be another reason not to judge it.
    let steady = || {
        std::fs::read_to_string(dir.join("events.jsonl"))
            .is_ok_and(|events| events.contains("steady-reached"))
    };
    within_s(30.0, || steady() || !running.is_running());
    press(shortage, place, &mut running);
    let run = ScenarioRun {
        finished: running.finish(),
        dir,
    };
    let record = run.record();
    Told {
        saturated: record.generator.saturated,
        why: record.generator.why,
        finished: run.finished,
    }
}
