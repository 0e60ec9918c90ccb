//! Market data and venues: what a profile and a scenario may say of them, and what cannot be answered.

use crate::common::{
    FOREIGN, compile_both, file, only, profile_alone, set, shipped, swapped, with,
};
use shakedown_scenarios::plan::{
    Delay, FeedRule, LocalStandIn, PointPart, PublishPlan, RuleKind, VenueFix, VenueRule,
};
use shakedown_scenarios::{Diagnostic, plan::EnvironmentPlan};

const MAKER: &str = "market-maker";

/// What messages of a feed tell of the books.
const BOOK: &str = "book: { event: /e, accepted: [new], symbol: /s, side: /side, price: /p, quantity: /q, \
                    fills: { at: /f, maker: /m, quantity: /q } }";

/// A profile with a section in place of the reference engine's market data.
fn profile(section: &str) -> String {
    let reference = shipped("reference").text;
    let (before, rest) = reference
        .split_once("market-data:\n")
        .expect("the profile has market data");
    let (_, after) = rest
        .split_once("read-back:\n")
        .expect("and then how it is read back");
    format!("{before}{section}\nread-back:\n{after}")
}

fn refused(section: &str) -> Diagnostic {
    only(profile_alone(&profile(section)))
}

fn maker(
    scenario: &str,
) -> Result<shakedown_scenarios::Compiled, shakedown_scenarios::Diagnostics> {
    compile_both(&file("s.yaml", scenario), &shipped(MAKER), &[])
}

#[test]
fn the_shipped_scenarios_say_what_they_mean() {
    let feed = with("market-feed", &[]).unwrap().plan;
    let told = feed.feed_heard().unwrap();
    assert!(told.resumes() && told.order.is_some());
    assert!(feed.feed_book().unwrap().snapshot.is_some());
    assert_eq!(feed.points, None);
    let quickstart = with("quickstart", &[]).unwrap().plan;
    assert_eq!(quickstart.feed_heard(), None, "no rule is about it");
    let data = with("market-data", &[]).unwrap().plan;
    assert_eq!(data.points.unwrap().rate_per_s, 50_000.0);
    assert_eq!(data.feed_book(), None, "no rule is about the books");
    let venue = maker(&shipped("venue-kill").text).unwrap().plan;
    let behaviour = venue.venue.unwrap();
    assert_eq!(behaviour.rejects, 0.02);
    let latency = Delay::Exponential {
        mean_ns: 2_000_000,
        at_most_ns: 50_000_000,
    };
    assert_eq!(behaviour.latency, latency);
    assert_eq!(behaviour.longest_ns(), 650_000_000);
    let EnvironmentPlan::Local { stand_in } = &venue.environment else {
        panic!("{:?}", venue.environment);
    };
    assert!(matches!(stand_in, LocalStandIn::MarketMaker { venue, .. } if venue == "venue"));
    let of = |is: fn(&RuleKind) -> bool| venue.rules.iter().filter(|rule| is(&rule.kind)).count();
    assert_eq!(
        of(|kind| matches!(kind, RuleKind::Venue(VenueRule::Trades { .. }))),
        4
    );
    assert_eq!(
        of(|kind| matches!(kind, RuleKind::Feed(FeedRule::Count { .. }))),
        0
    );
}

#[test]
fn points_over_http_are_read_part_by_part() {
    let section = "market-data: { publish: { http: { path: /p, body: '{\"all\":[{{points}}]}', \
                   point: '{\"n\":{{sequence}},\"s\":\"{{ symbol }}\"}', batch: 10, acked: [202] } } }";
    let plan = profile_alone(&profile(section)).unwrap().plan;
    let Some(PublishPlan::Http(http)) = plan.system.market_data.publish else {
        panic!("{:?}", plan.system.market_data);
    };
    assert_eq!(
        (http.before.as_str(), http.after.as_str()),
        ("{\"all\":[", "]}")
    );
    let text = |text: &str| PointPart::Text(text.into());
    let parts = [
        text("{\"n\":"),
        PointPart::Sequence,
        text(",\"s\":\""),
        PointPart::Symbol,
        text("\"}"),
    ];
    assert_eq!(http.point, parts);
    assert_eq!(http.method, "POST");
}

#[test]
fn what_makes_no_market_data_is_refused() {
    let http =
        |rest: &str| format!("market-data: {{ publish: {{ http: {{ path: /p, {rest} }} }} }}");
    let book = |from: &str, to: &str| {
        let book = BOOK.replace(from, to);
        format!("market-data: {{ feed: {{ websocket: {{ path: /feed, sequence: /s, {book} }} }} }}")
    };
    for (section, said) in [
        (
            "market-data: { publish: { binary: { port: 0 } } }".to_string(),
            "no port 0",
        ),
        (http("point: '{{at}}', batch: 0, acked: [202]"), "0 points"),
        (
            http("point: '{{time}}', batch: 1, acked: [202]"),
            "a point knows no `time`",
        ),
        (http("point: '1', batch: 1, acked: []"), "no status"),
        (
            http("point: '1', batch: 1, acked: [202], body: '[]'"),
            "where the points stand",
        ),
        (
            "market-data: { feed: { websocket: { path: feed, sequence: /s } } }".to_string(),
            "begins with a slash",
        ),
        (
            "market-data: { feed: { websocket: { path: '/feed?{{token}}', sequence: /s } } }"
                .to_string(),
            "only one hole",
        ),
        (book("accepted: [new]", "accepted: []"), "no word is named"),
        (
            book("accepted: [new]", "accepted: [new], cancelled: [gone, new]"),
            "`new` stands for two things",
        ),
        (
            book(
                "accepted: [new]",
                "accepted: [new], snapshot: { path: feed, events: [all], orders: /o }",
            ),
            "begins with a slash",
        ),
        (
            book(
                "accepted: [new]",
                "accepted: [new], snapshot: { path: /feed, events: [], orders: /o }",
            ),
            "no word is named",
        ),
    ] {
        let told = refused(&section);
        assert!(told.message.contains(said), "{section}: {told:?}");
        assert!(told.line.is_some(), "{told:?}");
    }
}

#[test]
fn limits_that_the_profile_cannot_answer_are_refused() {
    let feed = |fields: &str| {
        let section = format!(
            "market-data: {{ feed: {{ websocket: {{ path: /feed, sequence: /s, {fields} }} }} }}"
        );
        let scenario = shipped("market-feed");
        compile_both(&scenario, &file("p.yaml", &profile(&section)), &[])
    };
    let told = feed("order: /id").unwrap_err().to_string();
    assert!(told.contains("when they were made"), "{told}");
    let told = feed("made: { at: /t, unit: ms }").unwrap_err().to_string();
    assert!(told.contains("name their order"), "{told}");
    let named = "made: { at: /t, unit: ms }, order: /id";
    let told = feed(named).unwrap_err().to_string();
    assert!(told.contains("tell of the books"), "{told}");
    assert!(feed(&format!("{named}, {BOOK}")).is_ok());
    let unread = shipped("reference")
        .text
        .replace("remaining: /remaining, sequence", "sequence");
    let told = compile_both(&shipped("market-feed"), &file("p.yaml", &unread), &[]);
    let told = told.unwrap_err().to_string();
    assert!(told.contains("(`remaining`)"), "{told}");

    let none = shipped("market-feed");
    let told = compile_both(&none, &file("p.yaml", &profile("")), &[]).unwrap_err();
    assert!(
        told.to_string().contains("has no market-data feed"),
        "{told}"
    );
    let none = shipped("market-data");
    let told = compile_both(&none, &file("p.yaml", &profile("")), &[]).unwrap_err();
    assert!(
        told.to_string()
            .contains("does not say how market data gets in"),
        "{told}"
    );

    let told = with("market-data", &[set("market-data.rate", "40000/s")]).unwrap_err();
    assert!(told.to_string().contains("can never be reached"), "{told}");
    let told = with("baseline", &[set("sla.lost.lost-points.at-most", "0")]).unwrap_err();
    assert!(
        told.to_string().contains("limits 2 things at once"),
        "{told}"
    );
}

#[test]
fn venues_that_cannot_be_played_are_refused() {
    let scenario = shipped("venue-kill").text;
    for (from, to, said) in [
        (
            "uniform: { from: 5ms, to: 300ms }",
            "uniform: { from: 5ms, to: 3ms }",
            "ends before it begins",
        ),
        (
            "mean: 2ms, at-most: 50ms",
            "mean: 2ms, at-most: 1ms",
            "below the mean",
        ),
        (
            "mean: 2ms, at-most: 50ms",
            "mean: 2ms, at-most: 2m",
            "does not take so long",
        ),
    ] {
        let told = only(maker(&swapped(&scenario, from, to)));
        assert!(told.message.contains(said), "{told:?}");
    }
    let market_maker = shipped(MAKER).text;
    for (from, to, said) in [
        (
            "part: venue\n",
            "part: maker\n",
            "the first part is the system itself",
        ),
        (
            "part: venue\n",
            "part: exchange\n",
            "there is no part `exchange`",
        ),
        (
            "maker: { replicas: 1,",
            "maker: { replicas: 2,",
            "one process beside one venue",
        ),
    ] {
        let told = profile_alone(&swapped(&market_maker, from, to)).unwrap_err();
        assert!(told.to_string().contains(said), "{told}");
    }
    let scenario = scenario.replace("system: market-maker", "system: foreign");
    let told = compile_both(&file("s.yaml", &scenario), &file("p.yaml", FOREIGN), &[]);
    assert!(
        told.unwrap_err()
            .to_string()
            .contains("says nothing of a venue")
    );
}

#[test]
fn a_venue_over_fix_has_its_names_and_refuses_those_that_cannot_be() {
    let fix = |profile: &str| profile_alone(profile).map(|compiled| compiled.plan.system.venue);
    let shipped_profile = shipped("market-maker-fix").text;
    let said = fix(&shipped_profile).unwrap().unwrap().fix;
    let expected = VenueFix {
        comp_id: "VENUE".to_string(),
        tag: 526,
    };
    assert_eq!(said, Some(expected.clone()));
    let section = "fix: { comp-id: VENUE, tag: 526 }";
    let short = swapped(&shipped_profile, section, "fix: {}");
    assert_eq!(fix(&short).unwrap().unwrap().fix, Some(expected));
    for (wrong, why) in [
        ("fix: { comp-id: THE VENUE }", "a CompID has"),
        ("fix: { comp-id: '' }", "a CompID has"),
        (
            "fix: { tag: 11 }",
            "field 11 of an order means something else",
        ),
    ] {
        let told = only(profile_alone(&swapped(&shipped_profile, section, wrong)));
        assert!(told.message.contains(why), "{told:?}");
    }
    let over_websocket = fix(&shipped(MAKER).text).unwrap().unwrap();
    assert_eq!(over_websocket.fix, None);
}

#[test]
fn faults_at_the_venue_that_could_mean_nothing_are_refused() {
    let scenario = shipped("venue-kill").text;
    let kill = "do: { kill: { signal: KILL } }\n    to: { part: venue }";
    for (fault, said) in [
        (
            "do: { clock-skew: { ahead: 10s } }\n    to: { part: venue }",
            "measured by its clock",
        ),
        (
            "do: { slow-disk: { sync-by: 20ms } }\n    to: { name: venue-1 }",
            "nothing in a data folder",
        ),
        (
            "do: { power-cut: {} }\n    to: { part: venue }",
            "keeps nothing in a data folder",
        ),
        (
            "do: { disk-full: {} }\n    to: { part: venue }",
            "nothing in a data folder",
        ),
        (
            "do: { partition: {} }\n    to: { link: { from: { part: venue }, to: { clients: {} } } }",
            "the load does not speak to the venue",
        ),
        (
            "do: { partition: {} }\n    to: { link: { from: { part: venue }, to: { peers: {} } } }",
            "it has no peers",
        ),
    ] {
        let told = only(maker(&swapped(&scenario, kill, fault)));
        assert!(told.message.contains(said), "{told:?}");
    }
    for fault in [
        "do: { freeze: {} }\n    to: { part: venue }",
        "do: { partition: {} }\n    to: { link: { from: { part: maker }, to: { part: venue } } }",
        "do: { clock-skew: { ahead: 10s } }\n    to: { part: maker }",
    ] {
        assert!(maker(&swapped(&scenario, kill, fault)).is_ok(), "{fault}");
    }
}
