//! Seats: a replica that nobody names takes the one that it had, else the first that is free, and with it its name and its journal.
//!
//! `hft:seat:hft-N` says who has it, and goes away when nobody renews it. So the pods of a deployment, and the containers of a service,
//! hand their books on.

use std::io;
use std::net::SocketAddr;

use tokio::time::{Instant, sleep};

use super::keeper::{DIAL_EVERY, STANDS_FOR_S, START_PATIENCE};
use crate::endpoint::Endpoint;
use crate::error::EngineError;
use crate::redis::{Redis, Value};

/// Replicas that may be there at the same time.
const SEATS: u32 = 64;

/// A seat, and who has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seat {
    /// The name that goes with it.
    pub(super) name: String,
    holder: String,
}

impl Seat {
    /// Takes one for the replica that serves at `http`.
    ///
    /// # Errors
    /// [`EngineError`] when there is no Redis, or no seat is free.
    pub(super) async fn take(server: &Endpoint, http: SocketAddr) -> Result<Self, EngineError> {
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let holder = format!("{} {http}", host.trim());
        let give_up = Instant::now() + START_PATIENCE;
        loop {
            let taken = take(server, &holder).await;
            match taken {
                Ok(Some(name)) => return Ok(Self { name, holder }),
                Ok(None) | Err(_) if Instant::now() < give_up => sleep(DIAL_EVERY).await,
                Ok(None) => {
                    return Err(EngineError::Usage(format!(
                        "all {SEATS} seats of hft are taken; name this replica with --name"
                    )));
                }
                Err(source) => {
                    return Err(EngineError::System {
                        what: "take a seat in Redis",
                        source,
                    });
                }
            }
        }
    }

    /// Keeps it; false when somebody else has it.
    ///
    /// # Errors
    /// Those of Redis.
    pub(super) async fn renew(&self, redis: &mut Redis) -> io::Result<bool> {
        let (key, holder) = (key(&self.name), self.holder.as_bytes());
        let mut held = redis
            .ask(&[vec![b"GET".as_slice(), key.as_bytes()]])
            .await?;
        match held.pop() {
            Some(Value::Text(other)) if other != holder => Ok(false),
            Some(Value::Text(_)) => set(redis, &self.name, &self.holder, b"XX").await,
            _ => set(redis, &self.name, &self.holder, b"NX").await,
        }
    }

    /// Leaves it to the next.
    ///
    /// # Errors
    /// Those of Redis.
    pub(super) async fn leave(&self, redis: &mut Redis) -> io::Result<()> {
        if self.renew(redis).await? {
            let key = key(&self.name);
            redis
                .ask(&[vec![b"DEL".as_slice(), key.as_bytes()]])
                .await?;
        }
        Ok(())
    }
}

fn name_of(number: u32) -> String {
    format!("hft-{number}")
}

fn key(name: &str) -> String {
    format!("hft:seat:{name}")
}

/// True when it was set: with `NX` where nobody has it, with `XX` where somebody has.
async fn set(redis: &mut Redis, name: &str, holder: &str, only: &[u8]) -> io::Result<bool> {
    let (key, stands) = (key(name), STANDS_FOR_S.as_bytes());
    let command = vec![
        b"SET".as_slice(),
        key.as_bytes(),
        holder.as_bytes(),
        b"EX",
        stands,
        only,
    ];
    let mut replies = redis.ask(&[command]).await?;
    Ok(matches!(replies.pop(), Some(Value::Text(_))))
}

/// The seat that this holder has or can have; none when there is none.
async fn take(server: &Endpoint, holder: &str) -> io::Result<Option<String>> {
    let mut redis = Redis::connect(server).await?;
    let keys: Vec<String> = (1..=SEATS).map(|number| key(&name_of(number))).collect();
    let mut command = vec![b"MGET".as_slice()];
    command.extend(keys.iter().map(String::as_bytes));
    let held = match redis.ask(&[command]).await?.pop() {
        Some(Value::List(held)) => held,
        _ => Vec::new(),
    };
    let own = Value::Text(holder.as_bytes().to_vec());
    let had = (1..=SEATS).zip(&held).find(|(_, by)| **by == own);
    if let Some((number, _)) = had
        && set(&mut redis, &name_of(number), holder, b"XX").await?
    {
        return Ok(Some(name_of(number)));
    }
    for number in 1..=SEATS {
        if set(&mut redis, &name_of(number), holder, b"NX").await? {
            return Ok(Some(name_of(number)));
        }
    }
    Ok(None)
}
