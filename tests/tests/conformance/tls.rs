//! TLS: whom we let ourselves be talked to by, who we are, what it costs, and what an end below it means.

use std::time::Duration;

use shakedown_record::Outcome;
use shakedown_scenarios::plan::TlsPlan;

use crate::certificates::{FILES, Shown};
use crate::rig::{MS, Run, config, outcomes_are_what_was_done, roll, run};
use crate::server::{Act, Server, done};
use crate::way::Way;

fn good(shown: Shown) -> Server {
    Server::showing(Way::HttpTls, Some(shown), |seen| Act::Say(done(seen)))
}

fn run_trusting(server: &Server, tls: TlsPlan) -> Run {
    let mut config = config(Way::HttpTls, server.address);
    config.tls = tls;
    run(config)
}

/// Nobody was let in, for this reason; no order reached anybody.
fn was_unreachable(run: &Run, server: &Server, why: &str) {
    let outcomes = run.outcomes();
    assert!(outcomes.unreachable > 0, "{why}: {outcomes:?}");
    assert_eq!(
        outcomes.unreachable + outcomes.not_sent,
        run.finished.scheduled,
        "{why}: {outcomes:?}"
    );
    let (count, said) = run.finished.unwelcome.clone().unwrap();
    assert!(count > 0 && said.contains(why), "{said}");
    assert_eq!(server.log().len(), 0, "{why}");
}

#[test]
fn both_versions_of_tls_that_are_in_use_are_spoken() {
    for only_tls12 in [true, false] {
        let server = good(Shown {
            only_tls12,
            ..Shown::GOOD
        });
        let run = run_trusting(&server, FILES.trust());
        assert_eq!(run.outcomes().acked, run.finished.scheduled);
        assert_eq!(run.finished.unwelcome, None);
    }
}

#[test]
fn a_server_that_is_not_the_one_meant_is_unreachable() {
    for (certificate, why) in [
        ("foreign", "issuer that is not trusted"),
        ("renamed", "for another name"),
        ("expired", "has expired"),
    ] {
        let server = good(Shown {
            certificate,
            ..Shown::GOOD
        });
        was_unreachable(&run_trusting(&server, FILES.trust()), &server, why);
    }
}

#[test]
fn the_profile_can_name_the_server() {
    let server = good(Shown {
        certificate: "renamed",
        ..Shown::GOOD
    });
    let named = |name: &str| TlsPlan {
        server_name: Some(name.to_string()),
        ..FILES.trust()
    };
    let run = run_trusting(&server, named("engine.acme"));
    assert_eq!(run.outcomes().acked, run.finished.scheduled);
    let other = good(Shown {
        certificate: "renamed",
        ..Shown::GOOD
    });
    let run = run_trusting(&other, named("other.acme"));
    was_unreachable(&run, &other, "for another name");
}

#[test]
fn a_server_that_wants_our_certificate_gets_it() {
    for only_tls12 in [true, false] {
        let shown = Shown {
            wants_certificate: true,
            only_tls12,
            ..Shown::GOOD
        };
        let server = good(shown);
        let run = run_trusting(&server, FILES.trust_and_show("client"));
        assert_eq!(run.outcomes().acked, run.finished.scheduled);
    }
}

/// With TLS 1.3 the server says so after orders were written: it has taken in none of them.
#[test]
fn a_server_that_does_not_take_our_certificate_is_unreachable() {
    for only_tls12 in [true, false] {
        for (tls, why) in [
            (FILES.trust(), "client certificate"),
            (
                FILES.trust_and_show("foreign"),
                "does not accept our certificate",
            ),
        ] {
            let shown = Shown {
                wants_certificate: true,
                only_tls12,
                ..Shown::GOOD
            };
            let server = good(shown);
            let run = run_trusting(&server, tls);
            was_unreachable(&run, &server, why);
        }
    }
}

#[test]
fn a_server_without_tls_is_unreachable() {
    let server = Server::showing(Way::HttpTls, None, |seen| Act::Say(done(seen)));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        use std::io::{Read, Write};
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                while let Ok(1..) = stream.read(&mut [0; 4096]) {
                    let _ =
                        stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
                }
            });
        }
    });
    let run = run(config(Way::HttpTls, address));
    was_unreachable(&run, &server, "does not speak TLS");
}

#[test]
fn a_handshake_that_is_never_answered_is_given_up() {
    let server = good(Shown::GOOD);
    server.stall(60_000);
    let mut config = config(Way::HttpTls, server.address);
    config.plan.timeout_ns = 300 * MS;
    let run = run(config);
    let outcomes = run.outcomes();
    assert!(outcomes.unreachable > 0, "{outcomes:?}");
    assert_eq!(
        outcomes.unreachable + outcomes.not_sent,
        run.finished.scheduled
    );
    assert_eq!(server.log().len(), 0);
}

#[test]
fn the_time_of_a_handshake_is_the_orders_that_wait_for_it() {
    let server = Server::start(Way::HttpTls, |seen| match seen.order {
        20 => Act::SayAndHalfClose(done(seen)),
        _ => Act::Say(done(seen)),
    });
    let mut config = config(Way::HttpTls, server.address);
    config.plan.sessions = 1;
    let rolling = roll(config);
    server.stall(150);
    let run = rolling.finish();
    let entries = run.entries.values();
    let slow = entries.filter(|entry| entry.done_ns.unwrap() - entry.intended_ns > 100 * MS);
    assert!(
        slow.count() > 5,
        "orders were due while the handshake went on"
    );
    // One may have been written before the end of the old connection was heard.
    let outcomes = run.outcomes();
    assert_eq!(
        outcomes.acked + outcomes.reset_after_send,
        run.finished.scheduled
    );
    assert!(outcomes.reset_after_send <= 1, "{outcomes:?}");
}

#[test]
fn a_session_that_dials_again_takes_up_its_ticket() {
    for only_tls12 in [true, false] {
        let shown = Shown {
            only_tls12,
            ..Shown::GOOD
        };
        let server = Server::showing(Way::HttpTls, Some(shown), |seen| match seen.order % 3 {
            2 => Act::SayAndHalfClose(done(seen)),
            _ => Act::Say(done(seen)),
        });
        let run = run_trusting(&server, FILES.trust());
        assert!(run.outcomes().acked > 60);
        assert!(server.resumed() > 10, "{}", server.resumed());
    }
}

/// An answer without a length, which ends with the stream.
const ENDLESS: &[u8] =
    b"HTTP/1.1 201 X\r\nx-node: n1\r\n\r\n{\"state\":\"accepted\",\"sequence\":1}";

fn every_third(bad: impl Fn() -> Act + Send + Sync + 'static, outcome: Outcome) {
    let server = Server::start(Way::HttpTls, move |seen| match seen.order % 3 {
        2 => bad(),
        _ => Act::Say(done(seen)),
    });
    let run = run(config(Way::HttpTls, server.address));
    outcomes_are_what_was_done(&run, &server, |seen| match seen.order % 3 {
        2 => outcome,
        _ => Outcome::Acked,
    });
}

#[test]
fn an_end_in_good_order_can_end_an_answer_and_an_end_below_tls_cannot() {
    every_third(|| Act::RawAndHalfClose(ENDLESS.to_vec()), Outcome::Acked);
    every_third(|| Act::CutOff(ENDLESS.to_vec()), Outcome::ResetAfterSend);
}

#[test]
fn garbage_below_tls_may_have_executed() {
    every_third(
        || Act::Below(b"SSH-2.0-OpenSSH_9.6\r\n\r\n".to_vec()),
        Outcome::BadResponse,
    );
    // A record that nobody who has the keys has written.
    let forged = [&[23, 3, 3, 0, 32][..], &[7; 32]].concat();
    every_third(move || Act::Below(forged.clone()), Outcome::BadResponse);
}

#[test]
fn an_outage_ends_with_tls_too() {
    let mut server = good(Shown::GOOD);
    let mut config = config(Way::HttpTls, server.address);
    config.duration_ns = Some(2_000 * MS);
    let rolling = roll(config);
    std::thread::sleep(Duration::from_millis(400));
    server.down();
    std::thread::sleep(Duration::from_millis(200));
    server.up();
    let run = rolling.finish();
    let last = run.entries.values().next_back().unwrap();
    assert_eq!(last.outcome, Some(Outcome::Acked));
    assert!(run.outcomes().refused + run.outcomes().not_sent > 0);
}
