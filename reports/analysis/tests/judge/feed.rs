//! Known truth: a feed that tells of every acknowledged message 3 ms after the acknowledgement, and ways to spoil it.

use shakedown_analysis::{Analysis, analyse};
use shakedown_record::event::Event;
use shakedown_record::feed::{FeedConnection, FeedReport, FeedRow, FeedWriter};
use shakedown_record::run_record::Severity;
use shakedown_record::{Outcome, Phase, Verdict};
use shakedown_scenarios::plan::{
    Endpoints, EnvironmentPlan, FeedCount, FeedPlan, FeedRule, FeedTime, JsonPointer, MadeAt, Rule,
    RuleKind,
};

use crate::build::*;

const AGE: i64 = 2 * MS as i64;

struct Feed {
    run: Run,
    rows: Vec<FeedRow>,
    report: FeedReport,
}

fn time(what: FeedTime, at_most_ns: u64) -> FeedRule {
    FeedRule::Time {
        what,
        quantile: 0.99,
        at_most_ns,
        phase: Phase::Steady,
    }
}

impl Feed {
    fn sound() -> Feed {
        let mut run = Run::healthy();
        let pointer = |text: &str| JsonPointer(text.into());
        run.plan.system.market_data.feed = Some(FeedPlan {
            path: "/feed?after={{after}}".into(),
            sequence: pointer("/sequence"),
            made: Some(MadeAt {
                at: pointer("/at"),
                unit_ns: 1,
            }),
            order: Some(pointer("/id")),
            book: None,
            clock_error_ns: Some(0),
        });
        let counts = FeedCount::ALL.map(|what| FeedRule::Count { what, at_most: 0 });
        let times = [
            time(FeedTime::Freshness, 5 * MS),
            time(FeedTime::Skew, 5 * MS),
        ];
        let rules = counts.into_iter().chain(times).map(|rule| Rule {
            id: rule.name().to_string(),
            kind: RuleKind::Feed(rule),
            severity: Severity::Critical,
            source: None,
        });
        run.plan.rules.extend(rules);
        // What was asked about an order that never came in is told of no order.
        let is_acked = |slot: u64| run.entries[slot as usize].outcome == Some(Outcome::Acked);
        let acked = run.entries.iter().enumerate();
        let acked = acked.filter(|(_, entry)| entry.outcome == Some(Outcome::Acked));
        let rows = acked.enumerate().map(|(number, (slot, entry))| FeedRow {
            received_ns: ZERO + entry.done_ns.unwrap() + 3 * MS,
            sequence: number as u64 + 40,
            age_ns: Some(AGE),
            slot: entry
                .target
                .or(Some(slot as u64))
                .filter(|slot| is_acked(*slot)),
        });
        let rows: Vec<FeedRow> = rows.collect();
        let report = FeedReport {
            messages: rows.len() as u64,
            connected: 1,
            connections: vec![FeedConnection {
                url: "ws://engine-1".into(),
                from_mono_ns: ZERO - S,
                to_mono_ns: ZERO + END + S,
                ended: "the run ended".into(),
            }],
            ..FeedReport::default()
        };
        Feed { run, rows, report }
    }

    fn judge(self) -> Analysis {
        let report = self.report;
        let run = self.run.and(END, Event::FeedHeard { report });
        let (_folder, dir) = run.write();
        let mut writer = FeedWriter::create(&dir.feed()).unwrap();
        let mut rows = self.rows;
        rows.sort_by_key(|row| row.received_ns);
        rows.iter().for_each(|row| writer.write(row).unwrap());
        writer.flush().unwrap();
        drop(writer);
        analyse(&dir, &run.plan).unwrap()
    }

    fn change(mut self, change: impl Fn(usize, &mut FeedRow)) -> Feed {
        let rows = self.rows.iter_mut().enumerate();
        rows.for_each(|(at, row)| change(at, row));
        self
    }
}

fn is_red(analysis: &Analysis, id: &str) {
    assert_eq!(ids(analysis, Verdict::Fail), [id]);
}

fn is_open(analysis: &Analysis, id: &str, why: &str) {
    let check = the(analysis, id);
    assert_eq!(check.verdict, Verdict::Inconclusive, "{}", check.why);
    assert!(check.why.contains(why), "{}", check.why);
}

#[test]
fn a_sound_feed_passes_with_its_figures() {
    let analysis = Feed::sound().judge();
    assert_eq!(ids(&analysis, Verdict::Fail), [] as [&str; 0]);
    assert_eq!(ids(&analysis, Verdict::Inconclusive), [] as [&str; 0]);
    let feed = analysis.record.feed.as_ref().unwrap();
    assert_eq!((feed.gaps, feed.duplicates, feed.untold), (0, 0, Some(0)));
    assert_eq!(feed.told_before_ack, Some(0));
    let skew = feed.skew[&Phase::Steady].p50_ns.unwrap() as f64;
    assert!((skew / (3.0 * MS as f64) - 1.0).abs() < 0.01, "{skew}");
    let age = feed.freshness[&Phase::Steady].p99_ns.unwrap() as f64;
    assert!((age / AGE as f64 - 1.0).abs() < 0.01, "{age}");
}

#[test]
fn a_number_that_never_came_is_a_gap() {
    let mut feed = Feed::sound();
    // A cancel: the order itself was told of before.
    let at = feed
        .rows
        .iter()
        .position(|row| row.slot == Some(2 * 20 + 2));
    let cancel = feed
        .rows
        .iter()
        .rposition(|row| row.slot == Some(2 * 20 + 2));
    assert!(at < cancel, "the order and its cancel");
    feed.rows.remove(cancel.unwrap());
    let analysis = feed.judge();
    is_red(&analysis, "feed-gaps");
    assert_eq!(analysis.record.feed.unwrap().gaps, 1);
}

#[test]
fn a_number_that_came_again_is_a_duplicate() {
    let mut feed = Feed::sound();
    feed.rows.push(feed.rows[700]);
    is_red(&feed.judge(), "feed-duplicates");
}

#[test]
fn an_order_that_nobody_was_told_of_is_untold() {
    // One that is neither cancelled nor replaced, so that nothing else names it.
    let feed = Feed::sound().change(|_, row| row.slot = row.slot.filter(|slot| *slot != 900));
    let analysis = feed.judge();
    is_red(&analysis, "feed-untold");
    assert_eq!(analysis.record.feed.unwrap().untold, Some(1));
}

#[test]
fn old_messages_are_not_fresh() {
    let feed = Feed::sound().change(|at, row| {
        if at % 20 == 0 {
            row.age_ns = Some(6 * MS as i64);
        }
    });
    is_red(&feed.judge(), "freshness");
}

#[test]
fn a_feed_behind_its_acknowledgements_is_skewed() {
    let feed = Feed::sound().change(|_, row| row.received_ns += 3 * MS);
    is_red(&feed.judge(), "feed-skew");
}

#[test]
fn a_feed_that_dies_does_not_improve_its_skew() {
    let mut feed = Feed::sound();
    let half = ZERO + 9 * S;
    feed.rows.retain(|row| row.received_ns < half);
    let analysis = feed.judge();
    let red = ids(&analysis, Verdict::Fail);
    assert!(
        red.contains(&"feed-untold") && red.contains(&"feed-skew"),
        "{red:?}"
    );
}

#[test]
fn nothing_heard_is_inconclusive_and_says_why() {
    let mut feed = Feed::sound();
    feed.rows.clear();
    feed.report.connected = 0;
    feed.report.refused = Some("engine-1: status 404".into());
    let analysis = feed.judge();
    for id in ["feed-gaps", "feed-untold", "freshness", "feed-skew"] {
        is_open(&analysis, id, "status 404");
    }
    assert_eq!(analysis.record.feed, None);
}

#[test]
fn clocks_of_two_machines_are_told_apart() {
    let mut elsewhere = Feed::sound();
    let feed = elsewhere.run.plan.system.market_data.feed.as_mut();
    feed.unwrap().clock_error_ns = None;
    elsewhere.run.plan.environment = EnvironmentPlan::External(Endpoints {
        entry: vec!["http://10.0.0.7".into()],
        parts: std::collections::BTreeMap::new(),
        not_production: Vec::new(),
    });
    is_open(&elsewhere.judge(), "freshness", "another machine");
    let ahead = Feed::sound().change(|at, row| {
        if at == 800 {
            row.age_ns = Some(-5);
        }
    });
    is_open(&ahead.judge(), "freshness", "the clocks differ");
}

#[test]
fn what_could_not_be_written_is_not_taken_for_nothing() {
    let mut feed = Feed::sound();
    feed.report.unwritten = Some("no space left on device".into());
    is_open(&feed.judge(), "feed-gaps", "no space left");
}
