//! A target in a container of the Docker Engine at DOCKER_HOST, or the usual one.

use std::path::Path;
use std::process::{Command, Stdio};

const IMAGE: &str = "shakedown-survival:local";

/// A container that runs one program of this machine, with its libraries, in the machine's own network.
#[derive(Debug)]
pub(super) struct Container {
    id: String,
    pid: u32,
}

impl Container {
    /// Starts it from an image that is empty but for the folders into which the machine's own are mounted, read-only.
    ///
    /// # Panics
    /// When the engine does not do it.
    pub(super) fn start(program: &Path, arguments: &[&str]) -> Container {
        let script = format!("tar -c -T /dev/null | docker import - {IMAGE}");
        told(Command::new("sh").args(["-c", &script]));
        let program = program.to_str().expect("paths of the tests are text");
        let mut run = Command::new("docker");
        run.args(["run", "--detach", "--interactive", "--network", "host"]);
        let mounts =
            ["/lib", "/lib64", "/usr/lib", program].map(|path| format!("{path}:{path}:ro"));
        for mount in &mounts {
            run.args(["--volume", mount]);
        }
        let id = told(run.args([IMAGE, program]).args(arguments));
        let pid = told(Command::new("docker").args(["inspect", "--format", "{{.State.Pid}}", &id]));
        Container {
            pid: pid.parse().expect("a number of a process"),
            id,
        }
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// Removes it, whatever it does.
    pub(super) fn remove(&self) {
        // Nothing more can be done about one that stays.
        let _ = Command::new("docker")
            .args(["rm", "--force", &self.id])
            .stdout(Stdio::null())
            .status();
    }
}

/// What a command says, without the end of the line.
fn told(command: &mut Command) -> String {
    let done = command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{command:?}: {errors}");
    String::from_utf8_lossy(&done.stdout).trim_end().to_string()
}
