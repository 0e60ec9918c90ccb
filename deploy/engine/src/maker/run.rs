//! Started in the right order, and stopped again.

use std::net::SocketAddr;

use axum::serve::ListenerExt;
use tokio::sync::mpsc;

use super::books::Books;
use super::fix_link::VenueOverFix;
use super::http::{Shop, routes};
use super::link::{Link, MOST_WAITING};
use crate::defects::Defects;
use crate::entrances::listen;
use crate::error::EngineError;
use crate::node::asked_to_stop;

/// What a market maker is told.
#[derive(Debug, Clone)]
pub struct MakerConfig {
    /// Its name, under which it logs on to the venue.
    pub name: String,
    /// Where it serves ticks.
    pub http: SocketAddr,
    /// Where the venue is.
    pub venue: SocketAddr,
    /// How it is spoken to over FIX; `None`: over WebSocket.
    pub fix: Option<VenueOverFix>,
    /// What is wrong with it on purpose.
    pub defects: Defects,
}

/// Makes a market until it is asked to stop.
///
/// # Errors
/// [`EngineError`] with what stands in the way.
pub async fn run(config: MakerConfig) -> Result<(), EngineError> {
    let asked = asked_to_stop()?;
    let listener = listen(config.http).await?.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot switch off Nagle's algorithm");
        }
    });
    let books = Books::default();
    let (quotes, waiting) = mpsc::channel(MOST_WAITING);
    let link = Link {
        venue: config.venue,
        fix: config.fix,
        session: config.name.clone(),
        books: books.clone(),
        defects: config.defects.clone(),
        quotes: waiting,
    };
    let link = tokio::spawn(link.run());
    let shop = Shop {
        name: config.name,
        books,
        defects: config.defects,
        quotes,
    };
    let served = axum::serve(listener, routes(shop))
        .with_graceful_shutdown(asked)
        .await;
    link.abort();
    served.map_err(|source| EngineError::System {
        what: "serve ticks",
        source,
    })
}
