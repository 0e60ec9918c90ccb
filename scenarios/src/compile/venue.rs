//! The venue: the profile's side of it, how it behaves, and limits on what goes to and fro.

use crate::plan::{
    Delay, EnvironmentPlan, RuleKind, System, TradeClass, TradesRead, VenueFix, VenuePlan,
    VenueRule, VenueSide,
};
use crate::spec::profile::{ProfileSpec, TradesSpec, VenueFixSpec};
use crate::spec::scenario::{ScenarioSpec, VenueDelaySpec, VenueSpec};
use crate::spec::sla::{CountLimit, RuleSpec};

use super::answerable::{Facts, Refusal, quantile_refusal};
use super::exchange::{Exchanges, pointer};
use super::gateway::comp_id;
use super::references::instead;
use super::sheet::{At, Sheet};
use super::template::Use;

mod faults;
mod limits;

pub(super) use faults::refuse_at_venue;

/// Of what is not said.
const SHORT: Delay = Delay::Constant { ns: 1_000_000 };

/// Longest time that a venue takes for anything.
const LONGEST_NS: u64 = 60_000_000_000;

/// The venue's CompID over FIX, and the field with what caused an order (SecondaryClOrdID), where nothing is said.
const COMP_ID: &str = "VENUE";
const TAG: u32 = 526;

/// Fields of an order that have another meaning, or are the session's own.
const TAKEN: [u32; 21] = [
    0, 1, 8, 9, 10, 11, 21, 34, 35, 38, 40, 43, 44, 49, 50, 52, 54, 55, 56, 60, 122,
];

/// The profile's side; `Some(None)` when it has none.
pub(super) fn venue_side(spec: &ProfileSpec, exchanges: &Exchanges) -> Option<Option<VenueSide>> {
    let Some(side) = &spec.venue else {
        return Some(None);
    };
    let at = At::of(&["venue"]);
    let part = &side.part.0;
    let mut parts = spec.parts.iter();
    match parts.position(|(name, _)| name.0 == *part) {
        None => {
            let known = exchanges.sheet.keys(&At::of(&["parts"]));
            exchanges.sheet.refuse_with(
                &at.to("part"),
                format!("there is no part `{part}`"),
                instead(part, &known, "the parts are"),
            );
        }
        Some(0) => exchanges.sheet.refuse_with(
            &at.to("part"),
            "the first part is the system itself, which the load goes to",
            "name the venue as a part of its own, after the others",
        ),
        Some(_) => {}
    }
    let trades = match &side.trades {
        None => None,
        Some(trades) => Some(trades_read(&at.to("trades"), trades, exchanges)?),
    };
    let fix = side.fix.as_ref();
    Some(Some(VenueSide {
        part: part.clone(),
        fix: fix.map(|fix| over_fix(&at.to("fix"), fix, exchanges.sheet)),
        trades,
    }))
}

fn over_fix(at: &At, spec: &VenueFixSpec, sheet: &Sheet) -> VenueFix {
    let id = spec.comp_id.as_deref().unwrap_or(COMP_ID);
    comp_id(&at.to("comp-id"), id, sheet);
    let tag = spec.tag.unwrap_or(TAG);
    if TAKEN.contains(&tag) {
        sheet.refuse_with(
            &at.to("tag"),
            format!("field {tag} of an order means something else"),
            "such as 526 (SecondaryClOrdID), 583 (ClOrdLinkID) or 58 (Text)",
        );
    }
    VenueFix {
        comp_id: id.to_string(),
        tag,
    }
}

fn trades_read(at: &At, spec: &TradesSpec, exchanges: &Exchanges) -> Option<TradesRead> {
    let get = exchanges.get(&at.to("get"), &spec.get, Use::Page)?;
    Some(TradesRead {
        get,
        rows: pointer(&spec.rows),
        next: spec.next.as_ref().map(pointer),
        execution: pointer(&spec.fields.execution),
        price: spec.fields.price.as_ref().map(pointer),
        quantity: spec.fields.quantity.as_ref().map(pointer),
    })
}

/// How the venue behaves; `None` where there is none.
pub(super) fn venue(
    spec: &ScenarioSpec,
    system: &System,
    environment: Option<&EnvironmentPlan>,
    sheet: &Sheet,
) -> Option<VenuePlan> {
    let at = At::of(&["venue"]);
    if let (Some(environment), true) = (environment, system.venue.is_some())
        && !matches!(environment, EnvironmentPlan::Local { .. })
    {
        sheet.not_supported(
            &At::of(&["environment"]),
            "a venue outside of the local environment",
        );
    }
    match (&spec.venue, &system.venue) {
        (None, None) => None,
        (Some(_), None) => {
            sheet.refuse_entry(
                &at,
                format!("the profile of `{}` says nothing of a venue", system.name),
                "add to it: venue: { part: venue }",
            );
            None
        }
        (None, Some(_)) => Some(VenuePlan {
            latency: SHORT,
            rejects: 0.0,
            fills: 1.0,
            partial: 0.0,
            fill_after: SHORT,
        }),
        (Some(spec), Some(_)) => Some(behaviour(&at, spec, sheet)),
    }
}

fn behaviour(at: &At, spec: &VenueSpec, sheet: &Sheet) -> VenuePlan {
    let fills = spec.fills.as_ref();
    let after = fills.and_then(|fills| fills.after.as_ref());
    VenuePlan {
        latency: delay(&at.to("latency"), spec.latency.as_ref(), sheet),
        rejects: spec.rejects.map_or(0.0, |share| share.fraction),
        fills: fills.map_or(1.0, |fills| fills.share.fraction),
        partial: fills
            .and_then(|fills| fills.partial)
            .map_or(0.0, |share| share.fraction),
        fill_after: delay(&at.to("fills").to("after"), after, sheet),
    }
}

fn delay(at: &At, spec: Option<&VenueDelaySpec>, sheet: &Sheet) -> Delay {
    let bounded = |at: &At, ns: u64| {
        if ns > LONGEST_NS {
            sheet.refuse_with(at, "a venue does not take so long", "at most 60s");
        }
        ns
    };
    match spec {
        None => SHORT,
        Some(VenueDelaySpec::Constant(constant)) => Delay::Constant {
            ns: bounded(&at.to("constant").to("time"), constant.time.ns),
        },
        Some(VenueDelaySpec::Uniform(uniform)) => {
            let at = at.to("uniform").to("to");
            if uniform.to.ns < uniform.from.ns {
                sheet.refuse_with(&at, "it ends before it begins", "not below `from`");
            }
            Delay::Uniform {
                from_ns: uniform.from.ns,
                to_ns: bounded(&at, uniform.to.ns),
            }
        }
        Some(VenueDelaySpec::Exponential(exponential)) => {
            let at = at.to("exponential").to("at-most");
            if exponential.at_most.ns < exponential.mean.ns {
                sheet.refuse_with(&at, "it lies below the mean", "several times the mean");
            }
            Delay::Exponential {
                mean_ns: exponential.mean.ns,
                at_most_ns: bounded(&at, exponential.at_most.ns),
            }
        }
    }
}

/// The limits of a rule that are about a venue.
pub(super) fn venue_rules(spec: &RuleSpec) -> impl Iterator<Item = RuleKind> {
    let response = spec.response.as_ref().map(|limit| VenueRule::Response {
        quantile: limit.quantile.fraction,
        at_most_ns: limit.at_most.ns,
        phase: limit.phase,
    });
    let trades = TradeClass::ALL.map(|what| {
        let limit: &Option<CountLimit> = match what {
            TradeClass::Missing => &spec.missing_trades,
            TradeClass::Phantom => &spec.phantom_trades,
            TradeClass::Duplicate => &spec.duplicate_trades,
            TradeClass::Wrong => &spec.wrong_trades,
        };
        limit.as_ref().map(|limit| VenueRule::Trades {
            what,
            at_most: limit.at_most,
        })
    });
    let all = trades.into_iter().chain([response]).flatten();
    let all = all.chain(limits::of_flow(spec));
    all.map(RuleKind::Venue)
}

/// Why a limit on what goes between a system and its venue cannot be answered.
pub(super) fn venue_refusal(rule: &VenueRule, facts: Facts) -> Option<Refusal> {
    let name = &facts.system.name;
    let Some(side) = &facts.system.venue else {
        return Some((
            "",
            format!("the profile of `{name}` says nothing of a venue"),
            "add to it: venue: { part: venue }".to_string(),
        ));
    };
    let needs = |what: &str| {
        Some((
            "",
            format!("the profile of `{name}` does not say {what}"),
            "see `venue.trades` in docs/venue.md".to_string(),
        ))
    };
    match (rule, &side.trades) {
        (
            VenueRule::Response {
                quantile, phase, ..
            },
            _,
        ) => quantile_refusal(*quantile, *phase, facts),
        (
            VenueRule::FillRate { .. } | VenueRule::Rate { .. } | VenueRule::StaleQuotes { .. },
            _,
        ) => limits::flow_refusal(rule, facts),
        (VenueRule::Trades { .. }, None) => needs("how its trades are read back"),
        (
            VenueRule::Trades {
                what: TradeClass::Wrong,
                ..
            },
            Some(trades),
        ) if trades.price.is_none() && trades.quantity.is_none() => {
            needs("where its trades have a price or a quantity")
        }
        (VenueRule::Trades { .. }, Some(_)) => None,
    }
}
