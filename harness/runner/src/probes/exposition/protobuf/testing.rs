//! Writing the format, for tests: by the same field numbers, but by other code.

/// Appends a field with bytes.
pub(crate) fn bytes(into: &mut Vec<u8>, number: u64, value: &[u8]) {
    varint(into, number << 3 | 2);
    varint(into, value.len() as u64);
    into.extend(value);
}

/// Appends a field with a whole number.
pub(crate) fn whole(into: &mut Vec<u8>, number: u64, value: u64) {
    varint(into, number << 3);
    varint(into, value);
}

/// Appends a field with a signed number.
pub(crate) fn signed(into: &mut Vec<u8>, number: u64, value: i64) {
    whole(into, number, zigzag(value));
}

/// Appends a field with a double.
pub(crate) fn double(into: &mut Vec<u8>, number: u64, value: f64) {
    varint(into, number << 3 | 1);
    into.extend(value.to_le_bytes());
}

/// Signed numbers, packed into one field.
pub(crate) fn packed(into: &mut Vec<u8>, number: u64, values: &[i64]) {
    let mut all = Vec::new();
    values
        .iter()
        .for_each(|value| varint(&mut all, zigzag(*value)));
    bytes(into, number, &all);
}

fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63) as u64
}

fn varint(into: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        into.push(value as u8 | 0x80);
        value >>= 7;
    }
    into.push(value as u8);
}

/// A message, field by field.
pub(crate) fn message(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut message = Vec::new();
    write(&mut message);
    message
}

/// Labels, and a value as field and message.
pub(crate) type Metric<'a> = (&'a [(&'a str, &'a str)], u64, Vec<u8>);

/// A family as it stands in an answer, with its length before it. Each metric has labels, and a value (as field and message).
pub(crate) fn family(name: &str, kind: u64, metrics: &[Metric<'_>]) -> Vec<u8> {
    let own = message(|own| {
        bytes(own, 1, name.as_bytes());
        bytes(own, 2, b"help");
        whole(own, 3, kind);
        for (labels, field, value) in metrics {
            let metric = message(|metric| {
                for (name, value) in *labels {
                    let pair = message(|pair| {
                        bytes(pair, 1, name.as_bytes());
                        bytes(pair, 2, value.as_bytes());
                    });
                    bytes(metric, 1, &pair);
                }
                bytes(metric, *field, value);
                whole(metric, 6, 1_790_000_000_000);
            });
            bytes(own, 4, &metric);
        }
    });
    let mut delimited = Vec::new();
    varint(&mut delimited, own.len() as u64);
    delimited.extend(own);
    delimited
}

/// Runs of buckets: how many indices are left out before each, and how many buckets it has.
pub(crate) fn spans(into: &mut Vec<u8>, number: u64, spans: &[(i64, u64)]) {
    for (offset, length) in spans {
        let span = message(|span| {
            signed(span, 1, *offset);
            whole(span, 2, *length);
        });
        bytes(into, number, &span);
    }
}

/// A native histogram of whole numbers with these differences, of schema 3, created at 1,700,000,000.25 s.
pub(crate) fn native(count: u64, positive: &[(i64, u64)], deltas: &[i64]) -> Vec<u8> {
    message(|own| {
        whole(own, 1, count);
        double(own, 2, 1.5);
        signed(own, 5, 3);
        double(own, 6, 1e-9);
        spans(own, 12, positive);
        packed(own, 13, deltas);
        let created = message(|at| {
            whole(at, 1, 1_700_000_000);
            whole(at, 2, 250_000_000);
        });
        bytes(own, 15, &created);
    })
}
