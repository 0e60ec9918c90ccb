//! Engines that are gone, come back, or do everything at once, for every gateway.

use std::thread;
use std::time::Duration;

use shakedown_record::Outcome;

use crate::rig::{MS, answers_belong_to_their_orders, config, nothing_was_sent_twice, roll, run};
use crate::server::{Act, Server, done};
use crate::way::{Said, Way};

#[test]
fn with_nobody_there_slots_end_at_once_and_definitely() {
    for way in Way::ALL {
        let mut server = Server::start(way, |seen| Act::Say(done(seen)));
        server.down();
        let run = run(config(way, server.address));
        let outcomes = run.outcomes();
        let absent = outcomes.refused + outcomes.not_sent;
        assert_eq!(absent, run.finished.scheduled, "{way:?} {outcomes:?}");
    }
}

#[test]
fn an_outage_ends_when_the_engine_is_back() {
    for way in Way::ALL {
        let mut server = Server::start(way, |seen| Act::Say(done(seen)));
        let mut config = config(way, server.address);
        config.duration_ns = Some(3_000 * MS);
        let rolling = roll(config);
        thread::sleep(Duration::from_millis(500));
        server.down();
        thread::sleep(Duration::from_millis(200));
        server.up();
        let run = rolling.finish();
        let outcomes = run.outcomes();
        assert!(outcomes.acked > 30, "{way:?} {outcomes:?}");
        let absent = outcomes.refused + outcomes.not_sent;
        assert!(absent > 0, "{way:?} {outcomes:?}");
        let last = run.entries.values().next_back().unwrap();
        assert_eq!(last.outcome, Some(Outcome::Acked), "{way:?}");
        nothing_was_sent_twice(&run, &server);
        answers_belong_to_their_orders(&run);
    }
}

#[test]
fn conservation_holds_through_a_storm_of_everything() {
    for way in Way::ALL {
        for seed in 0..4 {
            let server = Server::start(way, move |seen| match (seen.order * 7 + seed) % 23 {
                0 => Act::Reset,
                1 => Act::HalfClose,
                2 => Act::Garbage,
                3 => Act::Twice(done(seen)),
                4 => Act::SayAndHalfClose(Said::Rejected),
                5 => Act::Silence,
                6 => Act::Late(done(seen), Duration::from_millis(30)),
                7 => Act::Pieces(done(seen), 5),
                8 => Act::Say(Said::Unknown),
                9 => Act::Torn(done(seen)),
                _ => Act::Say(done(seen)),
            });
            let mut config = config(way, server.address);
            config.seed = seed;
            config.plan.sessions = 12;
            config.plan.timeout_ns = 400 * MS;
            config.session.in_flight = 4;
            let run = run(config);
            assert!(run.outcomes().acked > 10, "{way:?} {:?}", run.outcomes());
            nothing_was_sent_twice(&run, &server);
            if way.correlates() {
                answers_belong_to_their_orders(&run);
            }
            let sent = run.entries.values().filter(|entry| entry.sent_ns.is_some());
            assert!(
                sent.count() >= server.log().len(),
                "{way:?}: whatever reached the engine is in the ledger as sent"
            );
        }
    }
}
