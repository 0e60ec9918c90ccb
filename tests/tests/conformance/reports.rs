//! What becomes of orders whose acknowledgement comes on another connection.

use std::net::TcpListener;
use std::time::Duration;

use shakedown_load::GeneratorConfig;
use shakedown_record::Outcome;

use crate::outcomes::every_third_over;
use crate::reported::taken;
use crate::rig::{MS, answers_belong_to_their_orders, config, nothing_was_sent_twice, run};
use crate::server::{Act, Seen, Server, done};
use crate::way::{Said, Way};

fn impatient(server: &Server) -> GeneratorConfig {
    let mut config = config(Way::Reported, server.address);
    config.session.in_flight = 1;
    tune(&mut config);
    config
}

/// A time-out that a test can wait for.
fn tune(config: &mut GeneratorConfig) {
    config.plan.timeout_ns = 400 * MS;
}

/// Every third message is treated like this; exactly those slots end in the outcome.
fn every_third(third: impl Fn(&Seen) -> Act + Send + Sync + 'static, outcome: Outcome) {
    every_third_over(Way::Reported, tune, third, outcome);
}

#[test]
fn an_order_that_came_is_not_acknowledged_before_it_is_reported() {
    every_third(|seen| Act::Raw(taken(&seen.asked)), Outcome::Timeout);
}

#[test]
fn a_report_may_come_before_the_answer() {
    every_third(
        |seen| Act::Late(done(seen), Duration::from_millis(5)),
        Outcome::Acked,
    );
}

/// The answer that never comes holds the session up until the order's time is over, and no later order gets it.
#[test]
fn a_report_counts_without_an_answer() {
    every_third(|seen| Act::Report(done(seen)), Outcome::Acked);
    every_third(|_| Act::Report(Said::Rejected), Outcome::Rejected);
}

#[test]
fn an_answer_that_refuses_needs_no_report() {
    let answer = |status: u32| format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n");
    for (status, outcome) in [
        (422, Outcome::Rejected),
        (429, Outcome::Throttled),
        (500, Outcome::BadResponse),
    ] {
        let bytes = answer(status).into_bytes();
        every_third(move |_| Act::Raw(bytes.clone()), outcome);
    }
}

#[test]
fn a_report_about_somebody_elses_order_ends_no_slot() {
    every_third(|_| Act::Foreign, Outcome::Timeout);
}

#[test]
fn orders_in_flight_are_unknown_when_their_listener_is_cut_off() {
    let server = Server::start(Way::Reported, |seen| match seen.order % 20 {
        19 => Act::CutListeners,
        _ => Act::Say(done(seen)),
    });
    let run = run(impatient(&server));
    let outcomes = run.outcomes();
    assert!(outcomes.reset_after_send >= 5, "{outcomes:?}");
    assert!(outcomes.acked > 60, "{outcomes:?}");
    for seen in server.log() {
        let outcome = run.entries[&seen.asked.slot()].outcome.unwrap();
        match seen.order % 20 {
            // It came and may have executed, and nobody will ever say.
            19 => assert_eq!(outcome, Outcome::ResetAfterSend, "{seen:?}"),
            _ => assert!(
                matches!(
                    outcome,
                    Outcome::Acked | Outcome::ResetAfterSend | Outcome::Timeout
                ),
                "{seen:?} {outcome:?}"
            ),
        }
    }
    nothing_was_sent_twice(&run, &server);
    answers_belong_to_their_orders(&run);
}

/// Orders enter at one place, and nobody reports at the other.
#[test]
fn nobody_orders_without_a_listener() {
    let server = Server::start(Way::Reported, |seen| Act::Say(done(seen)));
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut config = impatient(&server);
    config.reports = vec![format!("ws://{}", nobody.local_addr().unwrap())];
    drop(nobody);
    let run = run(config);
    let outcomes = run.outcomes();
    assert!(outcomes.refused > 0, "{outcomes:?}");
    let absent = outcomes.refused + outcomes.unreachable + outcomes.not_sent;
    assert_eq!(absent, run.finished.scheduled, "{outcomes:?}");
    assert!(server.log().is_empty());
}

#[test]
fn each_entry_has_one_place_where_its_orders_are_reported() {
    let server = Server::start(Way::Reported, |seen| Act::Say(done(seen)));
    let mut config = impatient(&server);
    config.reports.clear();
    let refused = shakedown_load::start(config).map(|_| ()).unwrap_err();
    assert!(refused.to_string().contains("reported"), "{refused}");
}
