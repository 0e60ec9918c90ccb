//! Started in the right order, and stopped again.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::serve::ListenerExt;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::args::HftConfig;
use super::floor::Floor;
use super::http::{Desk, routes};
use super::keeper::{Keeper, Kept};
use super::seat::Seat;
use super::sockets;
use crate::entrances::listen;
use crate::error::EngineError;
use crate::metrics::Usage;
use crate::node::asked_to_stop;

/// How long what is at work may take when the engine stops.
const STOP_PATIENCE: Duration = Duration::from_secs(2);

/// Serves until it is asked to stop; then it goes on for the drain, and stops with nothing unanswered or unwritten.
///
/// # Errors
/// [`EngineError`] with what stands in the way.
pub async fn run(config: HftConfig) -> Result<(), EngineError> {
    let asked = asked_to_stop()?;
    let folder = std::env::current_dir().unwrap_or_default();
    let usage = Usage::new(&folder, config.memory_limit);
    let drain = config.drain;
    config.defects.start_alone();
    let binary = match config.binary {
        Some(address) => Some(listen(address).await?),
        None => None,
    };
    let http = listen(config.http).await?.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot switch off Nagle's algorithm");
        }
    });
    let (name, seat) = who(&config).await?;
    let floor = Arc::new(Floor::new(config, name));
    let (rest, is_rest) = watch::channel(false);
    let mut keeping = match floor.config.redis.clone() {
        Some(server) => {
            let keeper = Keeper::restore(Arc::clone(&floor), server, seat).await?;
            Some(tokio::spawn(keeper.keep(is_rest)))
        }
        None => None,
    };
    let (stop, stopping) = watch::channel(false);
    let desk = Desk {
        floor: Arc::clone(&floor),
        usage: usage.clone(),
    };
    let mut serving = vec![tokio::spawn({
        let stopped = stopped(stopping.clone());
        let served = axum::serve(http, routes(desk)).with_graceful_shutdown(stopped);
        async move {
            if let Err(error) = served.await {
                tracing::error!(%error, "the HTTP server ended");
            }
        }
    })];
    serving.extend(binary.map(|listener| {
        let served = sockets::serve(listener, Arc::clone(&floor), stopped(stopping));
        tokio::spawn(served)
    }));
    let tasks = [tokio::spawn(Arc::clone(&floor).work()), usage.watching()];
    tracing::info!(name = floor.name, "the engine is up");
    let lost = tokio::select! {
        () = asked => None,
        lost = ended(&mut keeping) => Some(lost),
    };
    floor.draining.store(true, Ordering::Relaxed);
    if lost.is_none() {
        tokio::time::sleep(drain).await;
    }
    stop.send_replace(true);
    for server in serving {
        let _late = timeout(STOP_PATIENCE, server).await;
    }
    tasks.iter().for_each(JoinHandle::abort);
    floor.finish();
    rest.send_replace(true);
    told(match lost {
        None if keeping.is_some() => ended(&mut keeping).await,
        None => Kept::All,
        Some(lost) => lost,
    })
}

/// Its name, and the seat that goes with it if nobody gave one.
async fn who(config: &HftConfig) -> Result<(String, Option<Seat>), EngineError> {
    match (&config.name, &config.redis) {
        (Some(name), _) => Ok((name.clone(), None)),
        (None, Some(server)) => {
            let seat = Seat::take(server, config.http).await?;
            Ok((seat.name.clone(), Some(seat)))
        }
        (None, None) => Err(EngineError::Usage(
            "who is this engine? Give --name, or --redis for a free seat".to_owned(),
        )),
    }
}

/// Waits until the journal is not written any more; for ever without one.
async fn ended(keeping: &mut Option<JoinHandle<Kept>>) -> Kept {
    match keeping {
        Some(keeping) => keeping.await.unwrap_or(Kept::NotTheRest),
        None => std::future::pending().await,
    }
}

fn told(kept: Kept) -> Result<(), EngineError> {
    let failed = |what, kind: std::io::ErrorKind| {
        let source = kind.into();
        Err(EngineError::System { what, source })
    };
    match kept {
        Kept::All => Ok(()),
        Kept::NotTheRest => failed(
            "write the rest of the journal to Redis",
            std::io::ErrorKind::NotConnected,
        ),
        Kept::SeatLost => failed(
            "keep the seat in Redis: somebody else has it",
            std::io::ErrorKind::AlreadyExists,
        ),
    }
}

async fn stopped(mut stopping: watch::Receiver<bool>) {
    let _gone = stopping.wait_for(|stop| *stop).await;
}
