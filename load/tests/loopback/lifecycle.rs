//! Starting, stopping and dropping a generator; what it refuses.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use shakedown_load::secret::Secrets;
use shakedown_load::{GeneratorConfig, LoadError, Mode, Work, start};
use shakedown_record::ledger::OrderKind;
use shakedown_scenarios::plan::{
    Arrival, Auth, GatewayPlan, Request, SecretSource, Template, TemplatePart, Variable,
};

use crate::rig::{MS, config, hole, orders, roll, run, text};
use crate::server::{Act, Server, accept_now, answer};

#[test]
fn a_stop_ends_the_schedule_at_one_slot_for_all_threads() {
    let server = Server::start(accept_now);
    let mut config = config(&server.url(), 1_000.0, 8);
    config.duration_ns = None;
    config.plan.threads = 2;
    let rolling = roll(config);
    thread::sleep(Duration::from_millis(300));
    assert!(!rolling.generator.is_finished());
    rolling.generator.request_stop();
    let run = rolling.finish();
    assert!(
        (200..1_500).contains(&run.finished.scheduled),
        "{}",
        run.finished.scheduled
    );
    let last = run.entries.last_key_value().map(|(slot, _)| *slot);
    assert_eq!(last, Some(run.finished.scheduled - 1), "no slot is missing");
    let end_ns = run.finished.end_ns;
    assert!(run.entries.values().all(|entry| entry.intended_ns < end_ns));
}

#[test]
fn dropping_a_generator_ends_it_at_once() {
    let server = Server::start(|_| Act::Silence);
    let mut config = config(&server.url(), 500.0, 4);
    config.duration_ns = None;
    config.plan.timeout_ns = 60_000 * MS;
    let rolling = roll(config);
    thread::sleep(Duration::from_millis(100));
    let began = Instant::now();
    drop(rolling);
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[test]
fn plain_requests_are_counted_by_their_status() {
    let server = Server::start(|seen| {
        let status = [200, 304, 404, 429][(seen.number % 4) as usize];
        let bytes = if status == 304 {
            b"HTTP/1.1 304 X\r\nContent-Length: 50\r\n\r\n".to_vec()
        } else {
            answer(status, "body")
        };
        Act::Reply {
            bytes,
            after: Duration::ZERO,
        }
    });
    let mut config = config(&server.url(), 400.0, 4);
    config.plan =
        GeneratorConfig::plain_plan(Arrival::Constant { rate_per_s: 400.0 }, 4, 1, 1_000 * MS);
    config.work = Work::Requests {
        request: Request {
            method: "GET".into(),
            path: Template::literal("/ping"),
            headers: vec![("accept".into(), Template::literal("*/*"))],
            body: None,
        },
        http2: false,
        secrets: Secrets::default(),
    };
    let run = run(config);
    let outcomes = run.outcomes();
    assert_eq!(
        (outcomes.acked, outcomes.bad_response, outcomes.throttled),
        (200, 100, 100)
    );
    assert!(
        run.entries
            .values()
            .all(|entry| entry.kind == OrderKind::Request)
    );
    assert!(server.log().iter().all(|seen| seen.path == "/ping"));
}

#[test]
fn an_echoed_secret_reaches_no_file() {
    let echo = SecretSource::Command(vec!["echo".into(), "c4n4ry-t0ken".into()]);
    let secrets = Secrets::resolve(&BTreeMap::from([("token".to_string(), echo)])).unwrap();
    let server = Server::start(|seen| {
        let node = format!("n-c4n4ry-t0ken-{}", seen.number % 2);
        let body = format!(
            "{{\"state\":\"ACCEPTED\",\"seq\":{},\"node\":\"{node}\"}}",
            seen.slot()
        );
        Act::Reply {
            bytes: answer(201, &body),
            after: Duration::ZERO,
        }
    });
    let mut config = config(&server.url(), 200.0, 4);
    let value: Vec<TemplatePart> = vec![text("Bearer "), hole(Variable::Secret("token".into()))];
    config.work = Work::Orders {
        orders: orders(),
        gateway: GatewayPlan::Http,
        auth: Auth::Header {
            name: "authorization".into(),
            value: Template { parts: value },
        },
        secrets,
    };
    assert!(!format!("{config:?}").contains("c4n4ry"));
    let run = run(config);
    for file in std::fs::read_dir(run.folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(6).any(|window| window == b"c4n4ry"));
    }
    let names = std::fs::read_to_string(run.folder.path().join("served-by.json")).unwrap();
    assert_eq!(names, "[\"n-***-0\",\"n-***-1\"]");
}

#[test]
fn what_cannot_be_run_is_refused_before_anything_is_dialled() {
    let refused = |change: fn(&mut GeneratorConfig)| {
        let mut config = config("http://127.0.0.1:1", 10.0, 1);
        config.ledger = std::env::temp_dir();
        change(&mut config);
        start(config).unwrap_err()
    };
    assert!(matches!(refused(|c| c.entry.clear()), LoadError::NoEntry));
    assert!(matches!(
        refused(|c| c.entry[0] = "ftp://127.0.0.1".into()),
        LoadError::Url { .. }
    ));
    let plans: [fn(&mut GeneratorConfig); 7] = [
        |c| c.plan.sessions = 0,
        |c| c.plan.sessions = 70_000,
        |c| c.plan.timeout_ns = 0,
        |c| c.plan.arrival = Arrival::Poisson { rate_per_s: 0.0 },
        |c| c.plan.symbols.clear(),
        |c| c.session.in_flight = 0,
        |c| {
            c.plan.mix.cancel = 1;
            let Work::Orders { orders, .. } = &mut c.work else {
                unreachable!()
            };
            orders.cancel = None;
        },
    ];
    for plan in plans {
        assert!(matches!(refused(plan), LoadError::Plan { .. }));
    }
}

#[test]
fn a_ledger_that_cannot_be_written_voids_the_run() {
    let server = Server::start(accept_now);
    let mut config = config(&server.url(), 100.0, 1);
    config.ledger = "/proc/no-such-folder".into();
    config.mode = Mode::Open;
    let generator = start(config).unwrap();
    assert!(matches!(generator.finish(), Err(LoadError::Ledger { .. })));
}
