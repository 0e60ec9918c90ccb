//! Each thing that a server can do to a request, and the one outcome that it is.

use std::collections::HashSet;
use std::time::Duration;

use shakedown_load::{Mode, Work};
use shakedown_record::ledger::{OrderKind, Terms, read_server_ids};
use shakedown_record::{Outcome, OutcomeCounts};
use shakedown_scenarios::plan::{Extract, Identity, JsonPointer};

use crate::rig::{MS, config, mix, nothing_was_sent_twice, orders, run, slots_of};
use crate::server::{Act, Seen, Server, accept, accept_after, accept_now, answer};

fn all_acked(scheduled: u64) -> OutcomeCounts {
    OutcomeCounts {
        acked: scheduled,
        ..OutcomeCounts::default()
    }
}

#[test]
fn a_good_server_acknowledges_everything_once() {
    let server = Server::start(accept_now);
    let mut config = config(&server.url(), 1_000.0, 16);
    config.plan.mix = mix(70, 25, 5);
    let run = run(config);
    assert_eq!(run.outcomes(), all_acked(1_000));
    assert_eq!(server.log().len(), 1_000);
    nothing_was_sent_twice(&server);
    let kinds: HashSet<OrderKind> = run.entries.values().map(|entry| entry.kind).collect();
    assert_eq!(
        kinds,
        HashSet::from([OrderKind::New, OrderKind::Cancel, OrderKind::Replace])
    );
    let mut cancelled = HashSet::new();
    for entry in run
        .entries
        .values()
        .filter(|entry| entry.kind == OrderKind::Cancel)
    {
        assert!(
            cancelled.insert(entry.target.unwrap()),
            "one order is cancelled once"
        );
    }
    assert!(run.entries.values().all(|entry| entry.served_by == 1));
    let names = std::fs::read_to_string(run.folder.path().join("served-by.json")).unwrap();
    assert_eq!(names, "[\"n1\"]");
}

#[test]
fn what_is_in_the_ledger_is_what_the_server_read() {
    let server = Server::start(accept_now);
    let run = run(config(&server.url(), 500.0, 4));
    for seen in server.log() {
        let entry = &run.entries[&seen.slot()];
        let symbol = ["BTCUSD", "ETHUSD"][usize::from(entry.symbol)];
        let side = ["B", "S"][entry.side as usize];
        let (price, quantity) = (entry.price_ticks, entry.quantity_lots);
        let expected = format!(
            "{{\"id\":\"t3st00-{}\",\"sym\":\"{symbol}\",\"side\":\"{side}\",\"px\":{}.{:02},\"qty\":{}.{:03}}}",
            seen.slot(),
            price / 100,
            price % 100,
            quantity / 1000,
            quantity % 1000
        );
        assert_eq!(seen.body, expected);
    }
}

/// So many that a session which has to dial again has 200 ms for it before its next slot, also on a machine that
/// loses its cores for a moment: a slot of a session that is down is not sent, as it must not be.
const PATIENT_SESSIONS: u32 = 60;

/// Every third request is treated badly; exactly those slots end in the outcome.
fn every_third(bad: impl Fn(&Seen) -> Act + Send + Sync + 'static, outcome: Outcome) -> Server {
    let server = Server::start(move |seen| {
        if seen.number % 3 == 2 {
            bad(seen)
        } else {
            accept_now(seen)
        }
    });
    let run = run(config(&server.url(), 300.0, PATIENT_SESSIONS));
    let treated_badly = slots_of(&server, |seen| seen.number % 3 == 2);
    assert!(treated_badly.len() >= 90);
    assert_eq!(run.with(outcome), treated_badly);
    assert_eq!(run.outcomes().acked + treated_badly.len() as u64, 300);
    nothing_was_sent_twice(&server);
    server
}

fn reply(status: u16, body: &'static str) -> impl Fn(&Seen) -> Act + Send + Sync + 'static {
    move |_| Act::Reply {
        bytes: answer(status, body),
        after: Duration::ZERO,
    }
}

#[test]
fn a_reset_or_an_end_after_the_request_is_reset_after_send() {
    every_third(|_| Act::Reset, Outcome::ResetAfterSend);
    every_third(|_| Act::Close, Outcome::ResetAfterSend);
}

#[test]
fn answers_that_the_profile_lists_are_definite() {
    every_third(reply(422, "{}"), Outcome::Rejected);
    every_third(reply(429, "slow down"), Outcome::Throttled);
}

#[test]
fn answers_that_nobody_listed_are_bad_responses() {
    every_third(reply(500, ""), Outcome::BadResponse);
    let garbage = |_: &Seen| Act::ReplyAndClose(b"SSH-2.0-x\r\n\r\n".to_vec());
    every_third(garbage, Outcome::BadResponse);
}

#[test]
fn answers_in_chunks_and_pieces_are_whole() {
    let server = Server::start(|seen| {
        let plain = accept(seen);
        if seen.number.is_multiple_of(2) {
            return Act::Pieces(plain.chunks(17).map(<[u8]>::to_vec).collect());
        }
        let body = plain.split(|byte| *byte == b'{').nth(1).unwrap();
        let (left, right) = body.split_at(5);
        let chunk = |bytes: &[u8]| {
            let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
            chunk.extend_from_slice(bytes);
            chunk.extend_from_slice(b"\r\n");
            chunk
        };
        let head = b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        Act::Pieces(vec![
            head,
            chunk(b"{"),
            chunk(left),
            chunk(right),
            b"0\r\n\r\n".to_vec(),
        ])
    });
    let run = run(config(&server.url(), 200.0, 8));
    assert_eq!(run.outcomes(), all_acked(200));
    assert!(
        run.entries
            .iter()
            .all(|(slot, entry)| entry.sequence == Some(*slot))
    );
}

#[test]
fn a_connection_for_each_request_harms_no_slot() {
    let server = Server::start(|seen| {
        if seen.number.is_multiple_of(2) {
            return Act::ReplyAndClose(accept(seen));
        }
        let announced = String::from_utf8(accept(seen)).unwrap();
        Act::ReplyAndClose(
            announced
                .replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")
                .into_bytes(),
        )
    });
    let run = run(config(&server.url(), 300.0, PATIENT_SESSIONS));
    assert_eq!(run.outcomes(), all_acked(300));
    assert!(server.connections() >= 300);
}

#[test]
fn a_server_that_never_answers_times_out_and_is_asked_on_a_new_connection() {
    let server = Server::start(|_| Act::Silence);
    let mut config = config(&server.url(), 100.0, 2);
    config.plan.timeout_ns = 150 * MS;
    let run = run(config);
    let outcomes = run.outcomes();
    assert!(
        outcomes.timeout >= 10 && outcomes.timeout + outcomes.not_sent == 100,
        "{outcomes:?}"
    );
    for entry in run.entries.values() {
        let expected = if entry.sent_ns.is_some() {
            Outcome::Timeout
        } else {
            Outcome::NotSent
        };
        assert_eq!(entry.outcome, Some(expected));
    }
    assert_eq!(run.with(Outcome::Timeout), slots_of(&server, |_| true));
    nothing_was_sent_twice(&server);
}

#[test]
fn slots_wait_for_a_busy_session_until_their_own_time_is_over() {
    let server = Server::start(|seen| accept_after(seen, Duration::from_millis(40)));
    let mut config = config(&server.url(), 100.0, 1);
    config.plan.timeout_ns = 300 * MS;
    config.session.reconnect_every_ns = MS;
    config.duration_ns = Some(600 * MS);
    let run = run(config);
    let outcomes = run.outcomes();
    assert!(outcomes.acked >= 7 && outcomes.timeout > 20, "{outcomes:?}");
    assert_eq!(
        outcomes.acked + outcomes.timeout + outcomes.not_sent,
        60,
        "{outcomes:?}"
    );
    for (slot, entry) in &run.entries {
        let ended_ns = entry.done_ns.unwrap() - entry.intended_ns;
        if entry.outcome != Some(Outcome::Acked) {
            assert!(
                (300 * MS..380 * MS).contains(&ended_ns),
                "slot {slot}: {ended_ns}"
            );
        }
    }
    assert!(run.finished.report.session_wait_p99_ns.unwrap() > 100 * MS);
}

#[test]
fn pipelined_answers_belong_to_their_requests() {
    let server =
        Server::start(|seen| accept_after(seen, Duration::from_micros(seen.number % 7 * 500)));
    let mut config = config(&server.url(), 1_000.0, 4);
    config.session.in_flight = 8;
    let run = run(config);
    assert_eq!(run.outcomes(), all_acked(1_000));
    assert!(
        run.entries
            .iter()
            .all(|(slot, entry)| entry.sequence == Some(*slot))
    );
}

#[test]
fn ids_of_the_engine_are_opaque_and_address_their_orders() {
    let server = Server::start(|seen| {
        let reply = if seen.method == "POST" {
            let id = 9_007_199_254_740_993_000u64 + seen.slot();
            answer(201, &format!("{{\"state\":\"ACCEPTED\",\"orderId\":{id}}}"))
        } else {
            assert!(
                seen.path.starts_with("/o/9007199254740993"),
                "{}",
                seen.path
            );
            answer(200, "{\"state\":\"ACCEPTED\"}")
        };
        Act::Reply {
            bytes: reply,
            after: Duration::ZERO,
        }
    });
    let mut config = config(&server.url(), 500.0, 4);
    config.plan.mix = mix(60, 40, 0);
    let Work::Orders { orders: rules, .. } = &mut config.work else {
        unreachable!()
    };
    *rules = orders();
    rules.identity = Identity::Server;
    rules.take.server_id = Some(Extract::Pointer(JsonPointer("/orderId".into())));
    let run = run(config);
    assert_eq!(run.outcomes(), all_acked(500));
    let ids = read_server_ids(run.folder.path()).unwrap();
    let new = run
        .entries
        .values()
        .filter(|entry| entry.kind == OrderKind::New)
        .count();
    assert_eq!(ids.len(), new);
    assert!(
        ids.iter()
            .all(|id| id.id == (9_007_199_254_740_993_000u64 + id.slot).to_string())
    );
}

#[test]
fn of_each_term_that_is_told_the_first_answer_and_the_last_sending_are_kept() {
    let server = Server::start(|seen| Act::Reply {
        bytes: answer(
            201,
            &format!(
                "{{\"state\":\"ACCEPTED\",\"term\":{}}}",
                7 + seen.slot() / 250
            ),
        ),
        after: Duration::ZERO,
    });
    let mut config = config(&server.url(), 500.0, 8);
    config.plan.threads = 2;
    let Work::Orders { orders: rules, .. } = &mut config.work else {
        unreachable!()
    };
    *rules = orders();
    rules.take.sequence = None;
    rules.take.term = Some(Extract::Pointer(JsonPointer("/term".into())));
    let run = run(config);
    assert_eq!(run.outcomes(), all_acked(500));
    let terms = Terms::read(run.folder.path()).unwrap();
    let mut told: Vec<_> = terms.all().to_vec();
    told.sort_by_key(|seen| seen.term);
    let of = |term: u64| {
        let entries = run.entries.iter();
        entries.filter(move |(slot, _)| 7 + *slot / 250 == term)
    };
    assert_eq!(told.len(), 2);
    for seen in told {
        assert_eq!(seen.acked, 250);
        let first = of(seen.term).filter_map(|(_, entry)| entry.done_ns).min();
        let last = of(seen.term).filter_map(|(_, entry)| entry.sent_ns).max();
        assert_eq!(
            (Some(seen.first_acked_ns), Some(seen.last_sent_ns)),
            (first, last)
        );
        assert_eq!(run.entries[&seen.first_slot].done_ns, first);
        assert_eq!(run.entries[&seen.last_slot].sent_ns, last);
    }
}

#[test]
fn a_closed_loop_counts_every_request() {
    let server = Server::start(|seen| accept_after(seen, Duration::from_millis(5)));
    let mut config = config(&server.url(), 1.0, 8);
    config.mode = Mode::Closed;
    config.plan.threads = 2;
    let run = run(config);
    let outcomes = run.outcomes();
    assert_eq!(outcomes.total(), outcomes.acked);
    assert!((400..=1_600).contains(&outcomes.acked), "{outcomes:?}");
    assert_eq!(run.finished.report.send_lag_p99_ns, None);
}
