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
        "injected at 15.2 s, healed at 20.2 s, clean at 21.1 s",
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
    analysis.timeline = fixture::timeline(0.1, 3_600.0);
    assert_eq!(analysis.timeline.len(), 36_000);
    let html = page(&analysis);
    assert!(html.len() < 1_000_000, "{} bytes", html.len());
    well_formed(&html).unwrap();
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
