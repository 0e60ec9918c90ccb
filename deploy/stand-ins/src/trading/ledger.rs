//! Trades and positions in PostgreSQL: each trade is one statement, so that a pooler of transactions may stand between.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::trade::{Asked, Kept, Trade};
use crate::stores::{Postgresql, StoreError};

const TABLES: &str = "do $tables$ begin perform pg_advisory_xact_lock(730043); \
    create table if not exists trades (sequence bigint generated always as identity primary key, id text not null unique, \
    account text not null, symbol text not null, side text not null, quantity numeric not null, price numeric not null, \
    signal text, replica text not null, made_at timestamptz not null default now()); \
    create table if not exists positions (account text not null, symbol text not null, quantity numeric not null, \
    cash numeric not null, primary key (account, symbol)); end $tables$";

/// A position at or beyond its limit may only come down. No row: the limit forbids it.
const TRADE: &str = "with moved as (insert into positions as p (account, symbol, quantity, cash) \
    select $2, $3, $5::numeric, $6::float8::numeric where abs($5::numeric) <= $7::numeric \
    on conflict (account, symbol) do update set quantity = p.quantity + excluded.quantity, cash = p.cash + excluded.cash \
    where abs(p.quantity + excluded.quantity) <= $7::numeric or abs(p.quantity + excluded.quantity) < abs(p.quantity) \
    returning quantity) \
    insert into trades (id, account, symbol, side, quantity, price, signal, replica) \
    select $1, $2, $3, $4, abs($5::numeric), $8::float8::numeric, $9, $10 from moved \
    returning sequence, (select quantity::text from moved)";

const SAME: &str = "select sequence, account = $2 and symbol = $3 and side = $4 and quantity = $5::numeric from trades where id = $1";

const LIST: &str = "select sequence, id, account, symbol, side, quantity::text, price::text, signal, replica from trades \
    where sequence > $1 order by sequence limit $2";

const ONE: &str = "select sequence, id, account, symbol, side, quantity::text, price::text, signal, replica from trades where id = $1";

const POSITIONS: &str = "select account, symbol, quantity::float8, cash::float8 from positions order by account, symbol";

/// SQLSTATE of an id that is there already.
const KNOWN_ID: &str = "23505";

/// The position of an account in a symbol.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Position {
    pub account: String,
    pub symbol: String,
    pub quantity: f64,
    pub cash: f64,
}

/// Trades and positions.
#[derive(Debug)]
pub(super) struct Ledger {
    writes: Vec<Postgresql>,
    next: AtomicUsize,
    replica: Option<Postgresql>,
    /// Who trades.
    name: String,
    position_limit: String,
}

impl Ledger {
    pub(super) fn new(
        writes: Vec<Postgresql>,
        replica: Option<Postgresql>,
        name: &str,
        position_limit: u64,
    ) -> Self {
        Self {
            writes,
            next: AtomicUsize::new(0),
            replica,
            name: name.to_owned(),
            position_limit: position_limit.to_string(),
        }
    }

    /// Makes the tables where they are not there yet.
    pub(super) async fn make_tables(&self) -> Result<(), StoreError> {
        self.write().execute_all(TABLES).await
    }

    /// Keeps a trade; `cash` is what is booked for it.
    pub(super) async fn trade(&self, trade: &Trade, cash: f64) -> Result<Kept, StoreError> {
        let (asked, change) = (&trade.asked, trade.asked.change());
        let params = [
            (&asked.id as _, Type::TEXT),
            (&asked.account as _, Type::TEXT),
            (&asked.symbol as _, Type::TEXT),
            (&asked.side as _, Type::TEXT),
            (&change as _, Type::TEXT),
            (&cash as _, Type::FLOAT8),
            (&self.position_limit as _, Type::TEXT),
            (&trade.price as _, Type::FLOAT8),
            (&trade.signal as _, Type::TEXT),
            (&self.name as _, Type::TEXT),
        ];
        match self.write().query(TRADE, &params).await {
            Ok(rows) => Ok(match rows.first() {
                Some(row) => Kept::Traded {
                    sequence: row.get(0),
                    position: row.get(1),
                },
                None => self.known(asked).await?.unwrap_or(Kept::BeyondLimit),
            }),
            Err(StoreError::Refused { code, .. }) if code == KNOWN_ID => {
                let known = self.known(asked).await?;
                known.ok_or_else(|| {
                    StoreError::Unknown("its id is known and its trade is not".to_owned())
                })
            }
            Err(error) => Err(error),
        }
    }

    /// What is kept under its id.
    async fn known(&self, asked: &Asked) -> Result<Option<Kept>, StoreError> {
        let params = [
            (&asked.id as _, Type::TEXT),
            (&asked.account as _, Type::TEXT),
            (&asked.symbol as _, Type::TEXT),
            (&asked.side as _, Type::TEXT),
            (&asked.quantity as _, Type::TEXT),
        ];
        let rows = self.write().query(SAME, &params).await?;
        Ok(rows.first().map(|row| {
            if row.get(1) {
                Kept::Known(row.get(0))
            } else {
                Kept::OtherWords
            }
        }))
    }

    /// Trades behind `after`, and the number of the last of them.
    pub(super) async fn list(
        &self,
        after: i64,
        limit: i64,
        from_primary: bool,
    ) -> Result<(Vec<Value>, i64), StoreError> {
        let params = [(&after as _, Type::INT8), (&limit as _, Type::INT8)];
        let rows = self.read(from_primary).query(LIST, &params).await?;
        let last = rows.last().map_or(after, |row| row.get(0));
        Ok((rows.iter().map(shown).collect(), last))
    }

    /// The trade of that id.
    pub(super) async fn one(&self, id: &String) -> Result<Option<Value>, StoreError> {
        let rows = self
            .read(false)
            .query(ONE, &[(id as _, Type::TEXT)])
            .await?;
        Ok(rows.first().map(shown))
    }

    /// All positions.
    pub(super) async fn positions(&self) -> Result<Vec<Position>, StoreError> {
        let rows = self.write().query(POSITIONS, &[]).await?;
        let positions = rows.iter().map(|row| Position {
            account: row.get(0),
            symbol: row.get(1),
            quantity: row.get(2),
            cash: row.get(3),
        });
        Ok(positions.collect())
    }

    /// The connections take turns.
    fn write(&self) -> &Postgresql {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        &self.writes[next % self.writes.len()]
    }

    fn read(&self, from_primary: bool) -> &Postgresql {
        let replica = self.replica.as_ref().filter(|_| !from_primary);
        replica.unwrap_or_else(|| self.write())
    }
}

fn shown(row: &Row) -> Value {
    let [id, account, symbol, side, quantity, price]: [String; 6] =
        [1, 2, 3, 4, 5, 6].map(|at| row.get(at));
    let (sequence, signal, replica): (i64, Option<String>, String) =
        (row.get(0), row.get(7), row.get(8));
    json!({ "sequence": sequence, "id": id, "account": account, "symbol": symbol, "side": side, "quantity": quantity,
        "price": price, "signal": signal, "replica": replica })
}
