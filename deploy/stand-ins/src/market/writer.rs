//! What is kept beyond this process: bars in PostgreSQL, last prices in Redis.

use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::types::Type;

use super::bars::{Bar, Key};
use super::prices::Market;
use crate::life::Stage;
use crate::metrics::Counter;
use crate::service::Service;
use crate::stores::{Postgresql, Redis, StoreError, params};

/// Between two rounds.
const EVERY: Duration = Duration::from_millis(250);

/// Bars of one insert at most.
const BATCH: usize = 2_000;

const TABLE: &str = "do $table$ begin perform pg_advisory_xact_lock(730042); \
    create table if not exists bars (symbol text not null, second bigint not null, processor text not null, \
    open float8 not null, high float8 not null, low float8 not null, close float8 not null, points bigint not null, \
    primary key (second, symbol, processor)); end $table$";

/// With what a bar holds, not with what it grew by: may be done twice.
const WRITE: &str = "insert into bars (symbol, second, processor, open, high, low, close, points) \
    select s, t, $8, o, h, l, c, n from unnest($1::text[], $2::int8[], $3::float8[], $4::float8[], $5::float8[], $6::float8[], \
    $7::int8[]) as u (s, t, o, h, l, c, n) on conflict (second, symbol, processor) do update set open = excluded.open, \
    high = excluded.high, low = excluded.low, close = excluded.close, points = excluded.points";

/// Who writes.
#[derive(Debug)]
pub(super) struct Writer {
    pub service: Arc<Service>,
    pub market: Market,
    pub postgresql: Option<Arc<Postgresql>>,
    pub redis: Option<Arc<Redis>>,
    pub numbers: Arc<Written>,
}

/// What was written.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub bars: Counter,
    pub prices: Counter,
    pub failures: Counter,
    /// Numbers bars, for the defect that loses some.
    number: Counter,
}

impl Writer {
    /// Writes until the service stops, and everything then.
    pub(super) async fn run(self) {
        let stop = self.service.life.reached(Stage::Stopping);
        tokio::pin!(stop);
        let mut has_table = false;
        loop {
            let is_last = tokio::select! {
                () = &mut stop => true,
                () = tokio::time::sleep(EVERY) => false,
            };
            let prices = self.prices().await;
            let bars = self.all_bars(is_last, &mut has_table).await;
            for error in [prices, bars].into_iter().filter_map(Result::err) {
                self.numbers.failures.add(1);
                tracing::debug!(%error, "what was taken in waits to be written");
            }
            if is_last {
                return;
            }
        }
    }

    async fn all_bars(&self, all: bool, has_table: &mut bool) -> Result<(), StoreError> {
        let Some(store) = &self.postgresql else {
            return Ok(());
        };
        if !*has_table {
            store.execute_all(TABLE).await?;
            *has_table = true;
        }
        let due = self.market.lock().bars.due(all);
        for batch in due.chunks(BATCH) {
            self.bars(store, batch).await?;
            self.market.lock().bars.written(batch);
            self.numbers.bars.add(batch.len() as u64);
        }
        Ok(())
    }

    async fn bars(&self, store: &Postgresql, bars: &[(Key, Bar)]) -> Result<(), StoreError> {
        let loses = |_: &&(Key, Bar)| !self.service.defects.loses_bar(self.numbers.number.next());
        let bars: Vec<&(Key, Bar)> = bars.iter().filter(loses).collect();
        let column =
            |of: fn(&Bar) -> f64| -> Vec<f64> { bars.iter().map(|(_, bar)| of(bar)).collect() };
        let symbols: Vec<String> = bars.iter().map(|(key, _)| key.1.to_string()).collect();
        let seconds: Vec<i64> = bars.iter().map(|(key, _)| key.0 as i64).collect();
        let points: Vec<i64> = bars.iter().map(|(_, bar)| bar.points as i64).collect();
        let prices = [
            column(|bar| bar.open),
            column(|bar| bar.high),
            column(|bar| bar.low),
            column(|bar| bar.close),
        ];
        let mut all = params([&symbols]).to_vec();
        all.push((&seconds, Type::INT8_ARRAY));
        for price in &prices {
            all.push((price, Type::FLOAT8_ARRAY));
        }
        all.push((&points, Type::INT8_ARRAY));
        all.push((&self.service.name, Type::TEXT));
        store.query(WRITE, &all).await.map(|_| ())
    }

    /// Last prices, for services that find this one gone.
    async fn prices(&self) -> Result<(), StoreError> {
        let Some(redis) = &self.redis else {
            return Ok(());
        };
        let commands: Vec<Vec<String>> = {
            let known = self.market.lock();
            let quotes = known.quotes.values().map(|quote| {
                let key = format!("price:{}", quote.symbol);
                let fields = [
                    "price".to_owned(),
                    quote.price.to_string(),
                    "at_ns".to_owned(),
                    quote.at_ns.to_string(),
                ];
                ["HSET".to_owned(), key].into_iter().chain(fields).collect()
            });
            quotes.collect()
        };
        if commands.is_empty() {
            return Ok(());
        }
        redis.ask(&commands).await?;
        self.numbers.prices.add(commands.len() as u64);
        Ok(())
    }
}
