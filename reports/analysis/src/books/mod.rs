//! Books and trades as they were read, held against a book of our own and against what must hold of any.
//!
//! ```text
//! rows + trades of a copy       --> orders by number            copy.rs
//! ledger + copies               --> requests, as they ended     requests.rs, unanswered.rs
//! copies x ends of connections  --> orders that end with one disconnects.rs
//! acknowledged in engine's order --> what is open and filled    exposure.rs
//! requests in the engine's order x our own book --> history     history.rs, told.rs, words.rs
//! requests in any order x our own book          --> history     searched.rs
//! copies                        --> invariants                  invariants.rs, trades.rs
//! planted orders + copies       --> what they waited for       timed.rs
//! ledger + copies x drop copy   --> what it tells otherwise     drop_copy.rs
//! ```
//!
//! Nothing here is measured unless a rule asks. What is found is only called a contradiction when nothing that we do not
//! know could explain it: requests without a known end, orders of others, copies that were not read.

mod copy;
mod disconnects;
mod drop_copy;
mod exposure;
mod history;
mod invariants;
mod requests;
mod searched;
mod timed;
mod told;
mod trades;
mod unanswered;
mod words;

pub(crate) use disconnects::{Disconnects, disconnects};
pub(crate) use drop_copy::{Copied, drop_copy};
pub(crate) use exposure::{Exposed, exposed};
pub(crate) use history::{History, Search, history};
pub(crate) use invariants::{Invariants, invariants};
pub(crate) use timed::{Waited, expiry, stops};
