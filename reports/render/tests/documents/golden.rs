//! The documents of known runs, compared with files that a person has read.
//!
//! `SHAKEDOWN_WRITE_GOLDEN=1 cargo test -p shakedown-render` writes the files anew; read the difference before keeping it.

use crate::fixture;

use std::fs;
use std::path::Path;

use shakedown_render::{Format, Look, latency_hlog, render, timeline_csv};

fn compare(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    if std::env::var_os("SHAKEDOWN_WRITE_GOLDEN").is_some() {
        fs::write(&path, text).expect("the golden folder can be written");
        return;
    }
    let golden =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(text, golden, "{name} differs from its golden file");
}

#[test]
fn text_at_80_and_120_columns() {
    for (name, analysis) in fixture::all() {
        for width in [80, 120] {
            let look = Look {
                color: false,
                width,
            };
            let text = render(Format::Text, &analysis, &look);
            compare(&format!("{name}-{width}.txt"), &text);
            for line in text.lines() {
                let command = line.trim_start().starts_with("> ");
                assert!(
                    command || line.chars().count() <= width,
                    "{name} at {width}: {line}"
                );
            }
        }
    }
}

#[test]
fn junit() {
    for (name, analysis) in fixture::all() {
        compare(
            &format!("{name}.junit.xml"),
            &render(Format::Junit, &analysis, &Look::default()),
        );
    }
}

#[test]
fn markdown() {
    for (name, analysis) in fixture::all() {
        compare(
            &format!("{name}.md"),
            &render(Format::Markdown, &analysis, &Look::default()),
        );
    }
}

/// The words of a page in their order: what a reader who sees neither layout nor charts gets.
fn words_of(html: &str) -> String {
    let (_, body) = html.split_once("</head>").expect("a page has a head");
    let mut text = String::new();
    for piece in body.split('<').filter_map(|piece| piece.split_once('>')) {
        let words = piece.1.split_whitespace().collect::<Vec<_>>().join(" ");
        if !words.is_empty() {
            text.push_str(&words);
            text.push('\n');
        }
    }
    text
}

#[test]
fn words_of_the_page() {
    for (name, analysis) in [
        ("fail", fixture::fail()),
        ("slow-link", fixture::slow_link()),
        ("never-back", fixture::never_back()),
        ("platform", fixture::on_a_platform()),
        ("refused", fixture::refused()),
    ] {
        let html = render(Format::Html, &analysis, &Look::default());
        compare(&format!("{name}.page.txt"), &words_of(&html));
    }
}

#[test]
fn a_platform_on_the_console_and_in_markdown() {
    let analysis = fixture::on_a_platform();
    let look = Look {
        color: false,
        width: 120,
    };
    compare("platform-120.txt", &render(Format::Text, &analysis, &look));
    compare("platform.md", &render(Format::Markdown, &analysis, &look));
}

#[test]
fn timeline() {
    compare("timeline.csv", &timeline_csv(&fixture::pass()));
}

#[test]
fn json_is_the_record_and_equal_records_give_equal_bytes() {
    let analysis = fixture::fail();
    let text = render(Format::Json, &analysis, &Look::default());
    assert!(text.ends_with("}\n"));
    let back: shakedown_record::run_record::RunRecord = serde_json::from_str(&text).unwrap();
    assert_eq!(back, analysis.record);
    assert_eq!(
        text,
        render(
            Format::Json,
            &fixture::fail(),
            &Look {
                color: true,
                width: 10
            }
        )
    );
}

#[test]
fn the_interval_log_reads_back_without_loss() {
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    let analysis = fixture::pass();
    let log = latency_hlog(&analysis);
    let text = std::str::from_utf8(&log).unwrap();
    assert!(text.starts_with("#[Histogram log format version 1.3]\n"));
    assert!(
        text.contains("#[StartTime: 1795216500.000 (seconds since epoch)]"),
        "{text}"
    );
    assert!(text.contains("#[BaseTime: 1795216500.000 (seconds since epoch)]"));
    let mut intervals = Vec::new();
    for entry in IntervalLogIterator::new(&log) {
        if let LogEntry::Interval(interval) = entry.unwrap() {
            intervals.push(interval);
        }
    }
    assert_eq!(intervals.len(), analysis.latency_intervals.len());
    assert_eq!(intervals[0].tag().unwrap().as_str(), "warm-up");
    assert_eq!(intervals[1].tag().unwrap().as_str(), "steady");
    assert_eq!(intervals[1].start_timestamp().as_secs(), 10);
    assert_eq!(intervals[1].duration().as_secs(), 10);
    let packed = base64(intervals[1].encoded_histogram());
    let back: hdrhistogram::Histogram<u64> = Deserializer::new()
        .deserialize(&mut packed.as_slice())
        .unwrap();
    let packed = &analysis.latency_intervals[1].histogram;
    assert_eq!(&back, packed.unpack().hdr());
}

/// Decodes base64 with the standard alphabet.
fn base64(text: &str) -> Vec<u8> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bits = 0_u32;
    let mut held = 0;
    let mut out = Vec::new();
    for byte in text.bytes().filter(|byte| *byte != b'=') {
        let value = ALPHABET
            .iter()
            .position(|known| *known == byte)
            .expect("base64");
        bits = bits << 6 | value as u32;
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
        }
    }
    out
}
