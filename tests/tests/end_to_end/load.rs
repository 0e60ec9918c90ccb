//! `shakedown load` as somebody uses it in place of wrk or oha: bodies, headers, conditions, wrong input, and its own limits.
#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by unwrapping it"
)]

use std::io::{BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use rustix::process::Signal;
use shakedown_tests::calm::soundly;
use shakedown_tests::http_server::{HttpReply, HttpRequest, read_request};
use shakedown_tests::shakedown::{Finished, Running, Sandbox, alone, beside, binary};

/// A server that answers everything with one status, and keeps what it was sent.
struct Server {
    port: u16,
    seen: Arc<Mutex<Vec<HttpRequest>>>,
}

impl Server {
    /// Serves until the test ends.
    fn start(status: u16) -> Server {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let kept = Arc::clone(&kept);
                thread::spawn(move || serve(&stream, status, &kept));
            }
        });
        Server { port, seen }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/orders?dry=1", self.port)
    }

    fn first(&self) -> HttpRequest {
        self.seen.lock().unwrap().first().unwrap().clone()
    }
}

fn serve(stream: &TcpStream, status: u16, kept: &Mutex<Vec<HttpRequest>>) {
    stream.set_nodelay(true).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let reply = HttpReply::json(status, &serde_json::json!({}));
    while let Ok(Some(request)) = read_request(&mut reader) {
        kept.lock().unwrap().push(request);
        if reply.write(stream).is_err() {
            return;
        }
    }
}

fn load(sandbox: &Sandbox, url: &str, more: &[&str]) -> Finished {
    let mut arguments = vec!["load", url, "--sessions", "4"];
    if !more.contains(&"--duration") {
        arguments.extend_from_slice(&["--duration", "1s"]);
    }
    arguments.extend_from_slice(more);
    sandbox.run(&arguments)
}

/// The same, until the generator was sound: what is asked here is another thing.
fn load_soundly(sandbox: &Sandbox, url: &str, more: &[&str]) -> Finished {
    soundly(|| {
        let finished = load(sandbox, url, more);
        let starved = finished
            .said()
            .contains("the generator was at its own limit");
        (finished, !starved)
    })
}

#[test]
fn bodies_and_headers_arrive_as_they_were_given() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let text = r#"{"id":"{{id}}","note":"a \"quoted\" word, and a line\nbreak"}"#;
    let file = sandbox.write("body.json", text);
    let from_file = format!("@{}", file.display());
    for data in [text, &from_file] {
        let server = Server::start(200);
        let more = [
            "--rate",
            "20/s",
            "-d",
            data,
            "-H",
            "Content-Type: application/json",
        ];
        let more = [&more[..], &["-H", "X-Trace: run-{{id}}"]].concat();
        load_soundly(&sandbox, &server.url(), &more).expect_code(0);
        let request = server.first();
        assert_eq!(
            (request.method.as_str(), request.path.as_str()),
            ("POST", "/orders?dry=1")
        );
        assert_eq!(request.header("content-type"), Some("application/json"));
        let body = String::from_utf8(request.body.clone()).unwrap();
        let id = request
            .header("x-trace")
            .unwrap()
            .strip_prefix("run-")
            .unwrap();
        assert_eq!(body, text.replace("{{id}}", id));
        let seen = server.seen.lock().unwrap();
        assert_eq!(seen.len(), 20, "20 a second, for a second");
    }
}

#[test]
fn a_body_comes_from_stdin_and_a_method_is_taken() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let server = Server::start(204);
    let url = server.url();
    let mut command = sandbox.command(&[
        "load",
        &url,
        "--rate",
        "10/s",
        "--duration",
        "1s",
        "--sessions",
        "2",
        "-X",
        "put",
        "-d",
        "@-",
    ]);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"from a pipe")
        .unwrap();
    child.wait().unwrap();
    let request = server.first();
    assert_eq!(request.method, "PUT");
    assert_eq!(request.body, b"from a pipe");
}

#[test]
fn each_condition_is_told_with_what_was_observed() {
    let _alone = alone();
    let sandbox = Sandbox::new();
    let server = Server::start(200);
    let held = [
        "--rate",
        "50/s",
        "--fail-if",
        "p50>1ns, errors>50%",
        "--fail-if",
        "rate<1/s",
    ];
    let failed = load_soundly(&sandbox, &server.url(), &held);
    failed.expect_code(1);
    failed.expect_words(&[
        "FAIL p50>1ns: ",
        "ok errors>50%: 0 %",
        "ok rate<1/s: ",
        "exit 1: ",
    ]);
    let fine = ["--rate", "50/s", "--fail-if", "errors>50%", "--json"];
    let fine = load_soundly(&sandbox, &server.url(), &fine);
    fine.expect_code(0);
    let json = fine.json();
    assert_eq!(json["fail_if"][0]["condition"], "errors>50%");
    assert_eq!(json["fail_if"][0]["held"], "no");
}

#[test]
fn every_mistake_is_told_at_once_with_what_to_write() {
    let sandbox = Sandbox::new();
    let wrong = load(
        &sandbox,
        "127.0.0.1:8080",
        &[
            "--rate",
            "1000",
            "--timeout",
            "1",
            "-H",
            "no header",
            "-d",
            "@nowhere.json",
            "--fail-if",
            "p99",
            "--fail-if",
            "p42>5ms",
        ],
    );
    wrong.expect_code(64);
    wrong.expect_words(&[
        "URL: ",
        "--rate: ",
        "such as 1500/s",
        "--timeout: ",
        "--header: ",
        "--data: nowhere.json: ",
        "in quotes, or the shell takes the >",
        "there is no figure 'p42'",
    ]);
    let neither = load(&sandbox, "http://127.0.0.1:9/", &[]);
    neither.expect_code(64).expect_words(&["--rate"]);
}

#[test]
fn a_service_that_only_says_no_has_no_times() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let server = Server::start(404);
    let refused = load(&sandbox, &server.url(), &["--rate", "20/s"]);
    refused.expect_code(2);
    refused.expect_words(&[
        "HTTP statuses: 404 (20)",
        "exit 2: no request was answered well",
        "20 had the status 404",
    ]);
    let told = load(&sandbox, &server.url(), &["--rate", "20/s", "--json"]);
    assert_eq!(told.expect_code(2).json()["statuses"]["404"], 20);
    let nobody = load(&sandbox, "http://127.0.0.1:9/", &["--rate", "20/s"]);
    nobody.expect_code(69);
    nobody.expect_words(&["exit 69: nothing could be sent"]);
}

#[test]
fn a_generator_at_its_own_limit_says_so_and_decides_nothing() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let server = Server::start(200);
    // As many files as it asks for, most of which are taken already: its sockets run out.
    let taken =
        "for n in {100..219}; do eval \"exec $n</dev/null\"; done; ulimit -n 264; exec \"$@\"";
    let mut program = Command::new("bash");
    program.args(["-c", taken, "bash"]).arg(binary());
    let url = server.url();
    let arguments = [
        "load",
        &url,
        "--rate",
        "400/s",
        "--duration",
        "1s",
        "--sessions",
        "200",
        "--fail-if",
        "p50>1ns",
    ];
    let finished = Running::start(sandbox.around(program, &arguments)).finish();
    finished.expect_code(2);
    finished.expect_words(&[
        "Generator: NOT SOUND",
        "exit 2: the generator was at its own limit",
        "ran out of file descriptors",
    ]);
}

#[test]
fn more_sessions_than_files_are_refused_before_anything_is_sent() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let server = Server::start(200);
    let url = server.url();
    let limited = |limit: &str| {
        let mut program = Command::new("sh");
        let script = format!("ulimit {limit} 60; exec \"$@\"");
        program.args(["-c", &script, "sh"]).arg(binary());
        let arguments = ["load", &url, "--rate", "100/s", "--duration", "1s"];
        Running::start(sandbox.around(program, &arguments)).finish()
    };
    let refused = limited("-n");
    refused.expect_code(69);
    refused.expect_words(&["64 sessions need", "ulimit -n"]);
    assert_eq!(server.seen.lock().unwrap().len(), 0);
    // A limit that may be raised is raised.
    let raised = limited("-S -n");
    assert!(matches!(raised.code, Some(0 | 2)), "{}", raised.said());
    assert_eq!(server.seen.lock().unwrap().len(), 100);
}

#[test]
fn an_interrupt_ends_it_with_the_figures_so_far() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let server = Server::start(200);
    let url = server.url();
    let running =
        Running::start(sandbox.command(&["load", &url, "--rate", "100/s", "--duration", "60s"]));
    thread::sleep(std::time::Duration::from_millis(2_500));
    running.signal(Signal::INT);
    let finished = running.finish();
    finished.expect_code(130);
    finished.expect_words(&["scheduled, and how they ended", "exit 130: interrupted"]);
    assert!(finished.elapsed_s < 20.0, "{} s", finished.elapsed_s);
    // No terminal, no games: whole lines.
    let second = finished
        .stderr
        .lines()
        .find(|line| line.contains("so far P99"));
    assert!(second.is_some(), "{}", finished.stderr);
    assert!(
        !finished.said().contains(['\r', '\u{1b}']),
        "{:?}",
        finished.stderr
    );
}

#[test]
fn a_closed_loop_needs_no_rate() {
    let _alone = alone();
    let sandbox = Sandbox::new();
    let server = Server::start(200);
    let closed = load(&sandbox, &server.url(), &["--closed", "--json"]);
    assert!(matches!(closed.code, Some(0 | 2)), "{}", closed.said());
    let json = closed.json();
    assert!(
        json["generator"]["outcomes"]["acked"].as_u64().unwrap() > 50,
        "{json:#}"
    );
    let both = load(&sandbox, &server.url(), &["--closed", "--rate", "10/s"]);
    both.expect_code(64).expect_words(&["--rate", "--closed"]);
}
