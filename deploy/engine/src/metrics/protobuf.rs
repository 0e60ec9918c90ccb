//! Prometheus' protobuf format: a `MetricFamily` for each name, with its length before it. The latency has native buckets here, and no
//! others.

use super::family::{Family, Kind, Latency, Samples};
use super::sparse::SCHEMA;

/// The `content-type` of this format.
pub const PROTOBUF: &str =
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

/// Width of the bucket for zero that client libraries have by default: 2^-128.
const ZERO_THRESHOLD: f64 = 2.938_735_877_055_719e-39;

/// True when an `accept` header wants this format before the text.
pub fn is_asked_for(accept: &str) -> bool {
    let first = accept.split(',').next().unwrap_or_default();
    first.trim().starts_with("application/vnd.google.protobuf")
}

/// Families as delimited messages.
pub fn protobuf(families: &[Family]) -> Vec<u8> {
    let mut all = Vec::new();
    for family in families {
        let message = message_of(family);
        varint(&mut all, message.len() as u64);
        all.extend(message);
    }
    all
}

fn message_of(family: &Family) -> Vec<u8> {
    let mut own = Vec::new();
    bytes(&mut own, 1, family.name.as_bytes());
    bytes(&mut own, 2, family.help.as_bytes());
    let (number, field) = match family.kind {
        Kind::Counter => (0, 3),
        Kind::Gauge => (1, 2),
        Kind::Histogram => (4, 7),
    };
    whole(&mut own, 3, number);
    match &family.samples {
        Samples::One(value) => bytes(&mut own, 4, &metric(None, field, &value_of(value))),
        Samples::By(label, values) => {
            for (of, value) in values {
                bytes(
                    &mut own,
                    4,
                    &metric(Some((label, of)), field, &value_of(value)),
                );
            }
        }
        Samples::Latency(latency) => bytes(&mut own, 4, &metric(None, field, &histogram(latency))),
    }
    own
}

fn metric(label: Option<(&str, &str)>, field: u64, value: &[u8]) -> Vec<u8> {
    let mut own = Vec::new();
    if let Some((name, of)) = label {
        let mut pair = Vec::new();
        bytes(&mut pair, 1, name.as_bytes());
        bytes(&mut pair, 2, of.as_bytes());
        bytes(&mut own, 1, &pair);
    }
    bytes(&mut own, field, value);
    own
}

/// A counter and a gauge have their value in the same field.
fn value_of(text: &str) -> Vec<u8> {
    let mut own = Vec::new();
    double(&mut own, 1, text.parse().unwrap_or(f64::NAN));
    own
}

fn histogram(latency: &Latency) -> Vec<u8> {
    let mut own = Vec::new();
    // Counted apart from the buckets, it could be another number than theirs.
    let count: u64 = latency.sparse.iter().map(|bucket| bucket.count).sum();
    whole(&mut own, 1, count);
    double(&mut own, 2, latency.sum_ns as f64 / 1e9);
    whole(&mut own, 5, zigzag(SCHEMA));
    double(&mut own, 6, ZERO_THRESHOLD);
    let (mut deltas, mut before) = (Vec::new(), 0i64);
    let (mut runs, mut next): (Vec<(i64, u64)>, i64) = (Vec::new(), 0);
    for bucket in &latency.sparse {
        let (index, count) = (i64::from(bucket.index), bucket.count as i64);
        match runs.last_mut() {
            Some((_, length)) if index == next => *length += 1,
            Some(_) | None => runs.push((index - next, 1)),
        }
        next = index + 1;
        varint(&mut deltas, zigzag(count - before));
        before = count;
    }
    for (offset, length) in runs {
        let mut span = Vec::new();
        whole(&mut span, 1, zigzag(offset));
        whole(&mut span, 2, length);
        bytes(&mut own, 12, &span);
    }
    bytes(&mut own, 13, &deltas);
    let mut created = Vec::new();
    whole(&mut created, 1, latency.started_s as u64);
    whole(&mut created, 2, (latency.started_s.fract() * 1e9) as u64);
    bytes(&mut own, 15, &created);
    own
}

fn bytes(into: &mut Vec<u8>, field: u64, value: &[u8]) {
    varint(into, field << 3 | 2);
    varint(into, value.len() as u64);
    into.extend(value);
}

fn whole(into: &mut Vec<u8>, field: u64, value: u64) {
    varint(into, field << 3);
    varint(into, value);
}

fn double(into: &mut Vec<u8>, field: u64, value: f64) {
    varint(into, field << 3 | 1);
    into.extend(value.to_le_bytes());
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

#[cfg(test)]
mod tests {
    use super::super::sparse::Bucket;
    use super::*;

    #[test]
    fn who_asks_for_it_first_gets_it() {
        assert!(is_asked_for(
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited, text/plain;q=0.5"
        ));
        assert!(!is_asked_for("text/plain") && !is_asked_for("*/*") && !is_asked_for(""));
    }

    #[test]
    fn a_value_is_a_delimited_message() {
        let family = Family {
            name: "n",
            help: "h",
            kind: Kind::Gauge,
            samples: Samples::One("1".to_string()),
        };
        let value = [0x12, 9, 0x09, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f];
        let mut expected = vec![0x0a, 1, b'n', 0x12, 1, b'h', 0x18, 1, 0x22, 11];
        expected.extend(value);
        expected.insert(0, expected.len() as u8);
        assert_eq!(protobuf(&[family]), expected);
    }

    #[test]
    fn buckets_are_runs_with_differences() {
        let bucket = |index, count| Bucket { index, count };
        let latency = Latency {
            buckets: Vec::new(),
            count: 0,
            sum_ns: 0,
            sparse: vec![bucket(-3, 2), bucket(-2, 5), bucket(4, 1)],
            started_s: 1.5,
        };
        let own = histogram(&latency);
        let holds = |part: &[u8]| own.windows(part.len()).any(|found| found == part);
        assert!(own.starts_with(&[0x08, 8]), "all of them");
        // Begins at -3 with two, leaves out five, goes on with one.
        assert!(holds(&[0x62, 4, 0x08, 5, 0x10, 2]));
        assert!(holds(&[0x62, 4, 0x08, 10, 0x10, 1]));
        assert!(holds(&[0x6a, 3, 4, 6, 7]), "2, 3 more, 4 fewer");
    }
}
