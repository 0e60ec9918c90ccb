//! What each answer of a PostgreSQL server means for an order: a server of a few lines says it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use serde_json::json;
use shakedown_load::postgresql::{Framed, Frames};
use shakedown_load::{GeneratorConfig, Work};
use shakedown_record::Outcome;
use shakedown_scenarios::plan::{
    Answer, Condition, Expected, GatewayPlan, JsonPointer, PostgreSqlGateway, Request, Template,
    Variable,
};

use crate::rig::{Run, config, hole, orders, run, text};

/// What a server says to every insert.
#[derive(Clone, Copy)]
enum Says {
    Done,
    Error(&'static str),
    /// It completes the command, and fails to commit.
    FailsToCommit,
    /// It has stopped waiting for its standby.
    Warns,
    /// It ends the connection with the last word.
    Leaves,
    /// It calls itself a standby when somebody connects.
    Standby,
}

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u32 + 4).to_be_bytes();
    [&[tag][..], &length, body].concat()
}

fn trouble(tag: u8, severity: &str, sqlstate: &str) -> Vec<u8> {
    message(
        tag,
        format!("V{severity}\0C{sqlstate}\0Mas it says\0\0").as_bytes(),
    )
}

fn answer(says: Says) -> Vec<u8> {
    let done = message(b'C', b"INSERT 0 1\0");
    let ready = message(b'Z', b"I");
    match says {
        Says::Done | Says::Standby => [done, ready].concat(),
        Says::Error(sqlstate) => [trouble(b'E', "ERROR", sqlstate), ready].concat(),
        Says::FailsToCommit => [done, trouble(b'E', "ERROR", "40001"), ready].concat(),
        Says::Warns => [trouble(b'N', "WARNING", "01000"), done, ready].concat(),
        Says::Leaves => trouble(b'E', "FATAL", "57P01"),
    }
}

/// Serves one connection; every answer comes in two pieces.
fn serve(mut stream: TcpStream, says: Says) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut length = [0; 4];
    stream.read_exact(&mut length).ok()?;
    let mut startup = vec![0; u32::from_be_bytes(length) as usize - 4];
    stream.read_exact(&mut startup).ok()?;
    let mut hello = message(b'R', &[0; 4]);
    if let Says::Standby = says {
        hello.extend(message(b'S', b"in_hot_standby\0on\0"));
    }
    hello.extend(message(b'Z', b"I"));
    stream.write_all(&hello).ok()?;
    let (mut frames, mut inbox, mut inserts) = (Frames::default(), [0; 4096], 0);
    loop {
        let count = stream.read(&mut inbox).ok().filter(|count| *count > 0)?;
        let mut rest = &inbox[..count];
        while let Framed::Message { used, tag, .. } = frames.take(rest) {
            rest = &rest[used..];
            match tag {
                b'E' => inserts += 1,
                b'X' => return None,
                b'S' => {
                    let said = match std::mem::take(&mut inserts) {
                        0 => message(b'Z', b"I"),
                        _ => answer(says),
                    };
                    let (begin, end) = said.split_at(said.len() / 2);
                    stream.write_all(begin).ok()?;
                    stream.write_all(end).ok()?;
                    if let Says::Leaves = says {
                        return None;
                    }
                }
                _ => {}
            }
        }
    }
}

fn server(says: Says) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgresql://{}/trading", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || serve(stream, says));
        }
    });
    url
}

fn statements(url: &str) -> GeneratorConfig {
    let mut config = config(url, 200.0, 4);
    let sqlstates = |codes: &[&str]| Answer {
        status: vec![200, 500],
        conditions: vec![Condition {
            pointer: JsonPointer("/sqlstate".into()),
            expected: Expected::AnyOf(codes.iter().map(|code| json!(code)).collect()),
        }],
    };
    let mut written = orders();
    written.new.send = Request {
        method: Request::SQL.into(),
        path: Template::literal(""),
        headers: Vec::new(),
        body: Some(Template {
            parts: vec![
                text("insert into orders values ("),
                hole(Variable::Id),
                text(")"),
            ],
        }),
    };
    written.new.acked = sqlstates(&["00000"]);
    written.new.rejected = Some(sqlstates(&["23505"]));
    written.new.throttled = Some(sqlstates(&["53300"]));
    (written.cancel, written.replace) = (None, None);
    let Work::Orders {
        orders, gateway, ..
    } = &mut config.work
    else {
        panic!("the rig sends orders");
    };
    *orders = written;
    *gateway = GatewayPlan::PostgreSql(PostgreSqlGateway {
        database: "trading".into(),
        elsewhere: vec!["25006".into()],
    });
    config
}

/// All orders of a run against such a server end like this.
fn all_end(says: Says, outcome: Outcome) -> Run {
    let run = run(statements(&server(says)));
    let count = run.with(outcome).len();
    assert!(
        count > 0 && count == run.entries.len(),
        "{:?}",
        run.outcomes()
    );
    run
}

#[test]
fn only_a_commit_is_an_acknowledgement() {
    all_end(Says::Done, Outcome::Acked);
    all_end(Says::FailsToCommit, Outcome::BadResponse);
    all_end(Says::Warns, Outcome::BadResponse);
}

#[test]
fn an_error_is_what_the_profile_says_of_it() {
    all_end(Says::Error("23505"), Outcome::Rejected);
    all_end(Says::Error("53300"), Outcome::Throttled);
    all_end(Says::Error("57014"), Outcome::BadResponse);
}

#[test]
fn a_server_that_leaves_may_have_executed_what_was_sent() {
    let run = run(statements(&server(Says::Leaves)));
    let outcomes = run.outcomes();
    assert_eq!((outcomes.acked, outcomes.rejected), (0, 0), "{outcomes:?}");
    assert!(outcomes.reset_after_send > 0, "{outcomes:?}");
}

#[test]
fn whoever_takes_no_orders_is_left_for_the_next_entry() {
    for says in [Says::Standby, Says::Error("25006")] {
        let mut config = statements(&server(says));
        config.entry.push(server(Says::Done));
        let run = run(config);
        let outcomes = run.outcomes();
        assert_eq!(
            outcomes.bad_response + outcomes.reset_after_send,
            0,
            "{outcomes:?}"
        );
        assert!(
            outcomes.acked as f64 > 0.8 * run.entries.len() as f64,
            "{outcomes:?}"
        );
        for slot in run.with(Outcome::Refused) {
            assert_eq!(run.entries[&slot].sent_ns, None, "it was not executed");
        }
    }
}
