//! A trading engine of another shape than the reference engine: one profile must be enough to drill it.
//!
//! ```text
//! POST /api/v2/order               {instrument, dir: B|S, limit_px, size}  -> 202 {result: {ref, seq, status}}
//! POST /api/v2/order/{ref}/cancel                                          -> 200, 409 when done, 404 when unknown
//! GET  /api/v2/order/{ref}                                                 -> 200 {order: {...}}, 404 when unknown
//! GET  /status/ready | /status/build | /status/env                         on the same port
//! GET  /prom                                                               on another port
//! ```
//!
//! No list, ids made here (numbers beyond what a double holds), a bearer token on everything but the metrics, a 429
//! above a rate, one copy in memory. Its bad manner is deliberate: errors echo the token that they were sent.

mod breakage;
mod metrics;
mod orders;
mod server;

pub use breakage::Breakage;
pub use metrics::LatencyBuckets;
pub use orders::{Book, CancelOutcome, NewOrder, Refusal};
pub use server::{ForeignConfig, ForeignEngine};
