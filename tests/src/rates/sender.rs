//! The generator at a rate, and what it took.

use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use shakedown_load::secret::Secrets;
use shakedown_load::{Finished, GeneratorConfig, Io, LoadError, Mode, Work, start};
use shakedown_record::Decimal;
use shakedown_scenarios::plan::{
    AckLevel, Answer, Arrival, Auth, BinaryGateway, GatewayPlan, Identity, Instrument, LoadPlan,
    Mix, OrderAction, OrderShape, Orders, Request, RetryPolicy, Session, SymbolShare, Take,
    Template,
};

/// What to send.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    pub port: u16,
    pub rate_per_s: f64,
    pub duration_s: u64,
    pub sessions: u32,
    pub threads: u32,
    pub in_flight: u32,
    pub batch: u32,
    pub timeout_s: u64,
}

/// What became of it.
#[derive(Debug)]
pub struct Sent {
    pub finished: Finished,
    /// User and system time of this process while the load ran, in seconds.
    pub cpu_s: f64,
    /// Largest resident memory that is not backed by files, in bytes, and its growth from the middle of the run to its end.
    pub anonymous_bytes: u64,
    pub growth_bytes: i64,
}

/// Sends, with the ledger in `ledger`.
///
/// # Errors
/// When the generator could not do its work.
pub fn send(asked: Asked, ledger: &Path) -> Result<Sent, LoadError> {
    let before = cpu_s();
    let mut generator = start(config(asked, ledger))?;
    let (mut most, mut samples) = (0, Vec::new());
    while !generator.is_finished() {
        thread::sleep(Duration::from_millis(200));
        generator.take_slots();
        let now = memory_bytes().map_or(0, |[own, _]| own);
        most = most.max(now);
        samples.push(now);
    }
    let finished = generator.finish()?;
    let middle = samples.get(samples.len() / 2).copied().unwrap_or(0);
    let last = samples.last().copied().unwrap_or(0);
    Ok(Sent {
        finished,
        cpu_s: cpu_s() - before,
        anonymous_bytes: most,
        growth_bytes: last as i64 - middle as i64,
    })
}

fn cpu_s() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Resident memory of this process, in bytes: its own, and pages of files.
///
/// # Errors
/// When the kernel does not say.
pub(super) fn memory_bytes() -> io::Result<[u64; 2]> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let read = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok());
        kib.map(|kib| kib * 1024)
            .ok_or_else(|| io::Error::other(format!("no {name}")))
    };
    Ok([read("RssAnon:")?, read("RssFile:")?])
}

fn config(asked: Asked, ledger: &Path) -> GeneratorConfig {
    let symbol = SymbolShare {
        name: "BTCUSD".into(),
        share: 1.0,
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
            arrival: Arrival::Constant {
                rate_per_s: asked.rate_per_s,
            },
            mix: Mix {
                new: 1,
                cancel: 0,
                replace: 0,
                oversized: 0,
            },
            symbols: vec![symbol],
            accounts: vec!["A".into()],
            sessions: asked.sessions,
            threads: asked.threads,
            workers: 1,
            timeout_ns: asked.timeout_s * 1_000_000_000,
            shape: OrderShape::default(),
        },
        seed: 1,
        session: Session {
            in_flight: asked.in_flight,
            reconnect_every_ns: 10_000_000,
            retry: RetryPolicy::Never,
        },
        work: Work::Orders {
            orders: orders(),
            gateway: GatewayPlan::Binary(BinaryGateway {
                port: asked.port,
                batch: asked.batch,
            }),
            auth: Auth::None,
            secrets: Secrets::default(),
        },
        entry: vec![format!("tcp://127.0.0.1:{}", asked.port)],
        reports: Vec::new(),
        tls: Default::default(),
        ledger: ledger.to_path_buf(),
        prefix: "rates".into(),
        mode: Mode::Open,
        io: Io::Epoll,
        keeps_sessions: false,
        duration_ns: Some(asked.duration_s * 1_000_000_000),
    }
}

/// The binary gateway needs no templates: what is here is never sent.
fn orders() -> Orders {
    Orders {
        identity: Identity::Client,
        level: AckLevel::Accepted,
        new: OrderAction {
            send: Request {
                method: "POST".into(),
                path: Template { parts: Vec::new() },
                headers: Vec::new(),
                body: None,
            },
            acked: Answer {
                status: vec![200],
                conditions: Vec::new(),
            },
            rejected: None,
            throttled: None,
            too_late: None,
        },
        cancel: None,
        replace: None,
        take: Take {
            server_id: None,
            sequence: None,
            served_by: None,
            term: None,
        },
        side_names: ["buy".into(), "sell".into()],
    }
}
