//! trading-app: trades at the last price, within limits, kept in PostgreSQL behind PgBouncer.
//!
//! ```text
//! POST /trades -> prices   data-processor, else Redis; too old: refused
//!              -> signals  ml-service; too slow: traded without
//!              -> ledger   one statement: position within its limit, trade, commit
//! GET /trades  -> ledger   a read replica
//! pnl          every second: what positions are worth at the last prices
//! ```

mod args;
mod http;
mod ledger;
mod numbers;
mod pnl;
mod prices;
mod run;
mod signals;
mod trade;

pub use args::TradingAppArgs;
pub use run::start;
