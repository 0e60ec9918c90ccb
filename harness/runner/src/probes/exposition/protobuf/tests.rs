use shakedown_record::series::{NativeHistogram, SeriesKind};

use super::testing::{bytes, double, family, message, native, packed, signed, spans, whole};
use super::*;
use crate::probes::exposition::Exposed;

fn one(kind: u64, field: u64, value: Vec<u8>) -> Vec<u8> {
    family("h_seconds", kind, &[(&[("side", "buy")], field, value)])
}

fn histogram(value: Vec<u8>) -> Result<NativeHistogram, ProtobufFault> {
    let told = parse_protobuf(&one(4, 7, value))?;
    Ok(told.natives.into_iter().next().unwrap().histogram)
}

fn value_of(samples: &[Exposed], name: &str, label: Option<(&str, &str)>) -> f64 {
    let fits = |sample: &&Exposed| {
        let has =
            |(label, value): (&str, &str)| sample.labels.get(label).is_some_and(|it| it == value);
        sample.name == name && label.is_none_or(has)
    };
    samples.iter().find(fits).unwrap().value
}

#[test]
fn every_type_becomes_what_the_text_would_say() {
    let value = |value: f64| message(|own| double(own, 1, value));
    let counter = message(|own| {
        double(own, 1, 7.0);
        // An exemplar, which is left out.
        bytes(own, 2, &[]);
    });
    let summary = message(|own| {
        whole(own, 1, 12);
        double(own, 2, 3.5);
        let quantile = message(|own| {
            double(own, 1, 0.99);
            double(own, 2, 0.25);
        });
        bytes(own, 3, &quantile);
    });
    let classic = message(|own| {
        whole(own, 1, 9);
        double(own, 2, 0.75);
        for (upper, below) in [(0.005, 4), (0.01, 8)] {
            let bucket = message(|own| {
                whole(own, 1, below);
                double(own, 2, upper);
            });
            bytes(own, 3, &bucket);
        }
    });
    let mut body = family("orders_total", 0, &[(&[("result", "ok")], 3, counter)]);
    body.extend(family("depth", 1, &[(&[], 2, value(-3.0))]));
    body.extend(family("odd", 3, &[(&[], 5, value(f64::NAN))]));
    body.extend(family("s", 2, &[(&[], 4, summary)]));
    body.extend(family("h", 4, &[(&[], 7, classic)]));
    let told = parse_protobuf(&body).unwrap();
    assert_eq!(told.natives, []);
    let samples = &told.samples;
    assert_eq!(
        value_of(samples, "orders_total", Some(("result", "ok"))),
        7.0
    );
    assert_eq!(samples[0].kind, SeriesKind::Counter);
    assert_eq!(value_of(samples, "depth", None), -3.0);
    assert!(value_of(samples, "odd", None).is_nan());
    assert_eq!(value_of(samples, "s", Some(("quantile", "0.99"))), 0.25);
    assert_eq!(value_of(samples, "s_count", None), 12.0);
    assert_eq!(value_of(samples, "h_bucket", Some(("le", "0.005"))), 4.0);
    // The last bucket may be left out on the wire.
    assert_eq!(value_of(samples, "h_bucket", Some(("le", "+Inf"))), 9.0);
    assert_eq!(value_of(samples, "h_sum", None), 0.75);
}

#[test]
fn spans_and_differences_become_counts_by_index() {
    let value = native(16, &[(-2, 2), (3, 1)], &[5, -3, 7]);
    let own = histogram(value).unwrap();
    assert_eq!(own.positive, [(-2, 5.0), (-1, 2.0), (3, 9.0)]);
    assert_eq!((own.schema, own.count), (3, 16.0));
    assert_eq!(own.created_s, Some(1_700_000_000.25));
    let told = parse_protobuf(&one(4, 7, native(16, &[(-2, 2), (3, 1)], &[5, -3, 7]))).unwrap();
    assert_eq!(told.natives[0].name, "h_seconds");
    assert_eq!(told.natives[0].labels["side"], "buy");
    assert_eq!(value_of(&told.samples, "h_seconds_count", None), 16.0);
    let bucket = told.samples.iter().find(|it| it.name.ends_with("_bucket"));
    assert_eq!(bucket, None, "a native histogram has no classic bucket");
}

#[test]
fn fractions_negative_values_and_fields_that_are_not_packed_are_read() {
    let own = histogram(message(|own| {
        double(own, 4, 4.5);
        signed(own, 5, -4);
        double(own, 8, 0.5);
        spans(own, 9, &[(1, 1)]);
        double(own, 11, 1.5);
        spans(own, 12, &[(0, 1), (0, 1)]);
        double(own, 14, 2.0);
        double(own, 14, 0.5);
        // Something of a later version.
        bytes(own, 99, b"new");
    }));
    let own = own.unwrap();
    assert_eq!((own.schema, own.count, own.zero_count), (-4, 4.5, 0.5));
    assert_eq!(own.negative, [(1, 1.5)]);
    assert_eq!(own.positive, [(0, 2.0), (1, 0.5)]);
    let apart = histogram(message(|own| {
        whole(own, 1, 3);
        spans(own, 12, &[(0, 2)]);
        signed(own, 13, 1);
        signed(own, 13, 1);
    }));
    assert_eq!(apart.unwrap().positive, [(0, 1.0), (1, 2.0)]);
}

#[test]
fn an_empty_native_histogram_is_known_by_its_span_without_length() {
    let empty = histogram(message(|own| spans(own, 12, &[(0, 0)]))).unwrap();
    assert_eq!((empty.count, empty.positive.len()), (0.0, 0));
}

#[test]
fn a_histogram_that_can_fall_is_none_to_count_with() {
    let told = parse_protobuf(&one(5, 7, native(5, &[(0, 1)], &[5]))).unwrap();
    assert!(told.natives.is_empty() && told.samples.is_empty());
}

#[test]
fn what_contradicts_itself_is_told_with_its_family() {
    let wrong = |write: &dyn Fn(&mut Vec<u8>)| {
        let mut own = Vec::new();
        write(&mut own);
        histogram(own).unwrap_err().to_string()
    };
    type Writer<'a> = &'a dyn Fn(&mut Vec<u8>);
    let cases: [(Writer<'_>, &str); 8] = [
        (&|own| whole_native(own, 9, &[(0, 2)], &[1]), "spans of 2"),
        (
            &|own| whole_native(own, 9, &[(0, 1)], &[1, 1]),
            "counts of 2",
        ),
        (
            &|own| whole_native(own, 9, &[(0, 2)], &[1, -2]),
            "less than nothing",
        ),
        (
            &|own| whole_native(own, 1, &[(0, 1)], &[2]),
            "hold 2 observations",
        ),
        (
            &|own| whole_native(own, 9, &[(0, 1), (-1, 1)], &[1, 1]),
            "overlap",
        ),
        (
            &|own| {
                whole_native(own, 9, &[(0, 1)], &[1]);
                double(own, 14, 1.0);
            },
            "both",
        ),
        (
            &|own| {
                whole_native(own, 9, &[(0, 1)], &[1]);
                signed(own, 5, 9);
            },
            "schema 9",
        ),
        (
            &|own| {
                whole_native(own, 9, &[(0, 1)], &[1]);
                double(own, 6, -1.0);
            },
            "wide",
        ),
    ];
    for (write, said) in cases {
        let error = wrong(write);
        assert!(
            error.contains(said) && error.contains("h_seconds"),
            "{said}: {error}"
        );
    }
}

fn whole_native(own: &mut Vec<u8>, count: u64, runs: &[(i64, u64)], deltas: &[i64]) {
    whole(own, 1, count);
    spans(own, 12, runs);
    packed(own, 13, deltas);
}

#[test]
fn an_answer_that_was_cut_off_or_says_a_thing_twice_is_refused() {
    let whole = one(4, 7, native(16, &[(-2, 2), (3, 1)], &[5, -3, 7]));
    for length in 1..whole.len() {
        assert!(parse_protobuf(&whole[..length]).is_err(), "{length}");
    }
    let twice = [whole.clone(), whole].concat();
    let error = parse_protobuf(&twice).unwrap_err().to_string();
    assert!(error.contains("h_seconds_count"), "{error}");
    let unknown = family("x", 9, &[]);
    assert_eq!(parse_protobuf(&unknown), Err(ProtobufFault::Type(9)));
    assert_eq!(parse_protobuf(&[]).unwrap(), Default::default());
}

#[test]
fn the_format_is_known_by_its_media_type() {
    let told = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";
    assert!(is_protobuf(Some(told)));
    assert!(!is_protobuf(Some("text/plain; version=0.0.4")) && !is_protobuf(None));
}
