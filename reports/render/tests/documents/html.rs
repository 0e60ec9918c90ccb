//! The page: whole, quiet on the network, bounded, and with everything that the record says.

use crate::fixture;

use shakedown_render::{Format, Look, render};

fn page(analysis: &shakedown_analysis::Analysis) -> String {
    render(Format::Html, analysis, &Look::default())
}

/// Checks that tags open and close in order, that attributes are quoted, and that no id stands twice.
fn well_formed(html: &str) -> Result<(), String> {
    let mut open: Vec<&str> = Vec::new();
    let mut ids = std::collections::BTreeSet::new();
    let body = html.strip_prefix("<!DOCTYPE html>").ok_or("no doctype")?;
    let mut rest = body;
    while let Some((before, after)) = rest.split_once('<') {
        if before.contains('>') && !open.contains(&"style") {
            return Err(format!("a bare > in {before:?}"));
        }
        let (tag, next) = after.split_once('>').ok_or("a tag without end")?;
        rest = next;
        if let Some(name) = tag.strip_prefix('/') {
            match open.pop() {
                Some(last) if last == name => continue,
                last => return Err(format!("</{name}> closes {last:?}")),
            }
        }
        let name = tag.split([' ', '/']).next().unwrap_or_default();
        if tag.matches('"').count() % 2 != 0 {
            return Err(format!("an unquoted attribute in <{tag}>"));
        }
        if let Some((_, id)) = tag.split_once(" id=\"")
            && let Some((id, _)) = id.split_once('"')
            && !ids.insert(id)
        {
            return Err(format!("id {id} stands twice"));
        }
        if !tag.ends_with('/') {
            open.push(name);
        }
    }
    match open.is_empty() {
        true => Ok(()),
        false => Err(format!("left open: {open:?}")),
    }
}

#[test]
fn the_checker_finds_what_is_wrong() {
    assert!(well_formed("<!DOCTYPE html><p><b>x</b></p>").is_ok());
    assert!(well_formed("<!DOCTYPE html><p><b>x</p></b>").is_err());
    assert!(well_formed("<!DOCTYPE html><p>").is_err());
    assert!(well_formed("<!DOCTYPE html><p id=\"a\"/><p id=\"a\"/>").is_err());
    assert!(well_formed("<!DOCTYPE html><p title=\"a/>").is_err());
}

#[test]
fn every_page_is_well_formed_and_needs_no_network() {
    for (name, analysis) in fixture::all()
        .into_iter()
        .chain([("evil", fixture::evil())])
    {
        let html = page(&analysis);
        well_formed(&html).unwrap_or_else(|error| panic!("{name}: {error}"));
        for reference in [
            "src=", "url(", "@import", "<script", "<iframe", "<object", "<form",
        ] {
            assert!(
                name == "evil" || !html.contains(reference),
                "{name}: {reference}"
            );
        }
        assert!(
            name == "evil" || !html.contains("http:") && !html.contains("https:"),
            "{name}"
        );
        assert!(!html.contains("href=\"http"), "{name}");
    }
}

#[test]
fn the_page_says_what_the_first_screen_says() {
    let html = page(&fixture::fail());
    for text in [
        "FAIL",
        "1 of 4 checks failed: acknowledged orders were lost",
        "exit 1",
        "acme 4.12.0 (sha256:9f3c2a7714c0…, 3 of 3 replicas, unchanged) on local",
        "Killed engine-1, the leader: effect seen after 12 ms",
        "3 of 15,741 acknowledged; RPO 41 ms",
        "shakedown explain 20261120-231500-quickstart --order k3x9qa-7731",
        "15,741 of 15,741 acknowledged on 3 of 3 replicas after the heal",
        "no fault, no open order, no object",
        "on none of 3 copies",
        "ack-before-quorum",
        "MSA 4.2",
        "--seed 42",
        "5d41402abc4b2a76b9719d911017c592",
        "resurrected, reordered, stale, contract-cancelled",
    ] {
        assert!(html.contains(text), "missing: {text}");
    }
}

#[test]
fn charts_have_the_fault_the_phases_and_words_for_those_who_cannot_see_them() {
    let html = page(&fixture::pass());
    let charts = html.matches("<svg ").count();
    assert_eq!(
        charts, 6,
        "timeline, failover and curve, each wide and narrow"
    );
    assert_eq!(html.matches("role=\"img\" aria-label=").count(), charts);
    for text in [
        "leader-dies: kill engine-1",
        "injected at 15.2 s, effect seen at 15.2 s, healed at 20.2 s, clean at 21.1 s",
        "good again 1.84 s after leader-dies began",
        "impact: 15.2 s to 21.1 s",
        "limit of steady-p99",
    ] {
        assert!(html.contains(text), "missing: {text}");
    }
}

#[test]
fn a_run_that_never_started_has_a_page_without_charts() {
    let html = page(&fixture::refused());
    assert!(html.contains("INCONCLUSIVE, REFUSED"));
    assert!(html.contains("holds the lock"));
    assert!(html.contains("No order was sent."));
    assert!(!html.contains("<svg "));
}

#[test]
fn an_hour_of_intervals_stays_under_a_megabyte_and_keeps_its_worst() {
    let mut analysis = fixture::fail();
    analysis.record.faults = fixture::many_faults(100).record.faults;
    analysis.record.failover = fixture::many_faults(100).record.failover;
    analysis.timeline = fixture::timeline(0.1, 3_600.0);
    assert_eq!(analysis.timeline.len(), 36_000);
    let html = page(&analysis);
    assert!(html.len() < 1_000_000, "{} bytes", html.len());
    well_formed(&html).unwrap();
}

#[test]
fn every_link_leads_somewhere_and_every_table_scrolls_in_its_own_box() {
    assert_eq!(dead_links("<a href=\"#a\">x</a><p id=\"b\"></p>"), ["a"]);
    for (name, analysis) in fixture::all() {
        let html = page(&analysis);
        assert_eq!(dead_links(&html), Vec::<String>::new(), "{name}");
        let boxed = html.matches("<div class=\"scroll\"").count();
        assert_eq!(html.matches("<table").count(), boxed, "{name}");
    }
}

fn dead_links(html: &str) -> Vec<String> {
    let targets = html.split("href=\"#").skip(1);
    targets
        .filter_map(|rest| rest.split('"').next())
        .filter(|id| !html.contains(&format!(" id=\"{id}\"")))
        .map(str::to_owned)
        .collect()
}

#[test]
fn asked_and_measured_stand_beside_each_other_with_the_stated_error() {
    let html = page(&fixture::slow_link());
    for text in [
        "delay, median",
        ">50 ms<",
        ">50.3 ms<",
        ">± 1 ms<",
        ">8.1 %<",
        "class=\"bad short\">NO<",
        "12,345 packets",
        "not measured",
        "netem in the namespace of engine-1",
    ] {
        assert!(html.contains(text), "missing: {text}");
    }
    let html = page(&fixture::pass());
    assert!(!html.contains("Stated error"), "a kill has no figures");
    assert!(html.contains("No figure was asked for"));
}

#[test]
fn what_was_not_checked_comes_with_its_reason() {
    let html = page(&fixture::inconclusive());
    for text in [
        "2 questions that this run should have answered: open.",
        "lost orders",
        "engine-3 could not be read: connection refused",
        "the scenario does not ask for this read",
    ] {
        assert!(html.contains(text), "missing: {text}");
    }
    assert!(!page(&fixture::pass()).contains("should have answered"));
}

#[test]
fn a_lost_order_is_told_step_by_step_and_only_the_first_stands_open() {
    let html = page(&fixture::fail());
    let told = [
        "buy 0.5 BTCUSD at 50000 due at 15.158 s",
        "acknowledged at 15.162 s by engine-1, sequence 7731",
        "leader-dies struck",
        "missing on engine-1, engine-2, engine-3",
    ];
    let places: Vec<_> = told.iter().map(|text| html.find(text)).collect();
    assert!(places.iter().all(Option::is_some), "{places:?}");
    assert!(places.is_sorted(), "{places:?}");
    assert_eq!(html.matches("class=\"story\"").count(), 2);
    assert_eq!(html.matches(" open=\"open\"").count(), 1);
    assert!(!page(&fixture::pass()).contains("class=\"story\""));
}

#[test]
fn the_page_says_how_to_do_it_again() {
    let html = page(&fixture::fail());
    assert!(html.contains(
        "shakedown run scenario.yaml --seed 42 --environment local --defect ack-before-quorum"
    ));
    for command in ["replay", "report", "explain"] {
        let line = format!("shakedown {command} 20261120-231500-quickstart");
        assert!(html.contains(&line), "missing: {line}");
    }
    assert!(!page(&fixture::pass()).contains("--defect"));
}

#[test]
fn no_number_of_a_chart_is_a_nan() {
    let mut analysis = fixture::pass();
    for row in &mut analysis.timeline {
        row.p50_ns = None;
        row.p99_ns = None;
        row.p999_ns = None;
        row.offered_per_s = 0.0;
        row.achieved_per_s = 0.0;
        row.outcomes = Default::default();
    }
    analysis.timeline.truncate(1);
    let html = page(&analysis);
    assert!(!html.contains("NaN") && !html.contains("inf "));
    well_formed(&html).unwrap();
}

#[test]
fn what_the_platform_did_is_on_the_timeline_with_its_own_times() {
    let on_platform = page(&fixture::on_a_platform());
    well_formed(&on_platform).unwrap();
    let stroke = "<title>pod engine-1: not ready (its own time: 2026-11-20T23:15:16Z)</title>";
    // Once in each size of the chart.
    assert_eq!(on_platform.matches(stroke).count(), 2);
    assert!(!page(&fixture::pass()).contains("its own time"));
}
