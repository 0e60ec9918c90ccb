//! When slots are due, as planned.

use serde::Serialize;

use super::curve::{RateCurve, RatePiece};
use super::recording::{Recording, Replay};

/// When slots are due.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arrival {
    /// Evenly spaced.
    Constant { rate_per_s: f64 },
    /// Exponential gaps from the plan's seed.
    Poisson { rate_per_s: f64 },
    /// From one rate evenly to another, which then stays.
    Ramp {
        from_per_s: f64,
        to_per_s: f64,
        /// The first rate stays until then.
        begins_ns: u64,
        over_ns: u64,
        spacing: Spacing,
    },
    /// One rate after another; the last stays.
    Steps {
        steps: Vec<RateStep>,
        last_per_s: f64,
        spacing: Spacing,
    },
    /// A rate, and a peak for a time.
    Spike(Spike),
    /// A rate, with a burst that falls to it at the open and one that climbs from it to the close.
    Bursts(Bursts),
    /// Each slot makes further slots more likely for a while.
    Hawkes(Hawkes),
    /// As recorded.
    Replay(Replay),
}

/// How slots lie within a rate that changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Spacing {
    /// As evenly as the rate allows: the n-th slot is due when the area below the rate is n.
    Even,
    /// A Poisson process of that rate, from the plan's seed.
    Random,
}

/// A rate for a time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RateStep {
    pub rate_per_s: f64,
    pub for_ns: u64,
}

/// A rate, and a peak for a time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spike {
    pub rate_per_s: f64,
    pub peak_per_s: f64,
    /// The climb begins then.
    pub at_ns: u64,
    /// At the peak.
    pub for_ns: u64,
    /// Of the climb, and of the fall.
    pub edge_ns: u64,
    /// From one climb to the next; `None`: there is one spike.
    pub every_ns: Option<u64>,
    pub spacing: Spacing,
}

/// Bursts at the open and at the close of a trading day.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bursts {
    pub rate_per_s: f64,
    /// At the begin; falls evenly to the rate.
    pub open: Option<Burst>,
    /// Climbs evenly from the rate, and ends at once.
    pub close: Option<Burst>,
    /// When the close is: the end of its burst.
    pub close_at_ns: u64,
    /// From one open to the next; `None`: there is one day.
    pub every_ns: Option<u64>,
    pub spacing: Spacing,
}

/// A burst with one steep side.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Burst {
    pub peak_per_s: f64,
    pub over_ns: u64,
}

/// A Hawkes process whose kernel is a sum of exponentials with equal shares.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hawkes {
    /// Mean over time.
    pub rate_per_s: f64,
    /// Mean number of slots that one slot brings about directly; below 1.
    pub branching: f64,
    /// Time constants of the exponentials.
    pub decays_ns: Vec<u64>,
}

impl Arrival {
    /// Mean slots per second; where the rate changes with time, at its highest, and of a recording in its busiest second.
    pub fn rate_per_s(&self) -> f64 {
        match self {
            Arrival::Constant { rate_per_s } | Arrival::Poisson { rate_per_s } => *rate_per_s,
            Arrival::Hawkes(hawkes) => hawkes.rate_per_s,
            Arrival::Replay(replay) => replay.recording.highest_per_s(),
            Arrival::Ramp { .. }
            | Arrival::Steps { .. }
            | Arrival::Spike(_)
            | Arrival::Bursts(_) => self.curve().map_or(0.0, |(curve, _)| curve.highest_per_s()),
        }
    }

    /// Mean slots per second at their lowest, from a moment on; of a recording in its mean.
    pub fn lowest_per_s_from(&self, from_ns: u64) -> f64 {
        match (self, self.curve()) {
            (_, Some((curve, _))) => curve.lowest_per_s_from(from_ns),
            (Arrival::Replay(replay), None) => replay.recording.mean_per_s(),
            (_, None) => self.rate_per_s(),
        }
    }

    /// Slots before a moment: exact where they are spaced evenly, else the mean.
    pub fn slots_before(&self, end_ns: u64) -> f64 {
        match (self, self.curve()) {
            (_, Some((curve, _))) => curve.slots_before(end_ns),
            (Arrival::Replay(replay), None) => {
                replay.recording.messages_before(end_ns, replay.again)
            }
            (_, None) => self.rate_per_s() * end_ns as f64 / 1e9,
        }
    }

    /// The recording that is sent again, if one is.
    pub fn recording(&self) -> Option<&Recording> {
        match self {
            Arrival::Replay(replay) => Some(&replay.recording),
            Arrival::Constant { .. }
            | Arrival::Poisson { .. }
            | Arrival::Ramp { .. }
            | Arrival::Steps { .. }
            | Arrival::Spike(_)
            | Arrival::Bursts(_)
            | Arrival::Hawkes(_) => None,
        }
    }

    /// The rate over time and how slots lie in it, where the rate changes by a plan.
    pub fn curve(&self) -> Option<(RateCurve, Spacing)> {
        match self {
            Arrival::Constant { .. }
            | Arrival::Poisson { .. }
            | Arrival::Hawkes(_)
            | Arrival::Replay(_) => None,
            Arrival::Ramp {
                from_per_s,
                to_per_s,
                begins_ns,
                over_ns,
                spacing,
            } => {
                let pieces = vec![
                    RatePiece::flat(*from_per_s, *begins_ns),
                    RatePiece::new(*from_per_s, *to_per_s, *over_ns),
                ];
                Some((RateCurve::ending_in(pieces, *to_per_s), *spacing))
            }
            Arrival::Steps {
                steps,
                last_per_s,
                spacing,
            } => {
                let pieces = steps
                    .iter()
                    .map(|step| RatePiece::flat(step.rate_per_s, step.for_ns));
                Some((
                    RateCurve::ending_in(pieces.collect(), *last_per_s),
                    *spacing,
                ))
            }
            Arrival::Spike(spike) => Some((spike.curve(), spike.spacing)),
            Arrival::Bursts(bursts) => Some((bursts.curve(), bursts.spacing)),
        }
    }
}

impl Spike {
    fn curve(&self) -> RateCurve {
        let (rate, peak) = (self.rate_per_s, self.peak_per_s);
        let mut pieces = vec![
            RatePiece::flat(rate, self.at_ns),
            RatePiece::new(rate, peak, self.edge_ns),
            RatePiece::flat(peak, self.for_ns),
            RatePiece::new(peak, rate, self.edge_ns),
        ];
        let lasts_ns = 2 * self.edge_ns + self.for_ns;
        match self.every_ns {
            None => RateCurve::ending_in(pieces, rate),
            Some(every_ns) => {
                let rest_ns = every_ns.saturating_sub(lasts_ns);
                pieces.push(RatePiece::flat(rate, rest_ns));
                RateCurve::again(pieces, 1)
            }
        }
    }
}

impl Bursts {
    fn curve(&self) -> RateCurve {
        let rate = self.rate_per_s;
        let mut pieces = Vec::new();
        let mut reached_ns = 0;
        if let Some(open) = self.open {
            pieces.push(RatePiece::new(open.peak_per_s, rate, open.over_ns));
            reached_ns = open.over_ns;
        }
        if let Some(close) = self.close {
            let begins_ns = self.close_at_ns.saturating_sub(close.over_ns);
            pieces.push(RatePiece::flat(rate, begins_ns.saturating_sub(reached_ns)));
            pieces.push(RatePiece::new(rate, close.peak_per_s, close.over_ns));
            reached_ns = self.close_at_ns;
        }
        match self.every_ns {
            None => RateCurve::ending_in(pieces, rate),
            Some(every_ns) => {
                pieces.push(RatePiece::flat(rate, every_ns.saturating_sub(reached_ns)));
                RateCurve::again(pieces, 0)
            }
        }
    }
}
