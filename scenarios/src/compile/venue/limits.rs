//! Limits on what goes on at the venue: how much is filled, how much comes, how long orders stand.

use crate::compile::answerable::{Facts, Refusal, empty_phase};
use crate::compile::human::{share_text, time_text};
use crate::compile::phases::certain_ns;
use crate::plan::{VenueCount, VenueRule};
use crate::spec::sla::{RuleSpec, VenueCountSpec};

/// The limits of a rule.
pub(super) fn of_flow(spec: &RuleSpec) -> impl Iterator<Item = VenueRule> {
    let filled = spec.fill_rate.as_ref().map(|limit| VenueRule::FillRate {
        at_least: limit.at_least.fraction,
        phase: limit.phase,
    });
    let rate = spec.venue_rate.as_ref().map(|limit| VenueRule::Rate {
        of: match limit.of {
            VenueCountSpec::Orders => VenueCount::Orders,
            VenueCountSpec::Fills => VenueCount::Fills,
        },
        at_least_per_s: limit.at_least.per_s,
        phase: limit.phase,
    });
    let stale = spec.stale_quotes.as_ref();
    let stale = stale.map(|limit| VenueRule::StaleQuotes {
        older_than_ns: limit.older_than.ns,
        at_most: limit.at_most,
        phase: limit.phase,
    });
    [filled, rate, stale].into_iter().flatten()
}

/// Why such a limit cannot be answered.
pub(super) fn flow_refusal(rule: &VenueRule, facts: Facts) -> Option<Refusal> {
    let empty = rule.phase().and_then(|phase| empty_phase(phase, facts));
    empty.or_else(|| match *rule {
        VenueRule::Response { .. } | VenueRule::Trades { .. } => None,
        VenueRule::Rate { at_least_per_s, .. } => (at_least_per_s <= 0.0).then(|| idle("1000/s")),
        VenueRule::FillRate { at_least, .. } if at_least <= 0.0 => Some(idle("95%")),
        VenueRule::FillRate { at_least, .. } => {
            let venue = facts.venue?;
            let filled = venue.fills * (1.0 - venue.rejects);
            (at_least > filled + 1e-12).then(|| {
                (
                    "at-least",
                    format!(
                        "{} can hardly be reached: the venue fills {} of what comes, whatever the system does",
                        share_text(at_least),
                        share_text(filled)
                    ),
                    "raise venue.fills.share, or lower venue.rejects or the limit".to_string(),
                )
            })
        }
        VenueRule::StaleQuotes {
            older_than_ns: 0, ..
        } => Some((
            "older-than",
            "nothing is taken back in no time".to_string(),
            "such as older-than: 200ms".to_string(),
        )),
        VenueRule::StaleQuotes {
            older_than_ns,
            phase,
            ..
        } => {
            let certain = certain_ns(phase, facts.phases, facts.faults);
            (older_than_ns >= certain).then(|| {
                (
                    "older-than",
                    format!(
                        "an order that has to stand for {} can hardly break it: the phase `{}` is only certain to last {}",
                        time_text(older_than_ns),
                        phase.name(),
                        time_text(certain)
                    ),
                    "shorten the time, or lengthen the phase".to_string(),
                )
            })
        }
    })
}

fn idle(such_as: &str) -> Refusal {
    (
        "at-least",
        "nothing is below nothing: this can never be broken".to_string(),
        format!("write more than nothing, such as {such_as}"),
    )
}
