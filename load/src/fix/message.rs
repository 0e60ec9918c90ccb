//! Messages as they stand in the bytes: `tag=value` fields, each ended by SOH. Nothing is copied and nothing is allocated.

use super::tags;

/// What ends every field.
pub const SOH: u8 = 1;

/// How every message of this version begins, up to its length.
pub(super) const BEGIN: &[u8] = b"8=FIX.4.4\x019=";

/// Longest body, in bytes.
const LONGEST_BODY: usize = 64 * 1024;

/// `10=000` and SOH.
const TRAILER_BYTES: usize = 7;

/// Fields whose value may hold SOH, each by the tag that holds its length.
const DATA: [(u32, u32); 15] = [
    (90, 91),
    (93, 89),
    (95, 96),
    (212, 213),
    (348, 349),
    (350, 351),
    (352, 353),
    (354, 355),
    (356, 357),
    (358, 359),
    (360, 361),
    (362, 363),
    (364, 365),
    (618, 619),
    (621, 622),
];

/// What the next bytes of a stream are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next<'a> {
    /// The message is not all there.
    More,
    /// A message of so many bytes.
    Message { used: usize, message: Message<'a> },
    /// So many bytes that are no valid message and are passed over, as the session layer asks for. What was lost shows as
    /// a gap in the sequence numbers.
    Garbled { used: usize, why: Garbled },
}

/// Why a message is passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Garbled {
    #[error("its checksum is not the sum of its bytes")]
    Checksum,
    #[error("its length does not lead to its checksum")]
    Length,
    #[error("its type is not its third field")]
    Type,
    #[error("a field is no tag=value")]
    Field,
}

/// This is not FIX 4.4: where a message begins is not known, and the connection is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what was received does not begin as a message of FIX 4.4")]
pub struct NotFix;

/// One valid message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    /// From the type on, up to the checksum.
    body: &'a [u8],
    kind: &'a [u8],
}

/// Reads the first message of a stream.
///
/// # Errors
/// [`NotFix`] as soon as the bytes cannot be its beginning.
pub fn next(bytes: &[u8]) -> Result<Next<'_>, NotFix> {
    let begun = bytes.len().min(BEGIN.len());
    if bytes[..begun] != BEGIN[..begun] {
        return Err(NotFix);
    }
    let rest = &bytes[begun..];
    let Some(digits) = rest.iter().position(|byte| *byte == SOH) else {
        return match rest.len() <= 6 && rest.iter().all(u8::is_ascii_digit) {
            true => Ok(Next::More),
            false => Err(NotFix),
        };
    };
    let length = number(&rest[..digits]).and_then(|length| usize::try_from(length).ok());
    let length = length
        .filter(|length| *length <= LONGEST_BODY)
        .ok_or(NotFix)?;
    let body_at = BEGIN.len() + digits + 1;
    let trailer_at = body_at + length;
    let end = trailer_at + TRAILER_BYTES;
    if bytes.len() < end {
        return Ok(Next::More);
    }
    let garbled = |used, why| Ok(Next::Garbled { used, why });
    let trailer = &bytes[trailer_at..end];
    if !trailer.starts_with(b"10=") || trailer[6] != SOH || bytes[trailer_at - 1] != SOH {
        return garbled(next_beginning(bytes), Garbled::Length);
    }
    if number(&trailer[3..6]) != Some(u64::from(checksum(&bytes[..trailer_at]))) {
        return garbled(end, Garbled::Checksum);
    }
    match Message::read(&bytes[body_at..trailer_at]) {
        Ok(message) => Ok(Next::Message { used: end, message }),
        Err(why) => garbled(end, why),
    }
}

/// Where the next message may begin.
fn next_beginning(bytes: &[u8]) -> usize {
    let begin = &BEGIN[..BEGIN.len() - 2];
    let mut places = bytes[1..].windows(begin.len());
    places
        .position(|place| place == begin)
        .map_or(bytes.len(), |at| at + 1)
}

/// The sum of all bytes, modulo 256.
pub(super) fn checksum(bytes: &[u8]) -> u8 {
    bytes
        .iter()
        .fold(0, |sum: u8, byte| sum.wrapping_add(*byte))
}

/// A whole number without a sign; leading zeros are allowed.
pub(super) fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

impl<'a> Message<'a> {
    fn read(body: &'a [u8]) -> Result<Message<'a>, Garbled> {
        let mut fields = Fields {
            rest: body,
            data: None,
        };
        let kind = match fields.next() {
            Some(Ok((tags::MSG_TYPE, kind))) => kind,
            _ => return Err(Garbled::Type),
        };
        match fields.all(|field| field.is_ok()) {
            true => Ok(Message { body, kind }),
            false => Err(Garbled::Field),
        }
    }

    /// Its type, such as `8` for an execution report.
    pub fn kind(&self) -> &'a [u8] {
        self.kind
    }

    /// Tags and values in their order, header included.
    pub fn fields(&self) -> impl Iterator<Item = (u32, &'a [u8])> + use<'a> {
        let fields = Fields {
            rest: self.body,
            data: None,
        };
        fields.flatten()
    }

    /// The first value of each of these tags, in one pass.
    pub fn pick<const N: usize>(&self, wanted: [u32; N]) -> [Option<&'a [u8]>; N] {
        let mut found = [None; N];
        for (tag, value) in self.fields() {
            if let Some(at) = wanted.iter().position(|wanted| *wanted == tag) {
                found[at].get_or_insert(value);
            }
        }
        found
    }

    /// The first value of a tag.
    pub fn get(&self, tag: u32) -> Option<&'a [u8]> {
        self.pick([tag])[0]
    }

    /// The first value of a tag as text; what is not UTF-8 is none.
    pub fn text(&self, tag: u32) -> Option<&'a str> {
        std::str::from_utf8(self.get(tag)?).ok()
    }

    /// The first value of a tag as a whole number without a sign.
    pub fn number(&self, tag: u32) -> Option<u64> {
        number(self.get(tag)?)
    }

    /// True when the first value of a tag is `Y`.
    pub fn says_yes(&self, tag: u32) -> bool {
        self.get(tag) == Some(b"Y")
    }
}

struct Fields<'a> {
    rest: &'a [u8],
    /// Tag and length of a value that may hold SOH, announced by the field before it.
    data: Option<(u32, usize)>,
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, &'a [u8]), Garbled>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.take();
        if field.is_none() {
            self.rest = &[];
        }
        Some(field.ok_or(Garbled::Field))
    }
}

impl<'a> Fields<'a> {
    fn take(&mut self) -> Option<(u32, &'a [u8])> {
        let equals = self.rest.iter().position(|byte| *byte == b'=')?;
        let tag = u32::try_from(number(&self.rest[..equals])?).ok()?;
        let after = &self.rest[equals + 1..];
        let length = match self.data.take() {
            Some((data, length)) if data == tag => length,
            _ => after.iter().position(|byte| *byte == SOH)?,
        };
        if *after.get(length)? != SOH {
            return None;
        }
        let value = &after[..length];
        self.rest = &after[length + 1..];
        if let Some((_, data)) = DATA.iter().find(|(announces, _)| *announces == tag) {
            let length = usize::try_from(number(value)?).ok()?;
            self.data = Some((*data, length));
        }
        Some((tag, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message with this body, its length and sum as they must be. Bars stand for SOH.
    fn sealed(body: &str) -> Vec<u8> {
        let body = body.replace('|', "\x01");
        let mut bytes = format!("8=FIX.4.4\x019={}\x01{body}", body.len()).into_bytes();
        let sum = bytes.iter().map(|byte| u32::from(*byte)).sum::<u32>() % 256;
        bytes.extend_from_slice(format!("10={sum:03}\x01").as_bytes());
        bytes
    }

    #[test]
    fn a_message_is_read_field_by_field() {
        let bytes = sealed("35=8|34=7|49=E|11=a=b|58=|");
        let Ok(Next::Message { used, message }) = next(&bytes) else {
            panic!("{:?}", next(&bytes));
        };
        assert_eq!((used, message.kind()), (bytes.len(), b"8".as_slice()));
        assert_eq!(message.number(34), Some(7));
        assert_eq!(message.text(11), Some("a=b"), "values may hold =");
        assert_eq!(message.get(58), Some(b"".as_slice()));
        assert_eq!(
            message.pick([49, 99, 35]),
            [Some(&b"E"[..]), None, Some(&b"8"[..])]
        );
        for length in 0..bytes.len() {
            assert_eq!(next(&bytes[..length]), Ok(Next::More), "cut at {length}");
        }
    }

    #[test]
    fn a_known_message_has_its_known_sum() {
        // A logon that is printed in many places, there with version 4.2 and the sum 062.
        let text = "8=FIX.4.4|9=65|35=A|49=SERVER|56=CLIENT|34=177|52=20090107-18:15:16|98=0|108=30|10=064|";
        let bytes = text.replace('|', "\x01").into_bytes();
        let Ok(Next::Message { message, .. }) = next(&bytes) else {
            panic!("{:?}", next(&bytes));
        };
        assert_eq!(message.number(tags::HEART_BT_INT), Some(30));
    }

    #[test]
    fn data_may_hold_what_ends_a_field() {
        let bytes = sealed("35=A|95=5|96=a|b|c|34=2|");
        let Ok(Next::Message { message, .. }) = next(&bytes) else {
            panic!("{:?}", next(&bytes));
        };
        assert_eq!(message.get(96), Some(b"a\x01b\x01c".as_slice()));
        assert_eq!(message.number(34), Some(2));
    }

    #[test]
    fn what_is_garbled_is_passed_over() {
        let good = sealed("35=0|34=1|");
        let mut bad_sum = good.clone();
        let at = bad_sum.len() - 2;
        bad_sum[at] = if bad_sum[at] == b'9' {
            b'0'
        } else {
            bad_sum[at] + 1
        };
        for (bytes, why) in [
            (bad_sum, Garbled::Checksum),
            (sealed("34=1|35=0|"), Garbled::Type),
            (sealed("35=0|x=1|"), Garbled::Field),
            (sealed("35=0|34|"), Garbled::Field),
        ] {
            let used = bytes.len();
            assert_eq!(next(&bytes), Ok(Next::Garbled { used, why }));
        }
        let wrong_length = b"8=FIX.4.4\x019=5\x0135=0\x0134=1\x0110=000\x01";
        let both = [wrong_length.as_slice(), &good].concat();
        let found = next(&both);
        let expected = Next::Garbled {
            used: wrong_length.len(),
            why: Garbled::Length,
        };
        assert_eq!(found, Ok(expected));
    }

    #[test]
    fn what_is_no_fix_is_told_at_once() {
        for bytes in [
            b"SSH-2.0".as_slice(),
            b"8=FIX.4.2\x019=",
            b"8=FIX.4.4\x019=x",
            b"8=FIX.4.4\x019=9999999",
            b"8=FIX.4.4\x019=70000\x01",
        ] {
            assert_eq!(
                next(bytes),
                Err(NotFix),
                "{}",
                String::from_utf8_lossy(bytes)
            );
        }
    }
}
