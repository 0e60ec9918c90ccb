//! An engine that somebody else runs, over HTTP/2 and TLS: orders, probes and read-back by one profile; and ad-hoc load.
#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by unwrapping it"
)]

use std::net::TcpStream;

use rustix::process::Signal;
use shakedown_engine::ports::free_ports;
use shakedown_record::Verdict;
use shakedown_tests::fixture::instantiate;
use shakedown_tests::shakedown::{Running, Sandbox, alone, within_s};

/// One node with a certificate of its own, which is in the sandbox as `engine.pem`.
struct Engine {
    node: Running,
    port: u16,
}

impl Engine {
    fn start(sandbox: &Sandbox) -> Engine {
        let names = vec!["127.0.0.1".to_string()];
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        sandbox.write("engine.pem", made.cert.pem());
        sandbox.write("engine.key", made.signing_key.serialize_pem());
        let [port, peer] = free_ports(2).unwrap()[..] else {
            panic!("two ports were asked for");
        };
        let http = format!("127.0.0.1:{port}");
        let peer = format!("127.0.0.1:{peer}");
        let member = format!("1=engine-1,{http},{peer}");
        let node = Running::start(sandbox.command(&[
            "engine",
            "node",
            "--name",
            "engine-1",
            "--id",
            "1",
            "--data",
            "data",
            "--http",
            &http,
            "--peer-listen",
            &peer,
            "--member",
            &member,
            "--tls-cert",
            "engine.pem",
            "--tls-key",
            "engine.key",
            "--with-parent",
        ]));
        assert!(
            within_s(20.0, || TcpStream::connect(&http).is_ok()),
            "the engine listens"
        );
        Engine { node, port }
    }

    fn stop(self) {
        self.node.signal(Signal::TERM);
        self.node.finish().expect_code(0);
    }
}

#[test]
fn a_profile_leads_through_tls_and_http2() {
    let _alone = alone();
    let sandbox = Sandbox::new();
    let engine = Engine::start(&sandbox);
    let address = format!("127.0.0.1:{}", engine.port);
    instantiate(
        "secure.yaml",
        sandbox.path(),
        &[("127.0.0.1:8443", &address)],
    )
    .unwrap();
    let scenario = instantiate("secure-baseline.yaml", sandbox.path(), &[]).unwrap();
    let run = sandbox.run_soundly(&scenario, &[]);
    let record = run.expect_code(0);
    assert_eq!(record.verdict, Verdict::Pass);
    let outcomes = record.generator.outcomes;
    assert!(outcomes.acked > 600, "{outcomes:?}");
    assert_eq!(record.data_loss.lost, Some(0));

    // Nobody whom we do not trust is asked anything.
    let other = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_string()]).unwrap();
    sandbox.write("engine.pem", other.cert.pem());
    let refused = sandbox.run_scenario(&scenario, &[]);
    let said = refused.finished.said();
    assert_ne!(refused.finished.code, Some(0), "{said}");
    assert!(said.contains("certificate"), "{said}");
    engine.stop();
}

#[test]
fn ad_hoc_load_speaks_tls_and_says_why_it_cannot() {
    let _alone = alone();
    let sandbox = Sandbox::new();
    let engine = Engine::start(&sandbox);
    let url = format!("https://127.0.0.1:{}/health/live", engine.port);
    let load = |more: &[&str]| {
        let first = [
            "load",
            url.as_str(),
            "--rate",
            "200/s",
            "--duration",
            "1s",
            "--json",
        ];
        sandbox.run(&[&first[..], more].concat())
    };
    let trusted = load(&["--ca", "engine.pem", "--in-flight", "2"]);
    // A starved machine makes it 2.
    assert!(matches!(trusted.code, Some(0 | 2)), "{}", trusted.said());
    let outcomes = &trusted.json()["generator"]["outcomes"];
    assert!(outcomes["acked"].as_u64().unwrap() > 150, "{outcomes}");
    let streams = load(&["--ca", "engine.pem", "--http2", "--in-flight", "8"]);
    assert!(matches!(streams.code, Some(0 | 2)), "{}", streams.said());
    let outcomes = &streams.json()["generator"]["outcomes"];
    assert!(outcomes["acked"].as_u64().unwrap() > 150, "{outcomes}");
    assert!(streams.json()["statuses"]["200"].as_u64().unwrap() > 150);
    let untrusted = load(&[]);
    untrusted.expect_code(69);
    untrusted.expect_words(&["TLS:", "issuer that is not trusted"]);
    let elsewhere = load(&["--ca", "engine.pem", "--server-name", "engine.acme"]);
    elsewhere.expect_code(69);
    elsewhere.expect_words(&["for another name"]);
    engine.stop();
}
