//! Each thing that an engine can do to a message, and the one outcome that it is, for every gateway.

use std::collections::BTreeSet;
use std::time::Duration;

use shakedown_load::GeneratorConfig;
use shakedown_record::Outcome;

use crate::rig::{
    MS, answers_belong_to_their_orders, config, mix, nothing_was_sent_twice,
    outcomes_are_what_was_done, run,
};
use crate::server::{Act, Seen, Server, done};
use crate::way::{Kind, Said, Way};

#[test]
fn what_is_acknowledged_is_what_was_sent() {
    for way in Way::ALL {
        let server = Server::start(way, |seen| Act::Say(done(seen)));
        let mut config = config(way, server.address);
        config.plan.mix = mix(60, 25, 15);
        let instruments = config.plan.symbols.clone();
        let run = run(config);
        assert_eq!(run.outcomes().acked, run.finished.scheduled, "{way:?}");
        assert_eq!(run.finished.scheduled, server.log().len() as u64, "{way:?}");
        answers_belong_to_their_orders(&run);
        nothing_was_sent_twice(&run, &server);
        let kinds: BTreeSet<u8> = run.entries.values().map(|entry| entry.kind as u8).collect();
        assert_eq!(kinds.len(), 3, "{way:?}: new orders, cancels and replaces");
        let names = std::fs::read_to_string(run.folder.path().join("served-by.json")).unwrap();
        assert_eq!(names, "[\"n1\"]", "{way:?}");
        let mut compared = 0;
        for seen in server.log() {
            let entry = &run.entries[&seen.asked.slot()];
            let instrument = &instruments[usize::from(entry.symbol)].instrument;
            let (price, quantity) = seen.asked.terms.clone().unwrap_or_default();
            if seen.asked.kind == Kind::New {
                assert_eq!(price.parse(), Ok(instrument.tick.times(entry.price_ticks)));
                let lots = i64::from(entry.quantity_lots);
                assert_eq!(quantity.parse(), Ok(instrument.lot.times(lots)));
                compared += 1;
            }
        }
        assert!(compared > 50, "{way:?}");
    }
}

/// Every third message is treated badly; exactly those slots end in the outcome.
fn every_third(bad: impl Fn(&Seen) -> Act + Send + Sync + Copy + 'static, outcome: Outcome) {
    for way in Way::ALL {
        every_third_over(way, |_| {}, bad, outcome);
    }
}

/// The same over one gateway, with a load of its own.
pub fn every_third_over(
    way: Way,
    tune: impl Fn(&mut GeneratorConfig),
    bad: impl Fn(&Seen) -> Act + Send + Sync + 'static,
    outcome: Outcome,
) {
    let server = Server::start(way, move |seen| match seen.order % 3 {
        2 => bad(seen),
        _ => Act::Say(done(seen)),
    });
    let mut config = config(way, server.address);
    // One at a time: what becomes of the others in flight when a connection breaks has a test of its own.
    config.session.in_flight = 1;
    tune(&mut config);
    let run = run(config);
    outcomes_are_what_was_done(&run, &server, |seen| match seen.order % 3 {
        2 => outcome,
        _ => Outcome::Acked,
    });
    answers_belong_to_their_orders(&run);
    nothing_was_sent_twice(&run, &server);
}

#[test]
fn rejected_and_throttled_are_definite() {
    every_third(|_| Act::Say(Said::Rejected), Outcome::Rejected);
    every_third(|_| Act::Say(Said::Throttled), Outcome::Throttled);
}

#[test]
fn what_the_engine_does_not_know_may_have_executed() {
    every_third(|_| Act::Say(Said::Unknown), Outcome::BadResponse);
}

#[test]
fn garbage_may_have_executed() {
    every_third(|_| Act::Garbage, Outcome::BadResponse);
}

#[test]
fn a_reset_after_the_message_may_have_executed() {
    every_third(|_| Act::Reset, Outcome::ResetAfterSend);
}

#[test]
fn an_end_without_an_answer_may_have_executed() {
    every_third(|_| Act::HalfClose, Outcome::ResetAfterSend);
}

#[test]
fn half_an_answer_may_have_executed() {
    every_third(|seen| Act::Torn(done(seen)), Outcome::ResetAfterSend);
}

#[test]
fn an_answer_before_the_end_counts() {
    every_third(|seen| Act::SayAndHalfClose(done(seen)), Outcome::Acked);
    every_third(|_| Act::SayAndHalfClose(Said::Rejected), Outcome::Rejected);
}

#[test]
fn a_second_answer_changes_nothing() {
    every_third(|seen| Act::Twice(done(seen)), Outcome::Acked);
    every_third(|_| Act::Twice(Said::Rejected), Outcome::Rejected);
}

#[test]
fn answers_in_pieces_are_whole() {
    every_third(
        |seen| Act::Pieces(done(seen), 11 + seen.order as usize % 31),
        Outcome::Acked,
    );
}

#[test]
fn no_answer_is_a_timeout_and_the_session_goes_on_elsewhere() {
    for way in Way::ALL {
        let server = Server::start(way, |_| Act::Silence);
        let mut config = config(way, server.address);
        config.plan.sessions = 30;
        config.plan.timeout_ns = 150 * MS;
        config.session.in_flight = 1;
        let run = run(config);
        outcomes_are_what_was_done(&run, &server, |_| Outcome::Timeout);
        nothing_was_sent_twice(&run, &server);
    }
}

#[test]
fn answers_out_of_order_belong_to_their_messages() {
    for way in Way::ALL {
        let server = Server::start(way, |seen| match seen.order % 4 {
            3 => Act::Release(done(seen)),
            _ => Act::Keep(done(seen)),
        });
        let mut config = config(way, server.address);
        config.plan.sessions = 1;
        config.session.in_flight = 4;
        // The last ones are never released.
        config.plan.timeout_ns = 3_000 * MS;
        let run = run(config);
        let kept = run.finished.scheduled % 4;
        assert_eq!(
            run.outcomes().acked,
            run.finished.scheduled - kept,
            "{way:?}"
        );
        assert_eq!(run.outcomes().timeout, kept, "{way:?}");
        if way.correlates() {
            answers_belong_to_their_orders(&run);
        }
        // HTTP/1.1 answers in the order of requests by definition, and has nothing to tell other servers by.
        nothing_was_sent_twice(&run, &server);
    }
}

#[test]
fn slots_wait_for_a_busy_session_until_their_own_time_is_over() {
    for way in Way::ALL {
        let server = Server::start(way, |seen| Act::Late(done(seen), Duration::from_millis(60)));
        let mut config = config(way, server.address);
        config.plan.sessions = 3;
        config.plan.timeout_ns = 300 * MS;
        config.session.in_flight = 1;
        let run = run(config);
        let outcomes = run.outcomes();
        assert!(outcomes.acked > 0, "{way:?} {outcomes:?}");
        assert!(
            outcomes.timeout + outcomes.not_sent > 60,
            "{way:?} {outcomes:?}"
        );
        let ended = outcomes.acked + outcomes.timeout + outcomes.not_sent;
        assert_eq!(ended, run.finished.scheduled, "{way:?} {outcomes:?}");
        for entry in run.entries.values() {
            let response_ns = entry.done_ns.unwrap() - entry.intended_ns;
            // A slot whose session was down at that moment ends at once: not sent, and not before its time by a timeout.
            let is_late = response_ns >= 300 * MS;
            assert!(
                is_late || entry.outcome != Some(Outcome::Timeout),
                "{way:?} {entry:?}"
            );
        }
    }
}

#[test]
fn several_in_flight_end_together_when_their_connection_breaks() {
    for way in Way::ALL {
        let server = Server::start(way, |seen| match seen.order % 8 {
            7 => Act::Reset,
            _ => Act::Late(done(seen), Duration::from_millis(10)),
        });
        let mut config = config(way, server.address);
        // More than the server answers: there are always several in flight.
        config.plan.sessions = 2;
        config.session.in_flight = 4;
        let run = run(config);
        let outcomes = run.outcomes();
        let broken = server.log().into_iter().filter(|seen| seen.order % 8 == 7);
        let broken: BTreeSet<u64> = broken.map(|seen| seen.asked.slot()).collect();
        assert!(
            !broken.is_empty() && outcomes.acked > 0,
            "{way:?} {outcomes:?}"
        );
        let reset = run.with(Outcome::ResetAfterSend);
        assert!(broken.is_subset(&reset), "{way:?}");
        assert!(reset.len() > broken.len(), "{way:?}: others were in flight");
        nothing_was_sent_twice(&run, &server);
        answers_belong_to_their_orders(&run);
    }
}
