//! Rates with peaks, and messages that bring about messages.

use crate::plan::{Arrival, Burst, Bursts, Hawkes, Spike};
use crate::spec::scalar::Duration;
use crate::spec::scenario::{BurstsSpec, HawkesSpec, SpikeSpec};

use super::arrival::{Ground, SHORTEST_NS, Zero, spacing};
use super::human::time_text;
use super::sheet::At;

/// Above this a burst outlasts any run; 1 never ends.
const HIGHEST_BRANCHING: f64 = 0.99;
const DEFAULT_BRANCHING: f64 = 0.9;
const MOST_DECAYS: usize = 8;
const LONGEST_DECAY_NS: u64 = 60_000_000_000;
/// Equal shares over times in geometric steps come near the power law of markets (Hardiman, Bercot and Bouchaud 2013).
const DEFAULT_DECAYS_NS: [u64; 4] = [1_000_000, 10_000_000, 100_000_000, 1_000_000_000];

impl Ground<'_> {
    pub(super) fn spike(&self, at: &At, spec: &SpikeSpec) -> Option<Arrival> {
        let rate = self.rate(&at.to("rate"), spec.rate.per_s, Zero::Refused);
        let peak = self.peak(&at.to("peak"), spec.peak.per_s, rate);
        let begins = self.moment(&at.to("at"), spec.at);
        let hold = self.length(&at.to("for"), spec.hold);
        let edge = match spec.edge {
            None => Some(0),
            Some(edge) => self.moment(&at.to("edge"), edge),
        };
        let every = match spec.every {
            None => Some(None),
            Some(every) => self.length(&at.to("every"), every).map(Some),
        };
        let (for_ns, edge_ns, every_ns) = (hold?, edge?, every?);
        let lasts_ns = for_ns + 2 * edge_ns;
        if every_ns.is_some_and(|every_ns| every_ns < lasts_ns) {
            self.sheet.refuse_with(
                &at.to("every"),
                format!(
                    "a spike takes {}, longer than from one to the next",
                    time_text(lasts_ns)
                ),
                "lengthen it, or shorten `for` and `edge`",
            );
        }
        Some(Arrival::Spike(Spike {
            rate_per_s: rate?,
            peak_per_s: peak?,
            at_ns: begins?,
            for_ns,
            edge_ns,
            every_ns,
            spacing: spacing(spec.spacing),
        }))
    }

    pub(super) fn bursts(&self, at: &At, spec: &BurstsSpec) -> Option<Arrival> {
        let rate = self.rate(&at.to("rate"), spec.rate.per_s, Zero::Refused);
        if spec.open.is_none() && spec.close.is_none() {
            self.sheet.refuse_entry(
                at,
                "there is neither an open nor a close",
                "such as open: { peak: 5000/s, over: 5s }",
            );
        }
        let burst = |at: &At, peak: f64, over: Duration| {
            let peak_per_s = self.peak(&at.to("peak"), peak, rate);
            let over_ns = self.length(&at.to("over"), over);
            Some(Burst {
                peak_per_s: peak_per_s?,
                over_ns: over_ns?,
            })
        };
        let open = match &spec.open {
            None => Some(None),
            Some(open) => burst(&at.to("open"), open.peak.per_s, open.over).map(Some),
        };
        let close = match &spec.close {
            None => Some((None, 0)),
            Some(close) => {
                let at = at.to("close");
                let moment = self.moment(&at.to("at"), close.at);
                let burst = burst(&at, close.peak.per_s, close.over);
                burst.map(Some).zip(moment)
            }
        };
        let every = match spec.every {
            None => Some(None),
            Some(every) => self.length(&at.to("every"), every).map(Some),
        };
        let (open, (close, close_at_ns)) = (open?, close?);
        let bursts = Bursts {
            rate_per_s: rate?,
            open,
            close,
            close_at_ns,
            every_ns: every?,
            spacing: spacing(spec.spacing),
        };
        self.refuse_short_day(at, &bursts);
        Some(Arrival::Bursts(bursts))
    }

    /// The bursts of a day must not meet, nor the day the next one.
    fn refuse_short_day(&self, at: &At, bursts: &Bursts) {
        let open_ns = bursts.open.map_or(0, |open| open.over_ns);
        let close_ns = bursts.close.map_or(0, |close| close.over_ns);
        if bursts.close.is_some() && open_ns + close_ns > bursts.close_at_ns {
            self.sheet.refuse_with(
                &at.to("close").to("at"),
                format!(
                    "the bursts take {}, and the close is after {}",
                    time_text(open_ns + close_ns),
                    time_text(bursts.close_at_ns)
                ),
                "close later, or shorten the bursts",
            );
        }
        let day_ns = bursts.close_at_ns.max(open_ns);
        if bursts.every_ns.is_some_and(|every_ns| every_ns < day_ns) {
            self.sheet.refuse_with(
                &at.to("every"),
                format!(
                    "a day takes {}, longer than from one open to the next",
                    time_text(day_ns)
                ),
                "lengthen it",
            );
        }
    }

    pub(super) fn hawkes(&self, at: &At, spec: &HawkesSpec) -> Option<Arrival> {
        let rate = self.rate(&at.to("rate"), spec.rate.per_s, Zero::Refused);
        let branching = spec
            .branching
            .map_or(DEFAULT_BRANCHING, |number| number.0.to_f64());
        let is_stable = branching > 0.0 && branching <= HIGHEST_BRANCHING;
        if !is_stable {
            let why = match branching >= 1.0 {
                true => {
                    "each message would bring about one or more in its turn: there is no mean rate"
                }
                false => "this is not sensible",
            };
            self.sheet.refuse_with(
                &at.to("branching"),
                format!("a branching ratio of {branching}: {why}"),
                "above 0, at most 0.99; markets are between 0.8 and 0.95",
            );
        }
        let decays = match &spec.decays {
            None => Some(DEFAULT_DECAYS_NS.to_vec()),
            Some(decays) => self.decays(&at.to("decays"), decays),
        };
        let (rate_per_s, decays_ns) = (rate?, decays?);
        is_stable.then_some(Arrival::Hawkes(Hawkes {
            rate_per_s,
            branching,
            decays_ns,
        }))
    }

    fn decays(&self, at: &At, decays: &[Duration]) -> Option<Vec<u64>> {
        if !(1..=MOST_DECAYS).contains(&decays.len()) {
            self.sheet.refuse_with(
                at,
                format!("{} times are not sensible", decays.len()),
                format!("from 1 to {MOST_DECAYS}, such as [1ms, 10ms, 100ms, 1s]"),
            );
            return None;
        }
        let checked = decays.iter().enumerate().map(|(index, decay)| {
            let is_sensible = (SHORTEST_NS..=LONGEST_DECAY_NS).contains(&decay.ns);
            if !is_sensible {
                self.sheet.refuse_with(
                    &at.item(index),
                    format!("{} is not sensible here", time_text(decay.ns)),
                    "from 1us to 60s",
                );
            }
            is_sensible.then_some(decay.ns)
        });
        let checked: Vec<Option<u64>> = checked.collect();
        checked.into_iter().collect()
    }
}
