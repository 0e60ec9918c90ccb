//! The ways in for clients: opened before the node starts, served until it stops.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::binary;
use crate::config::NodeConfig;
use crate::error::EngineError;
use crate::fix;
use crate::http::{self, App};
use crate::ingest;
use crate::secure::Wrap;
use crate::websocket;

/// The listeners of one node.
#[derive(Debug)]
pub struct Entrances {
    http: TcpListener,
    /// Of HTTP, and of the other ways in.
    wraps: [Wrap; 2],
    binary: Option<TcpListener>,
    websocket: Option<TcpListener>,
    fix: Option<TcpListener>,
    ingest: Option<TcpListener>,
}

impl Entrances {
    /// Listens wherever the configuration says.
    ///
    /// # Errors
    /// [`EngineError::Listen`] with the address that cannot be had.
    pub async fn open(config: &NodeConfig) -> Result<Self, EngineError> {
        Ok(Self {
            wraps: [
                Wrap::new(config.gateways.tls.as_ref(), &["h2", "http/1.1"])?,
                Wrap::new(config.gateways.tls.as_ref(), &["http/1.1"])?,
            ],
            http: listen(config.http).await?,
            binary: maybe(config.gateways.binary).await?,
            websocket: maybe(config.gateways.websocket).await?,
            fix: maybe(config.gateways.fix).await?,
            ingest: maybe(config.gateways.ingest).await?,
        })
    }

    /// Serves `app` until it is to stop; each server ends by itself then.
    pub fn serve(self, app: &Arc<App>, stop: &watch::Receiver<bool>) -> Vec<JoinHandle<()>> {
        let [of_http, wrap] = self.wraps;
        let mut servers = vec![tokio::spawn(http::serve(
            self.http,
            of_http,
            Arc::clone(app),
            stopped(stop.clone()),
        ))];
        servers.extend(self.binary.map(|listener| {
            let served = binary::serve(
                listener,
                wrap.clone(),
                Arc::clone(app),
                stopped(stop.clone()),
            );
            tokio::spawn(served)
        }));
        servers.extend(self.websocket.map(|listener| {
            let served = websocket::serve(
                listener,
                wrap.clone(),
                Arc::clone(app),
                stopped(stop.clone()),
            );
            tokio::spawn(served)
        }));
        servers.extend(self.fix.map(|listener| {
            let served = fix::serve(
                listener,
                wrap.clone(),
                Arc::clone(app),
                stopped(stop.clone()),
            );
            tokio::spawn(served)
        }));
        servers.extend(self.ingest.map(|listener| {
            let served = ingest::serve(listener, Arc::clone(app), stopped(stop.clone()));
            tokio::spawn(served)
        }));
        servers
    }
}

/// Listens at an address.
///
/// # Errors
/// [`EngineError::Listen`] when it cannot be had.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, EngineError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| EngineError::Listen { address, source })
}

async fn maybe(address: Option<SocketAddr>) -> Result<Option<TcpListener>, EngineError> {
    match address {
        Some(address) => listen(address).await.map(Some),
        None => Ok(None),
    }
}

async fn stopped(mut stopping: watch::Receiver<bool>) {
    let _gone = stopping.wait_for(|stop| *stop).await;
}
