//! The last price of a symbol: data-processor's word, or what it left in Redis.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::time::timeout;

use crate::client::HttpClient;
use crate::metrics::{Counter, wall_ns};
use crate::stores::Redis;

/// How long data-processor is waited for.
const PATIENCE: Duration = Duration::from_millis(250);

/// A price, and prices before it where they are known.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct Price {
    pub price: f64,
    /// When it was made, in nanoseconds since 1970.
    pub at_ns: u64,
    /// The oldest first.
    #[serde(default)]
    pub recent: Vec<f64>,
}

/// Why there is no price to trade at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoPrice {
    /// Of this symbol nothing was ever heard.
    UnknownSymbol,
    /// Its last price is so old, in milliseconds.
    Stale(u64),
    /// Nobody answers.
    Unavailable,
}

/// Where prices come from.
#[derive(Debug)]
pub(super) struct Prices {
    pub processor: HttpClient,
    pub redis: Option<Arc<Redis>>,
    pub stale_after_ms: u64,
    /// The defect `trades-on-stale-prices`.
    pub takes_stale: bool,
    pub from_redis: Counter,
}

impl Price {
    /// By this machine's clock.
    fn age_ms(&self) -> u64 {
        wall_ns().saturating_sub(self.at_ns) / 1_000_000
    }
}

impl Prices {
    /// A price to trade at.
    pub(super) async fn of(&self, symbol: &str) -> Result<Price, NoPrice> {
        let price = match self.asked(symbol).await {
            Err(NoPrice::Unavailable) => self.remembered(symbol).await?,
            other => other?,
        };
        let age_ms = price.age_ms();
        if age_ms > self.stale_after_ms && !self.takes_stale {
            return Err(NoPrice::Stale(age_ms));
        }
        Ok(price)
    }

    /// The last price, however old it is.
    pub(super) async fn last(&self, symbol: &str) -> Option<f64> {
        let price = match self.asked(symbol).await {
            Err(NoPrice::Unavailable) => self.remembered(symbol).await,
            other => other,
        };
        price.ok().map(|price| price.price)
    }

    async fn asked(&self, symbol: &str) -> Result<Price, NoPrice> {
        let path = format!("/prices/{symbol}");
        let answered = timeout(PATIENCE, self.processor.ask("GET", &path, "")).await;
        let Ok(Ok(answered)) = answered else {
            return Err(NoPrice::Unavailable);
        };
        match answered.status {
            200 => serde_json::from_str(&answered.body).map_err(|_| NoPrice::Unavailable),
            404 => Err(NoPrice::UnknownSymbol),
            _ => Err(NoPrice::Unavailable),
        }
    }

    async fn remembered(&self, symbol: &str) -> Result<Price, NoPrice> {
        let redis = self.redis.as_ref().ok_or(NoPrice::Unavailable)?;
        let question = ["HMGET", &format!("price:{symbol}"), "price", "at_ns"].map(str::to_owned);
        let replies = redis
            .ask(&[question.to_vec()])
            .await
            .map_err(|_| NoPrice::Unavailable)?;
        let price = match replies.first() {
            Some(crate::stores::Reply::List(words)) => {
                let word = |at: usize| words.get(at).and_then(|word| word.text());
                let number = word(0).and_then(|text| text.parse().ok());
                number.zip(word(1).and_then(|text| text.parse().ok()))
            }
            _ => None,
        };
        let (price, at_ns) = price.ok_or(NoPrice::Unavailable)?;
        self.from_redis.add(1);
        Ok(Price {
            price,
            at_ns,
            recent: Vec::new(),
        })
    }
}
