use serde_json::json;

use super::*;
use crate::drill::ClusterCopy;
use crate::journal::{Entry, Journal, RunAbout, read_journal};
use crate::state_dir::StateDir;
use crate::testing::ApiServer;

const WITHIN: Duration = Duration::from_secs(8);

fn about(run: &str, duration_s: u32) -> DrillAbout {
    DrillAbout {
        run_id: run.to_string(),
        operator: Some("ada".to_string()),
        host: "build-7".to_string(),
        nonce: format!("{run}-5f3a9c1e"),
        namespace: "drills".to_string(),
        lease: "shakedown-drill-acme-1".to_string(),
        duration_s,
    }
}

type Ended = watch::Receiver<Option<String>>;

async fn begin(server: &ApiServer, about: &DrillAbout) -> Result<(Drill, Ended), DrillError> {
    let cluster = server.cluster().await;
    let (end, ended) = watch::channel(None);
    let drill = Drill::begin(&cluster, about, ("acme", "stg"), end).await?;
    Ok((drill, ended))
}

/// Why the run was told to end; `None`: not in time.
async fn told(ended: &mut Ended) -> Option<String> {
    let came = tokio::time::timeout(WITHIN, ended.wait_for(Option::is_some));
    came.await.ok()?.ok()?.clone()
}

#[tokio::test]
async fn the_second_runner_is_told_who_holds_it_and_gets_it_afterwards() {
    let server = ApiServer::with(&["drills"]).await;
    let (first, mut ended) = begin(&server, &about("run-1", 20)).await.unwrap();
    let refused = begin(&server, &about("run-2", 20)).await.unwrap_err();
    let said = refused.to_string();
    for words in [
        "acme in namespace stg is being validated already by run run-1 of ada on build-7 (run-1-5f), since 20",
        "its Lease shakedown-drill-acme-1 in drills is free after 20",
    ] {
        assert!(said.contains(words), "{said}");
    }
    assert!(first.give_back().await.is_none());
    assert_eq!(
        server.all("leases", "drills"),
        Vec::<serde_json::Value>::new()
    );
    begin(&server, &about("run-2", 20)).await.unwrap();
    assert!(!ended.has_changed().unwrap_or(false), "{ended:?}");
    assert_eq!(*ended.borrow_and_update(), None);
}

#[tokio::test]
async fn it_is_renewed_and_a_dead_runner_s_is_free_after_its_duration() {
    let server = ApiServer::with(&["drills"]).await;
    let (first, _ended) = begin(&server, &about("run-1", 2)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(4_500)).await;
    let second = begin(&server, &about("run-2", 2)).await;
    assert!(
        matches!(second, Err(DrillError::Taken { .. })),
        "{second:?}"
    );
    // As when its process is killed: nobody renews, nobody gives back.
    drop(first);
    tokio::time::sleep(Duration::from_millis(4_500)).await;
    begin(&server, &about("run-2", 2)).await.unwrap();
}

#[tokio::test]
async fn whoever_takes_or_removes_the_lease_ends_the_run() {
    let server = ApiServer::with(&["drills"]).await;
    let (drill, mut ended) = begin(&server, &about("run-1", 2)).await.unwrap();
    server.change("leases", |lease| {
        lease["spec"]["holderIdentity"] = json!("run run-9")
    });
    assert_eq!(
        told(&mut ended).await.unwrap(),
        "the loss of the lease shakedown-drill-acme-1 in drills (somebody else has it: run run-9)"
    );
    assert!(drill.give_back().await.is_none());
    assert_eq!(
        server.all("leases", "drills").len(),
        1,
        "it is not ours any more"
    );

    server.remove("leases");
    let (_drill, mut ended) = begin(&server, &about("run-1", 2)).await.unwrap();
    server.remove("leases");
    let why = told(&mut ended).await.unwrap();
    assert!(why.ends_with("(it was removed)"), "{why}");
}

#[tokio::test]
async fn silence_is_borne_for_as_long_as_the_lease_is_good() {
    let server = ApiServer::with(&["drills"]).await;
    let (_drill, mut ended) = begin(&server, &about("run-1", 6)).await.unwrap();
    server.fall_silent(true);
    tokio::time::sleep(Duration::from_millis(3_000)).await;
    assert_eq!(*ended.borrow_and_update(), None);
    server.fall_silent(false);
    tokio::time::sleep(Duration::from_millis(4_000)).await;
    assert_eq!(*ended.borrow_and_update(), None, "it was renewed in time");
    server.fall_silent(true);
    let begun = Instant::now();
    let why = tokio::time::timeout(2 * WITHIN, ended.wait_for(Option::is_some)).await;
    let why = why.unwrap().unwrap().clone().unwrap();
    assert!(
        why.contains("not renewed for the 6 s that it is good"),
        "{why}"
    );
    assert!(
        begun.elapsed() >= Duration::from_secs(4),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn an_annotation_halts_the_run_and_the_lease_stays_ours() {
    let server = ApiServer::with(&["drills"]).await;
    let (drill, mut ended) = begin(&server, &about("run-1", 2)).await.unwrap();
    let cluster = server.cluster().await;
    let sent = cluster.annotate_lease("drills", "shakedown-drill-acme-1", HALT_ANNOTATION, "grace");
    sent.await.unwrap();
    assert_eq!(told(&mut ended).await.unwrap(), "halt by grace");
    assert!(drill.give_back().await.is_none());
    assert_eq!(server.all("leases", "drills").len(), 0);
    // Nobody inherits it.
    let (_drill, mut ended) = begin(&server, &about("run-2", 2)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(*ended.borrow_and_update(), None);
}

#[tokio::test]
async fn a_namespace_that_is_not_there_is_named_with_what_to_do() {
    let server = ApiServer::with(&["other"]).await;
    let refused = begin(&server, &about("run-1", 20)).await.unwrap_err();
    assert!(matches!(refused, DrillError::NoNamespace(_)), "{refused}");
    assert!(
        refused
            .to_string()
            .contains("kubectl create namespace drills"),
        "{refused}"
    );
}

fn intent(fault: &str) -> Entry {
    Entry::FaultIntent {
        fault: fault.to_string(),
        kind: "cordon".to_string(),
        targets: Vec::new(),
        undo: Vec::new(),
    }
}

fn journal(folder: &std::path::Path) -> (Journal, std::path::PathBuf) {
    let state = StateDir::at(folder);
    let about = RunAbout {
        run_id: "run-1".to_string(),
        run_dir: folder.to_path_buf(),
        system: "acme".to_string(),
        environment: "kubernetes".to_string(),
        started_at: "2026-01-02T03:04:05Z".to_string(),
    };
    let journal = Journal::create(&state, about).unwrap();
    (journal, state.journal("run-1").unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_announced_is_in_the_cluster_first_and_gone_with_a_clean_end() {
    let server = ApiServer::with(&["drills"]).await;
    let (drill, _ended) = begin(&server, &about("run-1", 20)).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (journal, _) = journal(folder.path());
    journal.record(&Entry::Drill(drill.mark().clone())).unwrap();
    journal
        .keep_copy(Box::new(ClusterCopy::new(drill.mark()).unwrap()))
        .unwrap();
    let kept = || {
        let all = server.all("configmaps", "drills");
        let [copy] = all.as_slice() else {
            panic!("{all:?}")
        };
        let data: std::collections::BTreeMap<String, String> =
            serde_json::from_value(copy["data"].clone()).unwrap();
        crate::drill::entries_of(&data).0
    };
    assert!(matches!(
        kept().as_slice(),
        [Entry::Owner(_), Entry::Drill(_)]
    ));
    journal.record(&intent("one")).unwrap();
    assert_eq!(kept().last(), Some(&intent("one")));
    journal
        .record(&Entry::FaultHealed {
            fault: "one".to_string(),
        })
        .unwrap();
    journal.record(&intent("two")).unwrap();
    assert_eq!(kept()[2..], [intent("two")]);
    journal
        .record(&Entry::FaultHealed {
            fault: "two".to_string(),
        })
        .unwrap();
    journal.close_clean().unwrap();
    assert_eq!(server.all("configmaps", "drills").len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_cluster_does_not_take_is_not_announced_and_must_not_be_done() {
    let server = ApiServer::with(&["drills"]).await;
    let (drill, _ended) = begin(&server, &about("run-1", 60)).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (journal, own) = journal(folder.path());
    journal
        .keep_copy(Box::new(ClusterCopy::new(drill.mark()).unwrap()))
        .unwrap();
    server.fall_silent(true);
    let refused = journal.record(&intent("one")).unwrap_err();
    assert!(
        refused.to_string().contains("copy of the undo journal"),
        "{refused}"
    );
    assert!(read_journal(&own).unwrap().open_faults().is_empty());
    server.fall_silent(false);
    journal.record(&intent("two")).unwrap();
    let data = server.all("configmaps", "drills")[0]["data"].to_string();
    assert!(data.contains("two") && !data.contains("one"), "{data}");
}
