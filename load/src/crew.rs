//! From a configuration to load threads that are ready to connect.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::channel;

use shakedown_record::ledger::LedgerWriter;
use shakedown_scenarios::plan::{Auth, FixGateway, GatewayPlan, Identity};

use crate::config::{GeneratorConfig, Share, Work};
use crate::drop_copy::DropCopyParts;
use crate::engine::{
    BinaryOrders, Books, Desk, FixOrders, FixParts, Gateway, Http2Orders, HttpOrders, Names,
    OrderDesk, OrderDeskParts, OrderTexts, Part, PlainRequests, Room, RoomPlan, Scratch, Shared,
    SlotMerger, Source, WebSocketOrders, WebSocketParts, Wrapping, descriptors_for_sockets,
};
use crate::error::LoadError;
use crate::http::{BaseUrl, login};
use crate::secret::Secrets;
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
}

/// Checks a configuration and makes the rooms of the threads that have this share of the sessions. Nothing is dialled
/// yet.
pub(crate) fn muster(config: &GeneratorConfig, share: Share) -> Result<Crew, LoadError> {
    check(config)?;
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
    if addresses.is_empty() {
        return Err(LoadError::NoEntry);
    }
    let most = (config.plan.sessions / share.workers).max(1);
    let threads = config.plan.threads.clamp(1, most) as usize;
    let shared = Arc::new(Shared::new(threads, config.duration_ns.unwrap_or(u64::MAX)));
    let (finished, source) = channel();
    let scratch = scratch(config);
    let names = Names::new(Arc::new(match &config.work {
        Work::Orders { secrets, .. } | Work::Requests { secrets, .. } => secrets.clone(),
    }));
    let wrapping = wrapping(config, &entry)?;
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
            addresses: addresses.clone(),
            tls: wrapping.for_one_thread(),
        };
        let (desk, gateway) = work(config, &entry, &names, part)?;
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
        drop_copy: drop_copy(config, share, &entry, addresses)?,
    })
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

/// Which addresses want TLS.
fn wrapping(config: &GeneratorConfig, entry: &[BaseUrl]) -> Result<Wrapping, LoadError> {
    if entry.iter().all(|url| !url.secure) {
        return Ok(Wrapping::default());
    }
    let (offers, needs): (&[&str], _) = match &config.work {
        Work::Requests { .. } => (&["http/1.1"], None),
        Work::Orders { gateway, .. } => match gateway {
            GatewayPlan::Http | GatewayPlan::WebSocket(_) => (&["http/1.1"], None),
            GatewayPlan::Http2 => (&["h2"], Some("h2")),
            GatewayPlan::Binary(_) | GatewayPlan::Fix(_) => (&[], None),
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

/// What a thread's sessions ask, and how they say it.
fn work(
    config: &GeneratorConfig,
    entry: &[BaseUrl],
    names: &Names,
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
                thread: part.thread as usize,
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
                GatewayPlan::Http2 => {
                    let orders = Arc::new(orders.clone());
                    let http2 = Http2Orders::new(orders, auth, secrets, entry, texts, names);
                    Gateway::Http2(Box::new(http2))
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
                        seed: config.seed.wrapping_add(part.thread),
                        texts,
                        names,
                    };
                    Gateway::WebSocket(Box::new(WebSocketOrders::new(parts)))
                }
                GatewayPlan::Fix(plan) => {
                    let entries = entry.iter().map(|url| url.addresses.len()).sum();
                    let (identity, who) = (orders.identity, (auth, secrets));
                    Gateway::Fix(Box::new(fix(plan, identity, who, entries, texts, names)?))
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

fn fix(
    plan: &FixGateway,
    identity: Identity,
    (auth, secrets): (&Auth, &Secrets),
    entries: usize,
    texts: OrderTexts,
    names: Names,
) -> Result<FixOrders, LoadError> {
    FixOrders::new(FixParts {
        plan,
        identity,
        auth,
        secrets,
        entries,
        texts,
        names,
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
