//! One row of a campaign each: what the campaign repeats, and what the ci tier takes a sample of.

pub mod defects;
pub mod kubernetes_library;
pub mod linearizability;

use std::path::Path;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use shakedown_record::{Phase, Verdict};

use crate::calm::wait_for_calm;
use crate::cluster_kill::{ClusterKillWorld, Killed};
use crate::evidence::{Campaign, Evidence};
use crate::rates::soak::Soak;
use crate::shakedown::{Finished, Running, Sandbox, binary, library, run_arguments};
use crate::storm_proxy::Storms;
use crate::survival::{CutWorld, FrozenBy, FrozenWorld};
use crate::{scale, starved};

/// Within this time nothing of a killed run may be left.
pub const GRACE_S: f64 = 2.0;

/// A calm moment is waited for this long before a run whose figures count.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// The kills are spread over this long a part of a run.
const SPREAD_S: f64 = 24.0;

/// A kill of Shakedown, and what was left of its run.
#[derive(Debug, Clone)]
pub struct Kill {
    pub number: u64,
    pub scenario: &'static str,
    pub after_s: f64,
    /// Processes of the run just before.
    pub processes_before: usize,
    /// In words, what was left after [`GRACE_S`].
    pub left: Vec<String>,
    pub frozen: usize,
    /// How `recover` ended.
    pub recover: Finished,
    /// How a second `recover` ended, which finds nothing to do.
    pub again: Finished,
}

impl Kill {
    fn row(&self) -> Vec<String> {
        vec![
            self.number.to_string(),
            self.scenario.to_string(),
            format!("{:.2}", self.after_s),
            self.processes_before.to_string(),
            self.left.len().to_string(),
            self.frozen.to_string(),
            self.recover.code.unwrap_or(-1).to_string(),
        ]
    }
}

/// Kills a run at a moment that the seed decides: one in each of `of` equal parts, so that few kills still meet the
/// start, the fault and the end. Odd ones meet a killed leader, even ones a frozen one.
///
/// # Panics
/// When the run ended before.
pub fn kill_once(number: u64, of: u64, seed: u64) -> Kill {
    let scenario = if number % 2 == 1 {
        "quickstart"
    } else {
        "leader-freeze"
    };
    let after_s = ((number - 1) as f64 + fraction(seed, number)) * SPREAD_S / of as f64;
    let sandbox = Sandbox::new();
    let (path, dir) = (library(scenario), sandbox.new_run_dir());
    let run_seed = number.to_string();
    let arguments = run_arguments(&path, &dir, &["--seed", &run_seed]);
    let mut running = Running::start(sandbox.command(&arguments));
    thread::sleep(Duration::from_secs_f64(after_s));
    if !running.is_running() {
        panic!(
            "{scenario} ended before {after_s:.2} s\n{}",
            running.finish().said()
        );
    }
    let processes_before = sandbox.processes().len();
    running.signal(Signal::KILL);
    let finished = running.finish();
    assert_eq!(finished.signal, Some(9), "{}", finished.said());
    let left = sandbox.left_after_s(GRACE_S);
    Kill {
        number,
        scenario,
        after_s,
        processes_before,
        frozen: left.iter().filter(|process| process.is_frozen()).count(),
        left: left.iter().map(|process| format!("{process:?}")).collect(),
        recover: sandbox.run(&["recover"]),
        again: sandbox.run(&["recover"]),
    }
}

/// A seed is run so often at most.
const TRIES: u32 = 5;

/// The quickstart on the clean engine with one seed, as a row. What the machine starved is run again.
fn quickstart_row(seed: u64) -> Vec<String> {
    let text = seed.to_string();
    let mut starved_before = 0;
    let (run, record) = loop {
        wait_for_calm(PATIENCE);
        let sandbox = Sandbox::new();
        let run = sandbox.run_scenario(&library("quickstart"), &["--seed", &text]);
        let record = run.record();
        let starved = run.finished.code == Some(2) && record.generator.saturated;
        if !starved || starved_before + 1 == TRIES {
            break (run, record);
        }
        starved_before += 1;
    };
    let seconds = |value: Option<f64>| value.map_or("-".to_string(), |s| format!("{s:.3}"));
    let failover = record.failover.iter().find(|entry| entry.fault.is_some());
    let p99_ns = record
        .latency
        .get(&Phase::Steady)
        .and_then(|latency| latency.p99_ns);
    let why = match record.verdict {
        Verdict::Pass => "-".to_string(),
        Verdict::Fail | Verdict::Inconclusive => {
            let why = format!("{} {}", record.reasons.join("; "), record.generator.why);
            why.replace(['\t', '\n'], " ").trim().to_string()
        }
    };
    vec![
        text,
        run.finished.code.unwrap_or(-1).to_string(),
        record.verdict.name().to_string(),
        seconds(failover.and_then(|entry| entry.recovered_s)),
        seconds(failover.and_then(|entry| entry.worst_session_gap_s)),
        p99_ns.map_or("-".to_string(), |ns| format!("{:.2}", ns as f64 / 1e6)),
        record
            .data_loss
            .lost
            .map_or("-".to_string(), |lost| lost.to_string()),
        why,
        starved_before.to_string(),
    ]
}

/// The heartbeat of a cut comes every 667 ms: kills fall anywhere between two.
pub const CUT_FOR_MS: f64 = 700.0;

/// A freeze is killed within this time.
pub const FROZEN_FOR_MS: f64 = 300.0;

/// A moment that the seed decides, within `at_most_ms`.
pub fn moment(seed: u64, number: u64, at_most_ms: f64) -> Duration {
    Duration::from_secs_f64(fraction(seed, number) * at_most_ms / 1e3)
}

/// Which part of a campaign is made now.
#[derive(Debug, Clone)]
pub struct Part {
    /// Rows before this one, counted from 1, are made elsewhere at the same time.
    pub from: u64,
    /// Rows that were made before.
    pub done: Vec<Vec<String>>,
    /// So many more at most.
    pub count: u64,
}

/// Makes one row after the other.
type Rows = Box<dyn FnMut(u64) -> Vec<String>>;

fn rows_of(campaign: Campaign) -> Rows {
    let itself = || std::env::current_exe().expect("a running program has a path");
    match campaign {
        Campaign::QuickstartSeeds => Box::new(quickstart_row),
        Campaign::Sigkill => {
            let count = campaign.rows() as u64;
            Box::new(move |number| kill_once(number, count, 1).row())
        }
        Campaign::PartitionSigkill => {
            let (world, itself) = (CutWorld::new(), itself());
            Box::new(move |number| {
                let after = moment(1, number, CUT_FOR_MS);
                world.round(number, &itself, after).row()
            })
        }
        Campaign::FreezeSigkill => {
            let world = FrozenWorld::new(&itself(), &binary());
            Box::new(move |number| {
                let by = match number % 2 {
                    1 => FrozenBy::Signal,
                    _ => FrozenBy::Cgroup,
                };
                let after = moment(1, number, FROZEN_FOR_MS);
                world.round(number, by, after).row()
            })
        }
        Campaign::DockerPauseSigkill => {
            let world = FrozenWorld::in_container(&itself(), &binary());
            Box::new(move |number| {
                let after = moment(1, number, FROZEN_FOR_MS);
                world.round(number, FrozenBy::Engine, after).row()
            })
        }
        Campaign::Starved => Box::new(starved::row),
        Campaign::Conservation => {
            let mut storms = Storms::default();
            Box::new(move |seed| storms.row(seed))
        }
        Campaign::Soak => {
            let rates = itself().with_file_name("rates");
            let mut soak = Soak::start(&rates, campaign.rows() as u64);
            Box::new(move |minute| soak.row(minute))
        }
        Campaign::Scale => Box::new(scale::row),
        Campaign::Defects => {
            let mut pairs = defects::Pairs::new(defects::row, campaign.rows());
            Box::new(move |number| pairs.row(number))
        }
        Campaign::Clean => {
            let mut pairs = defects::Pairs::new(defects::clean_row, campaign.rows());
            Box::new(move |number| pairs.row(number))
        }
        Campaign::Linearizability => Box::new(linearizability::row),
        Campaign::KubernetesLibrary => Box::new(kubernetes_library::row),
        Campaign::KubernetesSigkill => {
            let mut world = ClusterKillWorld::new();
            Box::new(move |number| {
                let killed = Killed::of_round(number);
                world.round(number, killed, fraction(1, number)).row()
            })
        }
    }
}

/// Runs a campaign, or a part of it; `tell` gets the table after each row.
///
/// # Errors
/// When it cannot be told.
pub fn conduct(
    campaign: Campaign,
    commit: &str,
    part: Part,
    mut tell: impl FnMut(&Evidence) -> std::io::Result<()>,
) -> std::io::Result<Evidence> {
    let count = campaign.rows() as u64;
    let facts = [
        ("campaign", campaign.name().to_string()),
        ("command", format!("tests/campaign.sh {}", campaign.name())),
        ("commit", commit.to_string()),
        ("seeds", format!("1..{count}")),
    ];
    let from = part.from.max(1) + part.done.len() as u64;
    let to = count.min((from - 1).saturating_add(part.count));
    let mut evidence = Evidence {
        facts: facts
            .map(|(name, value)| (name.to_string(), value))
            .into_iter()
            .collect(),
        columns: campaign.columns().iter().map(ToString::to_string).collect(),
        rows: part.done,
    };
    let mut make = rows_of(campaign);
    for number in from..=to {
        evidence.rows.push(make(number));
        tell(&evidence)?;
    }
    Ok(evidence)
}

/// Writes a table where the ci tier looks for it.
///
/// # Errors
/// When the file cannot be written.
pub fn save(evidence: &Evidence, path: &Path) -> std::io::Result<()> {
    let mut text = String::new();
    for (name, value) in &evidence.facts {
        text.push_str(&format!("# {name}: {value}\n"));
    }
    text.push_str(&format!("{}\n", evidence.columns.join("\t")));
    for row in &evidence.rows {
        text.push_str(&format!("{}\n", row.join("\t")));
    }
    std::fs::write(path, text)
}

/// A number from 0 to 1 that depends on nothing but the seed and the count.
fn fraction(seed: u64, count: u64) -> f64 {
    let mut bits = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(count);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((bits ^ (bits >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("evidence.tsv");
        let campaign = Campaign::Sigkill;
        let evidence = Evidence {
            facts: [("campaign", "sigkill-30"), ("command", "c"), ("seeds", "1")]
                .into_iter()
                .chain([("commit", "0123456789012345678901234567890123456789")])
                .map(|(name, value)| (name.to_string(), value.to_string()))
                .collect(),
            columns: campaign.columns().iter().map(ToString::to_string).collect(),
            rows: vec![vec!["1".to_string(); campaign.columns().len()]],
        };
        save(&evidence, &path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(Evidence::parse(&text), Ok(evidence));
    }

    #[test]
    fn moments_are_spread_and_repeatable() {
        let moments: Vec<f64> = (1..100).map(|count| fraction(1, count)).collect();
        assert!(moments.iter().all(|moment| (0.0..1.0).contains(moment)));
        let low = moments.iter().filter(|moment| **moment < 0.5).count();
        assert!((30..70).contains(&low), "{low}");
        assert_eq!(fraction(1, 7), fraction(1, 7));
        assert_ne!(fraction(1, 7), fraction(2, 7));
    }
}
