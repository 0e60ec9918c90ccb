use std::time::Duration;

use shakedown_load::http::Vars;
use shakedown_record::Outcome;
use shakedown_record::event::Event;
use shakedown_scenarios::plan::{Request, Template};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::testing::{Exchange, SECRET, plan, secrets, target};

const SOON: Duration = Duration::from_millis(300);

fn client() -> Client {
    let base = "http://127.0.0.1:9".to_string();
    Client::new(&plan(&[base]).system.auth, secrets(), None).unwrap()
}

fn request(path: &str) -> Request {
    Request {
        method: "GET".to_string(),
        path: Template::literal(path),
        headers: Vec::new(),
        body: None,
    }
}

/// A server that answers one connection after another with these bytes, and keeps what it was sent.
async fn raw(answer: &'static str) -> (String, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut asked = vec![0; 4096];
            let read = socket.read(&mut asked).await.unwrap_or(0);
            let asked = String::from_utf8_lossy(&asked[..read]).into_owned();
            let _ = sender.send(asked);
            if answer == "silence" {
                tokio::time::sleep(Duration::from_secs(5)).await;
            }
            let _ = socket.write_all(answer.as_bytes()).await;
        }
    });
    (base, receiver)
}

async fn get(base: &str) -> Result<Reply, ClientError> {
    client()
        .send(base, &request("/x"), &Vars::default(), SOON)
        .await
}

#[tokio::test]
async fn every_way_to_get_no_answer_is_told_apart() {
    let refused = get("http://127.0.0.1:9").await.unwrap_err();
    assert_eq!(refused.outcome(), Outcome::Refused);
    let (silent, _asked) = raw("silence").await;
    assert_eq!(get(&silent).await.unwrap_err().outcome(), Outcome::Timeout);
    let (closing, mut asked) = raw("").await;
    assert_eq!(
        get(&closing).await.unwrap_err().outcome(),
        Outcome::ResetAfterSend
    );
    asked.recv().await.unwrap();
    assert!(asked.try_recv().is_err(), "it must never be sent twice");
    let torn = raw("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")
        .await
        .0;
    assert_eq!(
        get(&torn).await.unwrap_err().outcome(),
        Outcome::ResetAfterSend
    );
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let elsewhere = "HTTP/1.1 307 Go\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\n\r\n";
    let (base, mut asked) = raw(elsewhere).await;
    let reply = get(&base).await.unwrap();
    assert_eq!(reply.status, 307);
    let asked = asked.recv().await.unwrap();
    assert!(
        asked
            .to_lowercase()
            .contains(&format!("authorization: bearer {SECRET}"))
    );
}

#[test]
fn what_is_quoted_is_short_and_free_of_secrets() {
    let client = client();
    let reply = |body: String| Reply {
        status: 500,
        headers: Vec::new(),
        body: body.into_bytes(),
    };
    let echo = client.excerpt(&reply(format!("{}{SECRET}", "x".repeat(190))));
    assert!(echo.ends_with("x***"), "{echo}");
    let many = client.excerpt(&reply(SECRET.repeat(500)));
    assert!(
        many.chars().count() < 230 && !many.contains("canary"),
        "{many}"
    );
    assert_eq!(
        client.excerpt(&reply(String::new())),
        "status 500 with an empty body"
    );
    assert!(!format!("{client:?}").contains(SECRET));
}

#[tokio::test]
async fn an_error_about_a_path_with_a_secret_does_not_tell_it() {
    let base = "http://127.0.0.1:9";
    let path = request(&format!("/x?token={SECRET}"));
    let error = client()
        .send(base, &path, &Vars::default(), SOON)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("token=***"), "{error}");
}

#[tokio::test]
async fn a_replica_is_seen_with_its_role_version_and_metrics() {
    let exchange = Exchange::open().await;
    let bases = [exchange.base.clone(), "http://127.0.0.1:9".to_string()];
    let target = target(plan(&bases), &bases);
    let seen = state::look(&target, shakedown_record::event::Moment::Before, Vec::new()).await;
    let Event::TargetSeen {
        version, replicas, ..
    } = seen
    else {
        panic!("{seen:?}");
    };
    assert_eq!(version.as_deref(), Some("4.12.0"));
    assert_eq!(
        (
            replicas[0].role.as_deref(),
            replicas[0].ready,
            replicas[0].reachable
        ),
        (Some("leader"), Some(true), true)
    );
    assert_eq!(
        (
            replicas[1].role.as_deref(),
            replicas[1].ready,
            replicas[1].reachable
        ),
        (None, Some(false), false)
    );
    let scraped = metrics::scrape_all(&target).await;
    assert!(
        matches!(&scraped[0], Event::EngineLatency { count: 4, buckets, .. } if buckets.len() == 2)
    );
    assert!(
        matches!(&scraped[1], Event::EngineLatencyMissing { reason, .. } if reason.contains("refused"))
    );
    let answer = roles::ask(&target, &target.replicas[0], SOON)
        .await
        .unwrap();
    assert_eq!(
        (answer.first().as_deref(), answer.term),
        (Some("leader"), Some(3))
    );
}

/// Answers over connections that it leaves open, and tells which request the connection carried that ended.
async fn keeps_open() -> (String, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let ended = sender.clone();
            tokio::spawn(async move {
                let mut asked = vec![0; 4096];
                let read = socket.read(&mut asked).await.unwrap();
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
                socket.write_all(answer).await.unwrap();
                while !matches!(socket.read(&mut [0; 4096]).await, Ok(0) | Err(_)) {}
                let _ = ended.send(String::from_utf8_lossy(&asked[..read]).into_owned());
            });
        }
    });
    (base, receiver)
}

#[tokio::test]
async fn an_idle_connection_is_closed_unless_orders_came_over_it() {
    let (base, mut ended) = keeps_open().await;
    let bases = std::slice::from_ref(&base);
    let target = target(plan(bases), bases);
    let new = &target.plan.system.orders.new;
    target.order(new, &OrderWords::default(), "x-1", 0).await;
    target
        .client
        .get(&format!("{base}/probe"), SOON)
        .await
        .unwrap();
    let within = Duration::from_secs(20);
    let first = tokio::time::timeout(within, ended.recv()).await;
    let first = first.expect("an idle connection has to end").unwrap();
    assert!(first.starts_with("GET /probe"), "{first}");
    assert!(ended.try_recv().is_err());
    drop(target);
    let second = tokio::time::timeout(within, ended.recv()).await;
    let second = second.expect("it ends with the target").unwrap();
    assert!(second.starts_with("POST "), "{second}");
}
