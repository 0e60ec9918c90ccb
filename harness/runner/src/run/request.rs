//! What a run is asked for, what it says while it goes on, and how it ended.

use std::collections::BTreeSet;
use std::path::PathBuf;

use shakedown_record::ExitCode;
use shakedown_record::event::Event;
use shakedown_record::phase::Phase;
use shakedown_record::run_dir::{RunDir, sha256_hex_of};
use shakedown_scenarios::Compiled;

use crate::guard::Guarded;

/// One run.
#[derive(Debug, Clone)]
pub struct RunRequest {
    pub compiled: Compiled,
    /// Created, and empty but for its folders.
    pub run_dir: RunDir,
    pub run_id: String,
    /// The Shakedown binary, absolute.
    pub exe: PathBuf,
    /// Defects of the stand-in to switch on.
    pub defects: Vec<String>,
    /// Ids of faults that go through their whole life without the step that changes the world: a self-test, in which
    /// nobody may come to believe in an effect.
    pub blunted: BTreeSet<String>,
    pub operator: Option<String>,
    /// What the guards have to know, and which of them a person has overruled.
    pub guarded: Guarded,
}

/// How a run ended. What it found is for the analysis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunEnd {
    /// The exit code that the run itself forces: refused, unavailable, interrupted, or a bug.
    pub exit_floor: Option<ExitCode>,
    /// Why, in words.
    pub message: Option<String>,
}

/// What a person may want to see while the run goes on.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// Something worth a line.
    Note(String),
    /// A step of a fault's life.
    Fault(String),
    /// One finished second of load.
    Second {
        /// Run time of its end, in seconds.
        at_s: f64,
        phase: Phase,
        offered_per_s: f64,
        achieved_per_s: f64,
        /// The largest P99 of its ten slots, in nanoseconds.
        p99_ns: Option<u64>,
        /// Orders that were neither acknowledged nor rejected.
        errors: u64,
    },
}

/// Six characters of `[a-z0-9]` from the run id: the prefix of every client order id of the run.
pub fn order_prefix(run_id: &str) -> String {
    const DIGITS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let digest = sha256_hex_of(run_id.as_bytes());
    let mut number = u64::from_str_radix(&digest[..15], 16).expect("a digest is hexadecimal");
    (0..6)
        .map(|_| {
            let digit = DIGITS[(number % 36) as usize];
            number /= 36;
            char::from(digit)
        })
        .collect()
}

/// An event in a line for a person; `None` for those that are no news.
pub fn told(event: &Event) -> Option<Progress> {
    let fault = |text: String| Some(Progress::Fault(text));
    let note = |text: String| Some(Progress::Note(text));
    match event {
        Event::SteadyReached => note("steady state is proven".to_string()),
        Event::SteadyMissed { reason } => note(reason.clone()),
        Event::AbortMet { condition, reason } => note(format!("abort '{condition}': {reason}")),
        Event::WorkerLost {
            worker,
            workers,
            why,
        } => note(format!("worker {worker} of {workers} is lost: {why}")),
        Event::Interrupted { by } => note(format!("interrupted by {by}: healing")),
        Event::FaultPrepared {
            firing,
            kind,
            targets,
            ..
        } => {
            let names = targets.iter().map(|target| match &target.role {
                Some(role) => format!("{}, the {role}", target.name),
                None => target.name.clone(),
            });
            let names: Vec<String> = names.collect();
            fault(format!("{}: {kind} {}", firing.label(), names.join("; ")))
        }
        Event::FaultRefused { firing, reason } => {
            fault(format!("{}: refused: {reason}", firing.label()))
        }
        Event::FaultEffect { firing, effect } if effect.confirmed => {
            fault(format!("{}: {}", firing.label(), effect.text))
        }
        Event::FaultEffect { firing, effect } => {
            fault(format!("{}: no effect: {}", firing.label(), effect.text))
        }
        Event::FaultFailed { firing, reason } => fault(format!("{}: {reason}", firing.label())),
        Event::FaultHealing { firing } => fault(format!("{}: healing", firing.label())),
        Event::FaultClean { firing } => fault(format!("{}: healed and clean", firing.label())),
        Event::FaultDirty { firing, left } => {
            fault(format!("{}: left behind: {}", firing.label(), left.what))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::order_prefix;

    #[test]
    fn prefixes_are_six_plain_characters_and_differ() {
        let prefixes: std::collections::BTreeSet<String> = (0..500)
            .map(|run| order_prefix(&format!("run-{run}")))
            .collect();
        assert_eq!(prefixes.len(), 500);
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let fine = |prefix: &String| prefix.len() == 6 && prefix.bytes().all(plain);
        assert!(prefixes.iter().all(fine));
        assert_eq!(order_prefix("run-1"), order_prefix("run-1"));
    }
}
