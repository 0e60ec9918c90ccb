//! hft as its documents have it for tests: a service that is scaled to three, and Redis (`deploy/systems/hft/compose.yaml`).

use std::process::Command;

use shakedown_record::Verdict;
use shakedown_tests::shakedown::{Sandbox, alone, binary, workspace};

/// What `compose-up` starts; it is taken down when this is dropped.
struct Project;

impl Project {
    fn up() -> Project {
        let project = Project;
        Project::script("compose-down");
        let (succeeded, said) = Project::script("compose-up");
        assert!(succeeded, "compose-up: {said}");
        project
    }

    /// By plain `docker run`: not every machine has Compose.
    fn script(name: &str) -> (bool, String) {
        let mut script = Command::new(workspace().join("deploy/systems/hft").join(name));
        if name == "compose-up" {
            script.arg(binary());
        }
        let done = script.env("SHAKEDOWN_NO_COMPOSE", "1").output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        (done.status.success(), said)
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        Project::script("compose-down");
    }
}

#[test]
fn a_container_that_is_killed_has_its_books_back() {
    let _alone = alone();
    let _project = Project::up();
    let sandbox = Sandbox::new();
    let scenario = workspace().join("scenarios/library/hft/replica-kill.yaml");
    let more = [
        "--environment",
        "docker",
        "--set",
        "load.arrival.poisson.rate=400/s",
        "--set",
        "sla.steady-rate.throughput.at-least=360/s",
        "--set",
        "phases.steady=3s",
    ];
    let run = sandbox.run_soundly(&scenario, &more);
    let record = run.expect_code(0);
    assert_eq!(record.verdict, Verdict::Pass);
    assert_eq!(record.data_loss.coverage.replicas_read, 3);
    assert!(record.faults[0].effect.confirmed && record.faults[0].clean_at_s.is_some());
}
