//! Started in the right order: the stores, the ways in.

use std::net::SocketAddr;
use std::sync::Arc;

use shakedown_engine::EngineError;
use shakedown_engine::entrances::listen;
use tokio::task::JoinSet;

use super::args::DataProcessorArgs;
use super::http::{App, routes};
use super::ingest;
use super::prices::Market;
use super::writer::{Writer, Written};
use crate::defects::Defect;
use crate::error::StandInError;
use crate::service::{Running, Service, http_listener, serve_http};
use crate::stores::{Postgresql, Redis, RedisEntry, Store, Watch};

/// Starts a data-processor.
///
/// # Errors
/// [`StandInError`] with what stands in the way.
pub async fn start(args: &DataProcessorArgs) -> Result<Running, StandInError> {
    let service = Arc::new(Service::new("data-processor", &args.service));
    let keeps_first = service.defects.has(Defect::NoFailover);
    let store = || {
        let url = args.postgresql.as_deref();
        url.map(|url| Postgresql::new(url, keeps_first)).transpose()
    };
    let redis = RedisEntry::of(args.redis.as_ref(), &args.sentinels, &args.redis_master);
    let redis = redis.map(|entry| Arc::new(Redis::new(entry, keeps_first)));
    let watched = store()?.map(|store| Store::Postgresql("postgresql", Arc::new(store)));
    let watched = watched.into_iter().chain(redis.clone().map(Store::Redis));
    let watch = Watch::new(watched.collect());
    let market = Market::new(service.defects.has(Defect::StaleData));
    let listener = http_listener(&args.service, args.port).await?;
    let stream = listen(SocketAddr::new(args.service.host, args.ingest_port)).await?;
    let own = |source| EngineError::System {
        what: "tell its own address",
        source,
    };
    let (http, at) = (
        listener.local_addr().map_err(own)?,
        stream.local_addr().map_err(own)?,
    );
    let written = Arc::new(Written::default());
    let writer = Writer {
        service: Arc::clone(&service),
        market: market.clone(),
        postgresql: store()?.map(Arc::new),
        redis,
        numbers: Arc::clone(&written),
    };
    let app = App {
        service: Arc::clone(&service),
        market: market.clone(),
        written,
        watch: watch.clone(),
        reads: store()?,
    };
    let mut tasks = JoinSet::new();
    watch.look().await;
    tasks.spawn(service.until_it_stops(watch.run()));
    tasks.spawn(ingest::serve(stream, Arc::clone(&service), market));
    tasks.spawn(writer.run());
    tasks.spawn(serve_http(listener, &service, routes(Arc::new(app))));
    Ok(Running::new(&service, http, Some(at), tasks))
}
