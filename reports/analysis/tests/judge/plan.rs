//! The plan of the synthetic runs: three replicas, one kill of the leader, a rule of every kind.

use std::collections::BTreeMap;

use shakedown_record::Phase;
use shakedown_record::readback::ReadKind;
use shakedown_record::run_record::Severity;
use shakedown_scenarios::plan::*;

/// A rule that decides.
pub fn rule(id: &str, kind: RuleKind) -> Rule {
    Rule {
        id: id.to_string(),
        kind,
        severity: Severity::Critical,
        source: None,
    }
}

/// A rule on a class of data loss.
pub fn none_of(class: DataClass) -> Rule {
    rule(class.name(), RuleKind::Orders { class, at_most: 0 })
}

pub fn plan() -> Plan {
    Plan {
        scenario: "leader-kill".into(),
        about: "Kill the leader.".into(),
        tags: Vec::new(),
        seed: 7,
        system: system(),
        environment: EnvironmentPlan::Local {
            stand_in: LocalStandIn::Engine {
                part: "engine".into(),
            },
        },
        peak: None,
        load: LoadPlan {
            arrival: Arrival::Constant { rate_per_s: 500.0 },
            mix: Mix {
                new: 85,
                cancel: 5,
                replace: 5,
                oversized: 5,
            },
            symbols: vec![SymbolShare {
                name: "BTCUSD".into(),
                share: 1.0,
                instrument: instrument(),
            }],
            accounts: vec!["A".into()],
            sessions: 8,
            threads: 1,
            workers: 1,
            timeout_ns: 1_000_000_000,
            shape: OrderShape::default(),
        },
        points: None,
        venue: None,
        planted: None,
        phases: Phases {
            warm_up_at_most_ns: 20_000_000_000,
            steady_ns: 5_000_000_000,
            recovery_at_most_ns: 60_000_000_000,
        },
        faults: vec![FaultPlan {
            id: "leader-dies".into(),
            kind: FaultKind::Kill {
                signal: Signal::Kill,
            },
            to: Selector::Role("leader".into()),
            when: Trigger::AfterSteady { by_ns: 0 },
            hold_ns: 3_000_000_000,
            repeat: Repeat {
                times: 1,
                every_ns: 0,
                jitter_ns: 0,
            },
        }],
        guards: Guards::default(),
        rules: rules(),
        abort: Vec::new(),
        reads: vec![ReadKind::Converged],
        notes: Vec::new(),
        digest: "0".repeat(64),
    }
}

fn rules() -> Vec<Rule> {
    let steady = Phase::Steady;
    let mut rules = vec![
        rule(
            "steady-p99",
            RuleKind::Latency {
                quantile: 0.99,
                at_most_ns: 20_000_000,
                phase: steady,
            },
        ),
        rule(
            "steady-rate",
            RuleKind::Throughput {
                at_least_per_s: 400.0,
                phase: steady,
            },
        ),
        rule(
            "failover",
            RuleKind::Failover {
                at_most_ns: 5_000_000_000,
            },
        ),
        rule(
            "available",
            RuleKind::Availability {
                at_least: 0.9,
                projected: false,
                failures_per_30d: 0.0,
            },
        ),
        rule(
            "projected",
            RuleKind::Availability {
                at_least: 0.99,
                projected: true,
                failures_per_30d: 4.0,
            },
        ),
        rule(
            "errors",
            RuleKind::ErrorRate {
                at_most: 0.2,
                phase: Phase::Run,
            },
        ),
        rule(
            "rejects",
            RuleKind::RejectRate {
                at_most: 0.01,
                phase: Phase::Run,
            },
        ),
        rule("rpo", RuleKind::Rpo { at_most_ns: 0 }),
    ];
    let implied = DataClass::ALL
        .into_iter()
        .filter(|class| class.is_implied());
    rules.extend(implied.map(none_of));
    rules
}

fn instrument() -> Instrument {
    Instrument {
        tick: "0.01".parse().unwrap(),
        lot: "0.001".parse().unwrap(),
        around_ticks: 5_000_000,
        band_ticks: 1_000,
        largest_lots: 1_000,
        oversized_lots: Some(5_000),
    }
}

pub fn request() -> Request {
    Request {
        method: "GET".into(),
        path: Template::literal("/"),
        headers: Vec::new(),
        body: None,
    }
}

pub fn answer(status: u16) -> Answer {
    Answer {
        status: vec![status],
        conditions: Vec::new(),
    }
}

pub fn action() -> OrderAction {
    OrderAction {
        send: request(),
        acked: answer(200),
        rejected: Some(answer(422)),
        throttled: None,
        too_late: None,
    }
}

pub fn fields() -> FieldMap {
    let at = |name: &str| Some(JsonPointer(name.into()));
    FieldMap {
        id: at("/id"),
        price: at("/px"),
        quantity: at("/qty"),
        symbol: at("/sym"),
        side: at("/side"),
        state: at("/state"),
        open_states: vec!["open".into()],
        ..FieldMap::default()
    }
}

fn system() -> System {
    System {
        name: "hive-mind".into(),
        data: DataLayout::Replicated,
        parts: vec![Part {
            name: "engine".into(),
            replicas: 3,
            quorum: Some(2),
            roles: Vec::new(),
            restarted_by: RestartedBy::Platform,
            ready: None,
        }],
        secrets: BTreeMap::new(),
        auth: Auth::None,
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
        orders: Orders {
            identity: Identity::Client,
            level: AckLevel::Durable,
            new: action(),
            cancel: Some(action()),
            replace: Some(action()),
            take: Take {
                sequence: Some(Extract::Pointer(JsonPointer("/seq".into()))),
                ..Take::default()
            },
            side_names: ["buy".into(), "sell".into()],
        },
        cancel_on_disconnect: None,
        exposure: None,
        kill_switch: None,
        operations: Default::default(),
        timed_orders: None,
        read_back: Some(ReadBack::List {
            get: request(),
            rows: JsonPointer("/orders".into()),
            next: None,
            mark: None,
            at_each_replica: true,
            fields: fields(),
            trades: None,
            depth: None,
        }),
        health: None,
        metrics: Some(Metrics {
            port: None,
            path: "/metrics".into(),
            latency: Some("order_seconds".into()),
            every_ns: None,
        }),
        resources: None,
        alerts: None,
        version: None,
        clean_up: CleanUp::CancelOurs,
    }
}
