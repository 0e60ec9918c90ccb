//! The stand-in for FlashMM: a market maker that quotes by itself, 20 times a second, and keeps what it does in three stores.
//!
//! ```text
//! market --> model (at most 3 ms) --> bid and ask --> venue --> fills --> quality, inventory
//! POST /orders --> PostgreSQL --> venue                  \
//!                                                          +--> PostgreSQL (quotes, fills), Redis (state), InfluxDB (points)
//! ```
//!
//! The venue, its connection and what is booked of it are those of the small market maker ([`crate::maker`]). An order of the API is
//! acknowledged when PostgreSQL has committed it.

mod api;
mod args;
mod database;
mod influx;
mod market;
mod model;
mod quality;
mod quoter;
mod run;
mod state;
mod stats;

pub use args::{FlashmmArgs, FlashmmConfig, MakerDialect};
pub use run::run;
