//! Recovery from another machine: a state folder of its own, and nothing but the cluster in common.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;
use shakedown_record::ExitCode;
use tokio::sync::watch;

use super::*;
use crate::drill::{ClusterCopy, Drill, DrillAbout};
use crate::journal::{Journal, RunAbout, Undo};
use crate::mechanisms::Invocation;
use crate::mechanisms::kubernetes::Undo as Back;
use crate::mechanisms::kubernetes::act::{ObjectKind, OwnObject};
use crate::mechanisms::monitoring::{Monitoring, NewSilence, SilenceUndo};
use crate::testing::{Alertmanager, ApiServer};

const POD: &str = "/api/v1/namespaces/agents/pods/a";

fn about() -> DrillAbout {
    DrillAbout {
        run_id: "run-1".to_string(),
        operator: None,
        host: "gone".to_string(),
        nonce: "5f3a9c1e".to_string(),
        namespace: "drills".to_string(),
        lease: "shakedown-drill-acme-1".to_string(),
        duration_s: 20,
    }
}

/// A run that has a pod made and a command done, and dies.
async fn run_that_dies(server: &ApiServer, folder: &Path) {
    let cluster = server.cluster().await;
    let end = watch::Sender::new(None);
    let drill = Drill::begin(&cluster, &about(), ("acme", "stg"), end).await;
    let drill = drill.unwrap();
    let about = RunAbout {
        run_id: "run-1".to_string(),
        run_dir: folder.join("run"),
        system: "acme".to_string(),
        environment: "kubernetes".to_string(),
        started_at: "2026-01-02T03:04:05Z".to_string(),
    };
    let journal = Journal::create(&StateDir::at(folder), about).unwrap();
    journal.record(&Entry::Drill(drill.mark().clone())).unwrap();
    let copy = ClusterCopy::new(drill.mark()).unwrap();
    journal.keep_copy(Box::new(copy)).unwrap();
    let own = OwnObject {
        kind: ObjectKind::Pod,
        namespace: "agents".to_string(),
        name: "a".to_string(),
        label: ("run".to_string(), "1".to_string()),
    };
    let heal = Invocation {
        words: vec!["true".to_string()],
        folder: PathBuf::from("/no/such/folder"),
        variables: Vec::new(),
        deadline: Duration::from_secs(5),
    };
    let back = Box::new(Back::delete(&cluster, own));
    let name = "a".to_string();
    let intent = Entry::FaultIntent {
        fault: "one".to_string(),
        kind: "x".to_string(),
        targets: Vec::new(),
        undo: vec![Undo::Cluster { name, back }, Undo::Command { heal }],
    };
    journal.record(&intent).unwrap();
    let labels = json!({"name": "a", "uid": "u", "labels": {"run": "1"}});
    server.make(
        POD,
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": labels}),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_silence_of_a_dead_run_is_ended_and_that_of_a_living_one_stays() {
    let monitoring = Alertmanager::open().await;
    let folder = tempfile::tempdir().unwrap();
    let state = StateDir::at(folder.path());
    let about = RunAbout {
        run_id: "run-1".to_string(),
        run_dir: folder.path().join("run"),
        system: "acme".to_string(),
        environment: "local".to_string(),
        started_at: "2026-01-02T03:04:05Z".to_string(),
    };
    let journal = Journal::create(&state, about).unwrap();
    let back = SilenceUndo {
        alertmanager: monitoring.base.clone(),
        mark: "run-1".to_string(),
    };
    let intent = Entry::FaultIntent {
        fault: "silence".to_string(),
        kind: "silence".to_string(),
        targets: Vec::new(),
        undo: vec![Undo::Silence { back }],
    };
    journal.record(&intent).unwrap();
    let silence = NewSilence {
        labels: std::collections::BTreeMap::from([("cluster".to_string(), "ours".to_string())]),
        mark: "run-1".to_string(),
        starts_at: "2026-01-01T00:00:00Z".to_string(),
        ends_at: "2026-01-01T01:00:00Z".to_string(),
    };
    let server = Monitoring::at(&monitoring.base).unwrap();
    server.silence(&silence).await.unwrap();
    // This very process owns it, and lives.
    recovered(&state).await;
    assert_eq!(monitoring.silent(), 1);
    drop(journal);
    owned_by_the_dead(folder.path());
    let report = recovered(&state).await;
    assert_eq!(monitoring.silent(), 0, "{report:?}");
    assert_eq!(report.exit_code(), ExitCode::Pass, "{report:?}");
}

/// Rewrites the journals below a folder as if a process that is gone had written them.
fn owned_by_the_dead(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            owned_by_the_dead(&path);
        } else if path.extension().is_some_and(|end| end == "jsonl") {
            let text = std::fs::read_to_string(&path).unwrap();
            let own = format!("\"pid\":{}", std::process::id());
            std::fs::write(&path, text.replace(&own, "\"pid\":4194304")).unwrap();
        }
    }
}

fn afar(server: &ApiServer, commands: bool) -> Afar {
    Afar {
        access: server.access(),
        namespaces: BTreeSet::from(["drills".to_string()]),
        commands,
    }
}

async fn recovered(state: &StateDir) -> RecoverReport {
    let state = state.clone();
    let done = tokio::task::spawn_blocking(move || recover(&state, None));
    done.await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_of_a_lost_machine_is_recovered_from_another_one_once_it_is_dead() {
    let server = ApiServer::with(&["drills", "agents"]).await;
    let (lost, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    run_that_dies(&server, lost.path()).await;
    let state = StateDir::at(here.path());

    // Its Lease is good still: it may live.
    let alone = adopt(&state, &afar(&server, false), None).await.unwrap();
    let [run] = alone.as_slice() else {
        panic!("{alone:?}")
    };
    let held =
        matches!(&run.state, RunState::Held { by, .. } if by.starts_with("run run-1 on gone"));
    assert!(held && run.left.is_empty(), "{run:?}");
    assert_eq!(recovered(&state).await.runs, []);
    assert_eq!(server.all("pods", "agents").len(), 1);

    // It is over. Another run's name is no reason to touch it.
    server.change("leases", |lease| {
        lease["spec"]["renewTime"] = json!("2026-01-01T00:00:00.000000Z")
    });
    let other = adopt(&state, &afar(&server, false), Some("run-2")).await;
    assert_eq!(other.unwrap(), []);
    assert_eq!(recovered(&state).await.runs, []);
    assert_eq!(
        adopt(&state, &afar(&server, false), None).await.unwrap(),
        []
    );
    let report = recovered(&state).await;
    assert_eq!(report.exit_code(), ExitCode::Dirty);
    assert_eq!(server.all("pods", "agents").len(), 0);
    let left = &report.runs[0].left;
    assert_eq!(left.len(), 1, "{left:?}");
    assert!(left[0].what.contains("`true` was not run"), "{left:?}");
    assert_eq!(
        server.all("configmaps", "drills").len(),
        1,
        "it is not done"
    );
    assert_eq!(server.all("leases", "drills").len(), 0);

    // Somebody says that its commands may be run, here.
    assert_eq!(adopt(&state, &afar(&server, true), None).await.unwrap(), []);
    let report = recovered(&state).await;
    assert_eq!(report.exit_code(), ExitCode::Pass, "{report:?}");
    assert_eq!(server.all("configmaps", "drills").len(), 0);
    assert_eq!(server.all("leases", "drills").len(), 0);
    assert_eq!(recovered(&state).await.runs, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_dead_run_left_waits_while_another_run_has_the_system() {
    let server = ApiServer::with(&["drills", "agents"]).await;
    let (lost, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    run_that_dies(&server, lost.path()).await;
    server.change("leases", |lease| {
        lease["spec"]["holderIdentity"] = json!("run run-2 on b")
    });
    let state = StateDir::at(here.path());
    let alone = adopt(&state, &afar(&server, true), None).await.unwrap();
    assert_eq!(alone[0].left.len(), 1, "{alone:?}");
    assert_eq!(recovered(&state).await.runs, []);
    assert_eq!(server.all("pods", "agents").len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_of_another_container_is_recovered_once_its_lease_is_free() {
    let server = ApiServer::with(&["drills", "agents"]).await;
    let folder = tempfile::tempdir().unwrap();
    run_that_dies(&server, folder.path()).await;
    let state = StateDir::at(folder.path());
    let journal = state.journal("run-1").unwrap().join(JOURNAL_FILE);
    let written = std::fs::read_to_string(&journal).unwrap();
    let here = World::current().unwrap().pid_namespace;
    let there = written.replace(&here, "pid:[1]");
    assert_ne!(there, written);
    std::fs::write(&journal, there).unwrap();

    // It may live, and nobody can look.
    let report = recovered(&state).await;
    let held = matches!(&report.runs[0].state, RunState::Held { .. });
    assert!(held && report.exit_code() == ExitCode::Pass, "{report:?}");
    assert_eq!(server.all("pods", "agents").len(), 1);

    server.change("leases", |lease| {
        lease["spec"]["renewTime"] = json!("2026-01-01T00:00:00.000000Z")
    });
    let report = recovered(&state).await;
    assert_eq!(report.runs[0].state, RunState::Dead, "{report:?}");
    assert_eq!(server.all("pods", "agents").len(), 0);
    assert_eq!(server.all("leases", "drills").len(), 0);
}
