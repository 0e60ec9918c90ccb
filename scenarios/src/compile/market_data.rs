//! Market data: the profile's section, and limits on what it tells.

use crate::plan::{
    BinaryPublish, FeedBookPlan, FeedCount, FeedPlan, FeedRule, FeedSnapshotPlan, FeedTime,
    HttpPublish, MadeAt, MarketData, PointPart, PointsLoad, PointsRule, PublishPlan, RuleKind,
    System,
};
use crate::spec::profile::{
    FeedBookSpec, FeedSnapshotSpec, FeedSpec, HttpPublishSpec, MarketDataSpec, ProfileSpec,
    PublishSpec, TimeUnitSpec, WebSocketFeedSpec,
};
use crate::spec::scenario::ScenarioSpec;
use crate::spec::sla::{CountLimit, LatencyLimit, RuleSpec};

use super::answerable::{Facts, Refusal};
use super::exchange::pointer;
use super::human::rate_text;
use super::sheet::{At, Sheet};

/// Most points of a request.
const LARGEST_BATCH: u32 = 10_000;

/// More points per second than any engine takes in.
const HIGHEST_PER_S: f64 = 10_000_000.0;

/// The profile's section.
pub(super) fn market_data(spec: &ProfileSpec, sheet: &Sheet) -> MarketData {
    let at = At::of(&["market-data"]);
    let Some(MarketDataSpec { feed, publish }) = &spec.market_data else {
        return MarketData::default();
    };
    MarketData {
        feed: feed.as_ref().map(|FeedSpec::Websocket(spec)| {
            feed_plan(&at.to("feed").to("websocket"), spec, sheet)
        }),
        publish: publish
            .as_ref()
            .and_then(|spec| publish_plan(&at.to("publish"), spec, sheet)),
    }
}

fn publish_plan(at: &At, spec: &PublishSpec, sheet: &Sheet) -> Option<PublishPlan> {
    match spec {
        PublishSpec::Binary(binary) => {
            if binary.port == 0 {
                let at = at.to("binary").to("port");
                sheet.refuse_with(&at, "there is no port 0", "from 1 to 65535");
            }
            Some(PublishPlan::Binary(BinaryPublish { port: binary.port }))
        }
        PublishSpec::Http(http) => http_publish(&at.to("http"), http, sheet).map(PublishPlan::Http),
    }
}

fn http_publish(at: &At, spec: &HttpPublishSpec, sheet: &Sheet) -> Option<HttpPublish> {
    refuse_path(&at.to("path"), &spec.path, "/market-data", sheet);
    if !(1..=LARGEST_BATCH).contains(&spec.batch) {
        sheet.refuse_with(
            &at.to("batch"),
            format!("{} points cannot be in a request", spec.batch),
            format!("from 1 to {LARGEST_BATCH}"),
        );
    }
    if spec.acked.is_empty() {
        let hint = "such as acked: [202]";
        sheet.refuse_with(&at.to("acked"), "no status is named", hint);
    }
    let body = spec.body.as_deref().unwrap_or("[{{points}}]");
    let Some((before, after)) = body.split_once("{{points}}") else {
        sheet.refuse_with(
            &at.to("body"),
            "the body does not say where the points stand",
            r#"such as '{"points":[{{points}}]}'"#,
        );
        return None;
    };
    Some(HttpPublish {
        method: spec.method.as_ref().map_or("POST", |it| &it.0).to_string(),
        path: spec.path.clone(),
        before: before.to_string(),
        after: after.to_string(),
        point: point_parts(&at.to("point"), &spec.point, sheet)?,
        batch: spec.batch,
        acked: spec.acked.clone(),
    })
}

/// The parts of a point; every hole must be one of four.
fn point_parts(at: &At, text: &str, sheet: &Sheet) -> Option<Vec<PointPart>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").unwrap_or((after, ""));
        let part = match name.trim() {
            "sequence" => PointPart::Sequence,
            "at" => PointPart::AtNs,
            "symbol" => PointPart::Symbol,
            "price" => PointPart::Price,
            other => {
                sheet.refuse_with(
                    at,
                    format!("a point knows no `{other}`"),
                    "{{sequence}}, {{at}}, {{symbol}} or {{price}}",
                );
                return None;
            }
        };
        if !before.is_empty() {
            parts.push(PointPart::Text(before.to_string()));
        }
        parts.push(part);
        rest = after;
    }
    if !rest.is_empty() {
        parts.push(PointPart::Text(rest.to_string()));
    }
    Some(parts)
}

fn refuse_path(at: &At, path: &str, example: &str, sheet: &Sheet) {
    if !path.starts_with('/') || path.contains(|c: char| c.is_whitespace() || c.is_control()) {
        sheet.refuse_with(
            at,
            "a path begins with a slash and holds no spaces",
            format!("such as {example}"),
        );
    }
}

/// The scenario's section.
pub(super) fn points(spec: &ScenarioSpec, system: &System, sheet: &Sheet) -> Option<PointsLoad> {
    let at = At::of(&["market-data"]);
    let rate = spec.market_data.as_ref()?.rate;
    if !(rate.per_s > 0.0 && rate.per_s <= HIGHEST_PER_S) {
        sheet.refuse_with(
            &at.to("rate"),
            format!("{} points per second cannot be published", rate.per_s),
            "above 0, at most 10000000/s",
        );
    }
    if system.market_data.publish.is_none() {
        sheet.refuse_entry(
            &at,
            format!(
                "the profile of `{}` does not say how market data gets in",
                system.name
            ),
            "describe it there: market-data: { publish: { binary: { port: 7430 } } }",
        );
    }
    Some(PointsLoad {
        rate_per_s: rate.per_s,
    })
}

/// The limits of a rule that are about market data which is published.
pub(super) fn points_rules(spec: &RuleSpec) -> impl Iterator<Item = RuleKind> {
    let rate = spec.points_rate.as_ref().map(|limit| PointsRule::Rate {
        at_least_per_s: limit.at_least.per_s,
        phase: limit.phase,
    });
    let lost = spec.lost_points.as_ref().map(|limit| PointsRule::Lost {
        at_most: limit.at_most,
    });
    [rate, lost].into_iter().flatten().map(RuleKind::Points)
}

/// Why a limit on published market data cannot be answered.
pub(super) fn points_refusal(rule: &PointsRule, facts: Facts) -> Option<Refusal> {
    let Some(points) = facts.points else {
        return Some((
            "",
            "this scenario publishes no market data".to_string(),
            "write how much: market-data: { rate: 1000/s }".to_string(),
        ));
    };
    match rule {
        PointsRule::Rate { at_least_per_s, .. } if *at_least_per_s > points.rate_per_s => Some((
            "at-least",
            format!(
                "{} can never be reached: {} are published",
                rate_text(*at_least_per_s),
                rate_text(points.rate_per_s)
            ),
            "lower the limit, or raise market-data.rate".to_string(),
        )),
        PointsRule::Rate { .. } | PointsRule::Lost { .. } => None,
    }
}

fn feed_plan(at: &At, spec: &WebSocketFeedSpec, sheet: &Sheet) -> FeedPlan {
    let bare = spec.path.replace("{{after}}", "");
    refuse_path(&at.to("path"), &spec.path, "/feed?after={{after}}", sheet);
    if bare.contains("{{") || bare.contains("}}") {
        sheet.refuse_with(
            &at.to("path"),
            "a feed's path knows only one hole, {{after}}",
            "such as /feed?after={{after}}",
        );
    }
    FeedPlan {
        path: spec.path.clone(),
        sequence: pointer(&spec.sequence),
        made: spec.made.as_ref().map(|made| MadeAt {
            at: pointer(&made.at),
            unit_ns: match made.unit {
                TimeUnitSpec::Ns => 1,
                TimeUnitSpec::Us => 1_000,
                TimeUnitSpec::Ms => 1_000_000,
                TimeUnitSpec::S => 1_000_000_000,
            },
        }),
        order: spec.order.as_ref().map(pointer),
        book: spec
            .book
            .as_ref()
            .map(|book| book_plan(&at.to("book"), book, sheet)),
        clock_error_ns: spec.clock_error.map(|error| error.ns),
    }
}

fn book_plan(at: &At, spec: &FeedBookSpec, sheet: &Sheet) -> FeedBookPlan {
    if spec.accepted.is_empty() {
        sheet.refuse_with(
            &at.to("accepted"),
            "no word is named for a new order",
            "such as accepted: [accepted]",
        );
    }
    refuse_shared_words(at, spec, sheet);
    let snapshot = spec.snapshot.as_ref();
    FeedBookPlan {
        event: pointer(&spec.event),
        accepted: spec.accepted.clone(),
        replaced: spec.replaced.clone(),
        cancelled: spec.cancelled.clone(),
        symbol: pointer(&spec.symbol),
        side: pointer(&spec.side),
        price: pointer(&spec.price),
        quantity: pointer(&spec.quantity),
        remaining: spec.remaining.as_ref().map(pointer),
        fills: pointer(&spec.fills.at),
        fill_maker: pointer(&spec.fills.maker),
        fill_quantity: pointer(&spec.fills.quantity),
        snapshot: snapshot.map(|spec| snapshot_plan(&at.to("snapshot"), spec, sheet)),
    }
}

/// A word that stands for two things stands for neither.
fn refuse_shared_words(at: &At, spec: &FeedBookSpec, sheet: &Sheet) {
    let listed = spec.snapshot.iter().flat_map(|snapshot| &snapshot.events);
    let mut seen = Vec::new();
    let words = spec.accepted.iter().chain(&spec.replaced);
    for word in words.chain(&spec.cancelled).chain(listed) {
        if seen.contains(&word) {
            sheet.refuse_with(
                &at.to("event"),
                format!("`{word}` stands for two things"),
                "each word stands for one",
            );
        }
        seen.push(word);
    }
}

fn snapshot_plan(at: &At, spec: &FeedSnapshotSpec, sheet: &Sheet) -> FeedSnapshotPlan {
    refuse_path(&at.to("path"), &spec.path, "/feed?snapshot=true", sheet);
    if spec.events.is_empty() {
        sheet.refuse_with(
            &at.to("events"),
            "no word is named for what rests",
            "such as events: [snapshot]",
        );
    }
    FeedSnapshotPlan {
        path: spec.path.clone(),
        events: spec.events.clone(),
        orders: pointer(&spec.orders),
        more: spec.more.as_ref().map(pointer),
    }
}

/// The limits of a rule that are about feeds.
pub(super) fn feed_rules(spec: &RuleSpec) -> impl Iterator<Item = RuleKind> {
    let count = |what: FeedCount| {
        let limit: &Option<CountLimit> = match what {
            FeedCount::Gaps => &spec.feed_gaps,
            FeedCount::Duplicates => &spec.feed_duplicates,
            FeedCount::Untold => &spec.feed_untold,
            FeedCount::Phantom => &spec.feed_phantom,
        };
        limit.as_ref().map(|limit| FeedRule::Count {
            what,
            at_most: limit.at_most,
        })
    };
    let time = |what: FeedTime, limit: &Option<LatencyLimit>| {
        limit.as_ref().map(|limit| FeedRule::Time {
            what,
            quantile: limit.quantile.fraction,
            at_most_ns: limit.at_most.ns,
            phase: limit.phase,
        })
    };
    let counts = FeedCount::ALL.map(count);
    let book = spec.feed_book.as_ref().map(|_| FeedRule::Book);
    let freshness = time(FeedTime::Freshness, &spec.freshness);
    let skew = time(FeedTime::Skew, &spec.feed_skew);
    let all = counts.into_iter().chain([book, freshness, skew]);
    all.flatten().map(RuleKind::Feed)
}

/// Why a limit on a feed cannot be answered with this profile.
pub(super) fn feed_refusal(rule: &FeedRule, facts: Facts) -> Option<Refusal> {
    let system = &facts.system.name;
    let Some(feed) = &facts.system.market_data.feed else {
        return Some((
            "",
            format!("the profile of `{system}` has no market-data feed"),
            "describe it: market-data: { feed: { websocket: { path: /feed, … } } }".to_string(),
        ));
    };
    let made_is_missing = matches!(
        rule,
        FeedRule::Time {
            what: FeedTime::Freshness,
            ..
        }
    ) && feed.made.is_none();
    if made_is_missing {
        return Some((
            "",
            "the profile does not say where messages of the feed state when they were made"
                .to_string(),
            "add to the feed: made: { at: /timestamp, unit: ns }".to_string(),
        ));
    }
    if rule.is_of_orders() && feed.order.is_none() {
        return Some((
            "",
            "the profile does not say where messages of the feed name their order".to_string(),
            "add to the feed, where it does so: order: /client_order_id".to_string(),
        ));
    }
    if *rule == FeedRule::Book && feed.book.is_none() {
        return Some((
            "",
            "the profile does not say what messages of the feed tell of the books".to_string(),
            "add to the feed: book: { event: /type, accepted: [new], …, fills: { … } }".to_string(),
        ));
    }
    None
}
