//! What is committed is published: found in the database, so that it is not forgotten when a replica or the broker dies.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::Notify;
use tokio_postgres::types::Type;

use super::numbers::Numbers;
use crate::defects::Defect;
use crate::life::Stage;
use crate::service::Service;
use crate::stores::{Broker, Postgresql, Publication, StoreError};

/// Between two looks when nobody says that there is something.
const EVERY: Duration = Duration::from_millis(500);

/// What this replica committed, and what others left for so long that they must have died.
const UNPUBLISHED: &str = "select sequence, id, account, symbol, side, price::text, quantity::text from orders \
    where not published and (replica = $1 or made_at < now() - interval '10 seconds') order by sequence limit 500";

const PUBLISHED: &str = "update orders set published = true where sequence = any($1)";

/// Wakes the publisher; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Outbox(Arc<Notify>);

/// Who publishes.
#[derive(Debug)]
pub(super) struct Publisher {
    pub service: Arc<Service>,
    pub numbers: Arc<Numbers>,
    pub postgresql: Arc<Postgresql>,
    pub broker: Arc<Broker>,
    pub outbox: Outbox,
}

impl Outbox {
    /// There is something to publish.
    pub(super) fn wake(&self) {
        self.0.notify_one();
    }
}

impl Publisher {
    /// Publishes until the service stops, and once more then.
    pub(super) async fn run(self) {
        let stop = self.service.life.reached(Stage::Stopping);
        tokio::pin!(stop);
        loop {
            let is_last = tokio::select! {
                () = &mut stop => true,
                () = self.outbox.0.notified() => false,
                () = tokio::time::sleep(EVERY) => false,
            };
            loop {
                match self.publish().await {
                    Ok(0) => break,
                    Ok(_) => {}
                    Err(error) => {
                        tracing::debug!(%error, "orders wait to be published");
                        break;
                    }
                }
            }
            if is_last {
                return;
            }
        }
    }

    /// Publishes some; returns how many the broker keeps.
    async fn publish(&self) -> Result<usize, StoreError> {
        let replica = (
            &self.service.name as &(dyn tokio_postgres::types::ToSql + Sync),
            Type::TEXT,
        );
        let rows = self.postgresql.query(UNPUBLISHED, &[replica]).await?;
        if rows.is_empty() {
            return Ok(0);
        }
        let messages: Vec<Publication> = rows
            .iter()
            .map(|row| {
                let sequence: i64 = row.get(0);
                let [id, account, symbol, side, price, quantity]: [String; 6] = [1, 2, 3, 4, 5, 6].map(|at| row.get(at));
                let payload = json!({ "sequence": sequence, "id": id, "account": account, "symbol": symbol,
                    "side": side, "price": price, "quantity": quantity });
                Publication { subject: symbol.replace(['.', '*', '>'], "-"), id, payload: payload.to_string() }
            })
            .collect();
        let kept = if self.service.defects.has(Defect::SkipsBroker) {
            vec![true; messages.len()]
        } else {
            self.broker.publish(&messages).await?
        };
        let done: Vec<i64> = rows
            .iter()
            .zip(kept)
            .filter(|(_, kept)| *kept)
            .map(|(row, _)| row.get(0))
            .collect();
        self.postgresql
            .query(PUBLISHED, &[(&done, Type::INT8_ARRAY)])
            .await?;
        self.numbers.published.add(done.len() as u64);
        Ok(done.len())
    }
}
