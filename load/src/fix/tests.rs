//! Two ends of a session talk to each other, or to a test that says what must not be said.

use super::*;

const S: u64 = 1_000_000_000;

fn settings(role: Role) -> Settings {
    let (own, other) = match role {
        Role::Initiator => ("CLIENT", "SERVER"),
        Role::Acceptor => ("SERVER", "CLIENT"),
    };
    Settings {
        role,
        own: own.into(),
        other: other.into(),
        own_sub: None,
        heartbeat_s: 10,
        kept: 100,
        login: None,
        utc_offset_ns: 0,
    }
}

fn initiator() -> Session {
    Session::new(settings(Role::Initiator))
}

fn acceptor() -> Session {
    Session::new(settings(Role::Acceptor))
}

/// What a session makes of bytes: the events in words, and what it says in return.
fn hear(session: &mut Session, bytes: &[u8], now_ns: u64) -> (Vec<String>, Vec<u8>) {
    let (mut events, mut out, mut rest) = (Vec::new(), Vec::new(), bytes);
    while !rest.is_empty() {
        let heard = session.hear(rest, now_ns, &mut out);
        rest = &rest[heard.used..];
        match heard.event {
            Event::More => break,
            Event::Aside => {}
            Event::LoggedOn { reset } => events.push(format!("on {reset}")),
            Event::Said(message) => {
                let text = message.text(tags::TEXT).unwrap_or("");
                events.push(format!(
                    "{} {text}",
                    String::from_utf8_lossy(message.kind())
                ));
            }
            Event::End(end) => {
                events.push(format!("{end:?}"));
                break;
            }
        }
    }
    (events, out)
}

/// Types and numbers of messages.
fn kinds(bytes: &[u8]) -> Vec<(String, u64)> {
    let (mut kinds, mut rest) = (Vec::new(), bytes);
    while let Ok(Next::Message { used, message }) = next(rest) {
        let kind = String::from_utf8_lossy(message.kind()).into_owned();
        kinds.push((kind, message.number(tags::MSG_SEQ_NUM).unwrap()));
        rest = &rest[used..];
    }
    kinds
}

fn say(session: &mut Session, text: &str, now_ns: u64) -> Vec<u8> {
    let mut out = Vec::new();
    session.send(b"8", now_ns, &mut out, |pen| pen.text(tags::TEXT, text));
    out
}

/// Lets both talk until nobody has anything to say; what each has heard.
fn talk(
    one: &mut Session,
    other: &mut Session,
    mut to_other: Vec<u8>,
    now_ns: u64,
) -> (Vec<String>, Vec<String>) {
    let (mut by_one, mut by_other) = (Vec::new(), Vec::new());
    while !to_other.is_empty() {
        let (events, to_one) = hear(other, &to_other, now_ns);
        by_other.extend(events);
        let (events, next) = hear(one, &to_one, now_ns);
        by_one.extend(events);
        to_other = next;
    }
    (by_one, by_other)
}

/// Both connect and log on.
fn log_on(client: &mut Session, server: &mut Session, reset: bool) -> (Vec<String>, Vec<String>) {
    let mut out = Vec::new();
    server.connect(false, 0, &mut out);
    client.connect(reset, 0, &mut out);
    talk(client, server, out, 0)
}

/// A message of the other end with any number and further fields.
fn forged(kind: &str, number: u64, fields: &[(u32, &str)]) -> Vec<u8> {
    let mut pen = Pen::default();
    pen.begin(kind.as_bytes());
    pen.text(tags::SENDER_COMP_ID, "SERVER");
    pen.text(tags::TARGET_COMP_ID, "CLIENT");
    pen.number(tags::MSG_SEQ_NUM, number);
    fields.iter().for_each(|(tag, value)| pen.text(*tag, value));
    let mut out = Vec::new();
    pen.finish(&mut out);
    out
}

/// A client that is logged on and has heard nothing but the Logon.
fn logged_on() -> Session {
    let (mut client, mut server) = (initiator(), acceptor());
    log_on(&mut client, &mut server, true);
    client
}

#[test]
fn both_log_on_and_count_from_1() {
    for reset in [false, true] {
        let (mut client, mut server) = (initiator(), acceptor());
        let on = vec![format!("on {reset}")];
        assert_eq!(log_on(&mut client, &mut server, reset), (on.clone(), on));
        let numbers = Numbers {
            out: 2,
            expected: 2,
        };
        assert_eq!((client.numbers(), server.numbers()), (numbers, numbers));
        assert!(client.is_in_sync() && server.is_in_sync());
        let order = say(&mut client, "hello", 0);
        assert_eq!(hear(&mut server, &order, 0).0, ["8 hello"]);
    }
}

#[test]
fn what_was_lost_with_a_connection_is_sent_again_once() {
    let (mut client, mut server) = (initiator(), acceptor());
    log_on(&mut client, &mut server, true);
    let heard = say(&mut server, "1", 0);
    hear(&mut client, &heard, 0);
    // These get lost, and so does what the client says.
    say(&mut server, "2", 0);
    say(&mut server, "3", 0);
    say(&mut client, "x", 0);
    let (by_client, by_server) = log_on(&mut client, &mut server, false);
    assert_eq!(by_client, ["on false", "8 2", "8 3"]);
    assert_eq!(by_server, ["on false", "8 x"]);
    assert!(client.is_in_sync() && server.is_in_sync());
    let after = say(&mut server, "4", 0);
    assert_eq!(hear(&mut client, &after, 0).0, ["8 4"]);
}

#[test]
fn who_keeps_nothing_fills_gaps() {
    let mut forgetful = settings(Role::Initiator);
    forgetful.kept = 0;
    let (mut client, mut server) = (Session::new(forgetful), acceptor());
    log_on(&mut client, &mut server, true);
    for text in ["1", "2", "3"] {
        say(&mut client, text, 0);
    }
    let (_, by_server) = log_on(&mut client, &mut server, false);
    assert_eq!(by_server, ["on false"], "no order is sent twice");
    assert!(server.is_in_sync());
    let after = say(&mut client, "4", 0);
    assert_eq!(hear(&mut server, &after, 0).0, ["8 4"]);
}

#[test]
fn a_store_that_is_full_fills_its_beginning_as_a_gap() {
    let mut small = settings(Role::Acceptor);
    small.kept = 2;
    let (mut client, mut server) = (initiator(), Session::new(small));
    log_on(&mut client, &mut server, true);
    for text in ["1", "2", "3", "4"] {
        say(&mut server, text, 0);
    }
    let (by_client, _) = log_on(&mut client, &mut server, false);
    assert_eq!(by_client, ["on false", "8 3", "8 4"]);
    assert!(client.is_in_sync());
}

#[test]
fn an_acceptor_that_forgot_asks_for_new_numbers() {
    let (mut client, mut server) = (initiator(), acceptor());
    log_on(&mut client, &mut server, true);
    say(&mut client, "1", 0);
    let mut new = acceptor();
    let (by_client, by_server) = log_on(&mut client, &mut new, false);
    assert_eq!(
        (by_client, by_server),
        (vec!["on true".to_string()], vec!["on true".to_string()])
    );
    assert_eq!(client.numbers(), new.numbers());
    let order = say(&mut client, "2", 0);
    assert_eq!(hear(&mut new, &order, 0).0, ["8 2"]);
}

#[test]
fn a_number_too_low_ends_the_connection_and_the_next_logon_asks_for_new_ones() {
    let mut client = logged_on();
    let (events, said) = hear(&mut client, &forged("8", 1, &[]), 0);
    assert_eq!(events, ["TooLow"]);
    assert_eq!(kinds(&said), [("5".to_string(), 2)]);
    assert!(
        String::from_utf8_lossy(&said).contains("MsgSeqNum too low, expecting 2 but received 1")
    );
    let mut out = Vec::new();
    client.connect(false, 0, &mut out);
    assert!(String::from_utf8_lossy(&out).contains("\x01141=Y\x01"));
}

#[test]
fn a_number_too_high_is_asked_for_once() {
    let mut client = logged_on();
    let (events, said) = hear(&mut client, &forged("8", 4, &[]), 0);
    assert_eq!(
        (events.len(), kinds(&said)),
        (0, vec![("2".to_string(), 2)])
    );
    assert!(String::from_utf8_lossy(&said).contains("\x017=2\x0116=0\x01"));
    assert!(!client.is_in_sync());
    let (events, said) = hear(&mut client, &forged("8", 5, &[]), 0);
    assert_eq!((events.len(), said.len()), (0, 0));
    let repeat = [(tags::POSS_DUP_FLAG, "Y"), (tags::ORIG_SENDING_TIME, "x")];
    let fill = [
        &repeat[..],
        &[(tags::GAP_FILL_FLAG, "Y"), (tags::NEW_SEQ_NO, "4")],
    ]
    .concat();
    hear(&mut client, &forged("4", 2, &fill), 0);
    assert_eq!(hear(&mut client, &forged("8", 4, &repeat), 0).0, ["8 "]);
    assert!(!client.is_in_sync());
    assert_eq!(hear(&mut client, &forged("8", 5, &repeat), 0).0, ["8 "]);
    assert!(client.is_in_sync());
}

#[test]
fn a_repeat_of_what_was_heard_is_passed_over() {
    let mut client = logged_on();
    assert_eq!(hear(&mut client, &forged("8", 2, &[]), 0).0, ["8 "]);
    let repeat = [(tags::POSS_DUP_FLAG, "Y"), (tags::ORIG_SENDING_TIME, "x")];
    let (events, said) = hear(&mut client, &forged("8", 2, &repeat), 0);
    assert_eq!((events.len(), said.len()), (0, 0));
    let (_, said) = hear(&mut client, &forged("8", 2, &repeat[..1]), 0);
    assert_eq!(
        kinds(&said)[0].0,
        "3",
        "a repeat has to say when it was sent first"
    );
}

#[test]
fn a_garbled_message_is_missed_and_asked_for() {
    let mut client = logged_on();
    let mut garbled = forged("8", 2, &[]);
    let at = garbled.len() - 2;
    garbled[at] ^= 1;
    assert_eq!(hear(&mut client, &garbled, 0), (Vec::new(), Vec::new()));
    let (_, said) = hear(&mut client, &forged("8", 3, &[]), 0);
    assert_eq!(kinds(&said), [("2".to_string(), 2)]);
}

#[test]
fn sequence_reset_moves_on_but_never_back() {
    let mut client = logged_on();
    hear(&mut client, &forged("4", 77, &[(tags::NEW_SEQ_NO, "9")]), 0);
    assert_eq!(client.numbers().expected, 9);
    let (_, said) = hear(&mut client, &forged("4", 9, &[(tags::NEW_SEQ_NO, "3")]), 0);
    assert_eq!(kinds(&said)[0].0, "3");
    assert_eq!(client.numbers().expected, 9);
    let fill = [(tags::GAP_FILL_FLAG, "Y"), (tags::NEW_SEQ_NO, "12")];
    hear(&mut client, &forged("4", 9, &fill), 0);
    assert_eq!(client.numbers().expected, 12);
}

#[test]
fn silence_is_asked_and_then_ends_the_connection() {
    let mut client = logged_on();
    let mut out = Vec::new();
    client.tick(9 * S, &mut out).unwrap();
    assert!(out.is_empty());
    client.tick(10 * S, &mut out).unwrap();
    assert_eq!(kinds(&out), [("0".to_string(), 2)]);
    out.clear();
    client.tick(12 * S, &mut out).unwrap();
    assert_eq!(kinds(&out), [("1".to_string(), 3)]);
    out.clear();
    client.tick(23 * S, &mut out).unwrap();
    assert_eq!(client.tick(24 * S, &mut out), Err(End::Silent));
}

#[test]
fn an_answer_to_the_question_keeps_the_connection() {
    let (mut client, mut server) = (initiator(), acceptor());
    log_on(&mut client, &mut server, true);
    let mut out = Vec::new();
    client.tick(12 * S, &mut out).unwrap();
    talk(&mut client, &mut server, out, 13 * S);
    let mut out = Vec::new();
    client.tick(24 * S, &mut out).unwrap();
    assert!(client.is_on());
}

#[test]
fn a_logout_is_answered() {
    let (mut client, mut server) = (initiator(), acceptor());
    log_on(&mut client, &mut server, true);
    let mut out = Vec::new();
    server.log_out("the day is over", 0, &mut out);
    let (by_server, by_client) = talk(&mut server, &mut client, out, 0);
    assert_eq!(
        (by_client, by_server),
        (vec!["LoggedOut".to_string()], vec!["LoggedOut".to_string()])
    );
    assert!(!client.is_on());
}

#[test]
fn somebody_else_is_not_served() {
    let mut client = logged_on();
    let stranger = String::from_utf8(forged("8", 2, &[])).unwrap();
    let stranger = stranger.replace("SERVER", "REVRES").into_bytes();
    assert_eq!(hear(&mut client, &stranger, 0).0, ["Protocol"]);
    let mut client = initiator();
    client.connect(true, 0, &mut Vec::new());
    assert_eq!(hear(&mut client, b"HTTP/1.1 400", 0).0, ["NotFix"]);
    client.connect(true, 0, &mut Vec::new());
    assert_eq!(hear(&mut client, &forged("5", 1, &[]), 0).0, ["Refused"]);
}
