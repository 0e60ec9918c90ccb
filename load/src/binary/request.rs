//! What is asked: a new order, a cancel, a replace.

use shakedown_record::ledger::Side;

use super::frame::{FIXED, VERSION};

/// What a message asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    New,
    Cancel,
    Replace,
}

impl Kind {
    /// The kind of a frame's type.
    pub fn of(number: u8) -> Option<Kind> {
        match number {
            1 => Some(Kind::New),
            2 => Some(Kind::Cancel),
            3 => Some(Kind::Replace),
            _ => None,
        }
    }

    fn number(self) -> u8 {
        match self {
            Kind::New => 1,
            Kind::Cancel => 2,
            Kind::Replace => 3,
        }
    }
}

/// A price or quantity: `mantissa / 10^scale`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Units {
    pub mantissa: i64,
    pub scale: u8,
}

/// One message. Texts have at most 255 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'a> {
    pub kind: Kind,
    /// Counts the messages of a connection, from 1.
    pub number: u64,
    /// The client's id of the order that is meant.
    pub id: &'a str,
    /// Empty but for new orders.
    pub account: &'a str,
    /// Empty but for new orders.
    pub symbol: &'a str,
    /// `None` but for new orders, which are limit orders.
    pub side: Option<Side>,
    /// Zero in cancels.
    pub price: Units,
    /// Zero in cancels.
    pub quantity: Units,
}

const LIMIT: u8 = 1;

impl Request<'_> {
    /// Appends the frame; allocates nothing when `out` has room.
    pub fn append(&self, out: &mut Vec<u8>) {
        let texts = [self.id, self.account, self.symbol];
        debug_assert!(texts.iter().all(|text| text.len() <= usize::from(u8::MAX)));
        let length = FIXED + texts.iter().map(|text| text.len()).sum::<usize>();
        let (side, order_type) = match self.side {
            None => (0, 0),
            Some(Side::Buy) => (1, LIMIT),
            Some(Side::Sell) => (2, LIMIT),
        };
        out.extend_from_slice(&(length as u32).to_le_bytes());
        out.extend_from_slice(&[VERSION, self.kind.number(), 0, 0]);
        out.extend_from_slice(&self.number.to_le_bytes());
        out.extend_from_slice(&self.price.mantissa.to_le_bytes());
        out.extend_from_slice(&self.quantity.mantissa.to_le_bytes());
        out.extend_from_slice(&[self.price.scale, self.quantity.scale, side, order_type]);
        let [id, account, symbol] = texts.map(|text| text.len() as u8);
        out.extend_from_slice(&[id, account, symbol, 0]);
        for text in texts {
            out.extend_from_slice(text.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of `docs/binary-gateway.md`, byte by byte.
    #[test]
    fn a_new_order_is_written_as_specified() {
        let mut out = Vec::new();
        Request {
            kind: Kind::New,
            number: 7,
            id: "t-1",
            account: "A",
            symbol: "BTC",
            side: Some(Side::Buy),
            price: Units {
                mantissa: 5_000_025,
                scale: 2,
            },
            quantity: Units {
                mantissa: 125,
                scale: 3,
            },
        }
        .append(&mut out);
        #[rustfmt::skip]
        let expected = [
            47, 0, 0, 0,  1,  1,  0, 0,  7, 0, 0, 0, 0, 0, 0, 0,
            0x59, 0x4b, 0x4c, 0, 0, 0, 0, 0,  125, 0, 0, 0, 0, 0, 0, 0,
            2, 3,  1,  1,  3, 1, 3,  0,
            b't', b'-', b'1', b'A', b'B', b'T', b'C',
        ];
        assert_eq!(out, expected);
    }

    #[test]
    fn types_are_read_back() {
        for kind in [Kind::New, Kind::Cancel, Kind::Replace] {
            assert_eq!(Kind::of(kind.number()), Some(kind));
        }
        assert_eq!(Kind::of(0), None);
    }
}
