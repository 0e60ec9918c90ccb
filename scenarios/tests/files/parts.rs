//! A stand-in of several parts: who plays what, in which order they start, and each mistake where it stands.

use crate::common::{file, shipped};
use shakedown_scenarios::plan::{
    EnvironmentPlan, LocalStandIn, Piece, Player, Request, Server, Service, Template,
};
use shakedown_scenarios::{Compiled, Diagnostics, Written, compile_profile};

const SYSTEM: &str = "reference-stores";
const SCENARIO: &str = "stores-behind";

/// The shipped profile, with other text in the place of some.
fn profile(pairs: &[(&str, &str)]) -> Result<Compiled, Diagnostics> {
    let mut text = shipped(SYSTEM).text;
    for (from, to) in pairs {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    compile_profile(
        Written {
            file: &file("p.yaml", &text),
            bases: &[shipped("reference")],
        },
        None,
    )
}

fn players(compiled: &Compiled) -> Vec<(String, Player)> {
    let EnvironmentPlan::Local {
        stand_in: LocalStandIn::Parts(players),
    } = &compiled.plan.environment
    else {
        panic!("{:?}", compiled.plan.environment);
    };
    let of = players.iter();
    of.map(|it| (it.part.clone(), it.player.clone())).collect()
}

#[test]
fn stores_start_before_the_engine_and_are_asked_in_their_own_languages() {
    let compiled = profile(&[]).unwrap_or_else(|told| panic!("{told}"));
    let players = players(&compiled);
    let names: Vec<&str> = players.iter().map(|(part, _)| part.as_str()).collect();
    assert_eq!(names, ["postgres", "redis", "engine"]);
    let Player::PostgreSql(servers) = &players[0].1 else {
        panic!("{players:?}");
    };
    assert_eq!(servers.database.as_deref(), Some("trading"));
    assert_eq!(servers.promote_after_ns, Some(1_000_000_000));
    let parts = &compiled.plan.system.parts;
    let asked = |part: &str| {
        let part = parts.iter().find(|it| it.name == part).unwrap();
        let ready = part.ready.as_ref().map(|it| it.method.clone());
        (part.roles[0].get.method.clone(), ready)
    };
    let sql = Request::SQL.to_string();
    let command = Request::COMMAND.to_string();
    assert_eq!(asked("engine"), ("GET".to_string(), None));
    assert_eq!(asked("postgres"), (sql.clone(), Some(sql)));
    assert_eq!(asked("redis"), (command.clone(), Some(command)));
    let EnvironmentPlan::Local { stand_in } = &compiled.plan.environment else {
        panic!("{:?}", compiled.plan.environment);
    };
    assert_eq!(stand_in.server_of("redis"), Some(Server::Redis));
    assert_eq!(stand_in.server_of("engine"), None);
}

#[test]
fn sentinels_come_with_their_servers() {
    let sentinels = [
        (
            "redis: { settings: { appendonly: \"yes\" } }",
            "redis: { sentinels: { part: watch, quorum: 2, down-after: 2s }, master: cache }",
        ),
        (
            "parts:\n  postgres:",
            "parts:\n  watch: { replicas: 3 }\n  postgres:",
        ),
    ];
    let compiled = profile(&sentinels).unwrap_or_else(|told| panic!("{told}"));
    let watch = compiled.plan.system.parts.iter();
    let watch = watch.clone().find(|part| part.name == "watch").unwrap();
    assert_eq!(watch.ready.as_ref().unwrap().method, Request::COMMAND);
    let found = players(&compiled).into_iter();
    let redis = found.clone().find(|(part, _)| part == "redis").unwrap();
    let Player::Redis(servers) = redis.1 else {
        panic!("{redis:?}");
    };
    assert_eq!(servers.sentinels.unwrap().master, "cache");
}

#[test]
fn a_store_that_holds_the_data_is_read_replica_by_replica() {
    let read = "environments:\n  docker: null";
    let list = "data: { store: { part: postgres } }\nread-back:\n  list:\n    get: { sql: \"select id from orders where id > {{cursor}} order by id limit 9\" }\n    rows: /rows\n    next: /last/id\n    mark: null\n    depth: null\n    trades: null\n    at: each-replica\n    fields: { id: /id }\nenvironments:\n  docker: null";
    let compiled = profile(&[(read, list)]).unwrap_or_else(|told| panic!("{told}"));
    let system = &compiled.plan.system;
    assert_eq!(system.holder().unwrap().name, "postgres");
    assert!(system.copies_are_equal());
    let at_entry = list.replace("each-replica", "entry");
    let told = profile(&[(read, &at_entry)]).unwrap_err().to_string();
    assert!(told.contains("the entry is the engine's"), "{told}");
    let through_the_engine = "data: { store: { part: postgres } }\nenvironments:\n  docker: null";
    let compiled = profile(&[(read, through_the_engine)]).unwrap_or_else(|told| panic!("{told}"));
    let system = &compiled.plan.system;
    assert_eq!(system.holder().unwrap().name, "engine");
    assert!(!system.copies_are_equal());
}

#[test]
fn each_mistake_is_told_where_it_stands_with_what_to_write_instead() {
    for (from, to, said, hint) in [
        (
            "        engine: { engine: {} }",
            "        engin: { engine: {} }",
            "no part `engin`",
            "did you mean `engine`?",
        ),
        (
            "        engine: { engine: {} }\n",
            "",
            "nobody plays the part `engine`",
            "engine: {}",
        ),
        (
            "        engine: { engine: {} }",
            "        engine: { nats: {} }",
            "and this is a server of NATS",
            "first under `parts`",
        ),
        (
            "        engine: { engine: {} }",
            "        engine: { venue: {} }",
            "the profile names none",
            "add venue",
        ),
        (
            "        engine: { engine: {} }",
            "        engine: { market-maker: {} }",
            "the profile names none",
            "add venue",
        ),
        (
            "promote-after: 1s",
            "promote-after: 1h",
            "too long to wait for",
            "60 s",
        ),
        (
            "promote-after: 1s",
            "settings: { port: \"1\" }",
            "sets `port` itself",
            "take it out",
        ),
        (
            "promote-after: 1s",
            "settings: { wal_level: \"it's\" }",
            "no quotes",
            "without quotes",
        ),
        (
            "redis: { settings: { appendonly: \"yes\" } }",
            "redis: { master: orders }",
            "there are none",
            "add sentinels",
        ),
        (
            "redis: { settings: { appendonly: \"yes\" } }",
            "redis: { sentinels: { part: postgres, quorum: 2, down-after: 2s } }",
            "2 players play this part",
            "take this one out",
        ),
        (
            "{ command: [ROLE] }",
            "/role",
            "knows no paths",
            "{ command:",
        ),
        (
            "{ sql: \"select pg_is_in_recovery() as standby\" }",
            "{ command: [ROLE] }",
            "no Redis server",
            "own language",
        ),
        (
            "  redis:\n    replicas: 2",
            "  redis:\n    replicas: 6",
            "6 servers on one machine",
            "at most 5",
        ),
    ] {
        let told = profile(&[(from, to)]).expect_err(to).to_string();
        assert!(
            told.contains(said) && told.contains(hint) && told.contains(".yaml:"),
            "{to}\n{told}"
        );
    }
}

/// The shipped profile with services beside the engine, of which some need others.
fn with_services(app: &str, data: &str) -> Result<Compiled, Diagnostics> {
    let engine = "        engine: { engine: {} }\n";
    let pool =
        "        pool: { pgbouncer: { of: postgres, settings: { pool_mode: transaction } } }\n";
    let others = format!(
        "{engine}        app: {{ service: {{ of: trading-app, port: 8000, settings: {app} }} }}\n        data: {{ service: {{ of: data-processor, settings: {data} }} }}\n{pool}        bus: {{ nats: {{}} }}\n        series: {{ influxdb: {{ database: market }} }}\n"
    );
    let parts = "parts:\n  app: { replicas: 2, ready: /ready }\n  data: { replicas: 1 }\n  pool: { replicas: 1 }\n  bus: { replicas: 3 }\n  series: { replicas: 1 }\n  postgres:";
    profile(&[(engine, &others), ("parts:\n  postgres:", parts)])
}

#[test]
fn whoever_is_named_starts_first() {
    let app = "{ postgresql: \"postgresql://postgres@{{part.pool.address}}/trading\", data: \"{{ replica.data-1.address }}\" }";
    let data = "{ broker: \"{{part.bus.addresses}}\" }";
    let compiled = with_services(app, data).unwrap_or_else(|told| panic!("{told}"));
    let players = players(&compiled);
    let names: Vec<&str> = players.iter().map(|(part, _)| part.as_str()).collect();
    assert_eq!(
        names,
        [
            "bus", "series", "postgres", "pool", "redis", "engine", "data", "app"
        ]
    );
    let found = |name: &str| players.iter().find(|(part, _)| part == name).unwrap();
    let Player::Service(app) = &found("app").1 else {
        panic!("{players:?}");
    };
    assert_eq!((app.of, app.port), (Service::TradingApp, 8000));
    assert_eq!(app.settings["data"], [Piece::Address("data-1".to_string())]);
    assert_eq!(
        app.settings["postgresql"],
        [
            Piece::Text("postgresql://postgres@".to_string()),
            Piece::Address("pool-1".to_string()),
            Piece::Text("/trading".to_string()),
        ]
    );
    let Player::PgBouncer(pool) = &found("pool").1 else {
        panic!("{players:?}");
    };
    assert_eq!(
        (pool.of.as_str(), pool.database.as_str()),
        ("postgres", "trading")
    );
    let path = |name: &str| {
        let mut parts = compiled.plan.system.parts.iter();
        let part = parts.find(|it| it.name == name).unwrap();
        let ready = part.ready.as_ref().unwrap();
        (ready.method.clone(), ready.path.clone())
    };
    let get = |path: &str| ("GET".to_string(), Template::literal(path));
    assert_eq!(path("app"), get("/ready"));
    assert_eq!(path("bus"), get("/healthz"));
    assert_eq!(path("series"), get("/ping"));
    assert_eq!(path("pool").0, Request::SQL);
}

#[test]
fn options_name_parts_that_there_are_and_nobody_waits_for_himself() {
    for (app, data, said, hint) in [
        (
            "{ a: \"{{part.pol.address}}\" }",
            "{}",
            "no part `pol`",
            "did you mean `pool`?",
        ),
        (
            "{ a: \"{{part.pool.port}}\" }",
            "{}",
            "means nothing here",
            "{{part.NAME.addresses}}",
        ),
        (
            "{ a: \"{{replica.bus-4.address}}\" }",
            "{}",
            "no replica `bus-4`",
            "from bus-1 to bus-3",
        ),
        (
            "{ a: \"{{part.pool.address\" }",
            "{}",
            "not closed",
            "{{part.postgres.address}}",
        ),
        ("{ host: \"1\" }", "{}", "sets `host` itself", "take it out"),
        (
            "{ a: \"{{part.app.address}}\" }",
            "{}",
            "app needs app",
            "without the other",
        ),
        (
            "{ a: \"{{part.data.address}}\" }",
            "{ a: \"{{part.app.address}}\" }",
            "app needs data needs app",
            "without the other",
        ),
    ] {
        let told = with_services(app, data).expect_err(app).to_string();
        assert!(
            told.contains(said) && told.contains(hint) && told.contains("p.yaml:"),
            "{app}\n{told}"
        );
    }
}

#[test]
fn pgbouncer_stands_before_postgresql() {
    let told = profile(&[
        ("        engine: { engine: {} }\n", "        engine: { engine: {} }\n        pool: { pgbouncer: { of: redis, settings: { user: me } } }\n"),
        ("parts:\n  postgres:", "parts:\n  pool: { replicas: 1 }\n  postgres:"),
    ])
    .unwrap_err()
    .to_string();
    assert!(
        told.contains("no part `redis` is played by PostgreSQL"),
        "{told}"
    );
    assert!(told.contains("sets `user` itself"), "{told}");
}

#[test]
fn all_mistakes_are_told_at_once() {
    let told = profile(&[
        ("promote-after: 1s", "promote-after: 1h"),
        (
            "redis: { settings: { appendonly: \"yes\" } }",
            "redis: { master: orders }",
        ),
    ])
    .unwrap_err()
    .to_string();
    assert!(
        told.contains("too long") && told.contains("add sentinels"),
        "{told}"
    );
}

#[test]
fn a_store_alone_has_no_parts_beside_it() {
    let text = shipped("redis-sentinel").text;
    let begin = text.find("      redis:  ").unwrap();
    let end = text.find("gateway:").unwrap();
    let parts = "      parts:\n        redis: { redis: { sentinels: { part: sentinel, quorum: 2, down-after: 2s } } }\n";
    let text = format!("{}{parts}{}", &text[..begin], &text[end..]);
    let told = compile_profile(&file("p.yaml", &text), None)
        .unwrap_err()
        .to_string();
    assert!(told.contains("no other parts"), "{told}");
}

#[test]
fn faults_are_held_against_the_servers_that_they_may_meet() {
    let scenario = shipped(SCENARIO).text;
    let engine = "        engine: { engine: {} }\n";
    let pool = format!("{engine}        pool: {{ pgbouncer: {{ of: postgres }} }}\n");
    let profile = shipped(SYSTEM).text.replace(engine, &pool);
    let profile = profile.replace(
        "parts:\n  postgres:",
        "parts:\n  pool: { replicas: 1 }\n  postgres:",
    );
    let told = |from: &str, to: &str| {
        assert!(scenario.contains(from), "{from}");
        let text = scenario.replace(from, to);
        let compiled = shakedown_scenarios::compile(&shakedown_scenarios::CompileInput {
            scenario: (&file("s.yaml", &text)).into(),
            profile: Written {
                file: &file("p.yaml", &profile),
                bases: &[shipped("reference")],
            },
            overrides: &[],
            environment: None,
            seed: None,
        });
        compiled.map(|_| ()).map_err(|told| told.to_string())
    };
    let kill = "do: { kill: { signal: KILL } }\n    to: { role: primary }";
    for (fault, said) in [
        (
            "do: { freeze: { by: signal } }\n    to: { role: primary }",
            "by: cgroup",
        ),
        (
            "do: { out-of-memory: {} }\n    to: { part: postgres }",
            "memory limits them together",
        ),
        (
            "do: { clock-skew: { ahead: 5s } }\n    to: { name: redis-1 }",
            "another clock",
        ),
        (
            "do: { slow-disk: { sync-by: 20ms } }\n    to: { part: pool }",
            "keeps nothing on disk",
        ),
    ] {
        let refused = told(kill, fault).expect_err(fault);
        assert!(refused.contains(said), "{fault}: {refused}");
    }
    for fault in [
        "do: { freeze: { by: cgroup } }\n    to: { role: primary }",
        "do: { memory: { limit: 64MiB } }\n    to: { name: redis-2 }",
        "do: { slow-disk: { sync-by: 20ms } }\n    to: { role: leader }",
        "do: { disk-full: { leave: 1MiB } }\n    to: { random: { part: redis, count: 1 } }",
    ] {
        told(kill, fault).unwrap_or_else(|told| panic!("{fault}: {told}"));
    }
}
