//! The exchange as a node of a local cluster: this test binary, started again by a small script.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::Exchange;

const ARGUMENTS: &str = "SHAKEDOWN_NODE_ARGUMENTS";

/// Plays a node if the process was started to.
#[test]
fn double() {
    let Ok(arguments) = std::env::var(ARGUMENTS) else {
        return;
    };
    let arguments: Vec<&str> = arguments.split_whitespace().collect();
    let option = |name: &str| {
        let at = arguments.iter().position(|argument| *argument == name);
        arguments[at.unwrap() + 1]
    };
    let log = Path::new(option("--data")).join("orders.jsonl");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(Exchange::serve_from(option("--http"), log));
}

/// A script that stands for the Shakedown binary.
pub fn write_exe(folder: &Path) -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let text = format!(
        "#!/bin/sh\nexec env {ARGUMENTS}=\"$*\" '{}' --exact testing::node::double --nocapture\n",
        own.display()
    );
    let path = folder.join("shakedown.sh");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}
