//! One slot of the ledger and its 64-byte layout.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::outcome::Outcome;

/// Bytes of an entry on disk.
pub const ENTRY_BYTES: usize = 64;

/// What a slot asked of the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum OrderKind {
    /// A plain request of `shakedown load`.
    Request = 0,
    /// A new order.
    New = 1,
    /// A cancel of the order in slot `target`.
    Cancel = 2,
    /// A replace of the order in slot `target`.
    Replace = 3,
    /// A new order above the instrument's largest quantity, which the engine must reject.
    Oversized = 4,
}

impl OrderKind {
    /// True for the kinds that make an order of their own.
    #[inline]
    pub fn makes_order(self) -> bool {
        matches!(self, OrderKind::New | OrderKind::Oversized)
    }

    #[inline]
    fn from_code(code: u8) -> Option<OrderKind> {
        match code {
            0 => Some(OrderKind::Request),
            1 => Some(OrderKind::New),
            2 => Some(OrderKind::Cancel),
            3 => Some(OrderKind::Replace),
            4 => Some(OrderKind::Oversized),
            _ => None,
        }
    }
}

/// Side of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Side {
    Buy = 0,
    Sell = 1,
}

/// One slot: what was to be sent, when, and how it ended. Times are nanoseconds since zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// When the slot was due.
    pub intended_ns: u64,
    /// When the request was written to the socket; `None` when it never was.
    pub sent_ns: Option<u64>,
    /// When the slot ended; `None` when it never did.
    pub done_ns: Option<u64>,
    /// How late the pacer released it, in nanoseconds (the generator's fault), saturating at about 4.3 s.
    pub lag_ns: u32,
    pub kind: OrderKind,
    pub side: Side,
    /// Index into the plan's symbols.
    pub symbol: u8,
    /// Index into the profile's accounts.
    pub account: u8,
    pub session: u16,
    /// Price in ticks.
    pub price_ticks: i64,
    /// Quantity in lots.
    pub quantity_lots: u32,
    /// Slot of the order that a cancel or replace addresses.
    pub target: Option<u64>,
    /// Engine sequence number from the acknowledgement.
    pub sequence: Option<u64>,
    /// Index into the list of nodes that served us, as the generator counts them; 0 is unknown.
    pub served_by: u8,
    /// How it ended; `None` when it never did.
    pub outcome: Option<Outcome>,
}

impl Entry {
    /// How it ended, reading a slot that never ended as unresolved, or as never sent when it was not written.
    #[inline]
    pub fn settled(&self) -> Outcome {
        match (self.outcome, self.sent_ns) {
            (Some(outcome), _) => outcome,
            (None, Some(_)) => Outcome::Unresolved,
            (None, None) => Outcome::NotSent,
        }
    }

    /// From the intended time to the end, in nanoseconds; a failure counts at least `timeout_ns`.
    #[inline]
    pub fn response_ns(&self, timeout_ns: u64) -> u64 {
        let elapsed = self
            .done_ns
            .map_or(timeout_ns, |done| done.saturating_sub(self.intended_ns));
        if self.settled().is_served() {
            elapsed
        } else {
            elapsed.max(timeout_ns)
        }
    }

    /// From the actual send to the answer, in nanoseconds, for served orders.
    #[inline]
    pub fn service_ns(&self) -> Option<u64> {
        if !self.settled().is_served() {
            return None;
        }
        Some(self.done_ns?.saturating_sub(self.sent_ns?))
    }

    /// The entry as its 64 bytes on disk, little-endian.
    pub fn encode(&self) -> [u8; ENTRY_BYTES] {
        let mut bytes = [0u8; ENTRY_BYTES];
        let optional = |value: Option<u64>| value.map_or(0, |value| value + 1);
        bytes[0..8].copy_from_slice(&self.intended_ns.to_le_bytes());
        bytes[8..16].copy_from_slice(&optional(self.sent_ns).to_le_bytes());
        bytes[16..24].copy_from_slice(&optional(self.done_ns).to_le_bytes());
        bytes[24..32].copy_from_slice(&optional(self.sequence).to_le_bytes());
        bytes[32..40].copy_from_slice(&self.price_ticks.to_le_bytes());
        bytes[40..48].copy_from_slice(&optional(self.target).to_le_bytes());
        bytes[48..52].copy_from_slice(&self.quantity_lots.to_le_bytes());
        bytes[52..56].copy_from_slice(&self.lag_ns.to_le_bytes());
        bytes[56..58].copy_from_slice(&self.session.to_le_bytes());
        bytes[58] = self.symbol;
        bytes[59] = self.account;
        bytes[60] = self.kind as u8;
        bytes[61] = self.side as u8 | PRESENT;
        bytes[62] = self.outcome.map_or(0, |outcome| outcome as u8);
        bytes[63] = self.served_by;
        bytes
    }

    /// The entry in 64 bytes: `Ok(None)` when the slot was never written, `Err` when the bytes are no entry.
    #[inline]
    pub fn decode(bytes: &[u8; ENTRY_BYTES]) -> Result<Option<Entry>, NoEntry> {
        if bytes[61] & PRESENT == 0 {
            return match *bytes == [0; ENTRY_BYTES] {
                true => Ok(None),
                false => Err(NoEntry::Unmarked),
            };
        }
        let word =
            |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
        let half =
            |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
        let optional = |at: usize| word(at).checked_sub(1);
        let outcome = match bytes[62] {
            0 => None,
            code => Some(Outcome::from_code(code).ok_or(NoEntry::Outcome(code))?),
        };
        Ok(Some(Entry {
            intended_ns: word(0),
            sent_ns: optional(8),
            done_ns: optional(16),
            sequence: optional(24),
            price_ticks: word(32) as i64,
            target: optional(40),
            quantity_lots: half(48),
            lag_ns: half(52),
            session: u16::from_le_bytes([bytes[56], bytes[57]]),
            symbol: bytes[58],
            account: bytes[59],
            kind: OrderKind::from_code(bytes[60]).ok_or(NoEntry::Kind(bytes[60]))?,
            side: if bytes[61] & 1 == 0 {
                Side::Buy
            } else {
                Side::Sell
            },
            outcome,
            served_by: bytes[63],
        }))
    }
}

/// Why 64 bytes are no entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoEntry {
    #[error("unmarked entry")]
    Unmarked,
    #[error("unknown outcome {0}")]
    Outcome(u8),
    #[error("unknown kind {0}")]
    Kind(u8),
}

/// Marks a written entry, so that a slot of zeroes is told from a first order.
const PRESENT: u8 = 0x80;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn sample(slot: u64) -> Entry {
        Entry {
            intended_ns: slot * 1_000_000,
            sent_ns: Some(slot * 1_000_000 + 50),
            done_ns: Some(slot * 1_000_000 + 900_000),
            lag_ns: 40,
            kind: OrderKind::Replace,
            side: Side::Sell,
            symbol: 1,
            account: 3,
            session: 63,
            price_ticks: -5,
            quantity_lots: 77,
            target: Some(0),
            sequence: Some(u64::from(u32::MAX) + slot),
            served_by: 2,
            outcome: Some(Outcome::Acked),
        }
    }

    #[test]
    fn bytes_round_trip_with_and_without_optional_values() {
        for entry in [
            sample(7),
            Entry {
                sent_ns: None,
                done_ns: None,
                target: None,
                sequence: None,
                outcome: None,
                ..sample(0)
            },
        ] {
            assert_eq!(Entry::decode(&entry.encode()), Ok(Some(entry)));
        }
        assert_eq!(Entry::decode(&[0; ENTRY_BYTES]), Ok(None));
    }

    #[test]
    fn damaged_bytes_are_an_error_and_no_entry() {
        let mut bytes = sample(7).encode();
        bytes[62] = 99;
        assert!(Entry::decode(&bytes).is_err());
        let mut unmarked = sample(7).encode();
        unmarked[61] = 0;
        assert!(Entry::decode(&unmarked).is_err());
    }

    #[test]
    fn a_kind_is_its_code_and_every_other_code_is_none() {
        let kinds = [
            OrderKind::Request,
            OrderKind::New,
            OrderKind::Cancel,
            OrderKind::Replace,
            OrderKind::Oversized,
        ];
        for code in 0..=u8::MAX {
            let same = kinds.into_iter().find(|kind| *kind as u8 == code);
            assert_eq!(OrderKind::from_code(code), same, "{code}");
        }
    }

    #[test]
    fn damage_is_told_in_words() {
        let with = |at: usize, byte: u8| {
            let mut bytes = sample(7).encode();
            bytes[at] = byte;
            Entry::decode(&bytes).unwrap_err().to_string()
        };
        assert_eq!(with(60, 9), "unknown kind 9");
        assert_eq!(with(61, 0), "unmarked entry");
        assert_eq!(with(62, 99), "unknown outcome 99");
    }

    #[test]
    fn a_failure_never_improves_a_percentile() {
        let refused = Entry {
            outcome: Some(Outcome::Refused),
            done_ns: Some(7_000_100),
            ..sample(7)
        };
        assert_eq!(refused.response_ns(1_000_000_000), 1_000_000_000);
        assert_eq!(refused.service_ns(), None);
        let unfinished = Entry {
            outcome: None,
            done_ns: None,
            ..sample(7)
        };
        assert_eq!(unfinished.settled(), Outcome::Unresolved);
        assert_eq!(unfinished.response_ns(1_000_000_000), 1_000_000_000);
    }
}
