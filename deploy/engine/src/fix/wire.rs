//! Messages as bytes.

use std::time::{SystemTime, UNIX_EPOCH};

/// How every message begins, up to its length.
const BEGIN: &[u8] = b"8=FIX.4.4\x019=";

/// The longest body, in bytes.
const MAX_BODY_BYTES: usize = 16 * 1024;

/// `10=000` and the end of the field.
const TRAILER_BYTES: usize = 7;

/// A message whose length and sum are right, with its fields in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    fields: Vec<(u32, String)>,
}

/// Why a connection is of no use any more: where the next message begins is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum WireError {
    #[error("this does not begin as a message of FIX 4.4")]
    Begin,
    #[error("a body of that length is not possible")]
    Length,
}

impl Message {
    /// Takes the first whole message out of `input`; none when it is not all there. Messages with a wrong sum are passed
    /// over: they will be missed.
    pub(super) fn take(input: &mut Vec<u8>) -> Result<Option<Self>, WireError> {
        loop {
            let begun = input.len().min(BEGIN.len());
            if input[..begun] != BEGIN[..begun] {
                return Err(WireError::Begin);
            }
            let Some(digits) = input[begun..].iter().position(|byte| *byte == 1) else {
                return match input.len() - begun > 6 {
                    true => Err(WireError::Length),
                    false => Ok(None),
                };
            };
            let length = std::str::from_utf8(&input[begun..begun + digits]).ok();
            let length = length.and_then(|digits| digits.parse::<usize>().ok());
            let length = length
                .filter(|length| *length <= MAX_BODY_BYTES)
                .ok_or(WireError::Length)?;
            let body = begun + digits + 1;
            let end = body + length + TRAILER_BYTES;
            if input.len() < end {
                return Ok(None);
            }
            let message: Vec<u8> = input.drain(..end).collect();
            let (summed, trailer) = message.split_at(body + length);
            if trailer == trailer_of(summed)
                && let Some(fields) = fields(&summed[body..])
            {
                return Ok(Some(Self { fields }));
            }
            tracing::debug!("a garbled message is passed over");
        }
    }

    /// Its type.
    pub(crate) fn kind(&self) -> &str {
        self.get(35).unwrap_or("")
    }

    /// The first value of a tag.
    pub(crate) fn get(&self, tag: u32) -> Option<&str> {
        let mut fields = self.fields.iter();
        let found = fields.find(|(found, _)| *found == tag);
        found.map(|(_, value)| value.as_str())
    }

    /// The first value of a tag as a number.
    pub(crate) fn number(&self, tag: u32) -> Option<u64> {
        self.get(tag)?.parse().ok()
    }
}

fn fields(body: &[u8]) -> Option<Vec<(u32, String)>> {
    let text = std::str::from_utf8(body).ok()?;
    let fields = text.strip_suffix('\x01')?.split('\x01');
    let fields: Option<Vec<(u32, String)>> = fields
        .map(|field| {
            let (tag, value) = field.split_once('=')?;
            Some((tag.parse().ok()?, value.to_owned()))
        })
        .collect();
    fields.filter(|fields| fields.first().is_some_and(|(tag, _)| *tag == 35))
}

fn trailer_of(summed: &[u8]) -> Vec<u8> {
    let sum = summed.iter().map(|byte| u32::from(*byte)).sum::<u32>() % 256;
    format!("10={sum:03}\x01").into_bytes()
}

/// The bytes of a message with this body, which begins with its type.
pub(super) fn sealed(body: &str) -> Vec<u8> {
    let mut bytes = BEGIN.to_vec();
    bytes.extend_from_slice(format!("{}\x01{body}", body.len()).as_bytes());
    let trailer = trailer_of(&bytes);
    bytes.extend_from_slice(&trailer);
    bytes
}

/// Now, in UTC, as FIX writes it.
pub(crate) fn utc_now() -> String {
    utc(unix_ms())
}

/// Now, in milliseconds after 1970 began.
#[allow(
    clippy::disallowed_methods,
    reason = "FIX dates every message in UTC; nothing is timed by it"
)]
pub(super) fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(0))
}

/// So many milliseconds after 1970 began.
fn utc(unix_ms: u64) -> String {
    let (mut days, ms) = (unix_ms / 86_400_000, unix_ms % 86_400_000);
    let is_leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let mut year = 1970;
    loop {
        let length = if is_leap(year) { 366 } else { 365 };
        if days < length {
            break;
        }
        days -= length;
        year += 1;
    }
    let february = if is_leap(year) { 29 } else { 28 };
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    let (s, ms) = (ms / 1_000, ms % 1_000);
    format!(
        "{year:04}{month:02}{:02}-{:02}:{:02}:{:02}.{ms:03}",
        days + 1,
        s / 3_600,
        s / 60 % 60,
        s % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_is_taken() {
        let bytes = sealed("35=0\x0134=7\x0158=a=b\x01");
        let mut input = [bytes.as_slice(), &bytes[..20]].concat();
        let message = Message::take(&mut input).unwrap().unwrap();
        assert_eq!((message.kind(), message.number(34)), ("0", Some(7)));
        assert_eq!((message.get(58), input.len()), (Some("a=b"), 20));
        for length in 0..bytes.len() {
            assert_eq!(Message::take(&mut bytes[..length].to_vec()), Ok(None));
        }
    }

    #[test]
    fn a_wrong_sum_is_passed_over_and_anything_else_ends_the_connection() {
        let good = sealed("35=0\x0134=7\x01");
        let mut bad = good.clone();
        let at = bad.len() - 2;
        bad[at] ^= 1;
        let mut both = [bad, good].concat();
        assert_eq!(
            Message::take(&mut both).unwrap().unwrap().number(34),
            Some(7)
        );
        assert_eq!(Message::take(&mut b"GET /".to_vec()), Err(WireError::Begin));
        let long = b"8=FIX.4.4\x019=20000\x01".to_vec();
        assert_eq!(Message::take(&mut long.clone()), Err(WireError::Length));
    }

    #[test]
    fn moments_are_utc() {
        assert_eq!(utc(0), "19700101-00:00:00.000");
        assert_eq!(utc(951_782_400_123), "20000229-00:00:00.123");
        assert_eq!(utc(4_102_444_799_000), "20991231-23:59:59.000");
    }
}
