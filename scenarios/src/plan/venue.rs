//! The venue that Shakedown plays for a trading system.

use serde::{Deserialize, Serialize};
use shakedown_record::phase::Phase;

use super::http::{JsonPointer, Request};

/// How a venue behaves. Decided for each order by the seed and the order's id alone: the same order meets the same fate,
/// whenever it comes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct VenuePlan {
    /// From an order to its acknowledgement or reject, and from a cancel to its report.
    pub latency: Delay,
    /// Share of orders that are rejected.
    pub rejects: f64,
    /// Share of the accepted orders that are filled.
    pub fills: f64,
    /// Share of those that are filled in two parts.
    pub partial: f64,
    /// From the acknowledgement to the fill, and from a first fill to the second.
    pub fill_after: Delay,
}

impl VenuePlan {
    /// After so long nothing more happens to an order, in nanoseconds.
    pub fn longest_ns(&self) -> u64 {
        self.latency.longest_ns() + 2 * self.fill_after.longest_ns()
    }
}

impl Delay {
    fn longest_ns(&self) -> u64 {
        match *self {
            Delay::Constant { ns } => ns,
            Delay::Uniform { to_ns, .. } => to_ns,
            Delay::Exponential { at_most_ns, .. } => at_most_ns,
        }
    }
}

/// A distribution of times, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Delay {
    Constant {
        ns: u64,
    },
    /// Any time between the two is as likely.
    Uniform {
        from_ns: u64,
        to_ns: u64,
    },
    Exponential {
        mean_ns: u64,
        at_most_ns: u64,
    },
}

/// What the profile of a trading system says of its venue.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VenueSide {
    /// The part that Shakedown plays.
    pub part: String,
    /// How it is spoken to over FIX; `None`: over WebSocket.
    pub fix: Option<VenueFix>,
    /// How the system's own trades are read back.
    pub trades: Option<TradesRead>,
}

/// How a trading system speaks to the venue over FIX 4.4.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VenueFix {
    /// The venue's CompID.
    pub comp_id: String,
    /// The field of an order that has the id of what caused it.
    pub tag: u32,
}

/// How a trading system's own trades are read back: a list with a cursor, from every replica of the first part.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TradesRead {
    /// `{{cursor}}` is empty on the first page.
    pub get: Request,
    pub rows: JsonPointer,
    /// The next cursor; missing or null on the last page.
    pub next: Option<JsonPointer>,
    /// The venue's id of the execution.
    pub execution: JsonPointer,
    pub price: Option<JsonPointer>,
    pub quantity: Option<JsonPointer>,
}

/// A limit on what went between a trading system and its venue.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum VenueRule {
    /// From the intended time of what caused it to the order's arrival at the venue.
    Response {
        quantile: f64,
        at_most_ns: u64,
        phase: Phase,
    },
    /// Fills of the venue against the trades of the system.
    Trades { what: TradeClass, at_most: u64 },
    /// Filled of the quantity (share of 1) of the orders that came in the phase.
    FillRate { at_least: f64, phase: Phase },
    /// What comes to the venue, or is done there, per second.
    Rate {
        of: VenueCount,
        at_least_per_s: f64,
        phase: Phase,
    },
    /// Orders that stood for longer than `older_than_ns` after the market had moved away from what caused them.
    StaleQuotes {
        older_than_ns: u64,
        at_most: u64,
        phase: Phase,
    },
}

/// What is counted at the venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum VenueCount {
    Orders,
    Fills,
}

impl VenueCount {
    /// The name used in files and reports.
    pub fn name(self) -> &'static str {
        match self {
            VenueCount::Orders => "orders",
            VenueCount::Fills => "fills",
        }
    }
}

/// How fills and trades differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TradeClass {
    /// Filled, and not among the system's trades.
    Missing,
    /// Among the system's trades, and never filled.
    Phantom,
    /// Twice among the system's trades.
    Duplicate,
    /// With another price or quantity than the fill.
    Wrong,
}

impl TradeClass {
    /// Every one, in the order of reports.
    pub const ALL: [TradeClass; 4] = [
        TradeClass::Missing,
        TradeClass::Phantom,
        TradeClass::Duplicate,
        TradeClass::Wrong,
    ];
}

impl VenueRule {
    /// The field under which it is written.
    pub fn name(&self) -> &'static str {
        match self {
            VenueRule::Response { .. } => "response",
            VenueRule::Trades { what, .. } => match what {
                TradeClass::Missing => "missing-trades",
                TradeClass::Phantom => "phantom-trades",
                TradeClass::Duplicate => "duplicate-trades",
                TradeClass::Wrong => "wrong-trades",
            },
            VenueRule::FillRate { .. } => "fill-rate",
            VenueRule::Rate { .. } => "venue-rate",
            VenueRule::StaleQuotes { .. } => "stale-quotes",
        }
    }

    /// The phase to which it is bound, if it is.
    pub fn phase(&self) -> Option<Phase> {
        match self {
            VenueRule::Response { phase, .. }
            | VenueRule::FillRate { phase, .. }
            | VenueRule::Rate { phase, .. }
            | VenueRule::StaleQuotes { phase, .. } => Some(*phase),
            VenueRule::Trades { .. } => None,
        }
    }
}
