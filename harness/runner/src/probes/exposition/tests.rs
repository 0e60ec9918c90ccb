use std::collections::BTreeMap;

use shakedown_record::series::SeriesKind;

use super::*;

fn samples(text: &str) -> Vec<Exposed> {
    let told = parse(text, Dialect::Text);
    assert_eq!(told.malformed, [], "{text}");
    told.samples
}

/// The one thing that is wrong with a text.
fn wrong(text: &str, dialect: Dialect) -> LineFault {
    let mut malformed = parse(text, dialect).malformed;
    assert_eq!(malformed.len(), 1, "{text:?}: {malformed:?}");
    malformed.remove(0).fault
}

fn labels<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    let pairs = pairs.map(|(name, value)| (name.to_string(), value.to_string()));
    BTreeMap::from(pairs)
}

#[test]
fn everything_that_the_format_allows_is_read() {
    let text = concat!(
        "# HELP orders_total Orders, \"quoted\" {and} \\n escaped.\n",
        "# TYPE orders_total counter\n",
        "orders_total{result=\"accepted\",} 1027 1395066363000\n",
        "orders_total { result = \"too \\\"late\\\"\\\\ \\n now\" , x=\"é}\" }\t3\r\n",
        "\n",
        "# a comment\n",
        "# TYPE h histogram\n",
        "h_bucket{le=\"0.05\"} 24054 # {trace=\"a\"} 0.04 1520879607.789\n",
        "h_bucket{le=\"+Inf\"} 144320\n",
        "h_sum 5.3e4\n",
        "h_count 144320\n",
        "plain +Inf\n",
        "  indented -1.5E-3  \n",
        "gone NaN\n",
        "a:b_ 0x\n",
    );
    let told = parse(text, Dialect::Text);
    assert_eq!(told.malformed.len(), 1, "{:?}", told.malformed);
    assert_eq!(
        told.malformed[0].to_string(),
        "line 15: `0x` is no value",
        "what is no value is told, not guessed"
    );
    let samples = told.samples;
    let values: Vec<f64> = samples.iter().take(8).map(|sample| sample.value).collect();
    assert_eq!(
        values,
        [
            1027.0,
            3.0,
            24054.0,
            144_320.0,
            53_000.0,
            144_320.0,
            f64::INFINITY,
            -0.0015
        ]
    );
    assert!(samples[8].value.is_nan());
    assert_eq!(samples[0].labels, labels([("result", "accepted")]));
    assert_eq!(
        samples[1].labels,
        labels([("result", "too \"late\"\\ \n now"), ("x", "é}")])
    );
    let kinds: Vec<SeriesKind> = samples.iter().map(|sample| sample.kind).collect();
    use SeriesKind::{Counter, Histogram, Untyped};
    assert_eq!(
        kinds,
        [
            Counter, Counter, Histogram, Histogram, Histogram, Histogram, Untyped, Untyped, Untyped
        ]
    );
}

#[test]
fn open_metrics_name_their_families_without_the_suffix() {
    let text = concat!(
        "# TYPE orders counter\n",
        "# UNIT orders orders\n",
        "orders_total 17.0 1520879607.789\n",
        "orders_created 1.5e9\n",
        "# TYPE up gauge\nup 1\n# EOF\n",
    );
    let told = parse(text, Dialect::OpenMetrics);
    assert_eq!(told.malformed, []);
    assert_eq!(told.samples[0].kind, SeriesKind::Counter);
    assert_eq!(told.samples[2].kind, SeriesKind::Gauge);
    assert_eq!(
        wrong("up 1\n", Dialect::OpenMetrics),
        LineFault::NoEnd,
        "a text that was cut off is no text"
    );
    assert_eq!(
        wrong("up 1\n# EOF\nup 2\n", Dialect::OpenMetrics),
        LineFault::AfterEnd
    );
}

#[test]
fn the_content_type_says_which_format_it_is() {
    let open = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(Dialect::of(Some(open)), Dialect::OpenMetrics);
    assert_eq!(
        Dialect::of(Some("text/plain; version=0.0.4")),
        Dialect::Text
    );
    assert_eq!(Dialect::of(None), Dialect::Text);
}

#[test]
fn every_malformed_line_is_told_with_its_reason() {
    let label = |name: &str| name.to_string();
    for (line, fault) in [
        ("9lives 1", LineFault::NoName),
        ("= 1", LineFault::NoName),
        ("näme 1", LineFault::NoName),
        ("a-b 1", LineFault::NoName),
        ("{\"my.name\"} 1", LineFault::QuotedName),
        ("a{\"my.label\"=\"x\"} 1", LineFault::QuotedName),
        ("a{b=\"1\"", LineFault::LabelsOpen),
        ("a{b=\"1\",", LineFault::LabelsOpen),
        ("a{", LineFault::LabelsOpen),
        ("a{b", LineFault::LabelsOpen),
        ("a{b=1} 2", LineFault::LabelQuotes(label("b"))),
        ("a{b} 2", LineFault::LabelQuotes(label("b"))),
        ("a{b:c=\"1\"} 2", LineFault::LabelName(label("b:c"))),
        ("a{=\"1\"} 2", LineFault::LabelName(label(""))),
        ("a{,} 2", LineFault::LabelName(label(""))),
        ("a{b=\"1} 2", LineFault::LabelOpen(label("b"))),
        ("a{b=\"1\\", LineFault::LabelOpen(label("b"))),
        (
            "a{b=\"\\t\"} 2",
            LineFault::LabelEscape {
                label: label("b"),
                escape: 't',
            },
        ),
        ("a{b=\"1\" c=\"2\"} 3", LineFault::LabelEnd(label("b"))),
        ("a{b=\"1\",b=\"2\"} 3", LineFault::LabelTwice(label("b"))),
        ("a", LineFault::NoValue),
        ("a{b=\"1\"}", LineFault::NoValue),
        ("a twelve", LineFault::Value(label("twelve"))),
        ("a 1,5", LineFault::Value(label("1,5"))),
        ("a infinit", LineFault::Value(label("infinit"))),
        ("a 1 now", LineFault::TimeStamp(label("now"))),
        ("a 1 NaN", LineFault::TimeStamp(label("NaN"))),
        ("a 1 2 3", LineFault::TooMuch(label("3"))),
        ("a 1 # trace", LineFault::Exemplar),
        ("a 1 # {x=\"y\"}", LineFault::Exemplar),
        ("a 1 # {x=\"y\"} 1 2 3", LineFault::Exemplar),
        ("# TYPE a number", LineFault::Type),
        ("# TYPE a", LineFault::Type),
        ("# TYPE a-b counter", LineFault::Type),
        ("# TYPE a counter gauge", LineFault::Type),
    ] {
        assert_eq!(wrong(&format!("{line}\n"), Dialect::Text), fault, "{line}");
    }
}

#[test]
fn what_contradicts_an_earlier_line_is_told() {
    for (text, line, said) in [
        ("a 1\na 2\n", 2, "there twice"),
        (
            "a{x=\"1\",y=\"2\"} 1\na{y=\"2\",x=\"1\"} 1\n",
            2,
            "there twice",
        ),
        (
            "# TYPE a gauge\n# TYPE a gauge\n",
            2,
            "type of `a` is there twice",
        ),
        ("a 1\n# TYPE a gauge\n", 2, "after its samples"),
        ("a 1\nb 2", 2, "cut off"),
    ] {
        let told = parse(text, Dialect::Text);
        assert_eq!(told.malformed.len(), 1, "{text}");
        assert_eq!(told.malformed[0].line, line);
        let words = told.malformed[0].to_string();
        assert!(words.contains(said), "{words}");
    }
}

#[test]
fn good_lines_beside_bad_ones_are_still_read() {
    let told = parse("a 1\n!!\nb 2\n", Dialect::Text);
    assert_eq!(told.samples.len(), 2);
    assert_eq!(told.malformed[0].line, 2);
}

#[test]
fn the_suffix_of_another_kind_makes_no_member_of_a_family() {
    let read = samples(
        "# TYPE a gauge\na_total 1\n# TYPE s summary\ns{quantile=\"0.5\"} 1\ns_sum 2\ns_bucket 3\n",
    );
    let kinds: Vec<SeriesKind> = read.iter().map(|sample| sample.kind).collect();
    use SeriesKind::{Summary, Untyped};
    assert_eq!(kinds, [Untyped, Summary, Summary, Untyped]);
}

#[test]
fn no_cut_of_a_text_makes_it_panic_and_none_passes_for_the_whole() {
    let whole = "# TYPE h histogram\nh_bucket{le=\"0.1\",a=\"\\\"é\"} 34 # {x=\"y\"} 1\nh_count 34\n# EOF\n";
    for (end, _) in whole.char_indices() {
        let told = parse(&whole[..end], Dialect::OpenMetrics);
        let ended = whole[..end].trim_end().ends_with("# EOF");
        assert_eq!(told.malformed.is_empty(), ended, "{:?}", &whole[..end]);
    }
}
