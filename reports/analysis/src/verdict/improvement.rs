//! Limits on how much smaller the system's own spread is than the one without it, by series that it exposes itself.

use shakedown_scenarios::plan::SeriesPattern;

use super::finding::{Finding, Holds, quantity, unmeasured};
use super::metric::doubt_of;
use super::watched::Watched;
use crate::metrics::{Bounds, Compared, Means, Pair, Total};
use crate::words::{count, number, percent_down, percent_up};

/// The worst of all label sets.
struct Worst {
    better: Bounds,
    words: String,
}

/// What is compared, in the words of the rule.
#[derive(Clone, Copy)]
struct Two<'a> {
    of: &'a SeriesPattern,
    over: &'a SeriesPattern,
}

/// Holds the smallest improvement of any set of labels against a limit.
pub(super) fn of_improvement(
    watched: &Watched,
    (of, over): (&SeriesPattern, &SeriesPattern),
    at_least: f64,
) -> Finding {
    let two = Two { of, over };
    let (means, unseen) = two.means(watched);
    let (worst, unknown) = two.worst(&means);
    let doubt = unseen.or(means.doubt).or(unknown);
    let limit = quantity(
        Some(at_least),
        "fraction",
        format!("at least {}", percent_down(at_least)),
    );
    let why = format!(
        "by how much the mean of {} is below that of {}, for the worst set of labels",
        of.words(),
        over.words()
    );
    let holds = match (&worst, doubt) {
        (_, Some(doubt)) => Holds::Unknown(doubt),
        (None, None) => Holds::Unknown(format!("no replica ever showed {}", of.words())),
        (Some(worst), None) if worst.better.at_least >= at_least => Holds::Yes,
        (Some(worst), None) if worst.better.at_most < at_least => Holds::No,
        (Some(worst), None) => Holds::Unknown(format!(
            "it lies between {} and {}: what was counted at the edges of the phase has no exact time",
            signed(worst.better.at_least),
            signed(worst.better.at_most)
        )),
    };
    Finding {
        observed: match worst {
            None => unmeasured("fraction"),
            Some(worst) => quantity(Some(worst.better.at_least), "fraction", worst.words),
        },
        limit,
        holds,
        why,
    }
}

impl Two<'_> {
    /// What all replicas came to, and why not all of it was seen.
    fn means(self, watched: &Watched) -> (Means, Option<String>) {
        let compared = Compared {
            own: self.of,
            other: self.over,
            windows: &watched.windows,
            hole_ns: watched.hole_ns,
        };
        let mut all = Means::default();
        let mut doubt = watched.missing();
        for (name, looks) in &watched.names {
            let Some(looks) = looks else { continue };
            let mut own = Means::default();
            own.add(looks, &compared, &|course| doubt_of(name, course));
            if own.pairs.is_empty() {
                let (of, over) = (self.of.words(), self.over.words());
                doubt = doubt.or_else(|| Some(format!("{name} never showed {of} and {over}")));
            }
            all.merge(own, name);
        }
        (all, doubt)
    }

    /// The smallest improvement of any set of labels, and one of which it is not known.
    fn worst(self, means: &Means) -> (Option<Worst>, Option<String>) {
        let (mut worst, mut unknown): (Option<Worst>, _) = (None, None);
        for (labels, pair) in &means.pairs {
            let named = SeriesPattern {
                name: self.of.name.clone(),
                labels: labels.clone(),
            };
            let Some(better) = pair.improvement() else {
                let (of, over) = (self.of.words(), self.over.words());
                let named = named.words();
                let why = format!("{of} and {over} are not both known, and above 0, as {named}");
                unknown = unknown.or(Some(why));
                continue;
            };
            let known = worst.as_ref().map(|known| known.better.at_least);
            if known.is_none_or(|known| better.at_least < known) {
                let words = words(better, pair, &named);
                worst = Some(Worst { better, words });
            }
        }
        (worst, unknown)
    }
}

fn words(better: Bounds, pair: &Pair, named: &SeriesPattern) -> String {
    let mean = |total: &Total| total.mean().map_or(0.0, |mean| mean.at_least);
    format!(
        "{}: {} {} and {} without it ({} values)",
        signed(better.at_least),
        named.words(),
        number(mean(&pair.own)),
        number(mean(&pair.other)),
        count(pair.own.count.at_least.round() as u64)
    )
}

/// An improvement that is none is below 0.
fn signed(fraction: f64) -> String {
    match fraction < 0.0 {
        true => format!("-{}", percent_up(-fraction)),
        false => percent_down(fraction),
    }
}
