//! From a configuration to load threads that are ready to connect.

use std::sync::Arc;
use std::sync::mpsc::channel;

use shakedown_record::ledger::LedgerWriter;
use shakedown_scenarios::plan::GatewayPlan;

use crate::config::{GeneratorConfig, Work};
use crate::engine::{
    BinaryOrders, Books, Desk, Gateway, HttpOrders, Names, OrderDesk, OrderDeskParts, OrderTexts,
    Part, PlainRequests, Room, RoomPlan, Scratch, Shared, SlotMerger, Source, WebSocketOrders,
    WebSocketParts,
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
    let scheme = match &config.work {
        Work::Requests { .. } => "http",
        Work::Orders { gateway, .. } => gateway.scheme(),
    };
    let entry = config
        .entry
        .iter()
        .map(|url| BaseUrl::resolve_as(url, scheme))
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
    let scratch = match &config.work {
        Work::Orders { .. } => None,
        Work::Requests { .. } => Some(Scratch::new(
            config.ledger.clone(),
            config.plan.timeout_ns,
            config.duration_ns.unwrap_or(0),
        )),
    };
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
            scratch.is_none().then(|| LedgerWriter::new(&config.ledger)),
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
        let (desk, gateway) = work(config, &entry, &names, thread, part)?;
        let source = Source::new(config.mode, config.plan.arrival.clone(), config.seed, part);
        let room = Room::new(plan, books, desk, gateway, source, Arc::clone(&shared));
        rooms.push(room.map_err(|source| LoadError::Kernel {
            what: "epoll with waits in nanoseconds",
            source,
        })?);
    }
    Ok(Crew {
        rooms,
        slots: SlotMerger::new(source, threads, scratch, Arc::clone(&shared)),
        shared,
        names,
    })
}

/// What a thread's sessions ask, and how they say it.
fn work(
    config: &GeneratorConfig,
    entry: &[BaseUrl],
    names: &Names,
    thread: usize,
    part: Part,
) -> Result<(Desk, Gateway), LoadError> {
    let sessions = (0..part.count()).map(|local| part.session(local));
    match &config.work {
        Work::Orders {
            orders,
            gateway,
            auth,
            secrets,
        } => {
            let desk = OrderDesk::new(OrderDeskParts {
                plan: &config.plan,
                seed: config.seed,
                orders,
                secrets: Arc::new(secrets.clone()),
                ledger: &config.ledger,
                thread,
                sessions: part.count(),
            })?;
            let texts =
                OrderTexts::new(&config.plan, &orders.side_names, &config.prefix, sessions)?;
            let names = names.clone();
            let gateway = match gateway {
                GatewayPlan::Http => {
                    let orders = Arc::new(orders.clone());
                    let http = HttpOrders::new(orders, auth, secrets, entry, texts, names);
                    Gateway::Http(Box::new(http))
                }
                GatewayPlan::Binary(plan) => {
                    let binary = BinaryOrders::new(orders.identity, plan.batch, texts, names)?;
                    Gateway::Binary(Box::new(binary))
                }
                GatewayPlan::WebSocket(plan) => {
                    let parts = WebSocketParts {
                        plan,
                        auth,
                        secrets,
                        entry,
                        seed: config.seed.wrapping_add(thread as u64),
                        texts,
                        names,
                    };
                    Gateway::WebSocket(Box::new(WebSocketOrders::new(parts)))
                }
            };
            Ok((Desk::Orders(Box::new(desk)), gateway))
        }
        Work::Requests { request, secrets } => {
            let plain = PlainRequests::new(request, secrets, entry, &config.prefix, sessions);
            Ok((Desk::Requests, Gateway::Plain(Box::new(plain))))
        }
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
