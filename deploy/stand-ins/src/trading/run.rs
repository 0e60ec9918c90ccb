//! Started in the right order: tables, stores, the way in.

use std::sync::Arc;
use std::time::Duration;

use shakedown_engine::EngineError;
use tokio::task::JoinSet;

use super::args::TradingAppArgs;
use super::http::{App, routes};
use super::ledger::Ledger;
use super::numbers::{Limits, Numbers};
use super::pnl::Accounts;
use super::prices::Prices;
use super::signals::Signals;
use crate::client::HttpClient;
use crate::defects::Defect;
use crate::error::StandInError;
use crate::metrics::Counter;
use crate::service::{Running, Service, http_listener, serve_http};
use crate::stores::{Postgresql, Redis, RedisEntry, Store, StoreError, Watch};

/// How long it waits for its database at the start.
const TRIES: u32 = 60;
const TRY_EVERY: Duration = Duration::from_millis(500);

/// A position that nobody reaches, for the defect that holds no limit.
const NO_LIMIT: u64 = 1_000_000_000_000;

/// Starts a trading-app.
///
/// # Errors
/// [`StandInError`] with what stands in the way.
pub async fn start(args: &TradingAppArgs) -> Result<Running, StandInError> {
    let service = Arc::new(Service::new("trading-app", &args.service));
    let keeps_first = service.defects.has(Defect::NoFailover);
    let redis = RedisEntry::of(args.redis.as_ref(), &args.sentinels, &args.redis_master);
    let redis = redis.map(|entry| Arc::new(Redis::new(entry, keeps_first)));
    let ledger = Arc::new(ledger(args, &service)?);
    with_tables(&ledger).await?;
    let prices = Arc::new(Prices {
        processor: HttpClient::new(args.data_processor.clone()),
        redis: redis.clone(),
        stale_after_ms: args.stale_after_ms,
        takes_stale: service.defects.has(Defect::TradesOnStalePrices),
        from_redis: Counter::default(),
    });
    let watch = watch(args, keeps_first, redis)?;
    let accounts = Arc::new(Accounts::default());
    let app = App {
        service: Arc::clone(&service),
        numbers: Numbers::default(),
        ledger: Arc::clone(&ledger),
        prices: Arc::clone(&prices),
        signals: Signals {
            model: HttpClient::new(args.ml_service.clone()),
            within: Duration::from_millis(args.signal_within_ms),
            missing: Counter::default(),
        },
        accounts: Arc::clone(&accounts),
        limits: Limits {
            position: f64::from(args.position_limit),
            loss: args.loss_limit as f64,
        },
        watch: watch.clone(),
    };
    let listener = http_listener(&args.service, args.port).await?;
    let http = listener
        .local_addr()
        .map_err(|source| EngineError::System {
            what: "tell its own address",
            source,
        })?;
    watch.look().await;
    let mut tasks = JoinSet::new();
    tasks.spawn(service.until_it_stops(watch.run()));
    tasks.spawn(service.until_it_stops(accounts.run(ledger, prices)));
    tasks.spawn(serve_http(listener, &service, routes(Arc::new(app))));
    Ok(Running::new(&service, http, None, tasks))
}

fn ledger(args: &TradingAppArgs, service: &Service) -> Result<Ledger, StandInError> {
    let keeps_first = service.defects.has(Defect::NoFailover);
    let writes: Result<Vec<Postgresql>, StandInError> = (0..args.connections)
        .map(|_| Postgresql::new(&args.postgresql, keeps_first))
        .collect();
    let replica = args.replica.as_deref();
    let replica = replica
        .map(|url| Postgresql::new(url, keeps_first))
        .transpose()?;
    let limit = if service.defects.has(Defect::IgnoresPositionLimit) {
        NO_LIMIT
    } else {
        u64::from(args.position_limit)
    };
    Ok(Ledger::new(writes?, replica, &service.name, limit))
}

/// Waits for a database that is not there yet.
async fn with_tables(ledger: &Ledger) -> Result<(), StandInError> {
    let mut tries = 0;
    loop {
        tries += 1;
        match ledger.make_tables().await {
            Ok(()) => return Ok(()),
            Err(StoreError::Unavailable(_) | StoreError::Unknown(_)) if tries < TRIES => {
                tokio::time::sleep(TRY_EVERY).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// A read replica that is gone is told, and so is Redis; nobody trades without the database.
fn watch(
    args: &TradingAppArgs,
    keeps_first: bool,
    redis: Option<Arc<Redis>>,
) -> Result<Watch, StandInError> {
    let store = |name, url: &str| -> Result<Store, StandInError> {
        Ok(Store::Postgresql(
            name,
            Arc::new(Postgresql::new(url, keeps_first)?),
        ))
    };
    let mut stores = vec![store("postgresql", &args.postgresql)?];
    if let Some(url) = &args.replica {
        stores.push(store("replica", url)?);
    }
    stores.extend(redis.map(Store::Redis));
    Ok(Watch::new(stores))
}
