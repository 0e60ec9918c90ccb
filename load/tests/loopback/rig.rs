//! Running the generator against a server, and what must hold after every run whatever the server did.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::thread;
use std::time::Duration;

use serde_json::json;
use shakedown_load::pacing::Schedule;
use shakedown_load::secret::Secrets;
use shakedown_load::{Finished, Generator, GeneratorConfig, Io, Mode, Work, start};
use shakedown_record::ledger::{Entry, LedgerReader, OrderKind};
use shakedown_record::slots::SlotStats;
use shakedown_record::{Decimal, Outcome, OutcomeCounts};
use shakedown_scenarios::plan::{
    AckLevel, Answer, Arrival, Auth, Condition, Expected, Extract, GatewayPlan, Identity,
    Instrument, JsonPointer, LoadPlan, Mix, OrderAction, OrderShape, Orders, Request, RetryPolicy,
    Session, SymbolShare, Take, Template, TemplatePart, Variable,
};
use tempfile::TempDir;

use crate::server::{Seen, Server};

pub const MS: u64 = 1_000_000;

pub fn text(text: &str) -> TemplatePart {
    TemplatePart::Text(text.to_string())
}

pub fn hole(variable: Variable) -> TemplatePart {
    TemplatePart::Hole {
        variable,
        filters: Vec::new(),
    }
}

fn request(method: &str, path: Vec<TemplatePart>, body: Option<Vec<TemplatePart>>) -> Request {
    Request {
        method: method.into(),
        path: Template { parts: path },
        headers: Vec::new(),
        body: body.map(|parts| Template { parts }),
    }
}

fn accepted(status: u16) -> Answer {
    Answer {
        status: vec![status],
        conditions: vec![Condition {
            pointer: JsonPointer("/state".into()),
            expected: Expected::Literal(json!("ACCEPTED")),
        }],
    }
}

fn action(send: Request, status: u16) -> OrderAction {
    let plain = |status| {
        Some(Answer {
            status: vec![status],
            conditions: Vec::new(),
        })
    };
    OrderAction {
        send,
        acked: accepted(status),
        rejected: plain(422),
        throttled: plain(429),
        too_late: plain(409),
    }
}

pub fn orders() -> Orders {
    let price = || {
        vec![
            text("{\"px\":"),
            hole(Variable::Price),
            text(",\"qty\":"),
            hole(Variable::Quantity),
            text("}"),
        ]
    };
    let new_body = vec![
        text("{\"id\":\""),
        hole(Variable::Id),
        text("\",\"sym\":\""),
        hole(Variable::Symbol),
        text("\",\"side\":\""),
        hole(Variable::Side),
        text("\",\"px\":"),
        hole(Variable::Price),
        text(",\"qty\":"),
        hole(Variable::Quantity),
        text("}"),
    ];
    let by_id = || vec![text("/o/"), hole(Variable::Id)];
    let at = |pointer: &str| Some(Extract::Pointer(JsonPointer(pointer.into())));
    Orders {
        identity: Identity::Client,
        level: AckLevel::Accepted,
        new: action(request("POST", vec![text("/o")], Some(new_body)), 201),
        cancel: Some(action(request("DELETE", by_id(), None), 200)),
        replace: Some(action(request("PUT", by_id(), Some(price())), 200)),
        take: Take {
            server_id: None,
            sequence: at("/seq"),
            served_by: at("/node"),
            term: None,
        },
        side_names: ["B".into(), "S".into()],
    }
}

pub fn mix(new: u32, cancel: u32, replace: u32) -> Mix {
    Mix {
        new,
        cancel,
        replace,
        oversized: 0,
    }
}

/// New orders only, at an even rate, for a second.
pub fn config(url: &str, rate_per_s: f64, sessions: u32) -> GeneratorConfig {
    let symbol = |name: &str, share| SymbolShare {
        name: name.into(),
        share,
        instrument: Instrument {
            tick: Decimal::new(1, 2),
            lot: Decimal::new(1, 3),
            around_ticks: 5_000_000,
            band_ticks: 1_000,
            largest_lots: 500,
            oversized_lots: None,
        },
    };
    GeneratorConfig {
        plan: LoadPlan {
            arrival: Arrival::Constant { rate_per_s },
            mix: mix(1, 0, 0),
            symbols: vec![symbol("BTCUSD", 0.7), symbol("ETHUSD", 0.3)],
            accounts: vec!["A".into(), "B".into()],
            sessions,
            threads: 1,
            workers: 1,
            timeout_ns: 1_000 * MS,
            shape: OrderShape::default(),
        },
        seed: 7,
        session: Session {
            in_flight: 1,
            reconnect_every_ns: 10 * MS,
            retry: RetryPolicy::Never,
        },
        work: Work::Orders {
            orders: orders(),
            gateway: GatewayPlan::Http,
            auth: Auth::None,
            secrets: Secrets::default(),
        },
        entry: vec![url.to_string()],
        reports: Vec::new(),
        tls: Default::default(),
        ledger: std::path::PathBuf::new(),
        prefix: "t3st00".into(),
        mode: Mode::Open,
        io: Io::Epoll,
        keeps_sessions: false,
        duration_ns: Some(1_000 * MS),
    }
}

/// A run that has ended.
pub struct Run {
    pub finished: Finished,
    pub zero_ns: u64,
    /// By slot; every scheduled slot has one.
    pub entries: BTreeMap<u64, Entry>,
    pub slots: Vec<(usize, SlotStats)>,
    pub folder: TempDir,
}

impl Run {
    pub fn outcomes(&self) -> OutcomeCounts {
        self.finished.report.outcomes
    }

    pub fn with(&self, outcome: Outcome) -> HashSet<u64> {
        let matching = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.outcome == Some(outcome));
        matching.map(|(slot, _)| *slot).collect()
    }

    /// Response times of all slots at a quantile, in nanoseconds.
    pub fn response_ns(&self, quantile: f64) -> u64 {
        let mut all: Vec<u64> = self
            .entries
            .values()
            .map(|entry| entry.response_ns(0))
            .collect();
        all.sort_unstable();
        all[((all.len() - 1) as f64 * quantile) as usize]
    }
}

/// A generator under way with its folder.
pub struct Rolling {
    pub generator: Generator,
    config: GeneratorConfig,
    folder: TempDir,
}

pub fn roll(mut config: GeneratorConfig) -> Rolling {
    let folder = tempfile::tempdir().unwrap();
    config.ledger = folder.path().to_path_buf();
    Rolling {
        generator: start(config.clone()).unwrap(),
        config,
        folder,
    }
}

pub fn run(config: GeneratorConfig) -> Run {
    roll(config).finish()
}

/// Slots that the server saw and did this to.
pub fn slots_of(server: &Server, picked: impl Fn(&Seen) -> bool) -> HashSet<u64> {
    server
        .log()
        .iter()
        .filter(|seen| picked(seen))
        .map(Seen::slot)
        .collect()
}

impl Rolling {
    /// Waits for the end and checks what must always hold.
    pub fn finish(mut self) -> Run {
        let mut slots = Vec::new();
        while !self.generator.is_finished() {
            slots.extend(self.generator.take_slots());
            let live = self.generator.counters();
            assert!(live.outcomes.total() <= live.scheduled);
            thread::sleep(Duration::from_millis(10));
        }
        slots.extend(self.generator.take_slots());
        let zero_ns = self.generator.zero_mono_ns();
        let finished = self.generator.finish().unwrap();
        let run = Run {
            entries: read(self.folder.path()),
            finished,
            zero_ns,
            slots,
            folder: self.folder,
        };
        always(&run, &self.config);
        run
    }
}

fn read(folder: &Path) -> BTreeMap<u64, Entry> {
    let reader = LedgerReader::open(folder).unwrap();
    reader.entries().map(Result::unwrap).collect()
}

/// Conservation, the schedule, the 100 ms slots and the live orders, whatever the server did.
fn always(run: &Run, config: &GeneratorConfig) {
    let mut counted = OutcomeCounts::default();
    for entry in run.entries.values() {
        counted.add(entry.outcome.expect("every slot has ended"), 1);
    }
    assert_eq!(counted, run.outcomes());
    assert_eq!(run.finished.scheduled, counted.total());
    let by_slots: u64 = run
        .slots
        .iter()
        .map(|(_, stats)| stats.outcomes.total())
        .sum();
    assert_eq!(by_slots, run.finished.scheduled);
    assert!(
        run.slots
            .iter()
            .enumerate()
            .all(|(at, (index, _))| at == *index),
        "in order"
    );
    let sessions = u64::from(config.plan.sessions);
    if config.mode == Mode::Open {
        let schedule = Schedule::new(config.plan.arrival.clone(), config.seed);
        for (slot, (found, entry)) in schedule.zip(&run.entries) {
            assert_eq!((slot.index, slot.at_ns), (*found, entry.intended_ns));
            assert_eq!(u64::from(entry.session), slot.index % sessions);
        }
    }
    for (slot, entry) in &run.entries {
        let (outcome, done_ns) = (entry.outcome.unwrap(), entry.done_ns.unwrap());
        assert!(done_ns >= entry.sent_ns.unwrap_or(entry.intended_ns));
        assert_eq!(
            entry.sent_ns.is_none(),
            outcome.is_definitely_absent() && is_unsent(outcome),
            "{slot} {entry:?}"
        );
        if let Some(target) = entry.target {
            let order = &run.entries[&target];
            assert_eq!(
                order.outcome,
                Some(Outcome::Acked),
                "only acknowledged orders are addressed"
            );
            assert_eq!(
                (order.session, order.symbol, order.side),
                (entry.session, entry.symbol, entry.side)
            );
            assert!(
                entry
                    .sent_ns
                    .is_none_or(|sent_ns| sent_ns >= order.done_ns.unwrap())
            );
        }
        if let (Some(sequence), OrderKind::New) = (entry.sequence, entry.kind) {
            assert_eq!(sequence, *slot, "this is the answer to another order");
        }
    }
}

fn is_unsent(outcome: Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Refused | Outcome::Unreachable | Outcome::NotSent
    )
}

/// No order reached the server twice.
pub fn nothing_was_sent_twice(server: &Server) {
    let mut ids = HashSet::new();
    for seen in server.log() {
        if seen.method == "POST" {
            assert!(
                ids.insert(seen.id().to_string()),
                "{} came twice",
                seen.id()
            );
        }
    }
}
