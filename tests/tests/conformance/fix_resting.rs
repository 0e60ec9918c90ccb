//! Executions of orders that rest in the book: the session that they came in by is told, under the name that the order has then,
//! and the load takes them for no answer to anything else.

use shakedown_load::fix::{Pen, tags};
use shakedown_record::Outcome;
use shakedown_record::ledger::OrderKind;

use crate::fix_client::{Client, Told, kind};
use crate::reference::{Engine, full_mix};
use crate::rig::{config, run};
use crate::way::Way;

fn log_on(engine: &Engine, name: &str) -> Client {
    Client::log_on([name, "ENGINE"], engine.entry(Way::Fix))
}

/// An order for so much at 50,000.00.
fn order(client: &mut Client, id: &str, side: &str, quantity: &str) {
    client.say(b"D", |pen| {
        pen.text(tags::CL_ORD_ID, id);
        terms(pen, side, quantity);
    });
}

fn terms(pen: &mut Pen, side: &str, quantity: &str) {
    pen.text(tags::ACCOUNT, "SHK-TEST-1");
    pen.text(tags::SYMBOL, "BTCUSD");
    pen.text(tags::SIDE, side);
    pen.text(tags::ORDER_QTY, quantity);
    pen.text(tags::ORD_TYPE, "2");
    pen.text(tags::PRICE, "50000.00");
}

/// Kind, ClOrdID, what was executed and what is left.
fn said(told: &Told) -> [&str; 4] {
    let field = |tag| told.get(&tag).map_or("", String::as_str);
    [
        kind(told),
        field(tags::CL_ORD_ID),
        field(tags::LAST_QTY),
        field(tags::LEAVES_QTY),
    ]
}

#[test]
fn a_session_is_told_what_is_executed_of_its_orders_in_the_book() {
    let engine = Engine::start(Way::Fix);
    let (mut maker, mut taker) = (log_on(&engine, "MAKER"), log_on(&engine, "TAKER"));
    order(&mut maker, "m-1", "2", "0.005");
    maker.hear_reports(1);
    order(&mut taker, "t-1", "1", "0.002");
    maker.hear_reports(2);
    // It is called by its replace from now on, and by 583 as ever.
    maker.say(b"G", |pen| {
        pen.text(tags::CL_ORD_ID, "m-2");
        pen.text(tags::ORIG_CL_ORD_ID, "m-1");
        pen.text(tags::CL_ORD_LINK_ID, "m-1");
        terms(pen, "2", "0.004");
    });
    maker.hear_reports(3);
    order(&mut taker, "t-2", "1", "0.002");
    maker.hear_reports(4);
    let all: Vec<[&str; 4]> = maker.told.iter().map(said).collect();
    assert_eq!(
        all,
        [
            ["accepted", "m-1", "", "0.005"],
            ["filled", "m-1", "0.002", "0.003"],
            ["replaced", "m-2", "", "0.002"],
            ["filled", "m-2", "0.002", "0.000"],
        ]
    );
    let link = |told: &Told| told[&tags::CL_ORD_LINK_ID].clone();
    assert_eq!([link(&maker.told[1]), link(&maker.told[3])], ["m-1", "m-1"]);
    assert_eq!(maker.told[3][&tags::ORD_STATUS], "2");
    taker.hear_reports(4);
    let kinds = taker.kinds();
    assert_eq!(
        (kinds["accepted"], kinds["filled"]),
        (2, 2),
        "on entry only"
    );
}

#[test]
fn who_was_away_is_told_when_he_is_back() {
    let engine = Engine::start(Way::Fix);
    let mut maker = log_on(&engine, "MAKER");
    order(&mut maker, "m-1", "2", "0.005");
    maker.hear_reports(1);
    maker.hang_up();
    let mut taker = log_on(&engine, "TAKER");
    order(&mut taker, "t-1", "1", "0.002");
    taker.hear_reports(2);
    maker.log_on_again(engine.entry(Way::Fix), false);
    maker.hear_reports(2);
    let told = &maker.told[1];
    assert_eq!(said(told), ["filled", "m-1", "0.002", "0.003"]);
    assert_eq!(
        told.get(&tags::POSS_DUP_FLAG).map(String::as_str),
        Some("Y")
    );
}

#[test]
fn executions_of_orders_in_the_book_answer_nothing() {
    let engine = Engine::start(Way::Fix);
    let mut config = config(Way::Fix, engine.entry(Way::Fix));
    config.plan.mix = full_mix();
    let run = run(config);
    let outcomes = run.outcomes();
    assert!(outcomes.acked > 100, "{outcomes:?}");
    // The acknowledgement of the engine has its sequence number; an execution has none.
    for slot in run.with(Outcome::Acked) {
        let entry = &run.entries[&slot];
        assert!(entry.sequence.is_some(), "{slot}: {entry:?}");
        if entry.kind == OrderKind::Cancel {
            assert!(entry.target.is_some(), "{slot}: {entry:?}");
        }
    }
    assert_eq!(
        outcomes.bad_response + outcomes.reset_after_send,
        0,
        "{outcomes:?}"
    );
}
