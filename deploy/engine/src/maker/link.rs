//! The connection to the venue: dialled again whenever it breaks.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::books::{Books, Quote, Said};
use super::fix_link::{self, VenueOverFix};
use crate::defects::Defects;

/// Between two attempts to connect.
const DIAL_EVERY: Duration = Duration::from_millis(20);

/// Longest wait for a connection and its handshake.
pub(crate) const DIAL_WITHIN: Duration = Duration::from_secs(1);

/// Quotes that wait for a venue that is not there; more are not sent.
pub(crate) const MOST_WAITING: usize = 10_000;

/// The market maker's side of the connection.
pub(crate) struct Link {
    pub(crate) venue: SocketAddr,
    /// Over FIX; `None`: over WebSocket.
    pub(crate) fix: Option<VenueOverFix>,
    pub(crate) session: String,
    pub(crate) books: Books,
    pub(crate) defects: Defects,
    pub(crate) quotes: mpsc::Receiver<Said>,
}

impl Link {
    /// Keeps the connection until nobody quotes any more.
    pub(crate) async fn run(mut self) {
        let mut fix = self
            .fix
            .take()
            .map(|fix| (fix.session(&self.session), fix.tag));
        while !self.quotes.is_closed() {
            let said = match &mut fix {
                Some((session, tag)) => {
                    let said = fix_link::converse(&mut self, session, *tag).await;
                    said.map_err(Error::from)
                }
                None => self.converse().await,
            };
            if let Err(error) = said {
                tracing::debug!(%error, "no connection to the venue");
            }
            tokio::time::sleep(DIAL_EVERY).await;
        }
    }

    async fn converse(&mut self) -> Result<(), Error> {
        let dialled = async {
            let stream = TcpStream::connect(self.venue).await?;
            stream.set_nodelay(true)?;
            client_async(format!("ws://{}/", self.venue), stream).await
        };
        let late = |_| std::io::Error::from(std::io::ErrorKind::TimedOut);
        let (mut socket, _) = timeout(DIAL_WITHIN, dialled).await.map_err(late)??;
        let logon = json!({ "op": "logon", "session": self.session, "after": self.books.heard() });
        socket.send(Message::text(logon.to_string())).await?;
        loop {
            tokio::select! {
                said = self.quotes.recv() => {
                    let Some(said) = said else {
                        return socket.close(None).await;
                    };
                    let text = match said {
                        Said::Quote(quote) => order(&quote),
                        Said::Cancel(quote) => cancel(&quote),
                    };
                    socket.send(Message::text(text)).await?;
                }
                said = socket.next() => match said.transpose()? {
                    None | Some(Message::Close(_)) => return Ok(()),
                    Some(Message::Text(text)) => match serde_json::from_str(&text) {
                        Ok(report) => self.books.book(report, &self.defects),
                        Err(error) => tracing::warn!(%error, "the venue makes no sense"),
                    },
                    Some(_) => {}
                }
            }
        }
    }
}

/// Our id of the order that a quote is.
pub(crate) fn order_id(quote: &Quote) -> String {
    format!("q-{}", quote.id)
}

fn order(quote: &Quote) -> String {
    json!({
        "op": "new",
        "id": order_id(quote),
        "tag": quote.id,
        "symbol": quote.symbol,
        "side": quote.side,
        "price": quote.price,
        "quantity": quote.quantity,
    })
    .to_string()
}

fn cancel(quote: &Quote) -> String {
    json!({ "op": "cancel", "id": order_id(quote) }).to_string()
}
