//! Protobuf as bytes: a message is fields with numbers, each a number or some bytes. No more of it is needed here than that.

/// Why bytes are not what they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum WireFault {
    #[error("it was cut off")]
    CutOff,
    #[error("a number is longer than 64 bits")]
    NumberTooLong,
    #[error("field {field} has the wire type {kind}, which no message here has")]
    Kind { field: u64, kind: u64 },
    #[error("field {0} is of another type than it should be")]
    Other(u32),
    #[error("field {0} is no UTF-8")]
    Utf8(u32),
}

/// A value as it is written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value<'a> {
    Varint(u64),
    Eight(u64),
    Bytes(&'a [u8]),
    /// Four bytes; nothing that is read here has them.
    Four,
}

/// The fields of a message, in their order.
#[derive(Debug, Clone)]
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

/// One field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Field<'a> {
    pub(super) number: u32,
    pub(super) value: Value<'a>,
}

impl<'a> Fields<'a> {
    pub(super) fn of(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    fn read(&mut self) -> Result<Field<'a>, WireFault> {
        let key = varint(&mut self.rest)?;
        let field = key >> 3;
        let value = match key & 7 {
            0 => Value::Varint(varint(&mut self.rest)?),
            1 => Value::Eight(eight(&mut self.rest)?),
            2 => Value::Bytes(delimited(&mut self.rest)?),
            5 => {
                take(&mut self.rest, 4)?;
                Value::Four
            }
            kind => return Err(WireFault::Kind { field, kind }),
        };
        let number = u32::try_from(field).map_err(|_| WireFault::NumberTooLong)?;
        Ok(Field { number, value })
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, WireFault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.read();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

impl<'a> Field<'a> {
    pub(super) fn number_u64(self) -> Result<u64, WireFault> {
        match self.value {
            Value::Varint(value) => Ok(value),
            Value::Eight(_) | Value::Bytes(_) | Value::Four => Err(WireFault::Other(self.number)),
        }
    }

    /// A signed number as `sint32` and `sint64` are written.
    pub(super) fn zigzag(self) -> Result<i64, WireFault> {
        self.number_u64().map(unzigzag)
    }

    pub(super) fn double(self) -> Result<f64, WireFault> {
        match self.value {
            Value::Eight(bits) => Ok(f64::from_bits(bits)),
            Value::Varint(_) | Value::Bytes(_) | Value::Four => Err(WireFault::Other(self.number)),
        }
    }

    pub(super) fn bytes(self) -> Result<&'a [u8], WireFault> {
        match self.value {
            Value::Bytes(bytes) => Ok(bytes),
            Value::Varint(_) | Value::Eight(_) | Value::Four => Err(WireFault::Other(self.number)),
        }
    }

    pub(super) fn text(self) -> Result<&'a str, WireFault> {
        std::str::from_utf8(self.bytes()?).map_err(|_| WireFault::Utf8(self.number))
    }

    /// One of several signed numbers, or all of them packed into one field.
    pub(super) fn zigzags(self, into: &mut Vec<i64>) -> Result<(), WireFault> {
        let Value::Bytes(mut packed) = self.value else {
            into.push(self.zigzag()?);
            return Ok(());
        };
        while !packed.is_empty() {
            into.push(unzigzag(varint(&mut packed)?));
        }
        Ok(())
    }

    /// The same of doubles.
    pub(super) fn doubles(self, into: &mut Vec<f64>) -> Result<(), WireFault> {
        let Value::Bytes(mut packed) = self.value else {
            into.push(self.double()?);
            return Ok(());
        };
        while !packed.is_empty() {
            into.push(f64::from_bits(eight(&mut packed)?));
        }
        Ok(())
    }
}

/// Bytes with their length before them, taken off the front.
pub(super) fn delimited<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], WireFault> {
    let length = usize::try_from(varint(rest)?).map_err(|_| WireFault::CutOff)?;
    take(rest, length)
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], WireFault> {
    let (taken, behind) = rest.split_at_checked(length).ok_or(WireFault::CutOff)?;
    *rest = behind;
    Ok(taken)
}

fn eight(rest: &mut &[u8]) -> Result<u64, WireFault> {
    let bytes = take(rest, 8)?;
    let bytes: [u8; 8] = bytes.try_into().map_err(|_| WireFault::CutOff)?;
    Ok(u64::from_le_bytes(bytes))
}

fn varint(rest: &mut &[u8]) -> Result<u64, WireFault> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = take(rest, 1)?[0];
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            return Err(WireFault::NumberTooLong);
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(WireFault::NumberTooLong)
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_seven_bits_a_byte_and_a_length() {
        let mut rest: &[u8] = &[0x96, 0x01, 0x05];
        assert_eq!(varint(&mut rest), Ok(150));
        assert_eq!(varint(&mut rest), Ok(5));
        assert_eq!(varint(&mut rest), Err(WireFault::CutOff));
        let mut all: &[u8] = &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
        assert_eq!(varint(&mut all), Ok(u64::MAX));
        let mut more: &[u8] = &[0xff; 11];
        assert_eq!(varint(&mut more), Err(WireFault::NumberTooLong));
    }

    #[test]
    fn signed_numbers_alternate() {
        let signed: Vec<i64> = [0, 1, 2, 3, u64::MAX].map(unzigzag).to_vec();
        assert_eq!(signed, [0, -1, 1, -2, i64::MIN]);
    }

    #[test]
    fn what_is_cut_off_or_of_another_kind_is_told() {
        let whole = [0x0a, 0x02, b'h', b'i', 0x11, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f];
        let fields: Vec<Field> = Fields::of(&whole).map(Result::unwrap).collect();
        assert_eq!(fields[0].text(), Ok("hi"));
        assert_eq!(fields[1].double(), Ok(1.0));
        assert_eq!(fields[1].text(), Err(WireFault::Other(2)));
        for length in 1..whole.len() {
            let last = Fields::of(&whole[..length]).last().unwrap();
            assert_eq!(last.is_err(), length != 4, "{length}");
        }
        let group = Fields::of(&[0x0b]).next().unwrap();
        assert_eq!(group, Err(WireFault::Kind { field: 1, kind: 3 }));
    }
}
