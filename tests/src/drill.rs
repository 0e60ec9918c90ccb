//! Small scenarios that are put together for one test, and a look at a run while it goes on.

use std::fs;
use std::path::Path;

use serde_json::Value;

/// A scenario with little load on the reference engine and these faults, each a line such as
/// `cut: { do: …, to: …, when: …, for: 5s }`. It ends soon, also when a replica stays away.
pub fn scenario(faults: &[String]) -> String {
    let faults: String = faults.iter().map(|line| format!("  {line}\n")).collect();
    format!(
        "scenario: drill\n\
         about: A drill for one test.\n\
         system: reference\n\
         environment: local\n\
         seed: 7\n\
         load:\n  \
           arrival: {{ poisson: {{ rate: 200/s }} }}\n  \
           mix: {{ new: 70, cancel: 25, replace: 5 }}\n  \
           symbols: {{ names: [BTCUSD, ETHUSD], skew: {{ zipf: 1.1 }} }}\n  \
           sessions: 16\n  \
           timeout: 1s\n\
         phases: {{ warm-up: {{ at-most: 30s }}, steady: 2s, recovery: {{ at-most: 12s }} }}\n\
         faults:\n{faults}\
         sla:\n  \
           failover: {{ failover: {{ at-most: 6s }} }}\n  \
           lost: {{ lost-orders: {{ at-most: 0 }} }}\n"
    )
}

/// Events of a run that goes on, as far as they are written.
pub fn events(dir: &Path) -> Vec<Value> {
    let text = fs::read_to_string(dir.join("events.jsonl")).unwrap_or_default();
    // The last line may be half of one.
    text.lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

/// True when the run has told this event, of this fault where one is named.
pub fn has_told(dir: &Path, event: &str, fault: Option<&str>) -> bool {
    events(dir).iter().any(|told| {
        told["event"] == event && fault.is_none_or(|fault| told["firing"]["fault"] == fault)
    })
}

/// Names of the targets of a fault; empty until it was prepared.
pub fn targets_of(dir: &Path, fault: &str) -> Vec<String> {
    let prepared = events(dir)
        .into_iter()
        .find(|told| told["event"] == "fault-prepared" && told["firing"]["fault"] == fault);
    let targets = prepared.and_then(|told| told["targets"].as_array().cloned());
    let names = targets.into_iter().flatten();
    names
        .filter_map(|target| target["name"].as_str().map(str::to_string))
        .collect()
}

/// Pids of a child of the run by its name, in the order in which they were started; from the journal under `state`.
pub fn pids_of(state: &Path, name: &str) -> Vec<u32> {
    let journals = fs::read_dir(state.join("shakedown/journal"));
    let folders = journals.into_iter().flatten().filter_map(Result::ok);
    let mut pids = Vec::new();
    for folder in folders {
        let text = fs::read_to_string(folder.path().join("journal.jsonl")).unwrap_or_default();
        let entries = text.lines().filter_map(|line| {
            let entry: Value = serde_json::from_str(line).ok()?;
            let told = entry["event"] == "child-started" && entry["name"] == name;
            told.then(|| entry["process"]["pid"].as_u64())?
        });
        pids.extend(entries.map(|pid| pid as u32));
    }
    pids
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drill_is_a_scenario_with_its_faults() {
        let text = scenario(&["one: { x: 1 }".to_string(), "two: { x: 2 }".to_string()]);
        assert!(
            text.contains("\nfaults:\n  one: { x: 1 }\n  two: { x: 2 }\nsla:\n"),
            "{text}"
        );
    }

    #[test]
    fn events_and_pids_are_read_while_they_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let event =
            r#"{"mono_ns":1,"event":"fault-effect","firing":{"fault":"cut","occurrence":0}}"#;
        fs::write(
            folder.path().join("events.jsonl"),
            format!("{event}\n{{\"mo"),
        )
        .unwrap();
        assert!(has_told(folder.path(), "fault-effect", Some("cut")));
        assert!(has_told(folder.path(), "fault-effect", None));
        assert!(!has_told(folder.path(), "fault-effect", Some("other")));
        let journal = folder.path().join("shakedown/journal/run-1");
        fs::create_dir_all(&journal).unwrap();
        let line = r#"{"event":"child-started","name":"engine-1","process":{"pid":7,"start_time_ticks":9}}"#;
        fs::write(journal.join("journal.jsonl"), format!("{line}\n{line}\n{{")).unwrap();
        assert_eq!(pids_of(folder.path(), "engine-1"), [7, 7]);
        assert!(pids_of(folder.path(), "engine-2").is_empty());
    }
}
