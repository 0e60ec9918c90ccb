//! What is kept in Redis: the journal, the sessions and the tops of the books.
//!
//! ```text
//! hft:NAME:journal          list of packed commands, in their order
//! hft:NAME:sessions         how many clients are connected; it goes away when nobody renews it
//! hft:NAME:book:SYMBOL      best bid and ask
//! hft:seat:NAME             who has the name, where nobody gave one ([`super::seat`])
//! ```

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use tokio::sync::watch::Receiver;
use tokio::time::{Instant, sleep, timeout};

use super::floor::Floor;
use super::seat::Seat;
use crate::command::{Batch, Side};
use crate::endpoint::Endpoint;
use crate::error::EngineError;
use crate::instruments;
use crate::redis::{Redis, Value};

/// Pieces of a journal that are read at once.
const PAGE: i64 = 64;

/// How often sessions and tops are told.
const TELL_EVERY: Duration = Duration::from_millis(250);

/// For how long they stand, in seconds.
pub(super) const STANDS_FOR_S: &str = "5";

/// Between two attempts to connect.
pub(super) const DIAL_EVERY: Duration = Duration::from_millis(100);

/// How long a Redis that is just starting is waited for.
pub(super) const START_PATIENCE: Duration = Duration::from_secs(30);

/// What was written is kept for so long: a Redis that died may have lost its end.
const KEPT_FOR: Duration = Duration::from_secs(10);

/// How the keeping ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// Everything is written.
    All,
    /// The rest is not.
    NotTheRest,
    /// Somebody else has the seat, and writes the journal.
    SeatLost,
}

/// The connection to Redis, and what is not confirmed there.
pub(super) struct Keeper {
    floor: Arc<Floor>,
    server: Endpoint,
    seat: Option<Seat>,
    redis: Option<Redis>,
    /// Sent, perhaps: executing a command twice does no harm.
    unconfirmed: Bytes,
    /// How many pieces the journal has.
    length: i64,
    /// The last pieces: when each was written, at which place, and the piece.
    written: VecDeque<(Instant, i64, Bytes)>,
    told: Option<Instant>,
}

impl Keeper {
    /// Reads back what an earlier life of this engine has left.
    ///
    /// # Errors
    /// [`EngineError`] when Redis is not there, or the journal is damaged.
    pub(super) async fn restore(
        floor: Arc<Floor>,
        server: Endpoint,
        seat: Option<Seat>,
    ) -> Result<Self, EngineError> {
        let failed = |source| EngineError::System {
            what: "read the journal in Redis",
            source,
        };
        let give_up = Instant::now() + START_PATIENCE;
        let (redis, length) = loop {
            match replay(&floor, &server).await {
                Ok(restored) => break restored,
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    return Err(failed(error));
                }
                Err(error) if Instant::now() >= give_up => return Err(failed(error)),
                Err(_) => sleep(DIAL_EVERY).await,
            }
        };
        floor.stats.redis_connected.store(true, Ordering::Relaxed);
        Ok(Self {
            floor,
            server,
            seat,
            redis: Some(redis),
            unconfirmed: Bytes::new(),
            length,
            written: VecDeque::new(),
            told: None,
        })
    }

    /// Writes whenever it is time, until only the rest is to be written, or until it must not any more.
    pub(super) async fn keep(mut self, mut is_rest: Receiver<bool>) -> Kept {
        let every = self.floor.config.journal_every;
        loop {
            let pause = match self.redis {
                Some(_) => every,
                None => DIAL_EVERY,
            };
            // Nothing is given up in the middle of a command.
            let rest = timeout(pause, is_rest.wait_for(|rest| *rest)).await.is_ok();
            // The first may be about what was not confirmed before.
            let is_written = self.write().await && (!rest || self.write().await);
            if self.seat.is_none() && self.floor.has_seat {
                return Kept::SeatLost;
            }
            if rest {
                self.leave().await;
                return match is_written {
                    true => Kept::All,
                    false => Kept::NotTheRest,
                };
            }
        }
    }

    async fn leave(&mut self) {
        if let (Some(seat), Some(redis)) = (&self.seat, &mut self.redis)
            && let Err(error) = seat.leave(redis).await
        {
            tracing::debug!(%error, "the seat is left to its time");
        }
    }

    /// Writes what is there; false when it could not.
    async fn write(&mut self) -> bool {
        let written = self.write_all().await;
        if let Err(error) = &written {
            tracing::debug!(%error, "cannot write to Redis");
            self.redis = None;
        }
        let connected = &self.floor.stats.redis_connected;
        connected.store(written.is_ok(), Ordering::Relaxed);
        written.is_ok()
    }

    async fn write_all(&mut self) -> io::Result<()> {
        let mut redis = match self.redis.take() {
            Some(redis) => redis,
            None => self.connect().await?,
        };
        let is_due = self.told.is_none_or(|told| told.elapsed() >= TELL_EVERY);
        if is_due
            && let Some(seat) = &self.seat
            && !seat.renew(&mut redis).await?
        {
            self.seat = None;
            return Err(io::Error::other("somebody else has the seat"));
        }
        if self.unconfirmed.is_empty() {
            self.unconfirmed = self.floor.journal.take();
        }
        let told = match is_due {
            true => self.floor.told(),
            false => Vec::new(),
        };
        let key = journal_key(&self.floor.name);
        let mut commands: Vec<Vec<&[u8]>> = Vec::new();
        if !self.unconfirmed.is_empty() {
            commands.push(vec![b"RPUSH", key.as_bytes(), &self.unconfirmed]);
        }
        for (key, value) in &told {
            let (key, value) = (key.as_bytes(), value.as_bytes());
            commands.push(vec![b"SET", key, value, b"EX", STANDS_FOR_S.as_bytes()]);
        }
        if !commands.is_empty() {
            let replies = redis.ask(&commands).await?;
            if let Some(Value::Number(length)) = replies.first() {
                self.confirmed(*length);
            }
        }
        if is_due {
            self.told = Some(Instant::now());
        }
        self.redis = Some(redis);
        Ok(())
    }

    fn confirmed(&mut self, length: i64) {
        let now = Instant::now();
        self.length = length;
        let piece = std::mem::take(&mut self.unconfirmed);
        self.written.push_back((now, length - 1, piece));
        let is_old = |(at, _, _): &mut (Instant, i64, Bytes)| at.elapsed() > KEPT_FOR;
        while self.written.pop_front_if(is_old).is_some() {}
    }

    /// Connects, and writes again what Redis has lost since.
    async fn connect(&mut self) -> io::Result<Redis> {
        let mut redis = Redis::connect(&self.server).await?;
        let key = journal_key(&self.floor.name);
        let asked = redis
            .ask(&[vec![b"LLEN".as_slice(), key.as_bytes()]])
            .await?;
        let length = match asked.first() {
            Some(Value::Number(length)) => *length,
            _ => return Err(io::Error::other("the journal is no list")),
        };
        let lost = self.written.iter().filter(|(_, place, _)| *place >= length);
        let lost: Vec<Bytes> = lost.map(|(_, _, piece)| piece.clone()).collect();
        let gone = (self.length - length).max(0) - lost.len() as i64;
        for piece in &lost {
            let push = vec![b"RPUSH".as_slice(), key.as_bytes(), piece];
            redis.ask(&[push]).await?;
        }
        if gone > 0 {
            let gone = u64::try_from(gone).unwrap_or(0);
            self.floor
                .stats
                .journal_lost
                .fetch_add(gone, Ordering::Relaxed);
            tracing::error!(
                gone,
                "Redis has lost pieces of the journal that are not here any more"
            );
        }
        self.length = length + lost.len() as i64;
        let again = (length..).zip(lost);
        let again = again.map(|(place, piece)| (Instant::now(), place, piece));
        self.written.retain(|(_, place, _)| *place < length);
        self.written.extend(again);
        Ok(redis)
    }
}

impl Floor {
    /// Keys and values of what is told of the moment.
    fn told(&self) -> Vec<(String, String)> {
        let name = &self.name;
        let sessions = self.stats.sessions.load(Ordering::Relaxed);
        let mut told = vec![(format!("hft:{name}:sessions"), sessions.to_string())];
        let replica = self.replica.read();
        for instrument in instruments::all() {
            let Some(id) = instruments::find(instrument.symbol) else {
                continue;
            };
            let best = |side| {
                let best = replica.exchange.best(id, side);
                best.map(|ticks| instrument.price_text(ticks))
            };
            let top = json!({ "bid": best(Side::Buy), "ask": best(Side::Sell) });
            let key = format!("hft:{name}:book:{}", instrument.symbol);
            told.push((key, top.to_string()));
        }
        told
    }
}

fn journal_key(name: &str) -> String {
    format!("hft:{name}:journal")
}

/// Connects, and executes the journal from its beginning: the connection, and how many pieces there are.
async fn replay(floor: &Floor, server: &Endpoint) -> io::Result<(Redis, i64)> {
    let invalid = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
    let mut redis = Redis::connect(server).await?;
    let key = journal_key(&floor.name);
    let (mut from, mut count) = (0, 0);
    loop {
        let (first, last) = (from.to_string(), (from + PAGE - 1).to_string());
        let range = vec![
            b"LRANGE".as_slice(),
            key.as_bytes(),
            first.as_bytes(),
            last.as_bytes(),
        ];
        let mut replies = redis.ask(&[range]).await?;
        let Some(Value::List(pieces)) = replies.pop() else {
            return Err(invalid("the journal is no list".to_owned()));
        };
        let read = pieces.len() as i64;
        from += read;
        for piece in pieces {
            let Value::Text(piece) = piece else {
                return Err(invalid("the journal has something else in it".to_owned()));
            };
            let replayed = floor.replay(Batch::from_bytes(piece.into()));
            count += replayed.map_err(|error| invalid(error.to_string()))?;
        }
        if read < PAGE {
            tracing::info!(count, "commands were read back");
            return Ok((redis, from));
        }
    }
}
