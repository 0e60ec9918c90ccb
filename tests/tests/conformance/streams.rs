//! HTTP/2: what of many streams on one connection was looked at, and what was not.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread;

use shakedown_load::GeneratorConfig;
use shakedown_record::Outcome;

use crate::certificates::Shown;
use crate::http2::{frame, go_away, greet_with, reset, take};
use crate::rig::{
    MS, answers_belong_to_their_orders, config, nothing_was_sent_twice, outcomes_are_what_was_done,
    run,
};
use crate::server::{Act, Seen, Server, done};
use crate::stream::Stream;
use crate::way::{Said, Way};

const REFUSED_STREAM: u32 = 7;
const CANCEL: u32 = 8;

/// One session with up to eight streams.
fn many(address: SocketAddr) -> GeneratorConfig {
    let mut config = config(Way::Http2, address);
    config.plan.sessions = 1;
    config.session.in_flight = 8;
    config.plan.timeout_ns = 2_000 * MS;
    config
}

fn every_third(bytes: impl Fn(&Seen) -> Vec<u8> + Send + Sync + 'static, outcome: Outcome) {
    let server = Server::start(Way::Http2, move |seen| match seen.order % 3 {
        2 => Act::Raw(bytes(seen)),
        _ => Act::Say(done(seen)),
    });
    let run = run(many(server.address));
    outcomes_are_what_was_done(&run, &server, |seen| match seen.order % 3 {
        2 => outcome,
        _ => Outcome::Acked,
    });
    answers_belong_to_their_orders(&run);
    nothing_was_sent_twice(&run, &server);
}

#[test]
fn a_stream_that_was_refused_is_absent_and_one_that_was_reset_may_have_executed() {
    every_third(
        |seen| reset(seen.asked.number, REFUSED_STREAM),
        Outcome::Refused,
    );
    every_third(
        |seen| reset(seen.asked.number, CANCEL),
        Outcome::ResetAfterSend,
    );
}

#[test]
fn a_head_without_its_end_and_a_reset_may_have_executed() {
    every_third(
        |seen| {
            let stream = seen.asked.number;
            [frame(1, 4, stream, b"\x08\x03201"), reset(stream, CANCEL)].concat()
        },
        Outcome::ResetAfterSend,
    );
}

/// What a server that leaves did with the messages that it read, by slot.
#[derive(Default)]
struct Left {
    answered: BTreeSet<u64>,
    /// Beyond the last stream.
    declined: BTreeSet<u64>,
}

/// A server that keeps `most` messages of a connection, then says that it leaves, answers the first of them and looks at no
/// other.
fn leaving(most: usize, answers: usize) -> (Server, Arc<Mutex<Left>>) {
    let left: Arc<Mutex<Left>> = Arc::default();
    let told = Arc::clone(&left);
    let kept: Mutex<Vec<Seen>> = Mutex::default();
    let server = Server::start(Way::Http2, move |seen| {
        let (mut kept, mut told) = (kept.lock().unwrap(), told.lock().unwrap());
        if seen.asked.number == 1 {
            kept.clear();
        }
        if seen.asked.number != 2 * kept.len() as u64 + 1 {
            // Of the connection before, read when the next one had begun: it came after the server had left.
            told.declined.insert(seen.asked.slot());
            return Act::Raw(Vec::new());
        }
        kept.push(seen.clone());
        if kept.len() > most {
            told.declined.insert(seen.asked.slot());
        }
        if kept.len() != most {
            return Act::Raw(Vec::new());
        }
        let (looked_at, others) = kept.split_at(answers);
        let mut bytes = go_away(looked_at.last().unwrap().asked.number, 0);
        for seen in looked_at {
            told.answered.insert(seen.asked.slot());
            bytes.extend(Way::Http2.answer(&seen.asked, done(seen), "n1"));
        }
        let others = others.iter().map(|seen| seen.asked.slot());
        told.declined.extend(others);
        Act::Raw(bytes)
    });
    (server, left)
}

#[test]
fn beyond_the_last_stream_nothing_was_looked_at() {
    for (most, answers) in [(4, 2), (5, 1), (4, 4)] {
        let (server, left) = leaving(most, answers);
        let run = run(many(server.address));
        let left = left.lock().unwrap();
        for seen in server.log() {
            let slot = seen.asked.slot();
            let outcome = run.entries[&slot].outcome.unwrap();
            if left.answered.contains(&slot) {
                assert_eq!(outcome, Outcome::Acked, "{seen:?}");
            } else if left.declined.contains(&slot) {
                assert_eq!(outcome, Outcome::Refused, "{seen:?}");
            } else {
                // On the last connection the server never came to say anything.
                assert!(outcome.is_indeterminate(), "{seen:?} {outcome:?}");
            }
        }
        assert!(left.answered.len() > 10, "{}", left.answered.len());
        assert!(
            most == answers || left.declined.len() > 10,
            "{}",
            left.declined.len()
        );
        answers_belong_to_their_orders(&run);
        nothing_was_sent_twice(&run, &server);
    }
}

#[test]
fn up_to_the_last_stream_what_is_not_answered_may_have_executed() {
    let server = Server::start(Way::Http2, |seen| match seen.order % 4 {
        3 => Act::RawAndHalfClose(go_away(seen.asked.number, 2)),
        0 => Act::Say(done(seen)),
        _ => Act::Raw(Vec::new()),
    });
    let run = run(many(server.address));
    for seen in server.log() {
        let outcome = run.entries[&seen.asked.slot()].outcome.unwrap();
        match seen.order % 4 {
            0 => assert_eq!(outcome, Outcome::Acked),
            _ => assert!(
                matches!(outcome, Outcome::ResetAfterSend | Outcome::Timeout),
                "{seen:?} {outcome:?}"
            ),
        }
    }
    assert!(run.outcomes().reset_after_send > 60, "{:?}", run.outcomes());
    nothing_was_sent_twice(&run, &server);
}

#[test]
fn what_is_no_frame_that_can_be_here_is_garbage() {
    type Bytes = fn(&Seen) -> Vec<u8>;
    let frames: [(&str, Bytes); 6] = [
        ("an answer to what was never asked", |seen| {
            frame(1, 5, seen.asked.number + 200, &[0x88])
        }),
        ("an answer to a stream of the server's", |_| {
            frame(1, 5, 2, &[0x88])
        }),
        ("a promise", |seen| {
            frame(5, 4, seen.asked.number, &[0, 0, 0, 2, 0x82])
        }),
        ("a header of a table that there is not", |seen| {
            frame(1, 5, seen.asked.number, &[0xbe])
        }),
        ("a body before its head", |seen| {
            frame(0, 1, seen.asked.number, b"{}")
        }),
        ("a window that grows by nothing", |_| {
            frame(8, 0, 0, &[0; 4])
        }),
    ];
    for (what, bytes) in frames {
        let server = Server::start(Way::Http2, move |seen| match seen.order % 3 {
            2 => Act::Raw(bytes(seen)),
            _ => Act::Say(done(seen)),
        });
        let mut config = many(server.address);
        config.plan.sessions = 60;
        config.session.in_flight = 1;
        config.duration_ns = Some(400 * MS);
        let run = run(config);
        for seen in server.log() {
            let expected = match seen.order % 3 {
                2 => Outcome::BadResponse,
                _ => Outcome::Acked,
            };
            assert_eq!(
                run.entries[&seen.asked.slot()].outcome,
                Some(expected),
                "{what}"
            );
        }
    }
}

/// A server of one connection after another, which says these settings and answers only when `most` streams are asked, or
/// when nothing more comes.
fn limited(settings: &'static [(u16, u32)], most: usize) -> (SocketAddr, Arc<Mutex<usize>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let highest = Arc::new(Mutex::new(0));
    let seen = Arc::clone(&highest);
    thread::spawn(move || {
        for tcp in listener.incoming() {
            let mut stream = Stream::Plain(tcp.unwrap());
            let mut received = Vec::new();
            if greet_with(&mut stream, &mut received, settings).is_none() {
                continue;
            }
            let patience = std::time::Duration::from_millis(100);
            stream.tcp().set_read_timeout(Some(patience)).unwrap();
            let mut open = Vec::new();
            loop {
                while let Some(asked) = take(&mut received) {
                    open.push(asked);
                }
                let mut highest = seen.lock().unwrap();
                *highest = open.len().max(*highest);
                drop(highest);
                let mut bytes = [0; 4096];
                let is_quiet = match stream.read(&mut bytes) {
                    Ok(0) => break,
                    Ok(count) => {
                        received.extend_from_slice(&bytes[..count]);
                        false
                    }
                    Err(_) => true,
                };
                if is_quiet || open.len() > most {
                    for asked in open.drain(..) {
                        let said = Said::Done(asked.slot());
                        let answer = Way::Http2.answer(&asked, said, "n1");
                        if stream.write_all(&answer).is_err() {
                            break;
                        }
                    }
                }
            }
        }
    });
    (address, highest)
}

#[test]
fn never_more_streams_than_the_server_allows() {
    let (address, highest) = limited(&[(3, 3)], 8);
    let run = run(many(address));
    assert_eq!(*highest.lock().unwrap(), 3);
    assert!(run.outcomes().acked > 10, "{:?}", run.outcomes());
    answers_belong_to_their_orders(&run);
}

#[test]
fn as_many_streams_as_the_profile_says() {
    let (address, highest) = limited(&[], 20);
    let run = run(many(address));
    assert_eq!(*highest.lock().unwrap(), 8);
    assert!(run.outcomes().acked > 10, "{:?}", run.outcomes());
}

/// A body may go no faster than the server lets it.
#[test]
fn a_body_waits_for_the_server() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for tcp in listener.incoming() {
            let mut stream = Stream::Plain(tcp.unwrap());
            thread::spawn(move || narrow(&mut stream));
        }
    });
    let mut config = many(address);
    config.plan.sessions = 4;
    config.session.in_flight = 1;
    let run = run(config);
    assert!(run.outcomes().acked > 60, "{:?}", run.outcomes());
    answers_belong_to_their_orders(&run);
}

/// Takes 40 bytes of a body, then says that it takes 40 more, until the body is there.
fn narrow(stream: &mut Stream) -> Option<()> {
    let mut received = Vec::new();
    greet_with(stream, &mut received, &[(4, 40)])?;
    let (mut head, mut body) = (Vec::new(), Vec::new());
    loop {
        while let Some(length) = received
            .get(..9)
            .map(|head| usize::from(head[1]) << 8 | usize::from(head[2]))
        {
            if received.len() < 9 + length {
                break;
            }
            let whole: Vec<u8> = received.drain(..9 + length).collect();
            match whole[3] {
                1 => head = whole,
                0 => {
                    let number = u32::from_be_bytes(whole[5..9].try_into().unwrap());
                    assert!(length <= 40, "more than was allowed");
                    body.extend_from_slice(&whole[9..]);
                    let more = (length as u32).to_be_bytes();
                    let mut reply =
                        [frame(8, 0, 0, &more), frame(8, 0, u64::from(number), &more)].concat();
                    if whole[4] & 1 == 1 {
                        let data = frame(0, 1, u64::from(number), &body);
                        let asked = take(&mut [head.clone(), data].concat()).unwrap();
                        body.clear();
                        reply = Way::Http2.answer(&asked, Said::Done(asked.slot()), "n1");
                        reply.extend(frame(8, 0, 0, &more));
                    }
                    stream.write_all(&reply).ok()?;
                }
                _ => {}
            }
        }
        let mut bytes = [0; 4096];
        match stream.read(&mut bytes) {
            Ok(0) | Err(_) => return None,
            Ok(count) => received.extend_from_slice(&bytes[..count]),
        }
    }
}

#[test]
fn a_server_that_speaks_no_http2_over_tls_is_unreachable() {
    let shown = Shown {
        protocols: &["http/1.1"],
        ..Shown::GOOD
    };
    let silent = Shown {
        protocols: &[],
        ..Shown::GOOD
    };
    for shown in [shown, silent] {
        let server = Server::showing(Way::Http2Tls, Some(shown), |seen| Act::Say(done(seen)));
        let run = run(config(Way::Http2Tls, server.address));
        let outcomes = run.outcomes();
        assert!(outcomes.unreachable > 0, "{outcomes:?}");
        assert_eq!(
            outcomes.unreachable + outcomes.not_sent,
            run.finished.scheduled
        );
        let (_, why) = run.finished.unwelcome.unwrap();
        assert!(why.contains("ALPN"), "{why}");
    }
}

#[test]
fn a_server_of_http1_is_refused_before_anything_is_asked() {
    let server = Server::start(Way::Http, |seen| Act::Say(done(seen)));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for tcp in listener.incoming() {
            let mut tcp = tcp.unwrap();
            thread::spawn(move || {
                let mut bytes = [0; 4096];
                if let Ok(1..) = tcp.read(&mut bytes) {
                    let _ = tcp.write_all(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n");
                }
            });
        }
    });
    let run = run(config(Way::Http2, address));
    let outcomes = run.outcomes();
    assert!(outcomes.refused > 0, "{outcomes:?}");
    let absent = outcomes.refused + outcomes.unreachable + outcomes.not_sent;
    assert_eq!(absent, run.finished.scheduled, "{outcomes:?}");
    assert_eq!(server.log().len(), 0);
}
