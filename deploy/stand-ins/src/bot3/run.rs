//! Started in the right order: the database's schema, the stores, the ways in.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use shakedown_engine::EngineError;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::args::Bot3Args;
use super::desk::{Desk, MOST_WAITING, parts};
use super::gateway;
use super::http::{App, routes};
use super::migrations::migrate;
use super::numbers::Numbers;
use super::outbox::{Outbox, Publisher};
use super::strategy::{Limits, Strategy};
use crate::defects::Defect;
use crate::error::StandInError;
use crate::service::{Running, Service, http_listener, serve_http};
use crate::stores::{Broker, Postgresql, Redis, RedisEntry, Store, Watch};

/// The stores that the arguments name. Each purpose has a connection of its own, so that none waits for another.
struct Stores {
    writes: Option<Arc<Postgresql>>,
    reads: Option<Arc<Postgresql>>,
    publishes: Option<Arc<Postgresql>>,
    redis: Option<Arc<Redis>>,
    broker: Option<Arc<Broker>>,
    watch: Watch,
}

/// Starts a replica.
///
/// # Errors
/// [`StandInError`] with what stands in the way.
pub async fn start(args: &Bot3Args) -> Result<Running, StandInError> {
    let service = Arc::new(Service::new("bot3", &args.service));
    let stores = Stores::new(args, &service)?;
    let schema = match &stores.writes {
        Some(store) => Some(migrate(store, args.schema, &service.defects).await?),
        None => None,
    };
    let numbers = Arc::new(Numbers::default());
    let limits = Limits {
        position: f64::from(args.position_limit),
        quantity: f64::from(args.quantity_limit),
    };
    let mut tasks = JoinSet::new();
    let orders = stores.take_orders(args, &service, &numbers, &mut tasks);
    let desk = gateway::Desk {
        service: Arc::clone(&service),
        numbers: Arc::clone(&numbers),
        limits,
        orders: orders.clone(),
        own_per_s: args.own_orders,
    };
    let listener = http_listener(&args.service, args.port).await?;
    let address = SocketAddr::new(args.service.host, args.binary_port);
    let stream = gateway::start(address, args.threads, &desk, &mut tasks)
        .map_err(|source| EngineError::Listen { address, source })?;
    let http = listener
        .local_addr()
        .map_err(|source| EngineError::System {
            what: "tell its own address",
            source,
        })?;
    stores.watch.look().await;
    tasks.spawn(service.until_it_stops(stores.watch.clone().run()));
    let app = Arc::new(App {
        service: Arc::clone(&service),
        numbers,
        watch: stores.watch,
        strategy: Mutex::new(Strategy::new(limits)),
        orders,
        reads: stores.reads,
        redis: stores.redis,
        schema,
    });
    tasks.spawn(serve_http(listener, &service, routes(app)));
    Ok(Running::new(&service, http, Some(stream), tasks))
}

impl Stores {
    fn new(args: &Bot3Args, service: &Service) -> Result<Self, StandInError> {
        let keeps_first = service.defects.has(Defect::NoFailover);
        let postgresql = || -> Result<Option<Arc<Postgresql>>, StandInError> {
            let url = args.postgresql.as_deref();
            url.map(|url| Postgresql::new(url, keeps_first).map(Arc::new))
                .transpose()
        };
        let redis = RedisEntry::of(args.redis.as_ref(), &args.sentinels, &args.redis_master);
        let redis = redis.map(|entry| Arc::new(Redis::new(entry, keeps_first)));
        let broker = (!args.brokers.is_empty()).then(|| {
            Arc::new(Broker::new(
                args.brokers.clone(),
                args.broker_copies,
                &service.name,
                keeps_first,
            ))
        });
        let watched = [
            postgresql()?.map(|store| Store::Postgresql("postgresql", store)),
            redis.clone().map(Store::Redis),
            broker.clone().map(Store::Broker),
        ];
        Ok(Self {
            writes: postgresql()?,
            reads: postgresql()?,
            publishes: postgresql()?,
            redis,
            broker,
            watch: Watch::new(watched.into_iter().flatten().collect()),
        })
    }

    /// Starts who takes orders and who publishes them; returns where orders go.
    fn take_orders(
        &self,
        args: &Bot3Args,
        service: &Arc<Service>,
        numbers: &Arc<Numbers>,
        tasks: &mut JoinSet<()>,
    ) -> Option<mpsc::Sender<super::order::Job>> {
        let postgresql = Arc::clone(self.writes.as_ref()?);
        let (orders, jobs) = mpsc::channel(MOST_WAITING);
        let outbox = Outbox::default();
        let desk = Desk {
            service: Arc::clone(service),
            numbers: Arc::clone(numbers),
            postgresql,
            redis: self.redis.clone(),
            outbox: outbox.clone(),
            position_limit: parts(args.position_limit),
            quantity_limit: f64::from(args.quantity_limit),
        };
        tasks.spawn(desk.run(jobs));
        if let (Some(broker), Some(postgresql)) = (&self.broker, &self.publishes) {
            let publisher = Publisher {
                service: Arc::clone(service),
                numbers: Arc::clone(numbers),
                postgresql: Arc::clone(postgresql),
                broker: Arc::clone(broker),
                outbox,
            };
            tasks.spawn(publisher.run());
        }
        Some(orders)
    }
}
