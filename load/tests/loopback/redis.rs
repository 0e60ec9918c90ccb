//! What each answer of a Redis server means for an order, and whom a session is led to: servers of a few lines say it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::json;
use shakedown_load::redis::{Framed, Replies, value};
use shakedown_load::{GeneratorConfig, Work};
use shakedown_record::Outcome;
use shakedown_scenarios::plan::{
    Answer, Condition, Expected, GatewayPlan, JsonPointer, RedisGateway, Request, Template,
    Variable,
};

use crate::rig::{Run, config, hole, orders, run, text};

/// What a server says to every write.
#[derive(Clone, Copy)]
enum Says {
    Done,
    /// So many replicas have it.
    Waited(u32),
    /// The WAIT came to an error.
    Unblocked,
    Error(&'static str),
    /// It ends the connection.
    Leaves,
    /// It calls itself a replica when somebody connects.
    Replica,
}

const MASTER: &[u8] = b"*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n";
const REPLICA: &[u8] = b"*5\r\n$5\r\nslave\r\n$1\r\na\r\n:1\r\n$9\r\nconnected\r\n:0\r\n";

/// Serves one connection; every answer comes in two pieces.
fn serve(mut stream: TcpStream, answer: impl Fn(&[String]) -> Option<Vec<u8>>) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let (mut replies, mut inbox) = (Replies::default(), [0; 4096]);
    loop {
        let count = stream.read(&mut inbox).ok().filter(|count| *count > 0)?;
        let mut rest = &inbox[..count];
        // A command has the form of a reply.
        while let Framed::Reply { used, reply } = replies.take(rest) {
            rest = &rest[used..];
            let words = serde_json::from_value::<Vec<String>>(value(reply)).ok()?;
            let said = answer(&words)?;
            let (begin, end) = said.split_at(said.len() / 2);
            stream.write_all(begin).ok()?;
            stream.write_all(end).ok()?;
        }
    }
}

fn listen(answer: impl Fn(&[String]) -> Option<Vec<u8>> + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            thread::spawn(move || serve(stream, answer));
        }
    });
    address
}

fn server(says: Says) -> SocketAddr {
    listen(move |words| {
        let said = match (words[0].as_str(), says) {
            ("ROLE", Says::Replica) => REPLICA.to_vec(),
            ("ROLE", _) => MASTER.to_vec(),
            (_, Says::Leaves) => return None,
            (_, Says::Error(words)) => format!("-{words}\r\n").into_bytes(),
            ("WAIT", Says::Waited(replicas)) => format!(":{replicas}\r\n").into_bytes(),
            ("WAIT", Says::Unblocked) => b"-UNBLOCKED instance state changed\r\n".to_vec(),
            _ => b"+OK\r\n".to_vec(),
        };
        Some(said)
    })
}

/// A sentinel that names one master after the other, and stays with the last.
fn sentinel(masters: Vec<SocketAddr>) -> (SocketAddr, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let address = listen(move |words| {
        assert_eq!(words, ["SENTINEL", "get-master-addr-by-name", "orders"]);
        let turn = counter.fetch_add(1, Ordering::SeqCst);
        let Some(master) = masters.get(turn.min(masters.len().saturating_sub(1))) else {
            return Some(b"*-1\r\n".to_vec());
        };
        let (host, port) = (master.ip().to_string(), master.port().to_string());
        let said = format!(
            "*2\r\n${}\r\n{host}\r\n${}\r\n{port}\r\n",
            host.len(),
            port.len()
        );
        Some(said.into_bytes())
    });
    (address, asked)
}

fn commands(entry: &[SocketAddr], master: Option<&str>, wait: &str) -> GeneratorConfig {
    let scheme = match master {
        Some(_) => "redis+sentinel",
        None => "redis",
    };
    let urls: Vec<String> = entry.iter().map(|at| format!("{scheme}://{at}")).collect();
    let mut config = config(&urls[0], 200.0, 4);
    config.entry = urls;
    let answer = |status: u16, pointer: &str, expected| Answer {
        status: vec![status],
        conditions: vec![Condition {
            pointer: JsonPointer(pointer.into()),
            expected,
        }],
    };
    let mut written = orders();
    written.new.send = Request {
        method: Request::COMMAND.into(),
        path: Template::literal(""),
        headers: Vec::new(),
        body: Some(Template {
            parts: vec![
                text("SET\u{1f}order:"),
                hole(Variable::Id),
                text(&format!("\u{1f}x{wait}")),
            ],
        }),
    };
    written.new.acked = answer(200, "/reply", Expected::Literal(json!("OK")));
    let listed = Expected::AnyOf(vec![json!("WRONGTYPE")]);
    written.new.rejected = Some(answer(500, "/error", listed));
    written.new.throttled = None;
    (written.cancel, written.replace) = (None, None);
    let Work::Orders {
        orders, gateway, ..
    } = &mut config.work
    else {
        panic!("the rig sends orders");
    };
    *orders = written;
    *gateway = GatewayPlan::Redis(RedisGateway {
        master: master.map(str::to_string),
    });
    config
}

const WAIT_ONE: &str = "\u{1e}WAIT\u{1f}1\u{1f}500";

/// All orders of a run against such a server end like this.
fn all_end(says: Says, wait: &str, in_flight: u32, outcome: Outcome) -> Run {
    let mut config = commands(&[server(says)], None, wait);
    config.session.in_flight = in_flight;
    let run = run(config);
    let count = run.with(outcome).len();
    assert!(
        count > 0 && count == run.entries.len(),
        "{:?}",
        run.outcomes()
    );
    run
}

#[test]
fn the_reply_acknowledges_and_with_a_wait_enough_replicas() {
    all_end(Says::Done, "", 1, Outcome::Acked);
    all_end(Says::Waited(1), WAIT_ONE, 1, Outcome::Acked);
    all_end(Says::Waited(2), WAIT_ONE, 8, Outcome::Acked);
    all_end(Says::Waited(0), WAIT_ONE, 1, Outcome::BadResponse);
    all_end(Says::Waited(0), WAIT_ONE, 8, Outcome::BadResponse);
    all_end(Says::Unblocked, WAIT_ONE, 1, Outcome::BadResponse);
}

#[test]
fn an_error_before_anything_was_done_is_no_order_and_no_other_is() {
    for refused in [
        "NOREPLICAS Not enough good replicas to write.",
        "MISCONF Redis is configured to save RDB snapshots",
        "OOM command not allowed",
        "NOPERM this user has no permissions",
    ] {
        for (wait, in_flight) in [("", 1), (WAIT_ONE, 4)] {
            let run = all_end(Says::Error(refused), wait, in_flight, Outcome::Refused);
            assert!(run.entries.values().all(|entry| entry.sent_ns.is_none()));
        }
    }
    let listed = "WRONGTYPE Operation against a key";
    all_end(Says::Error(listed), "", 1, Outcome::Rejected);
    all_end(Says::Error("ERR unknown"), "", 1, Outcome::BadResponse);
}

#[test]
fn an_error_of_a_script_may_have_come_after_it_wrote() {
    for error in ["NOREPLICAS Not enough", "NOPERM no", ELSEWHERE[0]] {
        let mut config = commands(&[server(Says::Error(error))], None, "");
        let Work::Orders { orders, .. } = &mut config.work else {
            panic!("the rig sends orders");
        };
        let body = orders.new.send.body.as_mut().unwrap();
        body.parts[0] = text("EVAL\u{1f}return 1\u{1f}1\u{1f}order:");
        let run = run(config);
        let outcomes = run.outcomes();
        assert!(outcomes.bad_response > 0, "{error}: {outcomes:?}");
        assert_eq!((outcomes.acked, outcomes.rejected), (0, 0), "{outcomes:?}");
        for slot in run.with(Outcome::Refused) {
            assert_eq!(run.entries[&slot].sent_ns, None, "{error}");
        }
    }
}

#[test]
fn a_server_that_leaves_may_have_executed_what_was_sent() {
    let run = run(commands(&[server(Says::Leaves)], None, ""));
    let outcomes = run.outcomes();
    assert_eq!((outcomes.acked, outcomes.rejected), (0, 0), "{outcomes:?}");
    assert!(outcomes.reset_after_send > 0, "{outcomes:?}");
}

/// Most orders are acknowledged, and none may have been executed without an answer.
fn found(run: &Run) {
    let outcomes = run.outcomes();
    assert_eq!(
        outcomes.bad_response + outcomes.reset_after_send + outcomes.rejected,
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

const ELSEWHERE: [&str; 6] = [
    "READONLY You can't write against a read only replica.",
    "MASTERDOWN Link with MASTER is down",
    "LOADING Redis is loading the dataset in memory",
    "MOVED 3999 127.0.0.1:6381",
    "ASK 3999 127.0.0.1:6381",
    "CLUSTERDOWN Hash slot not served",
];

#[test]
fn whoever_takes_no_orders_is_left_for_the_next_entry() {
    let others = ELSEWHERE.map(Says::Error);
    for says in others.into_iter().chain([Says::Replica]) {
        let entry = [server(says), server(Says::Done)];
        found(&run(commands(&entry, None, "")));
    }
}

#[test]
fn a_sentinel_leads_to_the_master() {
    let (at, asked) = sentinel(vec![server(Says::Done)]);
    found(&run(commands(&[at], Some("orders"), "")));
    assert_eq!(asked.load(Ordering::SeqCst), 4, "once for each session");
}

#[test]
fn who_is_no_master_any_more_is_asked_for_again() {
    for says in [Says::Error(ELSEWHERE[0]), Says::Replica] {
        let before = server(says);
        let masters = [vec![before; 6], vec![server(Says::Done)]].concat();
        let (at, asked) = sentinel(masters);
        found(&run(commands(&[at], Some("orders"), "")));
        assert!(asked.load(Ordering::SeqCst) >= 10);
    }
}

#[test]
fn a_sentinel_that_knows_no_master_is_left_for_the_next_one() {
    let (ignorant, _) = sentinel(Vec::new());
    let (at, _) = sentinel(vec![server(Says::Done)]);
    found(&run(commands(&[ignorant, at], Some("orders"), "")));
}

#[test]
fn a_master_that_is_gone_is_not_dialled_for_ever() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = gone.local_addr().unwrap();
    drop(gone);
    let masters = [vec![nobody; 8], vec![server(Says::Done)]].concat();
    let (at, _) = sentinel(masters);
    found(&run(commands(&[at], Some("orders"), "")));
}
