//! The connection to a venue that speaks FIX 4.4: the market maker is the initiator.
//!
//! Numbers go on from connection to connection, so that the venue sends again what was missed, and each number is heard once.

use std::time::Duration;

use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;
use tokio::sync::mpsc;
use tokio::time::{interval, timeout};

use super::books::{Quote, Said, Trade};
use super::link::{DIAL_WITHIN, Link, MOST_WAITING, order_id};
use crate::fix::{Asked, Fields, Message, Names, Session, next, utc_now, write};

/// HeartBtInt: who is silent for a little more than twice as long is dialled again.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// How often the session looks at the clock.
const TICK: Duration = Duration::from_millis(100);

/// How the venue is spoken to over FIX.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VenueOverFix {
    /// The venue's CompID; ours is our name.
    pub comp_id: String,
    /// The field of an order with the tick that it comes from.
    pub tag: u32,
}

impl VenueOverFix {
    /// The session, which is kept over all connections.
    pub(crate) fn session(&self, own: &str) -> Session {
        let names = Names {
            own: own.to_owned(),
            client: self.comp_id.clone(),
            node: own.to_owned(),
        };
        Session::initiator(names, HEARTBEAT, MOST_WAITING)
    }
}

/// Speaks with the venue until the connection breaks, or nobody quotes any more.
pub(crate) async fn converse(
    link: &mut Link,
    session: &mut Session,
    tag: u32,
) -> std::io::Result<()> {
    let late = |_| std::io::Error::from(std::io::ErrorKind::TimedOut);
    let dialled = timeout(DIAL_WITHIN, TcpStream::connect(link.venue));
    let stream = dialled.await.map_err(late)??;
    stream.set_nodelay(true)?;
    let (input, output) = stream.into_split();
    let (line, lines) = mpsc::unbounded_channel();
    let mut writer = tokio::spawn(write(output, lines));
    session.log_in(line);
    let mut from = (input, Vec::new());
    let answer = timeout(DIAL_WITHIN, next(&mut from.0, &mut from.1)).await;
    let said = match answer.map_err(late).and_then(|answer| answer) {
        Ok(Some(answer)) => match session.let_in(answer) {
            Asked::End => Ok(()),
            Asked::Nothing | Asked::Order(_) => go_on(link, session, &mut from, tag).await,
        },
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    session.leave();
    // What was said last is still written; a venue that stands still does not hold us up.
    if timeout(DIAL_WITHIN, &mut writer).await.is_err() {
        writer.abort();
    }
    said
}

/// Quotes and hears until the connection is to end.
async fn go_on(
    link: &mut Link,
    session: &mut Session,
    (input, buffer): &mut (OwnedReadHalf, Vec<u8>),
    tag: u32,
) -> std::io::Result<()> {
    let mut ticks = interval(TICK);
    loop {
        tokio::select! {
            said = link.quotes.recv() => match said {
                None => {
                    session.log_out("no more quotes");
                    return Ok(());
                }
                Some(Said::Quote(quote)) => session.write("D", &order(&quote, tag)),
                Some(Said::Cancel(quote)) => session.write("F", &cancel(&quote)),
            },
            _ = ticks.tick() => if !session.tick() {
                return Ok(());
            },
            said = next(input, buffer) => {
                let Some(message) = said? else {
                    return Ok(());
                };
                match session.receive(message) {
                    Asked::Nothing => {}
                    Asked::Order(message) => hear(link, &message),
                    Asked::End => return Ok(()),
                }
            }
        }
    }
}

fn order(quote: &Quote, tag: u32) -> Fields {
    Fields::default()
        .with(11, order_id(quote))
        .with(tag, &quote.id)
        .with(21, 1)
        .with(55, &quote.symbol)
        .with(54, if quote.side == "buy" { 1 } else { 2 })
        .with(60, utc_now())
        .with(38, &quote.quantity)
        .with(40, 2)
        .with(44, &quote.price)
}

fn cancel(quote: &Quote) -> Fields {
    Fields::default()
        .with(41, order_id(quote))
        .with(11, format!("c-{}", quote.id))
        .with(55, &quote.symbol)
        .with(54, if quote.side == "buy" { 1 } else { 2 })
        .with(60, utc_now())
}

/// A report, which the session has heard for the first time.
fn hear(link: &Link, message: &Message) {
    let is_fill = message.kind() == "8" && message.get(150) == Some("F");
    let text = |tag| message.get(tag).unwrap_or_default().to_owned();
    if is_fill {
        let trade = Trade {
            execution: text(17),
            order: text(11),
            price: text(31),
            quantity: text(32),
        };
        link.books.fill(trade, &link.defects);
    }
}
