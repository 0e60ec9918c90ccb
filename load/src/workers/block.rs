//! Blocks: entries of a worker's ledger on their way, each under the chain of all blocks before it.
//!
//! ```text
//! 64 bytes   SHA-256 in hexadecimal over (the digest of the block before, what follows here)
//! 72 bytes   slot, entry          as often as there are entries
//! ```

use shakedown_record::ledger::{ENTRY_BYTES, Entry};
use shakedown_record::run_dir::sha256_hex_of;

const DIGEST_BYTES: usize = 64;
const SLOT_BYTES: usize = 8;
const ROW_BYTES: usize = SLOT_BYTES + ENTRY_BYTES;

/// The digests of blocks, one after the other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Chain(String);

impl Chain {
    /// The last link; empty before the first block.
    pub(super) fn digest(&self) -> &str {
        &self.0
    }

    fn append(&mut self, rows: &[u8]) {
        let mut bytes = self.0.clone().into_bytes();
        bytes.extend_from_slice(rows);
        self.0 = sha256_hex_of(&bytes);
    }

    /// A block of these entries, which is the next of the chain.
    pub(super) fn pack(&mut self, entries: &[(u64, Entry)]) -> Vec<u8> {
        let mut rows = Vec::with_capacity(entries.len() * ROW_BYTES);
        for (slot, entry) in entries {
            rows.extend_from_slice(&slot.to_le_bytes());
            rows.extend_from_slice(&entry.encode());
        }
        self.append(&rows);
        let mut block = self.0.clone().into_bytes();
        block.append(&mut rows);
        block
    }

    /// The entries of the next block of the chain.
    ///
    /// # Errors
    /// When it is not the next one, or not as it was packed.
    pub(super) fn unpack(&mut self, block: &[u8]) -> Result<Vec<(u64, Entry)>, String> {
        let Some((digest, rows)) = block.split_at_checked(DIGEST_BYTES) else {
            return Err("it is cut".to_string());
        };
        if rows.len() % ROW_BYTES != 0 {
            return Err("it is cut".to_string());
        }
        self.append(rows);
        if self.0.as_bytes() != digest {
            return Err("its digest is another one than that of its bytes".to_string());
        }
        rows.chunks_exact(ROW_BYTES).map(row).collect()
    }
}

fn row(bytes: &[u8]) -> Result<(u64, Entry), String> {
    let (slot, entry) = bytes.split_at(SLOT_BYTES);
    let slot = u64::from_le_bytes(slot.try_into().expect("a slot has eight bytes"));
    let entry = Entry::decode(entry.try_into().expect("rows are this long"))
        .map_err(|what| format!("slot {slot} is no entry: {what}"))?;
    match entry {
        Some(entry) => Ok((slot, entry)),
        None => Err(format!("slot {slot} is empty")),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use shakedown_record::Outcome;
    use shakedown_record::ledger::{OrderKind, Side};

    use super::*;

    /// An order that was acknowledged.
    pub(in crate::workers) fn acked(slot: u64) -> Entry {
        let intended_ns = slot * 1_000_000;
        Entry {
            intended_ns,
            sent_ns: Some(intended_ns + 40),
            done_ns: Some(intended_ns + 900_000),
            lag_ns: 40,
            kind: OrderKind::New,
            side: Side::Sell,
            symbol: 1,
            account: 0,
            session: (slot % 8) as u16,
            price_ticks: 5_000_000 - slot as i64,
            quantity_lots: 77,
            target: None,
            sequence: Some(slot + 1),
            served_by: 0,
            outcome: Some(Outcome::Acked),
        }
    }

    #[test]
    fn blocks_come_out_as_they_went_in_and_in_order_only() {
        let (mut from, mut to) = <(Chain, Chain)>::default();
        let first: Vec<_> = (0..3).map(|slot| (slot * 4, acked(slot * 4))).collect();
        let second = vec![(12, acked(12))];
        let blocks = [from.pack(&first), from.pack(&second)];
        assert!(to.clone().unpack(&blocks[1]).is_err(), "out of order");
        assert_eq!(to.unpack(&blocks[0]), Ok(first));
        assert!(to.clone().unpack(&blocks[0]).is_err(), "twice");
        assert_eq!(to.unpack(&blocks[1]), Ok(second));
        assert_eq!(from, to);
    }

    #[test]
    fn a_changed_bit_and_a_cut_are_seen() {
        let block = Chain::default().pack(&[(4, acked(4)), (8, acked(8))]);
        for at in 0..block.len() {
            let mut changed = block.clone();
            changed[at] ^= 1;
            assert!(Chain::default().unpack(&changed).is_err(), "byte {at}");
            assert!(
                Chain::default().unpack(&block[..at]).is_err(),
                "cut at {at}"
            );
        }
    }
}
