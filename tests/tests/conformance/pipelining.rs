//! HTTP/1.1 pipelining: several requests of a session on their way, answered in the order in which they were sent. Nothing
//! but that order says which answer is whose.

use std::collections::BTreeSet;
use std::sync::Mutex;

use shakedown_load::GeneratorConfig;
use shakedown_record::Outcome;

use crate::rig::{Run, answers_belong_to_their_orders, config, nothing_was_sent_twice, run};
use crate::server::{Act, Server, done};
use crate::way::Way;

/// One session with up to four requests on their way.
fn pipelined(server: &Server) -> GeneratorConfig {
    let mut config = config(Way::Http, server.address);
    config.plan.sessions = 1;
    config.session.in_flight = 4;
    config.plan.timeout_ns = 2_000_000_000;
    config
}

/// Answers nothing until four requests are there, and then all of them, the oldest first, with `alter` done to each.
fn by_fours(alter: impl Fn(u64, Vec<u8>) -> Vec<u8> + Send + Sync + 'static) -> Server {
    let kept = Mutex::new(Vec::new());
    Server::start(Way::Http, move |seen| {
        let answer = Way::Http.answer(&seen.asked, done(seen), "n1");
        let mut kept = kept.lock().unwrap();
        kept.extend(alter(seen.order % 4, answer));
        match seen.order % 4 {
            3 => Act::Raw(std::mem::take(&mut kept)),
            _ => Act::Raw(Vec::new()),
        }
    })
}

/// Most requests that were on their way at a time.
fn most_in_flight(run: &Run) -> usize {
    let sent = run.entries.values().filter_map(|entry| entry.sent_ns);
    let open = |at_ns: u64| {
        let entries = run.entries.values();
        let open = entries.filter(|entry| {
            entry.sent_ns.is_some_and(|sent_ns| sent_ns <= at_ns)
                && entry.done_ns.is_some_and(|done_ns| done_ns > at_ns)
        });
        open.count()
    };
    sent.map(open).max().unwrap_or(0)
}

#[test]
fn each_answer_is_its_requests() {
    let server = by_fours(|_, answer| answer);
    let run = run(pipelined(&server));
    // Without a fourth the last ones are never answered.
    let last = run.finished.scheduled % 4;
    assert_eq!(run.outcomes().acked, run.finished.scheduled - last);
    assert_eq!(run.outcomes().timeout, last);
    assert_eq!(most_in_flight(&run), 4);
    answers_belong_to_their_orders(&run);
    nothing_was_sent_twice(&run, &server);
}

#[test]
fn one_at_a_time_is_what_a_profile_says_that_says_nothing() {
    let server = Server::start(Way::Http, |seen| Act::Say(done(seen)));
    let mut config = pipelined(&server);
    config.session.in_flight = 1;
    let run = run(config);
    assert_eq!(run.outcomes().acked, run.finished.scheduled);
    assert_eq!(most_in_flight(&run), 1);
}

#[test]
fn a_server_that_answers_in_another_order_is_found_out_by_its_answers_only() {
    // The second and third of each four change places: their sequence numbers are each other's.
    let second = Mutex::new(Vec::new());
    let server = by_fours(move |place, answer| {
        let mut second = second.lock().unwrap();
        match place {
            1 => {
                *second = answer;
                Vec::new()
            }
            2 => [answer, std::mem::take(&mut *second)].concat(),
            _ => answer,
        }
    });
    let run = run(pipelined(&server));
    let wrong = run.entries.iter().filter(|(slot, entry)| {
        let sequence = entry.sequence;
        sequence.is_some_and(|sequence| sequence != **slot)
    });
    assert!(
        wrong.count() > 20,
        "the suite sees answers that are not theirs"
    );
}

#[test]
fn all_that_is_unanswered_when_the_connection_ends_may_have_executed() {
    // The first of each four is answered, and then the connection is over for the other three.
    let server = Server::start(Way::Http, |seen| match seen.order % 4 {
        0 => Act::Say(done(seen)),
        1 => Act::Raw(Vec::new()),
        2 => Act::Raw(Vec::new()),
        _ => Act::Reset,
    });
    let run = run(pipelined(&server));
    let mut unanswered = BTreeSet::new();
    for seen in server.log() {
        let outcome = run.entries[&seen.asked.slot()].outcome.unwrap();
        match seen.order % 4 {
            0 => assert_eq!(outcome, Outcome::Acked, "{seen:?}"),
            _ => {
                let indeterminate = [Outcome::ResetAfterSend, Outcome::Timeout];
                assert!(indeterminate.contains(&outcome), "{seen:?} {outcome:?}");
                unanswered.insert(outcome);
            }
        }
    }
    assert!(unanswered.contains(&Outcome::ResetAfterSend));
    nothing_was_sent_twice(&run, &server);
}

#[test]
fn an_answer_that_closes_leaves_those_behind_it_open() {
    let server = by_fours(|place, answer| match place {
        1 => {
            let text = String::from_utf8(answer).unwrap();
            let closing = text.replacen("\r\n", "\r\nconnection: close\r\n", 1);
            closing.into_bytes()
        }
        _ => answer,
    });
    let run = run(pipelined(&server));
    for seen in server.log() {
        let outcome = run.entries[&seen.asked.slot()].outcome.unwrap();
        let expected = match seen.order % 4 {
            0 | 1 => Outcome::Acked,
            _ => Outcome::ResetAfterSend,
        };
        // The last ones may have had no fourth.
        assert!(
            outcome == expected || outcome == Outcome::Timeout,
            "{seen:?} {outcome:?}"
        );
    }
    assert!(run.outcomes().acked > 20 && run.outcomes().reset_after_send > 20);
    nothing_was_sent_twice(&run, &server);
}
