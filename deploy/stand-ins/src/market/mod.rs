//! data-processor: takes market data in, keeps the last price of each symbol, and writes bars of a second.
//!
//! ```text
//! ingest  a socket -> frames -> Local (of the connection)
//!                                 | after each read
//!                                 v
//!         Market: last prices, bars ---> http    /prices
//!                                   ---> writer  bars -> PostgreSQL, last prices -> Redis
//! ```

mod args;
mod bars;
mod frames;
mod http;
mod ingest;
mod prices;
mod run;
mod writer;

pub use args::DataProcessorArgs;
pub use run::start;
