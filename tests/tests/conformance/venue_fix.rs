//! The venue as trading systems meet it over FIX 4.4: the same fates as over WebSocket, and the session layer's promises, also
//! when it was ended in the middle of what it said.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use shakedown_load::fix::{End, Numbers, Pen, tags};
use shakedown_record::venue::{VenueEvent, read_venue};

use crate::fix_client::{Client, Told, kind};
use crate::venue::{System, Venue, dial, expected, free_address};

/// A trading system that has logged on to the venue.
fn log_on(venue: SocketAddr) -> Client {
    Client::log_on(["m", "VENUE"], venue)
}

fn order(client: &mut Client, number: usize) {
    client.say(b"D", |pen| {
        pen.text(526, &format!("t-{number}"));
        fields(pen, number);
    });
}

fn fields(pen: &mut Pen, number: usize) {
    pen.text(tags::CL_ORD_ID, &format!("q-{number}"));
    pen.text(tags::SYMBOL, "BTCUSD");
    pen.text(tags::SIDE, "1");
    pen.text(tags::ORDER_QTY, "4");
    pen.text(tags::ORD_TYPE, "2");
    pen.text(tags::PRICE, "1.50");
}

fn cancel(client: &mut Client, request: &str, id: &str) {
    client.say(b"F", |pen| {
        pen.text(tags::CL_ORD_ID, request);
        pen.text(tags::ORIG_CL_ORD_ID, id);
    });
}

/// What each order was told over FIX, in a form that WebSocket has, too.
fn stories(told: &[Told]) -> BTreeMap<String, Vec<(String, String)>> {
    let mut stories: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for told in told {
        let quantity = told.get(&tags::LAST_QTY).cloned().unwrap_or_default();
        let story = stories.entry(told[&tags::CL_ORD_ID].clone()).or_default();
        story.push((kind(told).to_string(), quantity));
    }
    stories
}

#[test]
fn an_order_has_the_same_fate_over_fix_and_websocket() {
    let (folder, address) = (tempfile::tempdir().unwrap(), free_address());
    let log = folder.path().join("venue.jsonl");
    let venue = Venue::open(address, &log);
    let expected = expected(100);
    let count = expected.values().sum();
    let mut client = log_on(address);
    (0..100).for_each(|number| order(&mut client, number));
    client.hear_reports(count);
    assert_eq!(client.kinds(), expected);
    let mut system = System::log_on_as("w", address, 0);
    (0..100).for_each(|number| system.order(number));
    let mut reports: Vec<Value> = Vec::new();
    system.hear(&mut reports, count, Duration::from_secs(10));
    venue.end();
    let mut over_websocket: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for report in &reports {
        let text = |key: &str| report[key].as_str().unwrap_or_default().to_string();
        let story = over_websocket.entry(text("id")).or_default();
        story.push((text("report"), text("quantity")));
    }
    assert_eq!(stories(&client.told), over_websocket);
    let lines = read_venue(&log).unwrap().unwrap();
    for line in &lines {
        if let VenueEvent::Order(order) = &line.event {
            assert_eq!(order.tag, Some(order.id.replace('q', "t")));
        }
    }
    for told in client.told.iter().filter(|told| kind(told) == "filled") {
        let number = |tag| told[&tag].parse::<f64>().unwrap();
        let sum = number(tags::CUM_QTY) + number(tags::LEAVES_QTY);
        assert_eq!(
            (sum, told[&tags::PRICE].as_str()),
            (4.0, "1.50"),
            "{told:?}"
        );
        let is_done = number(tags::LEAVES_QTY) == 0.0;
        assert_eq!(told[&tags::ORD_STATUS], if is_done { "2" } else { "1" });
    }
}

#[test]
fn a_venue_that_was_ended_sends_again_what_was_missed_and_nothing_counts_twice() {
    let (folder, address) = (tempfile::tempdir().unwrap(), free_address());
    let log = folder.path().join("venue.jsonl");
    let venue = Venue::open(address, &log);
    let mut client = log_on(address);
    (0..60).for_each(|number| order(&mut client, number));
    client.hear_reports(40);
    venue.end();
    // Nobody is there to hear these: they are asked for again.
    (60..70).for_each(|number| order(&mut client, number));
    let venue = Venue::open(address, &log);
    client.log_on_again(address, false);
    (70..80).for_each(|number| order(&mut client, number));
    let expected = expected(80);
    client.hear_reports(expected.values().sum());
    // And nothing more.
    client.hear_for(Duration::from_millis(500));
    venue.end();
    assert_eq!(client.kinds(), expected);
    let is_marked = |told: &&Told| told.get(&tags::POSS_DUP_FLAG).is_some_and(|it| it == "Y");
    let marked: Vec<&Told> = client.told.iter().filter(is_marked).collect();
    assert!(!marked.is_empty(), "nothing was sent again");
    for told in marked {
        assert!(told.contains_key(&tags::ORIG_SENDING_TIME), "{told:?}");
    }
    let ids: BTreeSet<&String> = client.told.iter().map(|it| &it[&tags::EXEC_ID]).collect();
    assert_eq!(ids.len(), client.told.len(), "an execution was told twice");
    let lines = read_venue(&log).unwrap().unwrap();
    let orders = lines
        .iter()
        .filter(|line| matches!(line.event, VenueEvent::Order(_)));
    assert_eq!(orders.count(), 80);
}

#[test]
fn cancels_are_answered_under_their_own_id() {
    let (folder, address) = (tempfile::tempdir().unwrap(), free_address());
    let venue = Venue::open(address, &folder.path().join("venue.jsonl"));
    let mut client = log_on(address);
    order(&mut client, 1);
    cancel(&mut client, "c-1", "q-1");
    cancel(&mut client, "c-2", "q-2");
    client.hear(|client| {
        client
            .told
            .iter()
            .filter(|it| it.contains_key(&tags::ORIG_CL_ORD_ID))
            .count()
            == 2
    });
    venue.end();
    let answer = |request: &str| {
        let mut told = client.told.iter();
        let found = told.find(|told| told[&tags::CL_ORD_ID] == request);
        found.unwrap_or_else(|| panic!("{request}: {:?}", client.told))
    };
    let one = answer("c-1");
    assert_eq!(one[&tags::ORIG_CL_ORD_ID], "q-1");
    assert!(
        ["cancelled", "cancel-rejected"].contains(&kind(one)),
        "{one:?}"
    );
    let other = answer("c-2");
    assert_eq!(kind(other), "cancel-rejected");
    assert_eq!(
        (&*other[&tags::CXL_REJ_REASON], &*other[&tags::ORD_STATUS]),
        ("1", "8")
    );
}

#[test]
fn what_cannot_be_done_is_said_and_what_came_before_is_passed_over() {
    let (folder, address) = (tempfile::tempdir().unwrap(), free_address());
    let log = folder.path().join("venue.jsonl");
    let venue = Venue::open(address, &log);
    let mut client = log_on(address);
    client.say(b"D", |pen| pen.text(tags::CL_ORD_ID, "a"));
    client.say(b"G", |pen| pen.text(tags::CL_ORD_ID, "b"));
    client.hear_reports(2);
    let reasons: Vec<&str> = client
        .told
        .iter()
        .map(|it| it[&tags::BUSINESS_REJECT_REASON].as_str())
        .collect();
    assert_eq!(reasons, ["5", "3"]);
    order(&mut client, 1);
    client.say(b"D", |pen| {
        pen.text(tags::POSS_DUP_FLAG, "Y");
        pen.text(tags::ORIG_SENDING_TIME, "20260101-00:00:00.000");
        fields(pen, 1);
    });
    client.hear_for(Duration::from_millis(500));
    // A number that was there already ends it.
    let mut other = log_on(address);
    let (end, reset) = (other.session.numbers(), false);
    other.session.go_on(Numbers { out: 1, ..end }, reset);
    other.log_on_again(address, false);
    assert_eq!(other.end, Some(End::Refused));
    venue.end();
    let lines = read_venue(&log).unwrap().unwrap();
    let of = |is: fn(&VenueEvent) -> bool| lines.iter().filter(|line| is(&line.event)).count();
    assert_eq!(of(|event| matches!(event, VenueEvent::Malformed { .. })), 2);
    assert_eq!(of(|event| matches!(event, VenueEvent::Order(_))), 1);
}

#[test]
fn who_is_silent_is_asked_and_who_names_another_venue_is_not_let_in() {
    let (folder, address) = (tempfile::tempdir().unwrap(), free_address());
    let log = folder.path().join("venue.jsonl");
    let venue = Venue::open(address, &log);
    let mut client = log_on(address);
    // Heartbeats keep it up; then nothing does.
    client.hear_for(Duration::from_secs(3));
    assert_eq!((client.end, client.session.is_on()), (None, true));
    std::thread::sleep(Duration::from_secs(3));
    let mut stranger = dial(address);
    let mut pen = Pen::default();
    pen.begin(b"A");
    pen.text(tags::SENDER_COMP_ID, "m");
    pen.text(tags::TARGET_COMP_ID, "OTHER");
    pen.number(tags::MSG_SEQ_NUM, 1);
    let mut logon = Vec::new();
    pen.finish(&mut logon);
    stranger.write_all(&logon).unwrap();
    let mut answer = Vec::new();
    stranger.set_read_timeout(None).unwrap();
    stranger.read_to_end(&mut answer).unwrap();
    assert!(answer.is_empty());
    venue.end();
    let lines = read_venue(&log).unwrap().unwrap();
    let gone = lines
        .iter()
        .filter(|line| matches!(line.event, VenueEvent::Gone { .. }));
    assert_eq!(gone.count(), 1);
    let why: Vec<&String> = lines
        .iter()
        .filter_map(|line| match &line.event {
            VenueEvent::Malformed { why, .. } => Some(why),
            _ => None,
        })
        .collect();
    assert!(why.len() == 1 && why[0].contains("VENUE"), "{why:?}");
}
