//! Limits on the market-data feed.

use shakedown_record::histogram::LatencyHistogram;
use shakedown_record::run_record::Quantity;
use shakedown_scenarios::plan::{FeedCount, FeedRule, FeedTime};

use super::books;
use super::finding::{Finding, Holds, quantity, unmeasured};
use crate::feed::{FeedFigures, FeedMeasured};
use crate::measured::Measured;
use crate::words::{count, duration_ns, quantile as quantile_name};

/// Holds a limit against what was heard.
pub(crate) fn feed(measured: &Measured, rule: &FeedRule) -> Finding {
    if *rule == FeedRule::Book {
        return books::feed_book(measured);
    }
    let limit = limit_of(rule);
    match &measured.feed {
        FeedMeasured::Unasked => unknown(limit, "nobody listened to the feed".to_string()),
        FeedMeasured::Silent(why) => unknown(limit, why.clone()),
        FeedMeasured::Heard(figures) => match *rule {
            FeedRule::Count { what, at_most } => counted(figures, what, at_most, limit),
            FeedRule::Time { .. } | FeedRule::Book => timed(figures, rule, limit),
        },
    }
}

fn limit_of(rule: &FeedRule) -> Quantity {
    match *rule {
        FeedRule::Count { what, at_most } => {
            quantity(Some(at_most as f64), unit(what), count(at_most))
        }
        FeedRule::Time { at_most_ns, .. } => {
            let text = duration_ns(at_most_ns as f64);
            quantity(Some(at_most_ns as f64 / 1e6), "ms", text)
        }
        FeedRule::Book => quantity(Some(0.0), "orders", "no difference"),
    }
}

fn unit(what: FeedCount) -> &'static str {
    match what {
        FeedCount::Gaps | FeedCount::Duplicates => "messages",
        FeedCount::Untold | FeedCount::Phantom => "orders",
    }
}

/// What was found is proof; that nothing was found is none when not everything was heard.
fn counted(figures: &FeedFigures, what: FeedCount, at_most: u64, limit: Quantity) -> Finding {
    let numbers = &figures.numbers;
    let messages = count(figures.messages);
    let (found, text, why) = match what {
        FeedCount::Gaps => {
            let examples = numbers.gap_examples.first();
            let example = examples.map_or(String::new(), |(first, last)| match first == last {
                true => format!("; first {first}"),
                false => format!("; first {first} to {last}"),
            });
            (
                numbers.gaps,
                format!(
                    "{} beside {messages} that came{example}",
                    count(numbers.gaps)
                ),
                "sequence numbers of the feed that never came",
            )
        }
        FeedCount::Duplicates => (
            numbers.duplicates,
            format!("{} of {messages}", count(numbers.duplicates)),
            "sequence numbers of the feed that came again",
        ),
        FeedCount::Untold => (
            figures.untold,
            format!(
                "{} of {} acknowledged",
                count(figures.untold),
                count(figures.looked_for)
            ),
            "acknowledged orders of which the feed never told",
        ),
        FeedCount::Phantom => (
            figures.phantoms.found,
            figures.phantoms.text(),
            "orders of which the feed told before the copies were read, and that are on none of them",
        ),
    };
    let holds = match &figures.incomplete {
        _ if found > at_most && what != FeedCount::Untold => Holds::NoWithProof,
        _ if what == FeedCount::Phantom && figures.phantoms.open.is_some() => {
            Holds::Unknown(figures.phantoms.open.clone().unwrap_or_default())
        }
        Some(why) => Holds::Unknown(why.clone()),
        None if what == FeedCount::Untold && figures.looked_for == 0 => {
            Holds::Unknown("no order was acknowledged".to_string())
        }
        None if what == FeedCount::Gaps && numbers.unheard > 0 => Holds::Unknown(format!(
            "{} numbers went by while nobody listened, and the feed does not tell what was missed",
            count(numbers.unheard)
        )),
        None => Holds::when(found <= at_most),
    };
    Finding {
        observed: quantity(Some(found as f64), unit(what), text),
        limit,
        holds,
        why: why.to_string(),
    }
}

fn timed(figures: &FeedFigures, rule: &FeedRule, limit: Quantity) -> Finding {
    let FeedRule::Time {
        what,
        quantile,
        at_most_ns,
        phase,
    } = *rule
    else {
        return unknown(limit, "this rule limits no time".to_string());
    };
    let (all, of) = match what {
        FeedTime::Freshness => (&figures.freshness, "the age of the feed's messages"),
        FeedTime::Skew => (&figures.skew, "the time between acknowledgement and feed"),
    };
    let name = quantile_name(quantile);
    let known = all
        .get(&phase)
        .and_then(|histogram| Some((histogram, histogram.quantile_ns(quantile)?)));
    let Some((histogram, value_ns)) = known else {
        return unknown(
            limit,
            format!("no message counts in phase {}", phase.name()),
        );
    };
    let holds = match what {
        FeedTime::Freshness => fresh(figures, value_ns, at_most_ns),
        FeedTime::Skew => Holds::when(value_ns <= at_most_ns),
    };
    let mut text = format!(
        "{} ({} samples)",
        duration_ns(value_ns as f64),
        count(histogram.count())
    );
    if what == FeedTime::Skew && figures.untold > 0 {
        text.push_str(&format!(", {} never told", count(figures.untold)));
    }
    Finding {
        observed: quantity(Some(value_ns as f64 / 1e6), "ms", text),
        limit,
        holds: match enough(histogram, quantile) {
            true => holds,
            false => Holds::Unknown(format!(
                "{} samples in phase {} are too few for {name}",
                count(histogram.count()),
                phase.name()
            )),
        },
        why: format!("{name} of {of} in phase {}", phase.name()),
    }
}

/// Two clocks were read: the age is known as well as they agree.
fn fresh(figures: &FeedFigures, age_ns: u64, at_most_ns: u64) -> Holds {
    let Some(error_ns) = figures.clock_error_ns else {
        return Holds::Unknown(
            "the feed is stamped by the clock of another machine, and the profile does not say by how much it may \
             be off (market-data.feed.websocket.clock-error)"
                .to_string(),
        );
    };
    if figures.ahead_ns > error_ns {
        return Holds::Unknown(format!(
            "messages came up to {} before the time that they state: the clocks differ by more than the {} that are \
             allowed for",
            duration_ns(figures.ahead_ns as f64),
            duration_ns(error_ns as f64)
        ));
    }
    match age_ns {
        age_ns if age_ns.saturating_add(error_ns) <= at_most_ns => Holds::Yes,
        age_ns if age_ns > at_most_ns.saturating_add(error_ns) => Holds::No,
        _ => Holds::Unknown(format!(
            "the age is within {} of the limit, by which the clocks may differ",
            duration_ns(error_ns as f64)
        )),
    }
}

/// At least one sample lies beyond the quantile.
fn enough(histogram: &LatencyHistogram, quantile: f64) -> bool {
    histogram.count() as f64 * (1.0 - quantile) > 1.0 - 1e-6
}

fn unknown(limit: Quantity, why: String) -> Finding {
    Finding {
        observed: unmeasured(&limit.unit),
        limit,
        holds: Holds::Unknown(why.clone()),
        why,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(clock_error_ns: Option<u64>, ahead_ns: u64) -> FeedFigures {
        FeedFigures {
            clock_error_ns,
            ahead_ns,
            ..FeedFigures::default()
        }
    }

    #[test]
    fn an_age_is_known_as_well_as_the_clocks_agree() {
        assert_eq!(fresh(&figures(Some(0), 0), 10, 10), Holds::Yes);
        assert_eq!(fresh(&figures(Some(0), 0), 11, 10), Holds::No);
        let rough = figures(Some(5), 0);
        assert_eq!(fresh(&rough, 5, 10), Holds::Yes);
        assert!(matches!(fresh(&rough, 6, 10), Holds::Unknown(_)));
        assert!(matches!(fresh(&rough, 15, 10), Holds::Unknown(_)));
        assert_eq!(fresh(&rough, 16, 10), Holds::No);
        assert!(matches!(fresh(&figures(None, 0), 1, 10), Holds::Unknown(_)));
        assert!(matches!(
            fresh(&figures(Some(5), 6), 1, 10),
            Holds::Unknown(_)
        ));
    }
}
