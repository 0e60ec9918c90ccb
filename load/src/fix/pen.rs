//! Messages as they are written, and the times in them. Buffers are kept: after the first messages nothing is allocated.

use super::message::{BEGIN, SOH, checksum};

/// Writes one message at a time.
#[derive(Debug, Default, Clone)]
pub struct Pen {
    body: Vec<u8>,
}

/// A moment as FIX writes it: UTC, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UtcTime([u8; 21]);

impl Pen {
    /// Begins a message of a type.
    pub fn begin(&mut self, kind: &[u8]) {
        self.body.clear();
        self.field(super::tags::MSG_TYPE, kind);
    }

    /// Adds a field. The value must not hold SOH: what holds one is cut there, so that no field can be smuggled in.
    pub fn field(&mut self, tag: u32, value: &[u8]) {
        self.tag(tag);
        let end = value.iter().position(|byte| *byte == SOH);
        self.body
            .extend_from_slice(&value[..end.unwrap_or(value.len())]);
        self.body.push(SOH);
    }

    /// Adds a field with a text.
    pub fn text(&mut self, tag: u32, value: &str) {
        self.field(tag, value.as_bytes());
    }

    /// Adds a field with a whole number.
    pub fn number(&mut self, tag: u32, value: u64) {
        self.tag(tag);
        append(value, &mut self.body);
        self.body.push(SOH);
    }

    /// Adds a field with a moment.
    pub fn time(&mut self, tag: u32, time: &UtcTime) {
        self.field(tag, &time.0);
    }

    /// Adds fields that were written before, each with its SOH.
    pub(super) fn raw(&mut self, fields: &[u8]) {
        self.body.extend_from_slice(fields);
    }

    /// How long the message is so far, in bytes.
    pub(super) fn written(&self) -> usize {
        self.body.len()
    }

    /// What was written from there on.
    pub(super) fn since(&self, at: usize) -> &[u8] {
        &self.body[at..]
    }

    /// Appends the whole message, with its length and its sum.
    pub fn finish(&self, out: &mut Vec<u8>) {
        let begins = out.len();
        out.extend_from_slice(BEGIN);
        append(self.body.len() as u64, out);
        out.push(SOH);
        out.extend_from_slice(&self.body);
        let sum = checksum(&out[begins..]);
        out.extend_from_slice(b"10=");
        out.extend([sum / 100, sum / 10 % 10, sum % 10].map(|digit| b'0' + digit));
        out.push(SOH);
    }

    fn tag(&mut self, tag: u32) {
        append(u64::from(tag), &mut self.body);
        self.body.push(b'=');
    }
}

impl UtcTime {
    /// So many nanoseconds after 1970 began.
    pub fn of(unix_ns: u64) -> UtcTime {
        let ms = unix_ns / 1_000_000;
        let (days, ms_of_day) = (ms / 86_400_000, ms % 86_400_000);
        let (year, month, day) = civil(days);
        let (s, ms) = (ms_of_day / 1_000, ms_of_day % 1_000);
        let mut text = *b"00000000-00:00:00.000";
        for (from, digits, number) in [
            (0, 4, year),
            (4, 2, month),
            (6, 2, day),
            (9, 2, s / 3_600),
            (12, 2, s / 60 % 60),
            (15, 2, s % 60),
            (18, 3, ms),
        ] {
            let mut left = number;
            for place in text[from..from + digits].iter_mut().rev() {
                *place = b'0' + (left % 10) as u8;
                left /= 10;
            }
        }
        UtcTime(text)
    }

    /// As it is written.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Year, month and day of a day counted from 1970-01-01 (the algorithm of Howard Hinnant's `civil_from_days`).
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

fn append(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fix::message::{Next, next};

    #[test]
    fn what_is_written_is_read() {
        let mut pen = Pen::default();
        let mut out = Vec::new();
        for _ in 0..2 {
            pen.begin(b"D");
            pen.number(34, 1_234);
            pen.text(11, "a-1");
            pen.text(58, "x\x0135=Z");
            pen.finish(&mut out);
        }
        let Ok(Next::Message { used, message }) = next(&out) else {
            panic!("{:?}", next(&out));
        };
        assert_eq!(out.len(), 2 * used);
        assert_eq!(message.number(34), Some(1_234));
        assert_eq!(message.text(58), Some("x"), "no field can be smuggled in");
        assert_eq!(message.fields().count(), 4);
    }

    #[test]
    fn a_message_has_the_length_and_sum_of_the_specification() {
        let mut pen = Pen::default();
        pen.begin(b"A");
        pen.text(49, "SERVER");
        pen.text(56, "CLIENT");
        pen.number(34, 177);
        pen.text(52, "20090107-18:15:16");
        pen.number(98, 0);
        pen.number(108, 30);
        let mut out = Vec::new();
        pen.finish(&mut out);
        let text = String::from_utf8(out).unwrap().replace('\x01', "|");
        assert!(
            text.starts_with("8=FIX.4.4|9=65|35=A|") && text.ends_with("|10=064|"),
            "{text}"
        );
    }

    #[test]
    fn moments_are_utc() {
        for (unix_ns, text) in [
            (0, "19700101-00:00:00.000"),
            (951_782_399_999_000_000, "20000228-23:59:59.999"),
            (951_782_400_000_000_000, "20000229-00:00:00.000"),
            (1_709_251_200_001_999_999, "20240301-00:00:00.001"),
            (4_102_444_799_000_000_000, "20991231-23:59:59.000"),
        ] {
            assert_eq!(UtcTime::of(unix_ns).bytes(), text.as_bytes());
        }
    }
}
