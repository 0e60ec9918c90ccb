//! When messages are due: sensible, below the ceiling, and within the run.

use crate::plan::{Arrival, Peak, RateStep, Replay, Spacing};
use crate::spec::scalar::Duration;
use crate::spec::scenario::{
    ArrivalSpec, DoubledPeakSpec, DoubledSpec, RampSpec, SpacingSpec, StepsSpec,
};

use super::human::{rate_text, time_text};
use super::peak::TIMES;
use super::sheet::{At, Sheet};
use super::system::Described;

const LOWEST_RATE_PER_S: f64 = 1.0;
const HIGHEST_RATE_PER_S: f64 = 1_000_000.0;
pub(super) const SHORTEST_NS: u64 = 1_000;
const LONGEST_NS: u64 = 7 * 86_400_000_000_000;

/// A rate of 0.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Zero {
    Allowed,
    Refused,
}

/// What rates and times are held against.
#[derive(Clone, Copy)]
pub(super) struct Ground<'a> {
    described: &'a Described,
    peak: Option<&'a Peak>,
    pub(super) sheet: &'a Sheet<'a>,
}

/// When slots are due; `None` when a mistake leaves nothing to build on, and for a replay.
pub(super) fn arrival(
    at: &At,
    spec: &ArrivalSpec,
    described: &Described,
    peak: Option<&Peak>,
    sheet: &Sheet,
) -> Option<Arrival> {
    let ground = Ground {
        described,
        peak,
        sheet,
    };
    match spec {
        ArrivalSpec::Constant(spec) => {
            let at = at.to("constant").to("rate");
            let rate_per_s = ground.rate(&at, spec.rate.per_s, Zero::Refused)?;
            Some(Arrival::Constant { rate_per_s })
        }
        ArrivalSpec::Poisson(spec) => {
            let at = at.to("poisson").to("rate");
            let rate_per_s = ground.rate(&at, spec.rate.per_s, Zero::Refused)?;
            Some(Arrival::Poisson { rate_per_s })
        }
        ArrivalSpec::Ramp(spec) => ground.ramp(&at.to("ramp"), spec),
        ArrivalSpec::Steps(spec) => ground.steps(&at.to("steps"), spec),
        ArrivalSpec::Spike(spec) => ground.spike(&at.to("spike"), spec),
        ArrivalSpec::Bursts(spec) => ground.bursts(&at.to("bursts"), spec),
        ArrivalSpec::Hawkes(spec) => ground.hawkes(&at.to("hawkes"), spec),
        ArrivalSpec::DoubledPeak(spec) => ground.doubled_peak(&at.to("doubled-peak"), *spec),
        // It is read together with what it is held against, and says more than when.
        ArrivalSpec::Replay(_) => None,
    }
}

/// A shape that only comes when the longest run is over, or a recording that is over before.
pub(super) fn refuse_unreached(arrival: &Arrival, longest_ns: u64, sheet: &Sheet) {
    let at = At::of(&["load", "arrival"]);
    let (at, what, begins_ns) = match arrival {
        Arrival::Constant { .. } | Arrival::Poisson { .. } | Arrival::Hawkes(_) => return,
        Arrival::Replay(replay) => {
            return refuse_short(&at.to("replay"), replay, longest_ns, sheet);
        }
        Arrival::Ramp { begins_ns, .. } => (at.to("ramp").to("at"), "the ramp begins", *begins_ns),
        Arrival::Steps { steps, .. } => (
            at.to("steps").to("rates"),
            "the last rate begins",
            steps.iter().map(|step| step.for_ns).sum(),
        ),
        Arrival::Spike(spike) => (at.to("spike").to("at"), "the spike begins", spike.at_ns),
        Arrival::Bursts(bursts) => match bursts.close {
            None => return,
            Some(close) => (
                at.to("bursts").to("close").to("at"),
                "the burst of the close begins",
                bursts.close_at_ns.saturating_sub(close.over_ns),
            ),
        },
    };
    if begins_ns >= longest_ns {
        sheet.refuse_with(
            &at,
            format!(
                "{what} after {}, and the run is over after {} at most",
                time_text(begins_ns),
                time_text(longest_ns)
            ),
            "let it begin sooner, or lengthen the phases",
        );
    }
}

fn refuse_short(at: &At, replay: &Replay, longest_ns: u64, sheet: &Sheet) {
    let round_ns = replay.recording.round_ns();
    if !replay.again && round_ns < longest_ns {
        sheet.refuse_with(
            &at.to("file"),
            format!(
                "the recording is over after {}, and the run lasts {} at most",
                time_text(round_ns),
                time_text(longest_ns)
            ),
            "write again: true, a lower speed, or shorten the phases",
        );
    }
}

pub(super) fn spacing(spec: Option<SpacingSpec>) -> Spacing {
    match spec {
        None | Some(SpacingSpec::Even) => Spacing::Even,
        Some(SpacingSpec::Random) => Spacing::Random,
    }
}

impl Ground<'_> {
    /// A rate in slots per second; `None` when it is not sensible.
    pub(super) fn rate(&self, at: &At, per_s: f64, zero: Zero) -> Option<f64> {
        let is_sensible = (LOWEST_RATE_PER_S..=HIGHEST_RATE_PER_S).contains(&per_s);
        if !is_sensible && (per_s != 0.0 || zero == Zero::Refused) {
            let or_zero = match zero {
                Zero::Allowed => ", or 0/s",
                Zero::Refused => "",
            };
            self.sheet.refuse_with(
                at,
                format!("a rate of {} is not sensible", rate_text(per_s)),
                format!("from 1/s to 1000000/s{or_zero}"),
            );
            return None;
        }
        let system = &self.described.system;
        if let Some(ceiling) = system.ceilings.orders_per_s
            && per_s > ceiling
        {
            self.sheet.refuse_with(
                at,
                format!(
                    "{} is above the ceiling of `{}`, {}",
                    rate_text(per_s),
                    system.name,
                    rate_text(ceiling)
                ),
                "lower the rate, or raise `ceilings.orders` in the profile with its owner's consent",
            );
        }
        Some(per_s)
    }

    /// A length of time; `None` when it is not sensible.
    pub(super) fn length(&self, at: &At, length: Duration) -> Option<u64> {
        self.time(at, length, SHORTEST_NS, "from 1us to 7d")
    }

    /// A moment; `None` when it is not sensible.
    pub(super) fn moment(&self, at: &At, moment: Duration) -> Option<u64> {
        self.time(at, moment, 0, "from 0s, which is the first message, to 7d")
    }

    fn time(&self, at: &At, time: Duration, least_ns: u64, hint: &str) -> Option<u64> {
        if (least_ns..=LONGEST_NS).contains(&time.ns) {
            return Some(time.ns);
        }
        self.sheet.refuse_with(
            at,
            format!("{} is not sensible here", time_text(time.ns)),
            hint,
        );
        None
    }

    /// A peak above a rate.
    pub(super) fn peak(&self, at: &At, per_s: f64, rate_per_s: Option<f64>) -> Option<f64> {
        let peak = self.rate(at, per_s, Zero::Refused)?;
        if let Some(rate) = rate_per_s
            && peak <= rate
        {
            self.sheet.refuse_with(
                at,
                format!(
                    "a peak of {} is not above the rate of {}",
                    rate_text(peak),
                    rate_text(rate)
                ),
                "write a higher one; ten to twenty times the rate is usual in markets",
            );
            return None;
        }
        Some(peak)
    }

    /// Evenly spaced, so that the rate is exact in any second.
    fn doubled_peak(&self, at: &At, spec: DoubledPeakSpec) -> Option<Arrival> {
        let Some(peak) = self.peak else {
            if !self.sheet.lacks(&["peak"]) {
                self.sheet.refuse_entry(
                    at,
                    "there is no peak to double",
                    "write `peak` with its standard, messages, window, source and date",
                );
            }
            return None;
        };
        let per_s = match spec.of {
            None | Some(DoubledSpec::In) => peak.in_per_s,
            Some(DoubledSpec::Larger) => peak.in_per_s.max(peak.out_per_s),
        };
        let rate_per_s = self.rate(at, TIMES * per_s, Zero::Refused)?;
        Some(Arrival::Constant { rate_per_s })
    }

    fn ramp(&self, at: &At, spec: &RampSpec) -> Option<Arrival> {
        let from = self.rate(&at.to("from"), spec.from.per_s, Zero::Allowed);
        let to = self.rate(&at.to("to"), spec.to.per_s, Zero::Refused);
        let over = self.length(&at.to("over"), spec.over);
        let begins = match spec.at {
            None => Some(0),
            Some(begins) => self.moment(&at.to("at"), begins),
        };
        let (from_per_s, to_per_s) = (from?, to?);
        if from_per_s == to_per_s {
            self.sheet.refuse_with(
                &at.to("to"),
                "a ramp between equal rates is none",
                "write constant: { rate: … }",
            );
        }
        Some(Arrival::Ramp {
            from_per_s,
            to_per_s,
            begins_ns: begins?,
            over_ns: over?,
            spacing: spacing(spec.spacing),
        })
    }

    fn steps(&self, at: &At, spec: &StepsSpec) -> Option<Arrival> {
        let rates = at.to("rates");
        let Some((last, before)) = spec.rates.split_last() else {
            self.sheet.refuse_with(
                &rates,
                "no rate is written",
                "such as [ { rate: 100/s, for: 10s }, { rate: 500/s } ]",
            );
            return None;
        };
        let mut steps = Vec::new();
        for (index, step) in before.iter().enumerate() {
            let at = rates.item(index);
            let rate = self.rate(&at.to("rate"), step.rate.per_s, Zero::Allowed);
            let hold = match step.hold {
                Some(hold) => self.length(&at.to("for"), hold),
                None => {
                    self.sheet.refuse_with(
                        &at,
                        "only the last rate may go on for ever",
                        "say how long it stays: { rate: 100/s, for: 10s }",
                    );
                    None
                }
            };
            steps.push(rate.zip(hold));
        }
        let last_at = rates.item(before.len());
        if last.hold.is_some() {
            self.sheet.refuse_with(
                &last_at.to("for"),
                "the last rate stays until the run ends",
                "take `for` out, or write the rate that follows",
            );
        }
        let last_per_s = self.rate(&last_at.to("rate"), last.rate.per_s, Zero::Refused);
        let steps = steps
            .into_iter()
            .map(|step| step.map(|(rate_per_s, for_ns)| RateStep { rate_per_s, for_ns }));
        Some(Arrival::Steps {
            steps: steps.collect::<Option<_>>()?,
            last_per_s: last_per_s?,
            spacing: spacing(spec.spacing),
        })
    }
}
