//! What only a FIX engine can do: numbers that are wrong, messages that are sent again, questions, farewells.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use shakedown_load::{GeneratorConfig, Work};
use shakedown_record::Outcome;
use shakedown_scenarios::plan::GatewayPlan;

use crate::fix::{Tags, gateway, read};
use crate::fix_acceptor::{Acceptor, Act};
use crate::reference::Engine;
use crate::rig::{MS, config, run};
use crate::way::Way;

/// Two sessions that have many orders each, one at a time.
fn two_sessions(address: SocketAddr) -> GeneratorConfig {
    let mut config = config(Way::Fix, address);
    config.plan.sessions = 2;
    config.session.in_flight = 1;
    config
}

/// Every fifth order is treated so; what becomes of those.
fn every_fifth(act: Act, outcome: Outcome) -> Acceptor {
    let acceptor = Acceptor::start(move |place| match place % 5 {
        4 => act,
        _ => Act::Report,
    });
    let run = run(two_sessions(acceptor.address));
    let orders = acceptor.heard("D");
    assert!(
        orders.len() > 20,
        "{act:?}: only {} orders came",
        orders.len()
    );
    for (place, order) in orders.iter().enumerate() {
        let slot: u64 = order[&11].rsplit('-').next().unwrap().parse().unwrap();
        let entry = &run.entries[&slot];
        let expected = if place % 5 == 4 {
            outcome
        } else {
            Outcome::Acked
        };
        assert_eq!(entry.outcome, Some(expected), "{act:?} {place}: {entry:?}");
        if expected == Outcome::Acked {
            assert_eq!(entry.sequence, Some(slot), "{act:?}");
        }
    }
    acceptor
}

/// Logons after the first one of each client, and whether they ask for new numbers.
fn later_logons(acceptor: &Acceptor) -> Vec<bool> {
    let logons = acceptor.heard("A");
    let first = logons.iter().take(2).all(|logon| logon.contains_key(&141));
    assert!(first, "every run begins with new numbers");
    logons[2..]
        .iter()
        .map(|logon| logon.contains_key(&141))
        .collect()
}

#[test]
fn a_garbled_report_is_asked_for_and_comes_again() {
    let acceptor = every_fifth(Act::Garbled, Outcome::Acked);
    assert!(!acceptor.heard("2").is_empty());
    assert!(later_logons(&acceptor).is_empty(), "no connection was lost");
}

#[test]
fn a_number_too_high_is_asked_for_and_a_gap_is_filled() {
    let acceptor = every_fifth(Act::Skip, Outcome::Acked);
    assert!(!acceptor.heard("2").is_empty());
    assert!(later_logons(&acceptor).is_empty());
}

#[test]
fn a_number_too_low_ends_the_connection_and_the_numbers() {
    let acceptor = every_fifth(Act::Low, Outcome::ResetAfterSend);
    let said = acceptor.heard("5");
    let is_told = said.iter().filter_map(|logout| logout.get(&58));
    assert!(is_told.clone().count() > 3);
    assert!(
        is_told
            .clone()
            .all(|text| text.starts_with("MsgSeqNum too low"))
    );
    let logons = later_logons(&acceptor);
    assert!(!logons.is_empty() && logons.iter().all(|reset| *reset));
}

#[test]
fn a_repeat_counts_once() {
    every_fifth(Act::Again, Outcome::Acked);
    every_fifth(Act::Contradict, Outcome::Acked);
}

#[test]
fn an_execution_of_an_order_in_the_book_is_no_answer_to_another() {
    let acceptor = every_fifth(Act::Executed, Outcome::Rejected);
    assert!(later_logons(&acceptor).is_empty());
}

#[test]
fn a_report_that_was_lost_with_its_connection_is_counted_as_what_it_is() {
    let acceptor = every_fifth(Act::Lose, Outcome::Acked);
    assert!(acceptor.heard("2").len() > 3, "it was asked for");
    let logons = later_logons(&acceptor);
    assert!(
        !logons.is_empty() && logons.iter().all(|reset| !reset),
        "numbers go on"
    );
}

#[test]
fn an_order_of_which_nothing_is_said_again_may_have_executed() {
    let acceptor = every_fifth(Act::Drop, Outcome::ResetAfterSend);
    let logons = later_logons(&acceptor);
    assert!(!logons.is_empty() && logons.iter().all(|reset| !reset));
}

#[test]
fn an_engine_that_logs_out_is_answered_and_dialled_again() {
    let acceptor = every_fifth(Act::LogOut, Outcome::Acked);
    assert!(acceptor.heard("5").len() > 3, "a Logout is answered by one");
    assert!(later_logons(&acceptor).len() > 3);
}

#[test]
fn an_engine_that_does_not_answer_the_question_is_left() {
    let acceptor = Acceptor::start(|place| match place {
        0 => Act::Silence,
        _ => Act::Report,
    });
    let mut config = two_sessions(acceptor.address);
    config.duration_ns = Some(4_000 * MS);
    let mut fix = gateway();
    fix.heartbeat_s = 1;
    if let Work::Orders { gateway, .. } = &mut config.work {
        *gateway = GatewayPlan::Fix(Box::new(fix));
    }
    let run = run(config);
    let asked = acceptor.heard("1");
    assert!(!asked.is_empty() && asked.iter().all(|test| test.contains_key(&112)));
    assert!(
        !later_logons(&acceptor).is_empty(),
        "it was left and dialled again"
    );
    let first = &run.entries[&acceptor.heard("D")[0][&11]
        .rsplit('-')
        .next()
        .unwrap()
        .parse()
        .unwrap()];
    assert_eq!(first.outcome, Some(Outcome::ResetAfterSend), "{first:?}");
}

/// A client by hand: logs on to the reference engine with these numbers, and gives what was said in return.
fn by_hand(engine: &Engine, logon: u64, flags: &str, rest: &[(&str, String)]) -> Vec<Tags> {
    let mut stream = TcpStream::connect(engine.entry(Way::Fix)).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_millis(1_500)))
        .unwrap();
    let logon_fields = format!("98=0|108=30|{flags}");
    let messages = std::iter::once(("A", logon_fields)).chain(rest.iter().cloned());
    for (at, (kind, fields)) in messages.enumerate() {
        let bytes = sealed_by_client(kind, logon + at as u64, &fields);
        stream.write_all(&bytes).unwrap();
    }
    let (mut said, mut received) = (Vec::new(), Vec::new());
    while let Some(tags) = read(&mut stream, &mut received) {
        said.push(tags);
    }
    said
}

fn sealed_by_client(kind: &str, number: u64, fields: &str) -> Vec<u8> {
    let body = format!("35={kind}|49=HAND|56=ENGINE|34={number}|52=20260101-00:00:00.000|{fields}")
        .replace('|', "\x01");
    let mut bytes = format!("8=FIX.4.4\x019={}\x01{body}", body.len()).into_bytes();
    let sum = bytes.iter().map(|byte| u32::from(*byte)).sum::<u32>() % 256;
    bytes.extend_from_slice(format!("10={sum:03}\x01").as_bytes());
    bytes
}

#[test]
fn the_reference_engine_goes_on_with_its_numbers_after_a_kill() {
    let mut engine = Engine::start(Way::Fix);
    let order = |id: &str| {
        let fields = format!(
            "11={id}|1=SHK-TEST-1|55=BTCUSD|54=1|40=2|44=1.00|38=1|60=20260101-00:00:00.000|"
        );
        ("D", fields)
    };
    let said = by_hand(&engine, 1, "141=Y|", &[order("h-1"), order("h-2")]);
    let kinds: Vec<&str> = said.iter().map(|tags| tags[&35].as_str()).collect();
    assert_eq!(kinds, ["A", "8", "8"], "{said:?}");
    engine.cut();
    engine.up();
    let again = [("2", "7=2|16=0|".to_string()), order("h-3")];
    let said = by_hand(&engine, 4, "", &again);
    assert_eq!(said[0][&35], "A");
    assert!(
        !said[0].contains_key(&141),
        "the session is known: {said:?}"
    );
    let repeated: Vec<&str> = said
        .iter()
        .filter(|tags| tags[&35] == "8" && tags.get(&43).is_some_and(|flag| flag == "Y"))
        .map(|tags| tags[&11].as_str())
        .collect();
    assert_eq!(repeated, ["h-1", "h-2"], "{said:?}");
    let new = said
        .iter()
        .find(|tags| tags.get(&11).is_some_and(|id| id == "h-3"));
    assert!(new.is_some_and(|tags| !tags.contains_key(&43)), "{said:?}");
}

#[test]
fn the_reference_engine_asks_whom_it_does_not_know_for_new_numbers() {
    let engine = Engine::start(Way::Fix);
    let said = by_hand(&engine, 77, "", &[]);
    assert_eq!(said[0][&35], "A");
    assert_eq!((said[0][&34].as_str(), said[0][&141].as_str()), ("1", "Y"));
}
