//! Messages of clients, read from frames.

use crate::command::{Command, MAX_NAME_BYTES, NewOrder, OrderType, Side, Timed};
use crate::decimal::Decimal;

/// The version of the layout.
pub(super) const VERSION: u8 = 1;

/// The longest frame, in bytes.
const MAX_FRAME_BYTES: usize = 1024;

/// Header and fields of fixed length, which all frames have, in bytes.
pub(super) const FIXED_BYTES: usize = 40;

/// A message whose frame is whole; its fields may still make no sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    bytes: Vec<u8>,
}

/// Why a connection is of no use any more: where the next frame begins is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("a frame of {0} bytes is not possible")]
    Length(usize),
    #[error("version {0} is not spoken here")]
    Version(u8),
}

impl Message {
    /// Takes the first whole frame out of `input`; none when it is not all there.
    pub(super) fn take(input: &mut Vec<u8>) -> Result<Option<Self>, FrameError> {
        let next = Self::next(input)?;
        if let Some(message) = &next {
            input.drain(..message.bytes.len());
        }
        Ok(next)
    }

    /// The first whole frame of `input`; none when it is not all there.
    ///
    /// # Errors
    /// [`FrameError`] when it will never be one.
    pub(crate) fn next(input: &[u8]) -> Result<Option<Self>, FrameError> {
        let Some(length) = input.first_chunk::<4>() else {
            return Ok(None);
        };
        let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
        if !(FIXED_BYTES..=MAX_FRAME_BYTES).contains(&length) {
            return Err(FrameError::Length(length));
        }
        if let Some(version) = input.get(4).filter(|version| **version != VERSION) {
            return Err(FrameError::Version(*version));
        }
        let bytes = input.get(..length);
        Ok(bytes.map(|bytes| Self {
            bytes: bytes.to_vec(),
        }))
    }

    /// The length of its frame, in bytes.
    pub(crate) fn length(&self) -> usize {
        self.bytes.len()
    }

    /// The number that the answer has to repeat.
    pub(crate) fn number(&self) -> u64 {
        u64::from_le_bytes(self.eight(8))
    }

    /// The client's id of the order, as far as there is one.
    pub(crate) fn id(&self) -> &str {
        self.texts().map_or("", |[id, _, _]| id)
    }

    /// What is asked.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub(crate) fn command(&self) -> Result<Command<'_>, String> {
        let [id, account, symbol] = self
            .texts()
            .ok_or("the texts are not UTF-8, or not as long as their lengths say")?;
        if self.bytes[6..8] != [0, 0] || self.bytes[39] != 0 {
            return Err("a byte that must be 0 is not".to_owned());
        }
        name("id", id)?;
        match self.bytes[5] {
            1 => {
                name("account", account)?;
                name("symbol", symbol)?;
                let order_type = self.order_type()?;
                let price = match order_type {
                    OrderType::Limit => Some(self.price()?),
                    OrderType::Market => None,
                };
                Ok(Command::New(NewOrder {
                    id,
                    account,
                    symbol,
                    side: self.side()?,
                    order_type,
                    price,
                    quantity: self.quantity()?,
                    line: None,
                    risk: None,
                    timed: Timed::default(),
                }))
            }
            2 => Ok(Command::Cancel { id }),
            3 => Ok(Command::Replace {
                id,
                price: self.price()?,
                quantity: self.quantity()?,
            }),
            other => Err(format!("type {other} is not known")),
        }
    }

    fn side(&self) -> Result<Side, String> {
        match self.bytes[34] {
            1 => Ok(Side::Buy),
            2 => Ok(Side::Sell),
            other => Err(format!("side {other} is neither 1 (buy) nor 2 (sell)")),
        }
    }

    fn order_type(&self) -> Result<OrderType, String> {
        match self.bytes[35] {
            1 => Ok(OrderType::Limit),
            2 => Ok(OrderType::Market),
            other => Err(format!(
                "order type {other} is neither 1 (limit) nor 2 (market)"
            )),
        }
    }

    fn price(&self) -> Result<Decimal, String> {
        decimal("price", i64::from_le_bytes(self.eight(16)), self.bytes[32])
    }

    fn quantity(&self) -> Result<Decimal, String> {
        let units = i64::from_le_bytes(self.eight(24));
        decimal("quantity", units, self.bytes[33])
    }

    fn eight(&self, at: usize) -> [u8; 8] {
        let mut eight = [0; 8];
        eight.copy_from_slice(&self.bytes[at..at + 8]);
        eight
    }

    /// Id, account and symbol.
    fn texts(&self) -> Option<[&str; 3]> {
        let lengths = [self.bytes[36], self.bytes[37], self.bytes[38]].map(usize::from);
        let rest = &self.bytes[FIXED_BYTES..];
        if lengths.iter().sum::<usize>() != rest.len() {
            return None;
        }
        let (id, rest) = rest.split_at(lengths[0]);
        let (account, symbol) = rest.split_at(lengths[1]);
        let text = |bytes| std::str::from_utf8(bytes).ok();
        Some([text(id)?, text(account)?, text(symbol)?])
    }
}

fn name(field: &str, name: &str) -> Result<(), String> {
    if name.is_empty() || name.len() > MAX_NAME_BYTES {
        return Err(format!("{field} must have 1 to {MAX_NAME_BYTES} bytes"));
    }
    Ok(())
}

fn decimal(field: &str, units: i64, scale: u8) -> Result<Decimal, String> {
    Decimal::from_units(units, scale).map_err(|error| format!("{field}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of `docs/binary-gateway.md`.
    #[rustfmt::skip]
    const NEW: [u8; 47] = [
        47, 0, 0, 0,  1,  1,  0, 0,  7, 0, 0, 0, 0, 0, 0, 0,
        0x59, 0x4b, 0x4c, 0, 0, 0, 0, 0,  125, 0, 0, 0, 0, 0, 0, 0,
        2, 3,  1,  1,  3, 1, 3,  0,
        b't', b'-', b'1', b'A', b'B', b'T', b'C',
    ];

    fn take(bytes: &[u8]) -> Result<Option<Message>, FrameError> {
        Message::take(&mut bytes.to_vec())
    }

    #[test]
    fn the_example_is_a_new_order() {
        let mut input = [NEW.as_slice(), &NEW[..9]].concat();
        let message = Message::take(&mut input).unwrap().unwrap();
        assert_eq!((input.len(), message.number(), message.id()), (9, 7, "t-1"));
        let expected = Command::New(NewOrder {
            id: "t-1",
            account: "A",
            symbol: "BTC",
            side: Side::Buy,
            order_type: OrderType::Limit,
            price: Some(Decimal::parse("50000.25").unwrap()),
            quantity: Decimal::parse("0.125").unwrap(),
            line: None,
            risk: None,
            timed: Timed::default(),
        });
        assert_eq!(message.command(), Ok(expected));
        for length in 0..NEW.len() {
            assert_eq!(take(&NEW[..length]), Ok(None), "cut at {length}");
        }
    }

    #[test]
    fn what_is_no_frame_ends_the_connection() {
        assert_eq!(
            take(b"GET / HTTP/1.1\r\n").unwrap_err(),
            FrameError::Length(0x2054_4547)
        );
        assert_eq!(take(&[39, 0, 0, 0]), Err(FrameError::Length(39)));
        assert_eq!(take(&[1, 4, 0, 0]), Err(FrameError::Length(1025)));
        assert_eq!(take(&[40, 0, 0, 0, 2]), Err(FrameError::Version(2)));
    }

    #[test]
    fn fields_that_make_no_sense_are_told() {
        for (at, byte, told) in [
            (5, 4, "type 4"),
            (6, 1, "must be 0"),
            (32, 19, "digits"),
            (34, 0, "side 0"),
            (35, 3, "order type 3"),
            (36, 4, "not as long"),
            (39, 1, "must be 0"),
            (40, 0xff, "not UTF-8"),
        ] {
            let mut wrong = NEW;
            wrong[at] = byte;
            let message = take(&wrong).unwrap().unwrap();
            let why = message.command().unwrap_err();
            assert!(why.contains(told), "{byte} at {at}: {why}");
        }
    }
}
