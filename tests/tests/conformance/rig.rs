//! Running the generator against a server, and what must hold after every run whatever the gateway and the server did.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use shakedown_load::secret::Secrets;
use shakedown_load::{Finished, Generator, GeneratorConfig, Io, Mode, Work, start};
use shakedown_record::ledger::{Entry, LedgerReader, OrderKind};
use shakedown_record::{Outcome, OutcomeCounts};
use shakedown_scenarios::plan::{Answer, Arrival, Mix, Plan};
use shakedown_scenarios::{SourceFile, compile_profile};
use shakedown_tests::shakedown::workspace;
use tempfile::TempDir;

use crate::certificates::FILES;
use crate::reported;
use crate::server::{Seen, Server};
use crate::way::Way;

pub const MS: u64 = 1_000_000;

/// So many that a session which has to dial again has 200 ms for it before its next slot, also on a machine that loses
/// its cores for a moment.
pub const SESSIONS: u32 = 60;

/// The plan of the reference engine's profile.
fn plan() -> Plan {
    let path = workspace().join("scenarios/library/systems/reference.yaml");
    let profile = SourceFile {
        name: "reference.yaml".to_string(),
        text: std::fs::read_to_string(path).unwrap(),
    };
    compile_profile(&profile, None).unwrap().plan
}

/// All of this suite over io_uring: `SHAKEDOWN_TEST_IO=io-uring`.
fn io() -> Io {
    match std::env::var("SHAKEDOWN_TEST_IO").as_deref() {
        Err(_) | Ok("epoll") => Io::Epoll,
        Ok("io-uring") => Io::IoUring,
        Ok(other) => panic!("SHAKEDOWN_TEST_IO is epoll or io-uring, not {other}"),
    }
}

/// New orders only, 300 a second for a second. The time-out is one that only tests of time-outs ever see.
pub fn config(way: Way, address: SocketAddr) -> GeneratorConfig {
    let plan = plan();
    let mut orders = plan.system.orders.clone();
    let throttled = Some(Answer {
        status: vec![429],
        conditions: Vec::new(),
    });
    orders.new.throttled = throttled;
    let mut load = plan.load.clone();
    load.arrival = Arrival::Constant { rate_per_s: 300.0 };
    load.mix = mix(1, 0, 0);
    load.sessions = SESSIONS;
    load.timeout_ns = 8_000 * MS;
    if way == Way::Reported {
        reported::ask(&mut orders);
    }
    let gateway = way.plan();
    let mut session = plan.system.session;
    if way.bare() == Way::Batches {
        // Few sessions, so that several messages of one are due at a time.
        session.in_flight = 4;
    }
    GeneratorConfig {
        plan: load,
        seed: 7,
        session,
        entry: vec![format!("{}://{address}", way.scheme())],
        reports: match way {
            Way::Reported => vec![format!("ws://{address}")],
            _ => Vec::new(),
        },
        tls: FILES.trust(),
        work: Work::Orders {
            orders,
            gateway,
            auth: plan.system.auth,
            secrets: Secrets::default(),
        },
        ledger: std::path::PathBuf::new(),
        prefix: "t3st00".into(),
        mode: Mode::Open,
        io: io(),
        keeps_sessions: false,
        duration_ns: Some(1_000 * MS),
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

/// A run that has ended.
pub struct Run {
    pub finished: Finished,
    /// By slot; every scheduled slot has one.
    pub entries: BTreeMap<u64, Entry>,
    pub folder: TempDir,
}

impl Run {
    pub fn outcomes(&self) -> OutcomeCounts {
        self.finished.report.outcomes
    }

    pub fn with(&self, outcome: Outcome) -> BTreeSet<u64> {
        let matching = self.entries.iter();
        matching
            .filter(|(_, entry)| entry.outcome == Some(outcome))
            .map(|(slot, _)| *slot)
            .collect()
    }
}

/// A generator under way with its folder.
pub struct Rolling {
    pub generator: Generator,
    folder: TempDir,
}

pub fn roll(mut config: GeneratorConfig) -> Rolling {
    let folder = tempfile::tempdir().unwrap();
    config.ledger = folder.path().to_path_buf();
    Rolling {
        generator: start(config).unwrap(),
        folder,
    }
}

/// Runs to the end and checks what must always hold.
pub fn run(config: GeneratorConfig) -> Run {
    roll(config).finish()
}

/// Each new order that the server read ended as what was done to it; of what it did not read, nothing was answered.
///
/// That holds on a starved machine as well: a message may cross the end of its connection, and a session that is down
/// may owe slots, but neither of them was read.
pub fn outcomes_are_what_was_done(run: &Run, server: &Server, outcome: impl Fn(&Seen) -> Outcome) {
    let mut read = BTreeSet::new();
    for seen in server.log() {
        let slot = seen.asked.slot();
        let found = run.entries[&slot].outcome;
        assert_eq!(found, Some(outcome(&seen)), "slot {slot}: {seen:?}");
        read.insert(slot);
    }
    assert!(read.len() > 60, "only {} messages were read", read.len());
    for (slot, entry) in run.entries.iter().filter(|(slot, _)| !read.contains(slot)) {
        let outcome = entry.outcome.unwrap();
        let unanswered = matches!(
            outcome,
            Outcome::Refused
                | Outcome::Unreachable
                | Outcome::NotSent
                | Outcome::ResetAfterSend
                | Outcome::Timeout
        );
        assert!(unanswered, "slot {slot} was not read and is {outcome:?}");
    }
}

impl Rolling {
    /// Waits for the end and checks what must always hold.
    pub fn finish(self) -> Run {
        while !self.generator.is_finished() {
            let live = self.generator.counters();
            assert!(live.outcomes.total() <= live.scheduled);
            thread::sleep(Duration::from_millis(5));
        }
        let finished = self.generator.finish().unwrap();
        let reader = LedgerReader::open(self.folder.path()).unwrap();
        let run = Run {
            entries: reader.entries().map(Result::unwrap).collect(),
            finished,
            folder: self.folder,
        };
        always(&run);
        run
    }
}

/// Conservation; that what was not sent is definite, and what was sent and not answered is not; and that every answer
/// belongs to its order.
fn always(run: &Run) {
    let mut counted = OutcomeCounts::default();
    for (slot, entry) in &run.entries {
        let outcome = entry.outcome.expect("every slot has ended");
        counted.add(outcome, 1);
        let unsent = matches!(
            outcome,
            Outcome::Refused | Outcome::Unreachable | Outcome::NotSent
        );
        assert_eq!(entry.sent_ns.is_none(), unsent, "{slot} {entry:?}");
        assert!(entry.done_ns.unwrap() >= entry.sent_ns.unwrap_or(entry.intended_ns));
        if let Some(target) = entry.target {
            assert_eq!(run.entries[&target].outcome, Some(Outcome::Acked));
        }
    }
    assert_eq!(counted, run.outcomes());
    assert_eq!(run.finished.scheduled, counted.total());
}

/// The test server's sequence numbers are the slots of the orders that it answered.
pub fn answers_belong_to_their_orders(run: &Run) {
    for (slot, entry) in &run.entries {
        if let Some(sequence) = entry.sequence {
            assert_eq!(sequence, entry.target.unwrap_or(*slot), "{slot}: {entry:?}");
        }
    }
}

/// No new order reached the server twice.
pub fn nothing_was_sent_twice(run: &Run, server: &Server) {
    let mut ids = BTreeSet::new();
    for seen in server.log() {
        let is_new = run.entries[&seen.asked.slot()].kind == OrderKind::New;
        let places = seen.asked.kind == crate::way::Kind::New;
        assert!(is_new && (!places || ids.insert(seen.asked.id.clone())));
    }
}
