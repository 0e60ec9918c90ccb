//! PostgreSQL: orders, which are acknowledged when they are committed, and quotes and fills, which follow.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};
use tokio_postgres::{Client, Config, Error, NoTls};

use super::stats::Stats;
use crate::defects::Defects;
use crate::maker::{Quote, Trade};

/// Rows that wait to be written; more are dropped, and counted.
const MOST_WAITING: usize = 65_536;

/// Rows of one statement.
const ROWS: usize = 512;

/// Between two attempts to connect, and two looks whether the connection still stands.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Longest wait for a connection or a statement.
const PATIENCE: Duration = Duration::from_secs(3);

const SCHEMA: &str = "
    create table if not exists orders (n bigserial unique, id text primary key, symbol text not null, side text not null,
        price numeric not null, quantity numeric not null, maker text not null, at timestamptz not null default now());
    create table if not exists quotes (id text primary key, symbol text not null, side text not null,
        price numeric not null, quantity numeric not null, maker text not null, at timestamptz not null default now());
    create table if not exists fills (execution text primary key, id text not null, price numeric not null,
        quantity numeric not null, at timestamptz not null default now())";

const ORDERS: &str = "insert into orders (id, symbol, side, price, quantity, maker)
    select id, symbol, side, price::numeric, quantity::numeric, maker
    from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
        as rows (id, symbol, side, price, quantity, maker)
    on conflict do nothing";

const QUOTES: &str = "insert into quotes (id, symbol, side, price, quantity, maker)
    select id, symbol, side, price::numeric, quantity::numeric, maker
    from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
        as rows (id, symbol, side, price, quantity, maker)
    on conflict do nothing";

const FILLS: &str = "insert into fills (execution, id, price, quantity)
    select execution, id, price::numeric, quantity::numeric
    from unnest($1::text[], $2::text[], $3::text[], $4::text[]) as rows (execution, id, price, quantity)
    on conflict do nothing";

const LIST: &str = "select n, id, symbol, side, price::text, quantity::text from orders where n > $1 order by n limit $2";

/// An order or a quote, as it is kept: id, symbol, side, price, quantity, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct QuoteRow([String; 6]);

impl QuoteRow {
    /// That of a quote of this market maker.
    pub(super) fn of(quote: &Quote, maker: &str) -> Self {
        let Quote {
            id,
            symbol,
            side,
            price,
            quantity,
        } = quote.clone();
        Self([id, symbol, side, price, quantity, maker.to_owned()])
    }
}

/// What became of an order that was to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    /// It is committed.
    Committed,
    /// It is not: there is no connection.
    Lost,
    /// It may be.
    Unknown,
}

enum Row {
    Order(QuoteRow, oneshot::Sender<Kept>),
    Quote(QuoteRow),
    Fill([String; 4]),
}

/// The way to the database, if there is one; cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Database {
    rows: Option<mpsc::Sender<Row>>,
    client: Arc<Mutex<Option<Arc<Client>>>>,
    stats: Arc<Stats>,
}

/// An order as it is listed: its number, id, symbol, side, price and quantity.
pub(super) type Listed = (i64, [String; 5]);

impl Database {
    /// Starts the task that keeps the connection and writes. Without a configuration nothing is kept.
    pub(super) fn start(config: Option<Config>, stats: &Arc<Stats>, defects: &Defects) -> Self {
        let (rows, waiting) = mpsc::channel(MOST_WAITING);
        let database = Self {
            rows: config.is_some().then_some(rows),
            client: Arc::default(),
            stats: Arc::clone(stats),
        };
        if let Some(config) = config {
            tokio::spawn(database.clone().run(config, waiting, defects.clone()));
        }
        database
    }

    /// There is one to keep anything in.
    pub(super) fn is_there(&self) -> bool {
        self.rows.is_some()
    }

    /// It is connected, or there is none.
    pub(super) fn is_well(&self) -> bool {
        !self.is_there() || self.stats.database.load(Ordering::Relaxed)
    }

    /// Has an order committed.
    pub(super) async fn keep_order(&self, order: QuoteRow) -> Kept {
        let Some(rows) = &self.rows else {
            return Kept::Committed;
        };
        if !self.is_well() {
            return Kept::Lost;
        }
        let (kept, is_kept) = oneshot::channel();
        match rows.try_send(Row::Order(order, kept)) {
            Ok(()) => is_kept.await.unwrap_or(Kept::Unknown),
            Err(_) => Kept::Lost,
        }
    }

    /// Has a quote kept some time.
    pub(super) fn keep_quote(&self, quote: QuoteRow) {
        self.keep(Row::Quote(quote));
    }

    /// Has a fill kept some time.
    pub(super) fn keep_fill(&self, trade: &Trade) {
        let Trade {
            execution,
            order,
            price,
            quantity,
        } = trade.clone();
        self.keep(Row::Fill([execution, order, price, quantity]));
    }

    fn keep(&self, row: Row) {
        if let Some(rows) = &self.rows
            && rows.try_send(row).is_err()
        {
            self.stats.rows_dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Orders after a number, ascending.
    ///
    /// # Errors
    /// Why they cannot be had.
    pub(super) async fn orders(&self, after: i64, limit: i64) -> Result<Vec<Listed>, String> {
        let client = self.lock().clone().ok_or("the database is not connected")?;
        let rows = timeout(PATIENCE, client.query(LIST, &[&after, &limit])).await;
        let rows = rows.map_err(|_| "the database does not answer")?;
        let rows = rows.map_err(|error| error.to_string())?;
        let read = |row: &tokio_postgres::Row| {
            (row.get(0), std::array::from_fn(|place| row.get(place + 1)))
        };
        Ok(rows.iter().map(read).collect())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Arc<Client>>> {
        self.client.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connected(&self, client: Option<Arc<Client>>) {
        self.stats
            .database
            .store(client.is_some(), Ordering::Relaxed);
        *self.lock() = client;
    }

    async fn run(self, config: Config, mut waiting: mpsc::Receiver<Row>, defects: Defects) {
        loop {
            if !defects.loses_database() {
                match timeout(PATIENCE, connect(&config)).await {
                    Ok(Ok(client)) => {
                        let client = Arc::new(client);
                        self.connected(Some(Arc::clone(&client)));
                        let ended = self.write(&client, &mut waiting, &defects).await;
                        self.connected(None);
                        tracing::warn!(why = ended, "the database is lost");
                    }
                    Ok(Err(error)) => tracing::debug!(%error, "no connection to the database"),
                    Err(_) => tracing::debug!("the database does not answer"),
                }
            }
            self.refuse(&mut waiting);
            sleep(LOOK_EVERY).await;
        }
    }

    /// Orders do not wait for a database that is not there; quotes and fills do.
    fn refuse(&self, waiting: &mut mpsc::Receiver<Row>) {
        let mut others = Vec::new();
        while let Ok(row) = waiting.try_recv() {
            match row {
                Row::Order(_, kept) => {
                    let _gone = kept.send(Kept::Lost);
                }
                Row::Quote(_) | Row::Fill(_) => others.push(row),
            }
        }
        others.into_iter().for_each(|row| self.keep(row));
    }

    /// Writes until the connection is lost, and says why it was.
    async fn write(
        &self,
        client: &Client,
        waiting: &mut mpsc::Receiver<Row>,
        defects: &Defects,
    ) -> String {
        let mut rows = Vec::new();
        loop {
            if defects.loses_database() {
                return "a defect".to_owned();
            }
            if client.is_closed() {
                return "the server has closed the connection".to_owned();
            }
            let some = timeout(LOOK_EVERY, waiting.recv_many(&mut rows, ROWS)).await;
            if some.is_err() {
                continue;
            }
            let Batch {
                orders,
                answers,
                quotes,
                fills,
            } = Batch::of(rows.drain(..));
            let written = timeout(PATIENCE, insert(client, &orders, &quotes, &fills)).await;
            let (kept, ended) = match written {
                Ok(Ok(())) => (Kept::Committed, None),
                Ok(Err(error)) => (Kept::Unknown, Some(error.to_string())),
                Err(_) => (Kept::Unknown, Some("it does not answer".to_owned())),
            };
            for answer in answers {
                let _gone = answer.send(kept);
            }
            if let Some(ended) = ended {
                // What was not committed is tried once more; what was is there already.
                quotes
                    .into_iter()
                    .for_each(|row| self.keep(Row::Quote(row)));
                fills.into_iter().for_each(|row| self.keep(Row::Fill(row)));
                return ended;
            }
        }
    }
}

/// Rows by what they are.
#[derive(Default)]
struct Batch {
    orders: Vec<QuoteRow>,
    answers: Vec<oneshot::Sender<Kept>>,
    quotes: Vec<QuoteRow>,
    fills: Vec<[String; 4]>,
}

impl Batch {
    fn of(rows: impl Iterator<Item = Row>) -> Self {
        let mut batch = Self::default();
        for row in rows {
            match row {
                Row::Order(order, answer) => {
                    batch.orders.push(order);
                    batch.answers.push(answer);
                }
                Row::Quote(quote) => batch.quotes.push(quote),
                Row::Fill(fill) => batch.fills.push(fill),
            }
        }
        batch
    }
}

async fn connect(config: &Config) -> Result<Client, Error> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "the connection to the database ended");
        }
    });
    client.batch_execute(SCHEMA).await?;
    Ok(client)
}

async fn insert(
    client: &Client,
    orders: &[QuoteRow],
    quotes: &[QuoteRow],
    fills: &[[String; 4]],
) -> Result<(), Error> {
    for (statement, rows) in [(ORDERS, orders), (QUOTES, quotes)] {
        if !rows.is_empty() {
            let [a, b, c, d, e, f] = std::array::from_fn(|place| {
                rows.iter()
                    .map(|row| row.0[place].as_str())
                    .collect::<Vec<&str>>()
            });
            client.execute(statement, &[&a, &b, &c, &d, &e, &f]).await?;
        }
    }
    if !fills.is_empty() {
        let [a, b, c, d] = std::array::from_fn(|place| {
            fills
                .iter()
                .map(|row| row[place].as_str())
                .collect::<Vec<&str>>()
        });
        client.execute(FILLS, &[&a, &b, &c, &d]).await?;
    }
    Ok(())
}
