//! Rows as `RowWriter` writes them, read without a JSON parser: a hundred million of them take seconds then. What looks
//! different in any way is left to the parser, so that nothing is read here that it would read otherwise.

use super::Row;

/// Reads a line into `row`; false when it is not as the writer writes it, and `row` is of no use then.
pub(super) fn read(line: &[u8], row: &mut Row) -> bool {
    take(line, row).is_some()
}

fn take(line: &[u8], row: &mut Row) -> Option<()> {
    let mut rest = line.strip_prefix(br#"{"id":""#)?;
    let id = text(&mut rest)?;
    row.id.clear();
    row.id.push_str(id);
    rest = rest.strip_prefix(br#","found":"#)?;
    row.found = rest.starts_with(b"true");
    let word: &[u8] = if row.found { b"true" } else { b"false" };
    rest = rest.strip_prefix(word)?;
    field(&mut rest, br#","price":""#, &mut row.price)?;
    field(&mut rest, br#","quantity":""#, &mut row.quantity)?;
    field(&mut rest, br#","symbol":""#, &mut row.symbol)?;
    field(&mut rest, br#","side":""#, &mut row.side)?;
    field(&mut rest, br#","state":""#, &mut row.state)?;
    field(&mut rest, br#","filled":""#, &mut row.filled)?;
    field(&mut rest, br#","remaining":""#, &mut row.remaining)?;
    field(&mut rest, br#","sequence":""#, &mut row.sequence)?;
    let (replaced, cancelled) = (&mut row.replaced_sequence, &mut row.cancelled_sequence);
    field(&mut rest, br#","replaced_sequence":""#, replaced)?;
    field(&mut rest, br#","cancelled_sequence":""#, cancelled)?;
    matches!(rest, b"}\n" | b"}").then_some(())
}

/// A field that may be left out. `None`: it is there, and not plain.
fn field(rest: &mut &[u8], name: &[u8], value: &mut Option<String>) -> Option<()> {
    match rest.strip_prefix(name) {
        None => *value = None,
        Some(after) => {
            *rest = after;
            let found = text(rest)?;
            let value = value.get_or_insert_default();
            value.clear();
            value.push_str(found);
        }
    }
    Some(())
}

/// The text up to the next quote, if it has nothing that JSON writes in another way.
fn text<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let line: &'a [u8] = rest;
    let end = line
        .iter()
        .position(|byte| *byte == b'"' || *byte == b'\\' || *byte < b' ')?;
    let after = line[end..].strip_prefix(b"\"")?;
    *rest = after;
    std::str::from_utf8(&line[..end]).ok()
}

#[cfg(test)]
mod tests {
    use rand::rngs::SmallRng;
    use rand::seq::IndexedRandom;
    use rand::{RngExt, SeedableRng};

    use super::*;

    const TEXTS: [&str; 8] = [
        "",
        "1",
        "50000.01",
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
        let (mut plain, mut row) = (0, Row::default());
        for _ in 0..20_000 {
            let wanted = some_row(&mut random);
            let mut line = serde_json::to_vec(&wanted).unwrap();
            line.push(b'\n');
            if read(&line, &mut row) {
                plain += 1;
                assert_eq!(row, wanted);
            }
            let at = random.random_range(0..line.len());
            line[at] = *b"\"\\{},:xt \n\x01\xff".choose(&mut random).unwrap();
            if read(&line, &mut row) {
                assert_eq!(serde_json::from_slice::<Row>(&line).unwrap(), row);
            }
        }
        assert!(plain > 200, "{plain}");
    }
}
