use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use serde_json::Value;
use shakedown_record::ExitCode;
use shakedown_record::notice::NotBegun;

use super::*;

const QUICK: Patience = Patience {
    one_try: Duration::from_millis(300),
    pauses: [Duration::from_millis(20), Duration::from_millis(60)],
};

fn notice() -> Notice {
    Notice::not_begun(&NotBegun {
        code: ExitCode::Refused,
        why: "lock: somebody else",
        scenario: "drill",
        system: "acme",
        environment: "kubernetes",
        operator: None,
        shakedown_version: "1",
    })
}

/// What a server does with one request after the other; with the last one for all that follow.
#[derive(Debug, Clone, Copy)]
enum Answer {
    Status(u16),
    Never,
}

/// A server on a port of its own; gives the requests that it got.
fn serve(answers: &'static [Answer]) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!(
        "http://{}/hook/t0ken?key=s3cret",
        listener.local_addr().unwrap()
    );
    let (sender, requests) = channel();
    std::thread::spawn(move || {
        let mut held = Vec::new();
        for number in 0.. {
            let (mut stream, _) = listener.accept().unwrap();
            if sender.send(request(&mut stream)).is_err() {
                return;
            }
            match answers[number.min(answers.len() - 1)] {
                Answer::Status(code) => {
                    let head =
                        format!("HTTP/1.1 {code} X\r\ncontent-length: 0\r\nconnection: close\r\n");
                    let place = "location: /elsewhere\r\n\r\n";
                    stream
                        .write_all(format!("{head}{place}").as_bytes())
                        .unwrap();
                }
                Answer::Never => held.push(stream),
            }
        }
    });
    (url, requests)
}

/// Head and body of one request.
fn request(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    let mut bytes = [0; 4096];
    loop {
        let read = stream.read(&mut bytes).unwrap();
        text.push_str(&String::from_utf8_lossy(&bytes[..read]));
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            (name.eq_ignore_ascii_case("content-length")).then(|| value.parse::<usize>().ok())?
        });
        if read == 0 || body.len() >= length.unwrap_or(0) {
            return text;
        }
    }
}

async fn told_to(url: &str, authorization: Option<&str>) -> Result<(), String> {
    // As the binary does when it starts; it fails when another test was faster.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let hooks = Webhooks::with(&[url.to_string()], authorization, QUICK).unwrap();
    hooks.tell_one(&hooks.urls[0], &notice()).await
}

#[tokio::test]
async fn it_is_told_once_with_the_notice_and_the_authorization() {
    let (url, requests) = serve(&[Answer::Status(204)]);
    told_to(&url, Some(" Bearer abc\n")).await.unwrap();
    let request = requests.recv().unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(
        head.starts_with("POST /hook/t0ken?key=s3cret HTTP/1.1"),
        "{head}"
    );
    let head = head.to_lowercase();
    assert!(head.contains("authorization: bearer abc"), "{head}");
    assert!(head.contains("content-type: application/json"), "{head}");
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(
        (&body["exit_code"], &body["verdict"]),
        (&77.into(), &"inconclusive".into())
    );
    assert!(requests.try_recv().is_err(), "it was told twice");
}

#[tokio::test]
async fn one_that_fails_twice_is_told_at_the_third_try() {
    let (url, requests) = serve(&[
        Answer::Status(503),
        Answer::Status(429),
        Answer::Status(200),
    ]);
    told_to(&url, None).await.unwrap();
    assert_eq!(requests.iter().take(3).count(), 3);
}

#[tokio::test]
async fn one_that_never_answers_costs_a_bounded_time() {
    let (url, requests) = serve(&[Answer::Never]);
    let begun = Instant::now();
    let why = told_to(&url, None).await.unwrap_err();
    let took = begun.elapsed();
    let least = 3 * QUICK.one_try + QUICK.pauses[0] + QUICK.pauses[1];
    assert!(
        took >= least && took < least + Duration::from_secs(5),
        "{took:?}"
    );
    assert_eq!(why, "no answer within 300 ms, after 3 tries");
    assert_eq!(requests.try_iter().count(), 3);
}

#[tokio::test]
async fn what_will_not_change_is_not_tried_again_and_no_redirect_is_followed() {
    for (answer, said) in [(404, "it answered 404"), (307, "it answered 307")] {
        let (url, requests) = match answer {
            404 => serve(&[Answer::Status(404)]),
            _ => serve(&[Answer::Status(307)]),
        };
        assert_eq!(told_to(&url, None).await.unwrap_err(), said);
        assert_eq!(requests.try_iter().count(), 1);
    }
}

#[tokio::test]
async fn nothing_of_a_url_but_scheme_and_host_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let url = format!("http://user:pass@{address}/hook/t0ken?key=s3cret");
    let why = told_to(&url, None).await.unwrap_err();
    let shown = shown(&Url::parse(&url).unwrap());
    assert_eq!(shown, "http://127.0.0.1");
    for secret in ["t0ken", "s3cret", "user", "pass"] {
        assert!(!why.contains(secret), "{why}");
    }
    for wrong in ["t0ken", "ftp://host/t0ken", "http://"] {
        let failure = Webhooks::with(&[wrong.to_string()], None, QUICK).unwrap_err();
        assert_eq!(failure.code, ExitCode::Usage);
        assert!(!failure.message.contains("t0ken"), "{}", failure.message);
    }
    let failure = Webhooks::with(&[], Some("a\nb"), QUICK).unwrap_err();
    assert_eq!(failure.code, ExitCode::Usage);
    assert!(
        Webhooks::with(&[" \n".to_string()], None, QUICK)
            .unwrap()
            .is_empty()
    );
}
