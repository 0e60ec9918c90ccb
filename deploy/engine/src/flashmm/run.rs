//! Started in the right order, and stopped again.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::serve::ListenerExt;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::api::{Api, routes};
use super::args::FlashmmConfig;
use super::database::Database;
use super::influx::Points;
use super::market::Market;
use super::quoter::Quoter;
use super::state::State;
use super::stats::Stats;
use crate::endpoint::Endpoint;
use crate::entrances::listen;
use crate::error::EngineError;
use crate::maker::{Books, Link, MOST_WAITING, MakerConfig, Said, Trade};
use crate::metrics::Usage;
use crate::node::asked_to_stop;

/// What is still written when it is stopped gets so long.
const LAST_ROWS: Duration = Duration::from_millis(300);

/// Makes a market until it is asked to stop.
///
/// # Errors
/// [`EngineError`] with what stands in the way.
pub async fn run(config: FlashmmConfig) -> Result<(), EngineError> {
    let asked = asked_to_stop()?;
    let maker = config.maker;
    let listener = listen(maker.http).await?.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot switch off Nagle's algorithm");
        }
    });
    maker.defects.start_alone();
    let stats = Arc::new(Stats::default());
    let market = Market::new();
    let folder = std::env::current_dir().unwrap_or_default();
    let usage = Usage::new(&folder, config.memory_limit);
    let database = Database::start(config.postgres, &stats, &maker.defects);
    let (trades, booked) = mpsc::unbounded_channel();
    let books = Books::told_to(trades);
    let (venue, waiting) = mpsc::channel(MOST_WAITING);
    let quoter = Quoter {
        name: maker.name.clone(),
        market: market.clone(),
        stats: Arc::clone(&stats),
        database: database.clone(),
        defects: maker.defects.clone(),
        venue: venue.clone(),
        epoch: unix_ms(),
    };
    let mut tasks = JoinSet::new();
    tasks.spawn(link(&maker, &books, waiting).run());
    tasks.spawn(market.clone().walk());
    tasks.spawn(quoter.run());
    tasks.spawn(book(booked, Arc::clone(&stats), database.clone()));
    let _with_process = usage.watching();
    let name = maker.name.clone();
    keep(
        &mut tasks,
        name,
        (config.redis, config.influx),
        &market,
        &stats,
    );
    let api = Api {
        name: maker.name,
        market,
        stats,
        database,
        books,
        defects: maker.defects,
        venue,
        usage,
    };
    let served = axum::serve(listener, routes(api)).with_graceful_shutdown(asked);
    let served = served.await;
    tokio::time::sleep(LAST_ROWS).await;
    served.map_err(|source| EngineError::System {
        what: "serve the API",
        source,
    })
}

/// The connection to the venue.
fn link(maker: &MakerConfig, books: &Books, quotes: mpsc::Receiver<Said>) -> Link {
    Link {
        venue: maker.venue,
        fix: maker.fix.clone(),
        session: maker.name.clone(),
        books: books.clone(),
        defects: maker.defects.clone(),
        quotes,
    }
}

/// Starts what keeps the state and the points, where there is a place for them.
fn keep(
    tasks: &mut JoinSet<()>,
    name: String,
    (redis, influx): (Option<Endpoint>, Option<(Endpoint, String)>),
    market: &Market,
    stats: &Arc<Stats>,
) {
    if let Some(server) = redis {
        let key = format!("flashmm:{name}:inventory");
        let stats = Arc::clone(stats);
        tasks.spawn(State { key, server, stats }.run());
    }
    if let Some((server, database)) = influx {
        let points = Points {
            name,
            server,
            database,
            market: market.clone(),
            stats: Arc::clone(stats),
        };
        tasks.spawn(points.run());
    }
}

/// Takes in what was booked, for the quality of the quotes and for the database.
async fn book(mut booked: mpsc::UnboundedReceiver<Trade>, stats: Arc<Stats>, database: Database) {
    while let Some(trade) = booked.recv().await {
        stats.fills.fetch_add(1, Ordering::Relaxed);
        let quantity = trade.quantity.parse().unwrap_or(0.0);
        stats.quality().filled(&trade.order, quantity);
        database.keep_fill(&trade);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "ids do not come again after a restart"
)]
fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(0))
}
