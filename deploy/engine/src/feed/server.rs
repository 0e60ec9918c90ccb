//! Subscribers: the handshake as a request of the HTTP interface, and then a task for each.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::{SinkExt, StreamExt};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::sync::watch;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::Told;
use super::snapshot::Snapshot;
use crate::http::App;

/// Messages that are written to a subscriber at once.
const MOST_AT_ONCE: usize = 1024;

/// How often a subscriber is looked after when there is nothing to tell.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// `?after=SEQUENCE`; empty: from now on. `?snapshot=true`: from what rests now on.
#[derive(Deserialize)]
pub struct After {
    #[serde(default)]
    after: String,
    #[serde(default)]
    snapshot: bool,
}

/// From where on a subscriber is told.
#[derive(Debug, Clone, Copy)]
enum From {
    After(u64),
    Snapshot,
}

/// `GET /feed`
pub async fn subscribe(
    State(app): State<Arc<App>>,
    Query(after): Query<After>,
    mut request: Request,
) -> Response {
    let newest = *app.feed.newest().borrow();
    let from = match (after.snapshot, after.after.as_str()) {
        (true, _) => Some(From::Snapshot),
        (false, "") => Some(From::After(newest)),
        (false, number) => number.parse().ok().map(From::After),
    };
    let upgrade = request.extensions_mut().remove::<OnUpgrade>();
    let (Some(from), Some(key), Some(upgrade)) = (from, key(request.headers()), upgrade) else {
        let why = "GET /feed?after=SEQUENCE or ?snapshot=true is the handshake of a WebSocket\n";
        return (StatusCode::BAD_REQUEST, why).into_response();
    };
    tokio::spawn(async move {
        let stream = match upgrade.await {
            Ok(stream) => TokioIo::new(stream),
            Err(error) => return tracing::debug!(%error, "a subscriber did not stay"),
        };
        let socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
        if let Err(error) = serve(&app, socket, from).await {
            tracing::debug!(%error, "a subscriber is gone");
        }
    });
    let response = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::UPGRADE, "websocket")
        .header(header::CONNECTION, "Upgrade")
        .header(header::SEC_WEBSOCKET_ACCEPT, key)
        .body(Body::empty());
    response.unwrap_or_else(|_| StatusCode::BAD_REQUEST.into_response())
}

/// What the answer has to prove, if this is a handshake.
fn key(headers: &HeaderMap) -> Option<String> {
    let upgrade = headers.get(header::UPGRADE)?.as_bytes();
    let version = headers.get(header::SEC_WEBSOCKET_VERSION)?.as_bytes();
    let key = headers.get(header::SEC_WEBSOCKET_KEY)?.as_bytes();
    (upgrade.eq_ignore_ascii_case(b"websocket") && version == b"13").then(|| derive_accept_key(key))
}

/// Resolves when there is a message after this number.
async fn news(newest: &mut watch::Receiver<u64>, sent: u64) {
    // Whoever tells is gone only with the node.
    let _told = newest.wait_for(|newest| *newest > sent).await.is_ok();
}

/// Tells one subscriber of what rests, and up to which sequence number that is.
async fn tell_snapshot(
    app: &App,
    socket: &mut WebSocketStream<TokioIo<Upgraded>>,
) -> Result<u64, Error> {
    let snapshot = Snapshot::of(&app.replica.read().exchange);
    for text in snapshot.texts() {
        socket.send(Message::text(text)).await?;
    }
    Ok(snapshot.sequence)
}

/// Tells one subscriber of everything from there on, until it leaves or the node does.
async fn serve(
    app: &App,
    mut socket: WebSocketStream<TokioIo<Upgraded>>,
    from: From,
) -> Result<(), Error> {
    let mut sent = match from {
        From::After(sequence) => sequence,
        From::Snapshot => tell_snapshot(app, &mut socket).await?,
    };
    let mut newest = app.feed.newest();
    let mut ready: Vec<Told> = Vec::new();
    loop {
        tokio::select! {
            () = news(&mut newest, sent) => {}
            // Pings are answered below; what a subscriber says is not listened to.
            said = socket.next() => match said.transpose()? {
                None | Some(Message::Close(_)) => return Ok(()),
                Some(_) => continue,
            },
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        if app.changeover.is_draining() {
            return socket.close(None).await;
        }
        if let Some(hold) = app.config.defects.feed_hold() {
            tokio::time::sleep(hold).await;
        }
        app.feed.take_after(sent, MOST_AT_ONCE, &mut ready);
        for told in ready.drain(..) {
            sent = told.sequence;
            if !app.config.defects.leave_out_of_feed(told.sequence) {
                socket.feed(Message::text(told.text())).await?;
            }
        }
        socket.flush().await?;
    }
}
