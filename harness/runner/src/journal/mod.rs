//! The undo journal: what was about to be done to the world, written and synced before it was done.
//!
//! One folder a run below [`StateDir::journals`](crate::state_dir::StateDir::journals), outside the run directory,
//! so that `recover` and `halt` find it whatever became of the run. It ends as part of the run directory.
//! Everything in it is idempotent: undoing twice does what undoing once does.

mod entry;
mod reader;
mod writer;

pub use entry::{Entry, OpenOrders, Owner, Undo};
pub use reader::{Damage, JournalView, read_journal};
pub use writer::{Journal, JournalCopy, JournalError, RunAbout};
pub(crate) use writer::{append_to, begin_with, remove_journal};

/// Name of the journal in its folder, and in the run directory.
pub const JOURNAL_FILE: &str = "journal.jsonl";
