//! Books and trades as they were read, held against a book of our own and against what must hold of any.
//!
//! ```text
//! rows + trades of a copy       --> orders by number            copy.rs
//! ledger + copies               --> requests, as they ended     requests.rs, unanswered.rs
//! copies x ends of connections  --> orders that end with one disconnects.rs
//! acknowledged in engine's order --> what is open and filled    exposure.rs
//! what was asked after a kill switch --> what it let in      kill_switch.rs
//! requests in the engine's order x our own book --> history     history.rs, told.rs, words.rs
//! requests in any order x our own book          --> history     searched.rs
//! copies, also of later reads   --> invariants                  invariants.rs, trades.rs, later.rs
//! planted orders + copies       --> what they waited for       timed.rs
//! ledger + copies x drop copy   --> what it tells otherwise     drop_copy.rs
//! the feed's messages           --> books                       rebuilt.rs
//! copies x these books          --> what the feed tells otherwise feed_book.rs, feed_late.rs
//! ```
//!
//! Nothing here is measured unless a rule asks. What is found is only called a contradiction when nothing that we do not
//! know could explain it: requests without a known end, orders of others, copies that were not read.

mod copy;
mod depths;
mod disconnects;
mod drop_copy;
mod exposure;
mod feed_book;
mod feed_late;
mod history;
mod invariants;
mod kill_switch;
mod later;
mod rebuilt;
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
pub(crate) use feed_book::{FeedBook, feed_book};
pub(crate) use history::{History, Search, history};
pub(crate) use invariants::{Invariants, invariants};
pub(crate) use kill_switch::{Killed, killed};
pub(crate) use timed::{Waited, expiry, stops};
