//! From a configuration to load threads that are ready to connect.

use std::sync::Arc;
use std::sync::mpsc::channel;

use shakedown_record::ledger::LedgerWriter;

use crate::config::{GeneratorConfig, Work};
use crate::engine::{
    Books, Desk, Names, OrderDesk, OrderDeskParts, Part, RequestDesk, Room, RoomPlan, Shared,
    SlotMerger, Source,
};
use crate::error::LoadError;
use crate::http::BaseUrl;

/// Most sessions: the ledger numbers them with 16 bits.
const MOST_SESSIONS: u32 = 1 << 16;

/// Load threads with their common parts.
pub(crate) struct Crew {
    pub rooms: Vec<Room>,
    pub shared: Arc<Shared>,
    pub slots: SlotMerger,
    pub names: Names,
}

/// Checks a configuration and makes its threads' rooms. Nothing is dialled yet.
pub(crate) fn muster(config: &GeneratorConfig) -> Result<Crew, LoadError> {
    check(config)?;
    let entry = config
        .entry
        .iter()
        .map(|url| BaseUrl::resolve(url))
        .collect::<Result<Vec<BaseUrl>, LoadError>>()?;
    let addresses: Vec<_> = entry
        .iter()
        .flat_map(|url| url.addresses.iter().copied())
        .collect();
    if addresses.is_empty() {
        return Err(LoadError::NoEntry);
    }
    let threads = config.plan.threads.clamp(1, config.plan.sessions) as usize;
    let shared = Arc::new(Shared::new(threads, config.duration_ns.unwrap_or(u64::MAX)));
    let (finished, source) = channel();
    let names = Names::new(Arc::new(match &config.work {
        Work::Orders { secrets, .. } | Work::Requests { secrets, .. } => secrets.clone(),
    }));
    let mut rooms = Vec::with_capacity(threads);
    for thread in 0..threads {
        let part = Part {
            sessions: u64::from(config.plan.sessions),
            thread: thread as u64,
            threads: threads as u64,
        };
        let books = Books::new(
            thread,
            config.plan.timeout_ns,
            LedgerWriter::new(&config.ledger),
            finished.clone(),
            Arc::clone(&shared),
        );
        let plan = RoomPlan {
            thread,
            threads,
            timeout_ns: config.plan.timeout_ns,
            reconnect_every_ns: config.session.reconnect_every_ns,
            in_flight: config.session.in_flight as usize,
            addresses: addresses.clone(),
        };
        let desk = desk(config, &entry, &names, thread, part)?;
        let source = Source::new(config.mode, config.plan.arrival.clone(), config.seed, part);
        let room = Room::new(plan, books, desk, source, Arc::clone(&shared));
        rooms.push(room.map_err(|source| LoadError::Kernel {
            what: "epoll with waits in nanoseconds",
            source,
        })?);
    }
    Ok(Crew {
        rooms,
        shared,
        slots: SlotMerger::new(source, threads),
        names,
    })
}

fn desk(
    config: &GeneratorConfig,
    entry: &[BaseUrl],
    names: &Names,
    thread: usize,
    part: Part,
) -> Result<Desk, LoadError> {
    let sessions = (0..part.count()).map(|local| part.session(local));
    match &config.work {
        Work::Orders {
            orders,
            auth,
            secrets,
        } => {
            let parts = OrderDeskParts {
                plan: &config.plan,
                seed: config.seed,
                orders: Arc::new(orders.clone()),
                auth,
                secrets: Arc::new(secrets.clone()),
                entry,
                ledger: &config.ledger,
                prefix: &config.prefix,
                names: names.clone(),
                thread,
            };
            Ok(Desk::Orders(Box::new(OrderDesk::new(parts, sessions)?)))
        }
        Work::Requests { request, secrets } => Ok(Desk::Requests(RequestDesk::new(
            request,
            secrets,
            entry,
            &config.prefix,
            sessions,
        ))),
    }
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
