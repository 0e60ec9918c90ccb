//! From a configuration to load threads that are ready to connect.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::channel;

use shakedown_record::io::{IoReport, IoWay};
use shakedown_record::ledger::LedgerWriter;
use shakedown_scenarios::plan::{FixGateway, GatewayPlan};

use crate::config::{GeneratorConfig, Io, Share, Work};
use crate::drop_copy::DropCopyParts;
use crate::engine::{
    Books, Connections, Names, Part, Room, RoomPlan, Scratch, Shared, SlotMerger, Source, Wrapping,
    choose, descriptors_for_sockets,
};
use crate::error::LoadError;
use crate::http::{BaseUrl, login};
use crate::making::Making;
use crate::tls::{client_config, server_name};

/// Most sessions: the ledger numbers them with 16 bits.
const MOST_SESSIONS: u32 = 1 << 16;

/// Load threads with their common parts.
pub(crate) struct Crew {
    pub rooms: Vec<Room>,
    pub shared: Arc<Shared>,
    pub slots: SlotMerger,
    pub names: Names,
    /// What a drop copy is made of, where orders go over FIX.
    pub drop_copy: Option<DropCopyParts>,
    /// How the rooms reach their sockets; none where only epoll was wanted.
    pub io: Option<Box<IoReport>>,
}

/// Checks a configuration and makes the rooms of the threads that have this share of the sessions. Nothing is dialled
/// yet.
pub(crate) fn muster(config: &GeneratorConfig, share: Share) -> Result<Crew, LoadError> {
    check(config)?;
    let (entry, addresses) = resolve(config)?;
    let most = (config.plan.sessions / share.workers).max(1);
    let threads = config.plan.threads.clamp(1, most) as usize;
    let shared = Arc::new(Shared::new(threads, config.duration_ns.unwrap_or(u64::MAX)));
    let (finished, source) = channel();
    let scratch = scratch(config);
    let names = Names::new(Arc::new(match &config.work {
        Work::Orders { secrets, .. } | Work::Requests { secrets, .. } => secrets.clone(),
    }));
    let wrapping = wrapping(config, &entry)?;
    let io = choose(config.io, config.mode);
    let reports = Reports::resolve(config, &entry)?;
    let mut rooms = Vec::with_capacity(threads);
    for thread in 0..threads {
        let part = Part {
            sessions: u64::from(config.plan.sessions),
            thread: share.thread(thread),
            threads: share.threads(threads),
        };
        let books = Books::new(
            thread,
            config.plan.timeout_ns,
            scratch.is_none().then(|| LedgerWriter::new(&config.ledger)),
            finished.clone(),
            Arc::clone(&shared),
        );
        // Threads of workers on one machine share its cores.
        let (number, of) = match share.beside {
            true => (part.thread as usize, part.threads as usize),
            false => (thread, threads),
        };
        let plan = RoomPlan {
            thread: number,
            threads: of,
            timeout_ns: config.plan.timeout_ns,
            reconnect_every_ns: config.session.reconnect_every_ns,
            in_flight: config.session.in_flight as usize,
            descriptors: descriptors_for_sockets(),
            ring: io.way == IoWay::IoUring,
            addresses: addresses.clone(),
            reports: reports.addresses.clone(),
            tls: wrapping.for_one_thread(),
        };
        let making = Making {
            config,
            entry: &entry,
            reports: &reports.entry,
            names: &names,
            part,
        };
        let (desk, gateway) = making.work()?;
        let source = Source::new(config.mode, config.plan.arrival.clone(), config.seed, part);
        let room = Room::new(plan, books, desk, gateway, source, Arc::clone(&shared));
        let room = room.map_err(no_poller)?;
        rooms.push(room.with_connections(connections(config, thread)?));
    }
    Ok(Crew {
        rooms,
        slots: SlotMerger::new(source, threads, scratch, Arc::clone(&shared)),
        shared,
        names,
        drop_copy: drop_copy(config, share, &entry, addresses)?,
        io: (config.io != Io::Epoll).then(|| Box::new(io)),
    })
}

fn no_poller(source: std::io::Error) -> LoadError {
    LoadError::Kernel {
        what: "epoll with waits in nanoseconds, or io_uring",
        source,
    }
}

/// Where a thread writes down what becomes of its connections; nowhere where nobody asks.
fn connections(config: &GeneratorConfig, thread: usize) -> Result<Option<Connections>, LoadError> {
    let asked = config.keeps_sessions.then_some(&config.ledger);
    let opened = asked.map(|ledger| Connections::open(ledger, thread));
    opened.transpose().map_err(|source| LoadError::Ledger {
        path: config.ledger.clone(),
        source,
    })
}

/// Where the sessions connect to; at least one address.
fn resolve(config: &GeneratorConfig) -> Result<(Vec<BaseUrl>, Vec<SocketAddr>), LoadError> {
    let scheme = scheme(&config.work);
    let entry = config
        .entry
        .iter()
        .map(|url| BaseUrl::resolve_as(url, scheme))
        .collect::<Result<Vec<BaseUrl>, LoadError>>()?;
    let addresses: Vec<_> = entry
        .iter()
        .flat_map(|url| url.addresses.iter().copied())
        .collect();
    match addresses.is_empty() {
        true => Err(LoadError::NoEntry),
        false => Ok((entry, addresses)),
    }
}

fn drop_copy(
    config: &GeneratorConfig,
    share: Share,
    entry: &[BaseUrl],
    addresses: Vec<SocketAddr>,
) -> Result<Option<DropCopyParts>, LoadError> {
    let found = match &config.work {
        Work::Orders {
            gateway: GatewayPlan::Fix(gateway),
            auth,
            secrets,
            ..
        } => Some(DropCopyParts {
            gateway: FixGateway::clone(gateway),
            login: login(auth, secrets),
            addresses,
            secrets: secrets.clone(),
        }),
        Work::Orders { .. } | Work::Requests { .. } => None,
    };
    let found = found.filter(|parts| parts.gateway.drop_copy.is_some());
    match found {
        Some(_) if share.workers > 1 => Err(LoadError::Plan {
            what: "a drop copy is kept by one process: leave load.workers or drop-copy out".into(),
        }),
        Some(_) if entry.iter().any(|url| url.secure) => Err(LoadError::Plan {
            what: "a drop copy has no TLS, and an entry wants it: leave drop-copy out".into(),
        }),
        found => Ok(found),
    }
}

/// Where figures are taken while the load runs; `None` where the ledger has every order.
fn scratch(config: &GeneratorConfig) -> Option<Scratch> {
    match &config.work {
        Work::Orders { .. } => None,
        Work::Requests { .. } => Some(Scratch::new(
            config.ledger.clone(),
            config.plan.timeout_ns,
            config.duration_ns.unwrap_or(0),
        )),
    }
}

/// Of the entries, without TLS.
fn scheme(work: &Work) -> &'static str {
    match work {
        Work::Requests { .. } => "http",
        Work::Orders { gateway, .. } => gateway.scheme(),
    }
}

/// Where what enters at each address is reported; nowhere where answers say all.
#[derive(Default)]
struct Reports {
    entry: Vec<BaseUrl>,
    addresses: Vec<SocketAddr>,
}

impl Reports {
    fn resolve(config: &GeneratorConfig, entry: &[BaseUrl]) -> Result<Reports, LoadError> {
        let Work::Orders {
            gateway: GatewayPlan::Reported(_),
            ..
        } = &config.work
        else {
            return Ok(Reports::default());
        };
        let resolved = config
            .reports
            .iter()
            .map(|url| BaseUrl::resolve_as(url, "ws"));
        let reports = resolved.collect::<Result<Vec<BaseUrl>, LoadError>>()?;
        let alike = |(entry, reports): (&BaseUrl, &BaseUrl)| {
            entry.secure == reports.secure && entry.addresses.len() == reports.addresses.len()
        };
        if entry.len() != reports.len() || !entry.iter().zip(&reports).all(alike) {
            return Err(LoadError::Plan {
                what: "not every entry has one address where its orders are reported".to_string(),
            });
        }
        let addresses = reports.iter().flat_map(|url| url.addresses.iter().copied());
        Ok(Reports {
            addresses: addresses.collect(),
            entry: reports,
        })
    }
}

/// Which addresses want TLS.
fn wrapping(config: &GeneratorConfig, entry: &[BaseUrl]) -> Result<Wrapping, LoadError> {
    if entry.iter().all(|url| !url.secure) {
        return Ok(Wrapping::default());
    }
    let (offers, needs): (&[&str], _) = match &config.work {
        Work::Requests { http2: true, .. } => (&["h2"], Some("h2")),
        Work::Requests { http2: false, .. } => (&["http/1.1"], None),
        Work::Orders { gateway, .. } => match gateway {
            GatewayPlan::Http | GatewayPlan::Reported(_) | GatewayPlan::WebSocket(_) => {
                (&["http/1.1"], None)
            }
            GatewayPlan::Http2 => (&["h2"], Some("h2")),
            GatewayPlan::Binary(_)
            | GatewayPlan::Fix(_)
            | GatewayPlan::PostgreSql(_)
            | GatewayPlan::Redis(_) => (&[], None),
        },
    };
    let mut names = Vec::new();
    for url in entry {
        let name = match url.secure {
            true => Some(server_name(&config.tls, &url.host)?),
            false => None,
        };
        names.extend(std::iter::repeat_n(name, url.addresses.len()));
    }
    Ok(Wrapping {
        config: Some(Arc::new(client_config(&config.tls, offers)?)),
        names,
        needs,
    })
}

fn check(config: &GeneratorConfig) -> Result<(), LoadError> {
    let plan = &config.plan;
    let refuse = |what: String| Err(LoadError::Plan { what });
    if config.entry.is_empty() {
        return Err(LoadError::NoEntry);
    }
    let rate_per_s = plan.arrival.rate_per_s();
    if !(rate_per_s.is_finite() && rate_per_s > 0.0) {
        return refuse(format!("a rate of {rate_per_s}/s is no rate"));
    }
    if plan.sessions == 0 || plan.sessions > MOST_SESSIONS {
        return refuse(format!(
            "{} sessions: between 1 and {MOST_SESSIONS} are possible",
            plan.sessions
        ));
    }
    if plan.timeout_ns == 0 {
        return refuse("the timeout is 0".to_string());
    }
    if config.session.in_flight == 0 {
        return refuse("no request may be in flight".to_string());
    }
    Ok(())
}
