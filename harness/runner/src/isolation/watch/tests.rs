use std::net::SocketAddr;

use shakedown_load::secret::Secrets;
use shakedown_record::series::{SeriesRecord, read_series};
use tokio::io::{duplex, split};
use tokio::net::TcpListener;

use super::super::doors::Found;
use super::super::knock::serve;
use super::*;

/// A guest that knocks at these two, ten times a second.
fn post(log: &Arc<SeriesLog>, wall: SocketAddr, control: SocketAddr) -> Post {
    Post {
        guest: Invited::testing(
            "walls/intruder",
            Duration::from_millis(100),
            vec![
                (Knocked::Wall, Found::fixed(wall)),
                (Knocked::Control, Found::fixed(control)),
            ],
        ),
        log: Arc::clone(log),
    }
}

/// A door that is open, and one where nobody listens.
async fn doors() -> (TcpListener, SocketAddr, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let open = listener.local_addr().unwrap();
    let shut = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = shut.local_addr().unwrap();
    (listener, open, nobody)
}

fn record(folder: &tempfile::TempDir) -> SeriesRecord {
    read_series(&folder.path().join("series.jsonl"))
        .unwrap()
        .unwrap()
}

fn log(folder: &tempfile::TempDir) -> Arc<SeriesLog> {
    let secrets = Arc::new(Secrets::default());
    Arc::new(SeriesLog::create(&folder.path().join("series.jsonl"), &secrets).unwrap())
}

#[tokio::test]
async fn each_knock_is_on_record_with_its_door_and_how_it_went() {
    let folder = tempfile::tempdir().unwrap();
    let log = log(&folder);
    let (_listener, open, nobody) = doors().await;
    let post = post(&log, nobody, open);
    let (ours, theirs) = duplex(1 << 16);
    let (hear, say) = split(theirs);
    let guest = tokio::spawn(serve(hear, say));
    let (mut hear, mut say) = split(ours);
    let asking = post.ask(&mut say, &mut hear);
    let asked = tokio::time::timeout(Duration::from_millis(950), asking).await;
    assert!(
        asked.is_err(),
        "it goes on as long as the guest does: {asked:?}"
    );
    guest.abort();
    let record = record(&folder);
    assert!(
        (2..=11).contains(&record.looks.len()),
        "{}",
        record.looks.len()
    );
    for look in &record.looks {
        assert_eq!(
            (look.target.as_str(), look.origin),
            ("walls/intruder", Origin::Isolation)
        );
        assert!(look.asked_ns <= look.answered_ns);
        let said: Vec<(&str, &str, f64)> = look
            .values
            .iter()
            .map(|(id, value)| {
                let labels = &record.series[*id as usize].labels;
                (labels["door"].as_str(), labels["how"].as_str(), value.0)
            })
            .collect();
        assert_eq!(
            said,
            [("wall", "refused", 0.0), ("control", "connected", 1.0)]
        );
    }
    assert_eq!(record.series[1].labels["address"], open.to_string());
}

#[tokio::test]
async fn a_guest_that_ends_or_babbles_is_told_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let log = log(&folder);
    let (_listener, open, nobody) = doors().await;
    let post = post(&log, nobody, open);
    let why = post.ask(&mut tokio::io::sink(), &mut &b""[..]).await;
    assert_eq!(why, "it says nothing any more");
    let why = post
        .ask(&mut tokio::io::sink(), &mut &b"who is there?\n"[..])
        .await;
    assert!(why.starts_with("it makes no sense"), "{why}");
    post.gap(1, why);
    let record = record(&folder);
    assert_eq!(record.looks.len(), 0);
    assert_eq!(record.gaps[0].origin, Origin::Isolation);
}
