//! Lets the program judge a run directory, and watches its memory meanwhile.

use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Planted;

const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What the program took, and what it found.
#[derive(Debug)]
pub struct Judged {
    pub seconds: f64,
    /// The most anonymous memory that was seen, looked at every 20 ms.
    pub anonymous_bytes: u64,
    pub acknowledged: u64,
    pub found: Planted,
    /// Findings of classes of which nothing was planted.
    pub others: u64,
}

/// Runs `shakedown report DIR --format json`.
///
/// # Errors
/// When the program cannot be started, or prints no record.
pub fn judge(binary: &Path, run: &Path) -> io::Result<Judged> {
    let began = Instant::now();
    let mut child = Command::new(binary)
        .arg("report")
        .arg(run)
        .args(["--format", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()?;
    let output = child.stdout.take().expect("piped above");
    let reader = thread::spawn(move || io::read_to_string(output));
    let anonymous_bytes = watch(&mut child)?;
    let seconds = began.elapsed().as_secs_f64();
    let text = reader.join().expect("the reader does not panic")?;
    let record: Value = serde_json::from_str(&text)?;
    let loss = &record["data_loss"];
    let count = |class: &str| {
        loss[class].as_u64().ok_or_else(|| {
            io::Error::other(format!("{class} was not counted: {}", record["reasons"]))
        })
    };
    Ok(Judged {
        seconds,
        anonymous_bytes,
        acknowledged: count("acknowledged")?,
        found: Planted {
            lost: count("lost")?,
            corrupt: count("corrupt")?,
            phantom: count("phantom")?,
            duplicate: count("duplicate")?,
            resurrected: count("resurrected")?,
        },
        // A single copy can differ from no other: there it is null.
        others: ["divergent", "reordered", "unresolved"]
            .map(|class| loss[class].as_u64().unwrap_or(0))
            .iter()
            .sum(),
    })
}

/// The most anonymous memory of a child until it ends, in bytes.
fn watch(child: &mut Child) -> io::Result<u64> {
    let status = format!("/proc/{}/status", child.id());
    let mut most = 0;
    while child.try_wait()?.is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        let kib = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok());
        most = most.max(kib.unwrap_or(0) * 1024);
        thread::sleep(LOOK_EVERY);
    }
    Ok(most)
}
