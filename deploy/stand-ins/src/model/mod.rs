//! ml-service: recent prices in, a signal out, by a small logistic model.
//!
//! ```text
//! http -> features (pure) -> a weighted sum -> probability that the price rises -> buy, sell, hold
//! ```

mod features;
mod http;
mod run;

pub use run::{MlServiceArgs, start};
