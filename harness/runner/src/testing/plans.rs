//! A plan for the exchange of these tests, as the compiler would make it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::json;
use shakedown_load::secret::Secrets;
use shakedown_record::Outcome;
use shakedown_record::ledger::{Entry, LedgerWriter, OrderKind, Side};
use shakedown_record::readback::ReadKind;
use shakedown_scenarios::plan::*;

use crate::environment::{AddressBook, Replica};
use crate::probes::Target;

/// The value of the one secret: it may appear nowhere.
pub const SECRET: &str = "canary-4711-token";

/// The secrets of [`plan`].
pub fn secrets() -> Arc<Secrets> {
    Arc::new(Secrets::resolve(&sources()).unwrap())
}

fn sources() -> BTreeMap<String, SecretSource> {
    let echo = vec!["printf".to_string(), SECRET.to_string()];
    BTreeMap::from([("token".to_string(), SecretSource::Command(echo))])
}

/// A target at these replicas, orders entering through the first.
pub fn target(plan: Plan, bases: &[String]) -> Arc<Target> {
    let replicas = bases.iter().enumerate().map(|(index, base)| Replica {
        name: format!("engine-{}", index + 1),
        part: "engine".to_string(),
        base_url: base.clone(),
    });
    let (replicas, entry) = (replicas.collect(), vec![bases[0].clone()]);
    Arc::new(
        Target::new(
            plan,
            secrets(),
            replicas,
            entry,
            "abc123".to_string(),
            AddressBook::default(),
        )
        .unwrap(),
    )
}

/// Writes the ledger of a run: slot, kind, outcome, and the slot that is addressed.
pub fn write_ledger(folder: &Path, slots: &[(OrderKind, Option<Outcome>, Option<u64>)]) {
    let mut writer = LedgerWriter::new(folder);
    for (slot, (kind, outcome, target)) in (0..).zip(slots) {
        let entry = Entry {
            intended_ns: slot * 1_000_000,
            sent_ns: Some(slot * 1_000_000),
            done_ns: outcome.map(|_| slot * 1_000_000 + 500_000),
            lag_ns: 0,
            kind: *kind,
            side: Side::Buy,
            symbol: 0,
            account: 0,
            session: (slot % 2) as u16,
            price_ticks: 5_000_000 + slot as i64,
            quantity_lots: 3,
            target: *target,
            sequence: None,
            served_by: 0,
            outcome: *outcome,
        };
        writer.put(slot, &entry).unwrap();
    }
    drop(writer);
    LedgerWriter::finish(folder, slots.len() as u64).unwrap();
}

fn template(text: &str) -> Template {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").unwrap();
        let variable = match name {
            "id" => Variable::Id,
            "symbol" => Variable::Symbol,
            "side" => Variable::Side,
            "price" => Variable::Price,
            "quantity" => Variable::Quantity,
            "cursor" => Variable::Cursor,
            "session" => Variable::Session,
            "account" => Variable::Account,
            other => panic!("{other}"),
        };
        parts.push(TemplatePart::Text(before.to_string()));
        let filters = Vec::new();
        parts.push(TemplatePart::Hole { variable, filters });
        rest = after;
    }
    parts.push(TemplatePart::Text(rest.to_string()));
    Template { parts }
}

fn request(method: &str, path: &str, body: Option<&str>) -> Request {
    Request {
        method: method.to_string(),
        path: template(path),
        headers: Vec::new(),
        body: body.map(template),
    }
}

fn pointer(text: &str) -> JsonPointer {
    JsonPointer(text.to_string())
}

fn is(path: &str, value: &str) -> Vec<Condition> {
    vec![Condition {
        pointer: pointer(path),
        expected: Expected::Literal(json!(value)),
    }]
}

fn answer(status: &[u16]) -> Answer {
    Answer {
        status: status.to_vec(),
        conditions: Vec::new(),
    }
}

fn action(send: Request) -> OrderAction {
    OrderAction {
        send,
        acked: answer(&[200, 201]),
        rejected: Some(answer(&[422])),
        throttled: Some(answer(&[429])),
        too_late: Some(answer(&[409])),
    }
}

fn fields() -> FieldMap {
    FieldMap {
        id: Some(pointer("/id")),
        price: Some(pointer("/px")),
        quantity: Some(pointer("/qty")),
        symbol: None,
        side: None,
        state: Some(pointer("/state")),
        open_states: vec!["open".to_string()],
        ..FieldMap::default()
    }
}

fn auth() -> Auth {
    Auth::Header {
        name: "authorization".to_string(),
        value: Template {
            parts: vec![
                TemplatePart::Text("Bearer ".to_string()),
                TemplatePart::Hole {
                    variable: Variable::Secret("token".to_string()),
                    filters: Vec::new(),
                },
            ],
        },
    }
}

fn orders() -> Orders {
    let body = r#"{"id":"{{id}}","sym":"{{symbol}}","side":"{{side}}","px":"{{price}}","qty":"{{quantity}}"}"#;
    Orders {
        identity: Identity::Client,
        level: AckLevel::Durable,
        new: action(request("POST", "/orders", Some(body))),
        cancel: Some(action(request("DELETE", "/orders/{{id}}", None))),
        replace: Some(action(request("PUT", "/orders/{{id}}", Some(body)))),
        take: Take {
            server_id: None,
            sequence: Some(Extract::Pointer(pointer("/seq"))),
            served_by: None,
            term: None,
        },
        side_names: ["buy".to_string(), "sell".to_string()],
    }
}

fn role() -> Role {
    Role {
        name: "leader".to_string(),
        get: request("GET", "/role", None),
        conditions: is("/role", "leader"),
        term: Some(pointer("/term")),
    }
}

fn system(replicas: u32) -> System {
    System {
        name: "acme".to_string(),
        data: DataLayout::Replicated,
        parts: vec![Part {
            name: "engine".to_string(),
            replicas,
            quorum: None,
            roles: vec![role()],
            restarted_by: RestartedBy::Platform,
            ready: None,
        }],
        secrets: sources(),
        auth: auth(),
        ceilings: Ceilings::default(),
        session: Session {
            in_flight: 1,
            reconnect_every_ns: 10_000_000,
            retry: RetryPolicy::SameIdAfterHeal,
        },
        gateway: GatewayPlan::Http,
        tls: None,
        market_data: MarketData::default(),
        venue: None,
        orders: orders(),
        cancel_on_disconnect: None,
        exposure: None,
        kill_switch: None,
        operations: Default::default(),
        timed_orders: None,
        read_back: Some(ReadBack::List {
            get: request("GET", "/orders?after={{cursor}}", None),
            rows: pointer("/orders"),
            next: Some(pointer("/next")),
            mark: Some(pointer("/mark")),
            at_each_replica: true,
            fields: fields(),
            trades: None,
            depth: None,
        }),
        health: Some(Health {
            port: None,
            ready: Some(request("GET", "/ready", None)),
            live: None,
        }),
        metrics: Some(Metrics {
            port: None,
            path: "/metrics".to_string(),
            latency: Some("order_latency_seconds".to_string()),
            every_ns: None,
        }),
        resources: None,
        alerts: None,
        version: Some(VersionProbe {
            get: request("GET", "/version", None),
            take: pointer("/version"),
        }),
        clean_up: CleanUp::CancelOurs,
    }
}

/// A plan for an external exchange at these addresses: 200 orders/s, no faults, short phases.
pub fn plan(bases: &[String]) -> Plan {
    let instrument = Instrument {
        tick: "0.01".parse().unwrap(),
        lot: "0.001".parse().unwrap(),
        around_ticks: 5_000_000,
        band_ticks: 100_000,
        largest_lots: 10,
        oversized_lots: Some(1_000),
    };
    Plan {
        scenario: "test".to_string(),
        about: String::new(),
        tags: Vec::new(),
        seed: 7,
        system: system(bases.len() as u32),
        environment: EnvironmentPlan::External(Endpoints {
            entry: vec![bases[0].clone()],
            parts: BTreeMap::from([("engine".to_string(), bases.to_vec())]),
            not_production: vec![ProofOfTarget {
                get: request("GET", "/info", None),
                conditions: is("/env", "staging"),
            }],
        }),
        load: LoadPlan {
            arrival: Arrival::Constant { rate_per_s: 200.0 },
            mix: Mix {
                new: 70,
                cancel: 25,
                replace: 0,
                oversized: 0,
            },
            symbols: vec![SymbolShare {
                name: "BTCUSD".to_string(),
                share: 1.0,
                instrument,
            }],
            accounts: vec!["TEST-1".to_string()],
            sessions: 4,
            threads: 1,
            workers: 1,
            timeout_ns: 1_000_000_000,
            shape: OrderShape::default(),
        },
        peak: None,
        points: None,
        venue: None,
        planted: None,
        phases: Phases {
            warm_up_at_most_ns: 15_000_000_000,
            steady_ns: 1_000_000_000,
            recovery_at_most_ns: 10_000_000_000,
        },
        faults: Vec::new(),
        guards: Guards::default(),
        rules: Vec::new(),
        abort: Vec::new(),
        reads: vec![ReadKind::Converged],
        notes: Vec::new(),
        digest: String::new(),
    }
}

/// The plan with a read-back by id instead of a list.
pub fn by_id(mut plan: Plan) -> Plan {
    plan.system.read_back = Some(ReadBack::ById {
        get: request("GET", "/orders/{{id}}", None),
        found: answer(&[200]),
        absent: answer(&[404]),
        at_each_replica: true,
        fields: fields(),
    });
    plan
}
