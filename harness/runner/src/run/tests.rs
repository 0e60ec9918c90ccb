//! Whole runs against an exchange in this process, with the real load.

mod ends;
mod faults;
mod refusals;
mod targets;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use shakedown_record::ExitCode;
use shakedown_record::event::{Event, Moment, read_events};
use shakedown_record::fault::Firing;
use shakedown_record::ledger::read_retries;
use shakedown_record::run_dir::RunDir;
use shakedown_record::run_record::Severity;
use shakedown_record::series::read_series;
use shakedown_scenarios::Compiled;
use shakedown_scenarios::plan::{
    AbortRule, AlertRule, AlertSource, Alerts, BlastRadius, Direction, EnvironmentPlan, FaultKind,
    FaultPlan, Hours, LinkEnd, LocalStandIn, Plan, Repeat, RetryPolicy, Rule, RuleKind, Selector,
    Signal, SilencePlan, Trigger, Window, WindowKind,
};
use tempfile::TempDir;
use tokio::sync::watch;

use super::shell::run_in;
use super::targets::resolve;
use super::*;
use crate::guard::Guarded;
use crate::lock::{Holder, Lock};
use crate::state_dir::StateDir;
use crate::testing::{Alertmanager, Exchange, Fault, SECRET, plan, target, write_exe};

/// A run and what it left.
struct Ran {
    end: RunEnd,
    events: Vec<Event>,
    run_dir: RunDir,
    folder: TempDir,
    took: Duration,
}

async fn run_plan(plan: Plan, interrupt_after: Option<Duration>) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let state = StateDir::at(&folder.path().join("state"));
    run_in_folder(folder, &state, plan, interrupt_after).await
}

async fn run_plan_in(state: &StateDir, plan: Plan, interrupt_after: Option<Duration>) -> Ran {
    run_in_folder(tempfile::tempdir().unwrap(), state, plan, interrupt_after).await
}

async fn run_in_folder(
    folder: TempDir,
    state: &StateDir,
    plan: Plan,
    interrupt_after: Option<Duration>,
) -> Ran {
    let exe = write_exe(folder.path());
    let run_dir = RunDir::create(&folder.path().join("run")).unwrap();
    let request = RunRequest {
        compiled: Compiled {
            plan,
            scenario_yaml: "scenario: test\n".to_string(),
            system_yaml: "system: acme\n".to_string(),
        },
        run_dir: run_dir.clone(),
        run_id: "20260102T030405Z-test".to_string(),
        exe,
        defects: Vec::new(),
        blunted: std::collections::BTreeSet::new(),
        operator: None,
        guarded: Guarded::default(),
    };
    let (sender, receiver) = watch::channel(None);
    let began = Instant::now();
    if let Some(after) = interrupt_after {
        let sender = sender.clone();
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            sender.send(Some("SIGINT".to_string())).unwrap();
        });
    }
    let end = run_in(Ok(state.clone()), request, receiver, |_| {}).await;
    let events = read_events(&run_dir.events()).unwrap();
    Ran {
        end,
        events: events.into_iter().map(|it| it.event).collect(),
        run_dir,
        folder,
        took: began.elapsed(),
    }
}

impl Ran {
    fn count(&self, pick: impl Fn(&Event) -> bool) -> usize {
        self.events.iter().filter(|event| pick(event)).count()
    }

    fn position(&self, pick: impl Fn(&Event) -> bool) -> usize {
        let found = self.events.iter().position(pick);
        found.unwrap_or_else(|| panic!("missing in {:#?}", self.events))
    }

    fn finished(&self) -> usize {
        self.count(|event| matches!(event, Event::RunFinished { .. }))
    }

    /// Everything that was written, as text.
    fn texts(&self) -> String {
        let mut text = String::new();
        let mut folders = vec![self.folder.path().to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let bytes = std::fs::read(&path).unwrap();
                    text.push_str(&String::from_utf8_lossy(&bytes));
                }
            }
        }
        text
    }
}

/// One node of our own whose leader is killed for a second.
fn leader_kill() -> Plan {
    let mut plan = plan(&["http://127.0.0.1:9".to_string()]);
    plan.environment = EnvironmentPlan::Local {
        stand_in: LocalStandIn::Engine {
            part: "engine".to_string(),
        },
    };
    plan.load.mix.cancel = 0;
    plan.faults.push(FaultPlan {
        id: "leader-dies".to_string(),
        kind: FaultKind::Kill {
            signal: Signal::Kill,
        },
        to: Selector::Role("leader".to_string()),
        when: Trigger::AfterSteady { by_ns: 0 },
        hold_ns: 1_000_000_000,
        repeat: Repeat {
            times: 1,
            every_ns: 0,
            jitter_ns: 0,
        },
    });
    plan
}
