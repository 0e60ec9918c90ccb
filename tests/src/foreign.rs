//! The foreign engine as a target: started, with its profile and scenario pointing at its ports.

use std::path::PathBuf;

use crate::fixture::{Fixture, instantiate};
use crate::shakedown::{Running, Sandbox, ScenarioRun, run_arguments};

/// The token that the profile names; a test that looks for it in files looks for this text.
pub const CANARY_TOKEN: &str = "canary-5f2c9d71e0b84a36";

/// A running foreign engine and the files that lead to it.
#[derive(Debug)]
pub struct ForeignTarget {
    pub profile: PathBuf,
    pub scenario: PathBuf,
    engine: Fixture,
}

impl ForeignTarget {
    /// Starts the program of the fixture, broken in some way (`none`), and writes its files into the sandbox.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(program: &str, sandbox: &Sandbox, breakage: &str) -> ForeignTarget {
        let environment = [("FOREIGN_TOKEN", CANARY_TOKEN)];
        let engine = Fixture::start_with(program, &["--break", breakage], &environment)
            .expect("the fixture can be started");
        let port = engine.value("port").expect("it says its port");
        let metrics = engine.value("metrics").expect("it says its other port");
        let profile = instantiate(
            "foreign.yaml",
            sandbox.path(),
            &[
                ("127.0.0.1:18080", &format!("127.0.0.1:{port}")),
                ("port: 18081", &format!("port: {metrics}")),
            ],
        )
        .expect("the profile is a fixture");
        let scenario = instantiate("foreign-baseline.yaml", sandbox.path(), &[])
            .expect("the scenario is a fixture");
        ForeignTarget {
            profile,
            scenario,
            engine,
        }
    }

    /// Runs its scenario, with the token in the environment.
    pub fn run(&self, sandbox: &Sandbox, more: &[&str]) -> ScenarioRun {
        let dir = sandbox.new_run_dir();
        let mut command = sandbox.command(&run_arguments(&self.scenario, &dir, more));
        command.env("FOREIGN_TOKEN", CANARY_TOKEN);
        ScenarioRun {
            finished: Running::start(command).finish(),
            dir,
        }
    }

    /// Ends the engine now, as a crash would.
    pub fn crash(self) {
        drop(self.engine);
    }
}
