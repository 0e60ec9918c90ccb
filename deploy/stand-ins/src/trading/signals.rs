//! What ml-service says of a symbol, if it says it in time.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;

use super::prices::Price;
use crate::client::HttpClient;
use crate::metrics::Counter;

/// Where signals come from.
#[derive(Debug)]
pub(super) struct Signals {
    pub model: HttpClient,
    pub within: Duration,
    /// Trades without one.
    pub missing: Counter,
}

impl Signals {
    /// The signal, or none: nobody waits for it for long.
    pub(super) async fn of(&self, symbol: &str, price: &Price) -> Option<String> {
        let signal = self.asked(symbol, price).await;
        if signal.is_none() {
            self.missing.add(1);
        }
        signal
    }

    async fn asked(&self, symbol: &str, price: &Price) -> Option<String> {
        let body = json!({ "symbol": symbol, "prices": price.recent }).to_string();
        let answered = timeout(self.within, self.model.ask("POST", "/signal", &body)).await;
        let answered = answered.ok()?.ok()?;
        let said: Value = serde_json::from_str(&answered.body).ok()?;
        let signal = said["signal"].as_str().filter(|_| answered.status == 200)?;
        Some(signal.to_owned())
    }
}
