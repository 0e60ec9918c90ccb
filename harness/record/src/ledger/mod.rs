//! The ledger: every scheduled slot, dense, on disk, 64 bytes each.
//!
//! ```text
//! ledger/orders-0000.seg   slots 0 .. 2^20, entry i at offset 64 * i
//! ledger/orders-0001.seg   the next 2^20 slots
//! ledger/server-ids-T.jsonl  ids made by the engine, one file for each load thread
//! ledger/connections-T.jsonl  ends of connections, where orders end with them
//! ledger/terms.jsonl       terms of leaders, where acknowledgements tell them
//! ledger/drop-copy.jsonl   execution reports of a drop copy session, where the profile has one
//! ledger/drop-copy-end.json   how that session ended
//! ledger/retries.jsonl     what was sent again after the heal, under the same id
//! ```
//!
//! Segments are memory-mapped: an entry is written as `sent` before the socket write and completed after the answer
//! is parsed, so that whatever kills Shakedown, an order that may have reached the engine is in the ledger. The
//! whole payload is in the entry: the checkers compare with what was sent, not with a second run of the generator.

mod connections;
mod drop_copy;
mod entry;
mod planted;
mod reader;
mod retry;
mod terms;
mod writer;

pub use connections::{ConnectionEnd, ConnectionWriter, read_connection_ends};
pub use drop_copy::{
    CopiedReport, DROP_COPY_END_FILE, DROP_COPY_FILE, DropCopyEnd, read_drop_copy,
    read_drop_copy_end,
};
pub use entry::{ENTRY_BYTES, Entry, NoEntry, OrderKind, Side};
pub use planted::{
    PlantedKind, PlantedLine, PlantedLook, PlantedOrder, append_planted, read_planted,
};
pub use reader::{LedgerError, LedgerReader};
pub use retry::{Retry, ServerId, read_retries, read_server_ids};
pub use terms::{TermSeen, Terms};
pub use writer::LedgerWriter;

/// Entries in one segment file.
pub const SEGMENT_ENTRIES: u64 = 1 << 20;

/// File name of the segment that holds a slot.
pub fn segment_name(slot: u64) -> String {
    format!("orders-{:04}.seg", slot / SEGMENT_ENTRIES)
}
