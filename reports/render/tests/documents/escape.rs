//! What an engine or a person writes stays text in every document.

use crate::fixture;

use shakedown_render::{Format, Look, render};

const WIDE: Look = Look {
    color: true,
    width: 100,
};

#[test]
fn tags_are_inert_in_html_and_markdown() {
    for format in [Format::Html, Format::Markdown] {
        let text = without_code(&render(format, &fixture::evil(), &WIDE));
        assert!(
            text.contains("&lt;script") || text.contains("&#60;script"),
            "{format:?} shows the text"
        );
        assert!(!text.contains("<script"), "{format:?}");
        assert!(!text.contains("<img"), "{format:?}");
    }
}

/// Markdown without its code spans, in which nothing has power; the evil text itself has no backtick.
fn without_code(text: &str) -> String {
    assert!(!fixture::EVIL.contains('`'));
    text.split('`').step_by(2).collect()
}

#[test]
fn the_terminal_cannot_be_taken_over() {
    let text = render(
        Format::Text,
        &fixture::evil(),
        &Look {
            color: false,
            ..WIDE
        },
    );
    assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'));
    let colored = render(Format::Text, &fixture::evil(), &WIDE);
    assert!(!colored.contains("\u{1b}[2J"), "only colours are left");
    assert!(colored.contains("\u{1b}[1;31m"));
}

#[test]
fn a_markdown_table_keeps_its_columns() {
    let text = without_code(&render(Format::Markdown, &fixture::evil(), &WIDE));
    let bars = |line: &str| line.replace("\\|", "").matches('|').count();
    let mut width = None;
    for line in text.lines() {
        match line.starts_with('|') {
            true => assert_eq!(*width.get_or_insert(bars(line)), bars(line), "{line}"),
            false => width = None,
        }
    }
    assert!(
        !text.replace("\\]", "").contains("](http"),
        "no link is made"
    );
}

#[test]
fn junit_stays_well_formed() {
    let text = render(Format::Junit, &fixture::evil(), &WIDE);
    assert!(!text.contains('\u{1b}'));
    let report = quick_junit::Report::deserialize_from_str(&text).unwrap();
    assert_eq!(
        report.test_suites[0].tests,
        fixture::evil().record.checks.len()
    );
}

#[test]
fn colour_is_the_only_difference_of_colour() {
    let plain = render(
        Format::Text,
        &fixture::fail(),
        &Look {
            color: false,
            ..WIDE
        },
    );
    let colored = render(Format::Text, &fixture::fail(), &WIDE);
    assert_ne!(plain, colored);
    let mut stripped = String::new();
    let mut rest = colored.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        stripped.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    stripped.push_str(rest);
    assert_eq!(stripped, plain);
}
