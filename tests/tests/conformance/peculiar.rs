//! What only one gateway can do wrong.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::Ordering;
use std::thread;

use shakedown_record::Outcome;

use crate::rig::{Run, answers_belong_to_their_orders, config, outcomes_are_what_was_done, run};
use crate::server::{Act, Seen, Server, done};
use crate::way::{Asked, Way};
use crate::websocket;

/// Every third message is answered with these bytes, on a connection that stays.
fn every_third_answered(way: Way, bytes: fn(&Asked) -> Vec<u8>, outcome: Outcome) {
    let server = Server::start(way, move |seen: &Seen| match seen.order % 3 {
        2 => Act::Raw(bytes(&seen.asked)),
        _ => Act::Say(done(seen)),
    });
    let mut config = config(way, server.address);
    config.session.in_flight = 1;
    let run = run(config);
    outcomes_are_what_was_done(&run, &server, |seen| match seen.order % 3 {
        2 => outcome,
        _ => Outcome::Acked,
    });
    answers_belong_to_their_orders(&run);
}

fn frame(asked: &Asked) -> Vec<u8> {
    Way::Binary.answer(asked, crate::way::Said::Done(1), "n1")
}

#[test]
fn a_frame_to_what_was_never_sent_is_garbage() {
    let never = |asked: &Asked| {
        let number = asked.number + 1;
        frame(&Asked {
            number,
            ..asked.clone()
        })
    };
    every_third_answered(Way::Binary, never, Outcome::BadResponse);
    let zero = |asked: &Asked| {
        frame(&Asked {
            number: 0,
            ..asked.clone()
        })
    };
    every_third_answered(Way::Binary, zero, Outcome::BadResponse);
}

#[test]
fn a_frame_about_another_order_is_garbage() {
    let other = |asked: &Asked| {
        let id = format!("{}0", asked.id);
        frame(&Asked {
            id,
            ..asked.clone()
        })
    };
    every_third_answered(Way::Binary, other, Outcome::BadResponse);
}

#[test]
fn a_frame_with_an_unknown_status_is_garbage() {
    let unknown = |asked: &Asked| {
        let mut bytes = frame(asked);
        bytes[32] = 11;
        bytes
    };
    every_third_answered(Way::Binary, unknown, Outcome::BadResponse);
}

#[test]
fn a_text_that_is_no_json_is_garbage() {
    every_third_answered(
        Way::WebSocket,
        |_| b"\x81\x03yes".to_vec(),
        Outcome::BadResponse,
    );
}

#[test]
fn a_text_of_no_class_may_have_executed() {
    let pending = |asked: &Asked| {
        let text = format!("{{\"id\":\"{}\",\"state\":\"pending\"}}", asked.id);
        let mut bytes = vec![0x81, text.len() as u8];
        bytes.extend_from_slice(text.as_bytes());
        bytes
    };
    every_third_answered(Way::WebSocket, pending, Outcome::BadResponse);
}

#[test]
fn a_close_may_have_executed_and_pings_are_answered() {
    let close = |_: &Asked| b"\x88\x02\x03\xe9".to_vec();
    every_third_answered(Way::WebSocket, close, Outcome::ResetAfterSend);
    assert!(websocket::PONGS.load(Ordering::SeqCst) > 0);
}

/// A run over WebSocket against somebody who answers every handshake with these bytes, or not at all.
fn run_against(answer: Option<&'static str>) -> Run {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                let mut bytes = [0; 4096];
                while let Ok(1..) = stream.read(&mut bytes) {
                    if let Some(answer) = answer {
                        let _ = stream.write_all(answer.as_bytes());
                    }
                }
            });
        }
    });
    run(config(Way::WebSocket, address))
}

#[test]
fn whoever_refuses_the_handshake_has_seen_no_order() {
    for answer in [
        "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: AAAA\r\n\r\n",
        "SSH-2.0-OpenSSH_9.6\r\n\r\n",
    ] {
        let run = run_against(Some(answer));
        let outcomes = run.outcomes();
        assert!(outcomes.refused > 0, "{answer} {outcomes:?}");
        // On a starved machine even a refusal may come too late.
        let absent = outcomes.refused + outcomes.unreachable + outcomes.not_sent;
        assert_eq!(absent, run.finished.scheduled, "{answer} {outcomes:?}");
    }
}

#[test]
fn whoever_never_answers_the_handshake_is_unreachable() {
    let run = run_against(None);
    let outcomes = run.outcomes();
    assert!(outcomes.unreachable > 0, "{outcomes:?}");
    assert_eq!(
        outcomes.unreachable + outcomes.not_sent,
        run.finished.scheduled,
        "{outcomes:?}"
    );
}
