use std::collections::BTreeMap;

use super::*;
use crate::testing::Alertmanager;

fn ours() -> BTreeMap<String, String> {
    BTreeMap::from([("cluster".to_string(), "ours".to_string())])
}

fn new(mark: &str) -> NewSilence {
    NewSilence {
        labels: ours(),
        mark: mark.to_string(),
        starts_at: "2026-01-01T00:00:00Z".to_string(),
        ends_at: "2026-01-01T01:00:00Z".to_string(),
    }
}

fn undo(base: &str, mark: &str) -> SilenceUndo {
    SilenceUndo {
        alertmanager: base.to_string(),
        mark: mark.to_string(),
    }
}

#[tokio::test]
async fn what_fires_is_read_of_either() {
    let server = Alertmanager::open().await;
    server.fire(&["LeaderDown"]);
    let monitoring = Monitoring::at(&server.base).unwrap();
    let by_alertmanager = monitoring.firing_by_alertmanager().await.unwrap();
    let mut expected = ours();
    expected.insert("alertname".into(), "LeaderDown".into());
    assert_eq!(by_alertmanager, [expected.clone()]);
    let by_prometheus = monitoring.firing_by_prometheus().await.unwrap();
    assert_eq!(by_prometheus[0]["alertname"], "LeaderDown");
    server.fire(&[]);
    assert!(monitoring.firing_by_prometheus().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_silence_is_scoped_and_ended_by_its_mark_alone() {
    let server = Alertmanager::open().await;
    let monitoring = Monitoring::at(&server.base).unwrap();
    monitoring.silence(&new("run-1")).await.unwrap();
    monitoring.silence(&new("run-2")).await.unwrap();
    let matcher = &server.silences()[0]["matchers"][0];
    assert_eq!(
        (matcher["name"].as_str(), matcher["value"].as_str()),
        (Some("cluster"), Some("ours"))
    );
    assert_eq!(
        (matcher["isRegex"].as_bool(), matcher["isEqual"].as_bool()),
        (Some(false), Some(true))
    );
    assert_eq!(server.silences()[0]["endsAt"], "2026-01-01T01:00:00Z");
    assert!(undo(&server.base, "run-1").replay().await.unwrap());
    assert_eq!(server.silent(), 1, "that of another run stays");
    assert!(
        !undo(&server.base, "run-1").replay().await.unwrap(),
        "there is nothing left to end"
    );
    let blocking = undo(&server.base, "run-2");
    let ended = tokio::task::spawn_blocking(move || blocking.replay_blocking());
    assert!(ended.await.unwrap().unwrap());
    assert_eq!(server.silent(), 0);
}

#[tokio::test]
async fn a_silence_that_stays_is_told() {
    let server = Alertmanager::open().await;
    let monitoring = Monitoring::at(&server.base).unwrap();
    monitoring.silence(&new("run-1")).await.unwrap();
    server.be_stubborn();
    let error = undo(&server.base, "run-1").replay().await.unwrap_err();
    assert!(error.to_string().contains("still there"), "{error}");
    assert!(undo(&server.base, "x").by_hand().contains(&server.base));
}

#[tokio::test]
async fn nobody_there_and_something_else_there_are_told_apart() {
    let nobody = Monitoring::at("http://127.0.0.1:9").unwrap();
    let error = nobody.firing_by_alertmanager().await.unwrap_err();
    assert!(matches!(error, MonitoringError::NoAnswer { .. }), "{error}");
    let exchange = crate::testing::Exchange::open().await;
    let other = Monitoring::at(&exchange.base).unwrap();
    let error = other.firing_by_prometheus().await.unwrap_err();
    assert!(
        matches!(error, MonitoringError::Refused { status: 404, .. }),
        "{error}"
    );
}
