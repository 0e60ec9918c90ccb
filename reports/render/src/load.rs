//! `shakedown load`: the figures of a load alone, and in words what they are worth.
//!
//! wrk and its like print service time and call it latency. Here response time comes first, counted from the moment a
//! request was due, with failures counted as the timeout; a generator that was late itself says so.

use std::cmp::Reverse;

use shakedown_analysis::LoadResult;
use shakedown_analysis::fail_if::Held;
use shakedown_record::Phase;

use crate::document::{outcomes_table, ways_table};
use crate::json::pretty;
use crate::look::Look;
use crate::screen::{generator, outage};
use crate::text::Page;
use crate::words::{Tone, duration_ns, fraction, grouped, rate};

/// Outages that are told one by one; the rest is counted.
const TOLD: usize = 10;

/// The figures as JSON, with the keys of `record.json` and the one phase `run`; ended by a newline.
pub fn render_load_json(result: &LoadResult) -> String {
    pretty(result)
}

/// The figures for a terminal, ended by a newline.
pub fn render_load_text(result: &LoadResult, look: &Look) -> String {
    let mut page = Page::new(*look);
    page.plain(&rates(result));
    latency(&mut page, result);
    let outcomes = outcomes_table(&result.generator);
    if !outcomes.rows.is_empty() {
        page.gap();
        page.plain(&format!(
            "{} scheduled, and how they ended:",
            grouped(result.generator.scheduled)
        ));
        page.table(&outcomes);
    }
    statuses(&mut page, result);
    page.gap();
    outages(&mut page, result);
    health(&mut page, result);
    conditions(&mut page, result);
    page.finish()
}

fn rates(result: &LoadResult) -> String {
    let throughput = result.throughput.get(&Phase::Run);
    let offered = throughput.and_then(|throughput| throughput.offered_per_s);
    let achieved = throughput.and_then(|throughput| throughput.achieved_per_s);
    match (offered, achieved) {
        (Some(offered), Some(achieved)) if offered > 0.0 => format!(
            "Offered {}, answered well {} ({})",
            rate(offered),
            rate(achieved),
            fraction(achieved / offered)
        ),
        (Some(offered), _) => format!("Offered {}, answered well: not measured", rate(offered)),
        (None, _) => "Nothing was offered".into(),
    }
}

fn latency(page: &mut Page, result: &LoadResult) {
    let table = ways_table(&[
        ("response", result.latency.get(&Phase::Run)),
        ("  answered well", result.latency_acked.get(&Phase::Run)),
        ("service", result.latency_service.get(&Phase::Run)),
    ]);
    page.gap();
    if table.rows.is_empty() {
        page.toned("No time was measured: nothing was sent.", Tone::Unsure);
        return;
    }
    page.table(&table);
    page.toned(
        "Response: from the moment a request was due, failures count as the timeout. Service: from the actual send to the answer.",
        Tone::Quiet,
    );
}

/// Which HTTP statuses came, where any of them is no good answer.
fn statuses(page: &mut Page, result: &LoadResult) {
    let is_bad = |status: &u16| !(200..400).contains(status);
    if !result.statuses.keys().any(is_bad) {
        return;
    }
    let mut counts: Vec<(u16, u64)> = result.statuses.iter().map(|(s, n)| (*s, *n)).collect();
    counts.sort_by_key(|(status, count)| (Reverse(*count), *status));
    let told = counts.iter().take(TOLD);
    let told: Vec<String> = told
        .map(|(status, count)| format!("{status} ({})", grouped(*count)))
        .collect();
    let more = match counts.len().saturating_sub(TOLD) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    page.toned(
        &format!("HTTP statuses: {}{more}", told.join(", ")),
        Tone::Unsure,
    );
}

fn outages(page: &mut Page, result: &LoadResult) {
    if result.failover.is_empty() {
        page.plain(&format!(
            "Outages: none (no errors, and P99 of every 100 ms within {})",
            duration_ns(result.health_limit_ns)
        ));
        return;
    }
    page.plain(&format!("Outages: {}", result.failover.len()));
    for entry in result.failover.iter().take(TOLD) {
        let line = outage(entry);
        page.under("  ", &line.text, line.tone);
    }
    if result.failover.len() > TOLD {
        page.plain(&format!("  and {} more", result.failover.len() - TOLD));
    }
}

fn conditions(page: &mut Page, result: &LoadResult) {
    if !result.fail_if.is_empty() {
        page.gap();
    }
    for checked in &result.fail_if {
        let (word, tone) = match checked.held {
            Held::Yes => ("FAIL", Tone::Bad),
            Held::No => ("ok", Tone::Good),
            Held::Unknown => ("?", Tone::Unsure),
        };
        let text = format!("{word} {}: {}", checked.condition, checked.observed);
        page.toned(&text, tone);
    }
}

fn health(page: &mut Page, result: &LoadResult) {
    let line = generator(&result.generator);
    let lag = result.generator.send_lag_p99_ns.map(duration_ns);
    let lag = lag.map(|lag| format!(" (late by its own fault: {lag} at P99)"));
    // Below a microsecond it is the way through the program, not a wait.
    let wait = result
        .generator
        .session_wait_p99_ns
        .filter(|ns| *ns >= 1_000);
    let wait = wait.map(|ns| format!("; waited for a busy session: {} at P99", duration_ns(ns)));
    page.toned(
        &format!(
            "Generator: {}{}{}",
            line.text,
            lag.unwrap_or_default(),
            wait.unwrap_or_default()
        ),
        line.tone,
    );
    if let Some(io) = &result.generator.io {
        page.plain(&format!("Sockets: {} ({}).", io.way.name(), io.why));
    }
    if result.generator.saturated {
        page.toned(
            "These times say as much of this machine as of the server: offer less, or use a machine of its own.",
            Tone::Unsure,
        );
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use shakedown_analysis::fail_if::Checked;
    use shakedown_record::OutcomeCounts;
    use shakedown_record::histogram::LatencyHistogram;
    use shakedown_record::run_record::{Failover, GeneratorInfo, Throughput};

    use super::*;

    fn result() -> LoadResult {
        let mut histogram = LatencyHistogram::default();
        (1..=10_000_u64).for_each(|us| histogram.record(us * 1_000));
        let latency = BTreeMap::from([(Phase::Run, histogram.summary())]);
        LoadResult {
            began_monotonic_ns: None,
            latency: latency.clone(),
            latency_acked: latency.clone(),
            latency_service: latency,
            throughput: BTreeMap::from([(
                Phase::Run,
                Throughput {
                    offered_per_s: Some(1_000.0),
                    achieved_per_s: Some(999.0),
                },
            )]),
            generator: GeneratorInfo {
                scheduled: 10_000,
                outcomes: OutcomeCounts {
                    acked: 9_990,
                    timeout: 10,
                    ..OutcomeCounts::default()
                },
                send_lag_p99_ns: Some(12_000),
                ..GeneratorInfo::default()
            },
            statuses: BTreeMap::from([(200, 9_990)]),
            failover: Vec::new(),
            health_limit_ns: 50_000_000,
            fail_if: Vec::new(),
            timeline: Vec::new(),
            curve: Vec::new(),
            latency_intervals: Vec::new(),
        }
    }

    fn text(result: &LoadResult) -> String {
        let look = Look {
            color: false,
            width: 80,
        };
        let text = render_load_text(result, &look);
        assert!(
            text.lines().all(|line| line.chars().count() <= 80),
            "{text}"
        );
        text
    }

    #[test]
    fn a_sound_load_says_what_was_offered_answered_and_how_it_ended() {
        let text = text(&result());
        for words in [
            "Offered 1,000/s, answered well 999/s (99.9 %)",
            "response",
            "service",
            "9.9 ms",
            "10,000 scheduled",
            "timeout",
            "0.10 %",
            "Outages: none",
            "Generator: sound (late by its own fault: 12 us at P99)",
        ] {
            assert!(text.contains(words), "{words} is missing in\n{text}");
        }
    }

    #[test]
    fn a_starved_generator_and_an_endless_outage_are_said_aloud() {
        let mut starved = result();
        starved.generator.saturated = true;
        starved.generator.why = "late by 12 ms (P99, limit 1 ms)".into();
        starved.failover = vec![Failover {
            started_at_s: 3.2,
            censored_at_s: Some(6.8),
            ..Failover::default()
        }];
        let text = text(&starved);
        assert!(
            text.contains("Generator: NOT SOUND: late by 12 ms"),
            "{text}"
        );
        assert!(text.contains("as much of this machine as of the server"));
        assert!(text.contains("OUTAGE at 3.2 s"), "{text}");
        assert!(text.contains("NOT good again within 6.8 s"));
    }

    #[test]
    fn conditions_stand_beside_what_was_observed() {
        let mut result = result();
        let checked = |condition: &str, held, observed: &str| Checked {
            condition: condition.into(),
            held,
            observed: observed.into(),
        };
        result.fail_if = vec![
            checked("p99>5ms", Held::Yes, "9.9 ms"),
            checked("errors>1%", Held::No, "0.1 %"),
            checked("max>1s", Held::Unknown, "not measured"),
        ];
        let text = text(&result);
        assert!(text.contains("FAIL p99>5ms: 9.9 ms"), "{text}");
        assert!(text.contains("ok errors>1%: 0.1 %"), "{text}");
        assert!(text.contains("? max>1s: not measured"), "{text}");
    }

    #[test]
    fn bad_statuses_are_named_the_most_frequent_first() {
        let mut result = result();
        assert!(!text(&result).contains("HTTP statuses"));
        result.statuses = BTreeMap::from([(200, 5), (404, 7), (503, 9_978)]);
        let named = "HTTP statuses: 503 (9,978), 404 (7), 200 (5)";
        assert!(text(&result).contains(named), "{}", text(&result));
        result.statuses = (500..515).map(|status| (status, 1)).collect();
        assert!(text(&result).contains("and 5 more"), "{}", text(&result));
        let json: serde_json::Value = serde_json::from_str(&render_load_json(&result)).unwrap();
        assert_eq!(json["statuses"]["503"], 1);
    }

    #[test]
    fn nothing_measured_is_not_a_good_time() {
        let mut nothing = result();
        nothing.latency = BTreeMap::from([(Phase::Run, Default::default())]);
        nothing.latency_acked.clear();
        nothing.latency_service.clear();
        nothing.throughput.clear();
        nothing.generator = GeneratorInfo::default();
        let text = text(&nothing);
        assert!(text.contains("Nothing was offered"));
        assert!(text.contains("No time was measured"));
        assert!(text.contains("Generator: sent nothing"));
        assert!(!text.contains("0 s"));
    }

    #[test]
    fn json_has_the_keys_of_the_record() {
        let json: serde_json::Value = serde_json::from_str(&render_load_json(&result())).unwrap();
        for key in ["latency", "latency_acked", "latency_service", "throughput"] {
            assert!(json[key]["run"].is_object(), "{key}");
        }
        assert_eq!(json["latency"]["run"]["count"], 10_000);
        assert_eq!(json["generator"]["outcomes"]["timeout"], 10);
        assert_eq!(json["failover"], serde_json::json!([]));
    }
}
