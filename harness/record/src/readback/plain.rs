//! Rows as `RowWriter` writes them, read without a JSON parser: a hundred million of them take seconds then. What looks
//! different in any way is left to the parser, so that nothing is read here that it would read otherwise.

use super::RowView;

/// From where to where.
type Span = (u32, u32);

/// Fields that may be left out, in the order in which they are written.
const FIELDS: usize = 10;

/// Where a line has what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spans {
    id: Span,
    found: bool,
    fields: [Option<Span>; FIELDS],
    length: u32,
}

impl Spans {
    /// Bytes of the line, its end included.
    pub fn length(&self) -> usize {
        self.length as usize
    }

    /// The row, out of the text of the line.
    #[inline]
    pub fn view<'a>(&self, line: &'a str) -> RowView<'a> {
        let text = |(from, to): Span| &line[from as usize..to as usize];
        let [
            price,
            quantity,
            symbol,
            side,
            state,
            filled,
            remaining,
            sequence,
            replaced_sequence,
            cancelled_sequence,
        ] = self.fields.map(|span| span.map(text));
        RowView {
            id: text(self.id),
            found: self.found,
            price,
            quantity,
            symbol,
            side,
            state,
            filled,
            remaining,
            sequence,
            replaced_sequence,
            cancelled_sequence,
        }
    }
}

/// Finds the parts of the line that `bytes` begin with; `None` when it is not as the writer writes it, or not whole.
#[inline]
pub(super) fn read(bytes: &[u8]) -> Option<Spans> {
    let mut rest = Rest { bytes, at: 0 };
    rest.word(br#"{"id":""#).then_some(())?;
    let id = rest.text()?;
    rest.word(br#","found":"#).then_some(())?;
    let found = rest.word(b"true");
    (found || rest.word(b"false")).then_some(())?;
    let fields = [
        rest.field(br#","price":""#)?,
        rest.field(br#","quantity":""#)?,
        rest.field(br#","symbol":""#)?,
        rest.field(br#","side":""#)?,
        rest.field(br#","state":""#)?,
        rest.field(br#","filled":""#)?,
        rest.field(br#","remaining":""#)?,
        rest.field(br#","sequence":""#)?,
        rest.field(br#","replaced_sequence":""#)?,
        rest.field(br#","cancelled_sequence":""#)?,
    ];
    rest.word(b"}\n").then_some(Spans {
        id,
        found,
        fields,
        length: u32::try_from(rest.at).ok()?,
    })
}

struct Rest<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Rest<'_> {
    /// Goes past a word, if it comes next.
    #[inline]
    fn word<const N: usize>(&mut self, word: &[u8; N]) -> bool {
        let next = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk);
        let is_next = next == Some(word);
        self.at += if is_next { N } else { 0 };
        is_next
    }

    /// The text up to the next quote, if it has nothing but what JSON writes as it is, and no letter of several bytes.
    #[inline]
    fn text(&mut self) -> Option<Span> {
        let rest = self.bytes.get(self.at..)?;
        let length = rest.iter().position(|byte| !PLAIN[usize::from(*byte)])?;
        let span = (self.at, self.at + length);
        self.at = span.1;
        self.word(b"\"").then_some(())?;
        Some((u32::try_from(span.0).ok()?, u32::try_from(span.1).ok()?))
    }

    /// A field that may be left out. `None`: it is there, and not plain.
    #[inline]
    fn field<const N: usize>(&mut self, name: &[u8; N]) -> Option<Option<Span>> {
        match self.word(name) {
            true => self.text().map(Some),
            false => Some(None),
        }
    }
}

/// Bytes that stand for themselves within a text.
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = b' ' as usize;
    while byte < 128 {
        plain[byte] = byte != b'"' as usize && byte != b'\\' as usize;
        byte += 1;
    }
    plain
};

#[cfg(test)]
mod tests {
    use rand::rngs::SmallRng;
    use rand::seq::IndexedRandom;
    use rand::{RngExt, SeedableRng};

    use super::super::Row;
    use super::*;

    const TEXTS: [&str; 16] = [
        "",
        "1",
        "50000.01",
        "0",
        "7.50",
        "~ }{:,",
        "BTCUSD",
        "buy",
        "open",
        "\u{7f}",
        "1e5",
        "a\"b",
        "back\\slash",
        "ümlaut",
        "tab\there",
        "ab-17",
    ];

    fn some_row(random: &mut SmallRng) -> Row {
        let mut text = || TEXTS.choose(random).map(ToString::to_string);
        let (id, fields) = (text().unwrap(), [(); 10].map(|()| text()));
        let mut maybe = fields.map(|field| field.filter(|_| random.random_range(0..4) > 0));
        Row {
            id,
            found: random.random_range(0..2) == 0,
            price: maybe[0].take(),
            quantity: maybe[1].take(),
            symbol: maybe[2].take(),
            side: maybe[3].take(),
            state: maybe[4].take(),
            filled: maybe[5].take(),
            remaining: maybe[6].take(),
            sequence: maybe[7].take(),
            replaced_sequence: maybe[8].take(),
            cancelled_sequence: maybe[9].take(),
        }
    }

    #[test]
    fn rows_are_read_as_the_parser_reads_them_also_spoilt_ones() {
        let mut random = SmallRng::seed_from_u64(7);
        let mut plain = 0;
        let row = |line: &[u8]| {
            let spans = read(line)?;
            assert_eq!(spans.length(), line.len());
            Some(spans.view(std::str::from_utf8(line).unwrap()).to_row())
        };
        for _ in 0..20_000 {
            let wanted = some_row(&mut random);
            let mut line = serde_json::to_vec(&wanted).unwrap();
            line.push(b'\n');
            if let Some(row) = row(&line) {
                plain += 1;
                assert_eq!(row, wanted);
            }
            let at = random.random_range(0..line.len());
            line[at] = *b"\"\\{},:xt \n\x01\xff".choose(&mut random).unwrap();
            if let Some(row) = row(&line) {
                assert_eq!(serde_json::from_slice::<Row>(&line).unwrap(), row);
            }
        }
        assert!(plain > 200, "{plain}");
    }
}
