//! Redis: what is held, so that a market maker that is started again knows it.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::sleep;

use super::stats::Stats;
use crate::endpoint::Endpoint;
use crate::redis::{Redis, Value};

const KEEP_EVERY: Duration = Duration::from_millis(250);

/// What keeps the state.
pub(super) struct State {
    pub(super) key: String,
    pub(super) server: Endpoint,
    pub(super) stats: Arc<Stats>,
}

impl State {
    /// Reads what was held, and then keeps what is, until it is dropped.
    pub(super) async fn run(self) {
        let mut redis = None;
        let mut is_restored = false;
        loop {
            let kept = self.keep(&mut redis, &mut is_restored).await;
            if let Err(error) = &kept {
                tracing::debug!(%error, "the state cannot be kept");
                redis = None;
            }
            self.stats.redis.store(kept.is_ok(), Ordering::Relaxed);
            sleep(KEEP_EVERY).await;
        }
    }

    async fn keep(&self, redis: &mut Option<Redis>, is_restored: &mut bool) -> io::Result<()> {
        let redis = match redis {
            Some(redis) => redis,
            None => redis.insert(Redis::connect(&self.server).await?),
        };
        let key = self.key.as_bytes();
        if !*is_restored {
            let mut replies = redis.ask(&[vec![b"GET".as_slice(), key]]).await?;
            if let Some(Value::Text(text)) = replies.pop() {
                let held: BTreeMap<String, f64> = serde_json::from_slice(&text)?;
                self.stats.quality().restore(held);
            }
            *is_restored = true;
        }
        let held = serde_json::to_vec(self.stats.quality().holdings())?;
        redis.ask(&[vec![b"SET".as_slice(), key, &held]]).await?;
        Ok(())
    }
}
