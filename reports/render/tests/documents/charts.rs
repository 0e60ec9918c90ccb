//! The charts: what they must show, and that their words can be read.
//!
//! With `SHAKEDOWN_WRITE_PAGES=FOLDER` the pages are written there, to be looked at in a browser.

// Helpers of tests are tests: a chart that is not as expected may panic.
#![allow(clippy::unwrap_used)]

use crate::fixture;

use shakedown_analysis::Analysis;
use shakedown_record::Outcome;
use shakedown_render::{Format, Look, render};

fn page(analysis: &Analysis) -> String {
    render(Format::Html, analysis, &Look::default())
}

/// Every `<svg>` of a page.
fn charts(html: &str) -> Vec<&str> {
    html.split("<svg ")
        .skip(1)
        .filter_map(|rest| rest.split("</svg>").next())
        .collect()
}

/// A text of a chart and where it stands; its width is estimated as for a wide font.
#[derive(Debug)]
struct Words {
    text: String,
    left: f64,
    right: f64,
    y: f64,
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    rest.split('"').next()
}

fn number(tag: &str, name: &str) -> Option<f64> {
    attribute(tag, name)?.parse().ok()
}

/// The texts of a chart, its width and height.
fn words(chart: &str) -> (Vec<Words>, f64, f64) {
    let head = format!(" {}", chart.split('>').next().unwrap());
    let font = number(&head, "font-size").unwrap();
    let size: Vec<f64> = attribute(&head, "viewBox")
        .unwrap()
        .split(' ')
        .map(|n| n.parse().unwrap())
        .collect();
    let words = chart.split("<text").skip(1).map(|rest| {
        let (tag, rest) = rest.split_once('>').unwrap();
        let text = rest.split('<').next().unwrap();
        let text = text
            .replace("&#39;", "'")
            .replace("&gt;", ">")
            .replace("&lt;", "<");
        let width = text.chars().count() as f64 * font * 0.52;
        let x = number(tag, "x").unwrap();
        let left = match attribute(tag, "text-anchor") {
            Some("middle") => x - width / 2.0,
            Some("end") => x - width,
            _ => x,
        };
        Words {
            text,
            left,
            right: left + width,
            y: number(tag, "y").unwrap(),
        }
    });
    (words.collect(), size[2], size[3])
}

/// Texts that cover each other or leave the chart.
fn unreadable(chart: &str) -> Vec<String> {
    let (words, width, height) = words(chart);
    let mut found = Vec::new();
    for (index, word) in words.iter().enumerate() {
        if word.left < -1.0 || word.right > width + 1.0 || word.y > height || word.y < 6.0 {
            found.push(format!(
                "{} is outside: {word:?} of {width} x {height}",
                word.text
            ));
        }
        for other in &words[index + 1..] {
            let same_line = (word.y - other.y).abs() < 9.0;
            if same_line && word.left < other.right && other.left < word.right {
                found.push(format!(
                    "{} and {} cover each other: {word:?}, {other:?}",
                    word.text, other.text
                ));
            }
        }
    }
    found
}

#[test]
fn the_reader_finds_what_cannot_be_read() {
    let chart = |x: u32| {
        format!(
            "viewBox=\"0 0 300 100\" font-size=\"10\"><text x=\"10\" y=\"20\">one label</text><text x=\"{x}\" y=\"22\">another</text>"
        )
    };
    assert_eq!(unreadable(&chart(100)), Vec::<String>::new());
    assert_eq!(unreadable(&chart(40)).len(), 1, "covered");
    assert_eq!(unreadable(&chart(290)).len(), 1, "outside");
}

#[test]
fn no_label_of_any_chart_covers_another_or_leaves_the_chart() {
    let runs = fixture::all().into_iter().chain([
        ("slow-link", fixture::slow_link()),
        ("never-back", fixture::never_back()),
        ("two-faults", fixture::many_faults(2)),
        ("twenty-faults", fixture::many_faults(20)),
    ]);
    for (name, analysis) in runs {
        let html = page(&analysis);
        if let Some(folder) = std::env::var_os("SHAKEDOWN_WRITE_PAGES") {
            let path = std::path::Path::new(&folder).join(format!("{name}.html"));
            std::fs::write(path, &html).expect("the folder for pages can be written");
        }
        for chart in charts(&html) {
            let found = unreadable(chart);
            assert!(found.is_empty(), "{name}: {}\n{found:#?}", &chart[..120]);
        }
    }
}

#[test]
fn the_moments_of_a_fault_are_labelled() {
    let html = page(&fixture::pass());
    for text in [
        ">leader-dies: kill engine-1<",
        ">injected 15.2 s, effect seen after 12 ms<",
        ">healed 20.2 s<",
        ">clean 21.1 s<",
    ] {
        assert!(html.contains(text), "missing: {text}");
    }
    let html = page(&fixture::never_back());
    assert!(html.contains(">injected 15.2 s, NO EFFECT SEEN<"));
    assert!(html.contains(">NOT HEALED<"));
    assert!(!html.contains(">healed ") && !html.contains(">clean "));
    let many = page(&fixture::many_faults(20));
    assert!(many.contains(">leader-dies#2: kill engine-1<"));
    assert!(!many.contains(">injected "), "twenty times four labels");
}

#[test]
fn failover_is_one_bar_cut_where_something_happened() {
    let html = page(&fixture::pass());
    for text in [
        ">effect seen 12 ms<",
        ">first acknowledgement 1.62 s<",
        ">recovered 1.84 s<",
        ">redundancy back 6.4 s<",
        ">worst session 2.11 s<",
        ">outage by the heal 0 s<",
        "recovered: from 1.62 s to 1.84 s",
    ] {
        assert!(html.contains(text), "missing: {text}");
    }
    let html = page(&fixture::never_back());
    assert!(html.contains(">not recovered within 26.8 s<"));
    assert!(html.contains(">not healed within 26.8 s<"));
    assert!(!html.contains(">effect seen "), "no effect was seen");
    assert!(html.contains(">an outage that no fault explains<"));
    let many = page(&fixture::many_faults(20));
    assert!(many.contains("The first 8 of 20; all are in the table."));
}

#[test]
fn areas_show_how_orders_ended_and_the_key_names_only_what_happened() {
    let mut analysis = fixture::pass();
    let key = |analysis: &Analysis, name: &str| page(analysis).contains(&format!(">{name}</text>"));
    assert!(key(&analysis, "never reached the engine"));
    assert!(key(&analysis, "rejected or throttled"));
    assert!(!key(&analysis, "may have executed"));
    analysis.timeline[20].outcomes.add(Outcome::Timeout, 3);
    assert!(key(&analysis, "may have executed"));
    for row in &mut analysis.timeline {
        let acked = row.outcomes.total();
        row.outcomes = Default::default();
        row.outcomes.add(Outcome::Acked, acked);
    }
    assert!(!key(&analysis, "never reached the engine"));
    assert!(!page(&analysis).contains("Not acknowledged, per second"));
}

#[test]
fn the_curve_compares_steady_impact_and_recovery_with_the_limits() {
    let html = page(&fixture::pass());
    let charts = charts(&html);
    let curve = charts
        .iter()
        .find(|chart| chart.contains("Response time by quantile"))
        .unwrap();
    for text in [
        ">steady<",
        ">impact<",
        ">recovery<",
        ">P99.9<",
        "limit of steady-p99",
    ] {
        assert!(curve.contains(text), "missing: {text}");
    }
    assert!(!curve.contains(">warm-up<") && !curve.contains(">run<"));
}

/// Without a rule of the style sheet an element keeps its light colour in the dark.
#[test]
fn every_class_of_a_chart_has_a_colour_in_every_mode() {
    for analysis in [fixture::fail(), fixture::never_back(), fixture::slow_link()] {
        let html = page(&analysis);
        let style = html.split("<style>").nth(1).unwrap();
        let style = style.split("</style>").next().unwrap();
        for chart in charts(&html) {
            for class in chart.split("class=\"").skip(1) {
                let class = class.split('"').next().unwrap();
                let known = [" ", ",", "{"]
                    .iter()
                    .any(|end| style.contains(&format!(".{class}{end}")));
                assert!(known, "no colour for .{class}");
            }
        }
        for name in style.split("var(--").skip(1) {
            let name = name.split(')').next().unwrap();
            let times = style.matches(&format!("--{name}:")).count();
            assert_eq!(times, 3, "--{name} in light, dark and print");
        }
    }
}
