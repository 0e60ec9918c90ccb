//! What became of the orders: every acknowledged order is looked for on every copy that must hold it.
//!
//! ```text
//! ledger + retries --> fates (acknowledged, indeterminate, absent)      fates.rs
//! ledger           --> values an order may have now                      replaces.rs, expected.rs
//! read-back        --> what each copy holds, and whether it was read     copies.rs, copy_read.rs
//! fates x copies   --> classes                                           classes.rs
//! ledger           --> orders numbered against time                     reordered.rs
//! restores         --> what is gone by what a restore is                 restored.rs
//! lost orders      --> RPO                                               rpo.rs
//! degraded reads   --> stale orders                                      stale.rs
//! all of it        --> the figures of the record, with examples          assess.rs
//! ```
//!
//! Absence is only believed of a copy that was completely read, behind a sentinel order; presence is proof on any.

mod assess;
mod classes;
mod copies;
mod copy_read;
mod expected;
mod fates;
mod reordered;
mod replaces;
mod restored;
mod rpo;
mod stale;

pub(crate) use assess::{AGREED, Assessment, assess, look, outcome_words};
pub(crate) use copy_read::CopyRead;
pub(crate) use expected::side_name;
pub(crate) use rpo::{fault_of, over};
