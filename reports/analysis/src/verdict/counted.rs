//! Limits on what the system's own counters tell of a phase: how fast they grow, and one as a share of another.
//!
//! What a replica was not seen to count is unknown, not nothing. A floor is kept only by what certainly was counted, and broken only
//! when all of it was seen.

use shakedown_record::run_record::Quantity;
use shakedown_scenarios::plan::{LimitEnd, SeriesPattern};

use super::finding::{Finding, Holds, quantity, unmeasured};
use super::metric::doubt_of;
use super::watched::Watched;
use crate::metrics::{Bounds, Course, Looks, Stretch, course, growth, length_ns, stretches};
use crate::words::{duration_ns, number, percent_down, percent_up, rate};

/// A limit, and which way it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit(pub LimitEnd, pub f64);

impl Limit {
    fn quantity(self, unit: &str, text: &str) -> Quantity {
        let text = match self.0 {
            LimitEnd::AtMost => text.to_string(),
            LimitEnd::AtLeast => format!("at least {text}"),
        };
        quantity(Some(self.1), unit, text)
    }

    /// The end of what is known that speaks for the limit, and the one that speaks against it.
    fn holds(self, known: Bounds, doubt: Doubt, open: impl FnOnce() -> String) -> Holds {
        let Limit(end, limit) = self;
        let (surely_kept, surely_broken) = match end {
            LimitEnd::AtMost => (known.at_most <= limit, known.at_least > limit),
            LimitEnd::AtLeast => (known.at_least >= limit, known.at_most < limit),
        };
        let may_be_more = doubt.unseen.or(doubt.anew);
        match (end, surely_kept, surely_broken) {
            // What was seen to be too much is too much, whatever else was counted.
            (LimitEnd::AtMost, _, true) => Holds::No,
            (LimitEnd::AtLeast, true, _) if doubt.looks.is_none() => Holds::Yes,
            _ => match doubt.looks.or(may_be_more) {
                Some(why) => Holds::Unknown(why),
                None if surely_kept => Holds::Yes,
                None if surely_broken => Holds::No,
                None => Holds::Unknown(open()),
            },
        }
    }
}

/// Why more may have been counted than was seen.
#[derive(Debug, Default)]
struct Doubt {
    /// The looks are not what they have to be: nothing is said.
    looks: Option<String>,
    /// Something counted that nobody was shown.
    unseen: Option<String>,
    /// A counter began anew.
    anew: Option<String>,
}

/// What a counter came to over all replicas.
#[derive(Debug, Default)]
struct Counted {
    grown: Bounds,
    /// Over the time for which each replica was seen.
    per_s: Bounds,
    found: bool,
    doubt: Doubt,
}

impl Counted {
    fn of(watched: &Watched, of: &SeriesPattern) -> Self {
        let mut all = Self::default();
        all.doubt.looks = watched.missing();
        for (name, looks) in &watched.names {
            let Some(looks) = looks else { continue };
            all.add(name, looks, of, watched);
        }
        if !all.found {
            let never = || format!("no replica ever showed {}", of.words());
            all.doubt.looks = all.doubt.looks.take().or_else(|| Some(never()));
        }
        all
    }

    fn add(&mut self, name: &str, looks: &Looks, of: &SeriesPattern, watched: &Watched) {
        if looks.named(&of.name).next().is_none() {
            let never = format!("{name} never showed {}", of.name);
            self.doubt.unseen = self.doubt.unseen.take().or(Some(never));
        }
        let frames = looks.frames(&watched.windows);
        let seen: Vec<Stretch> = stretches(looks, &watched.windows);
        let mut own = Bounds::default();
        for (_, points) in looks.named(&of.name).filter(|(labels, _)| of.fits(labels)) {
            self.found = true;
            let course = course(looks, points, &frames);
            self.note(name, &course);
            let grown = growth(&course, &seen);
            own.at_least += grown.at_least;
            own.at_most += grown.at_most;
        }
        self.grown.at_least += own.at_least;
        self.grown.at_most += own.at_most;
        let length = length_ns(&seen);
        if length.at_least > 0.0 {
            self.per_s.at_least += own.at_least / (length.at_most / 1e9);
            self.per_s.at_most += own.at_most / (length.at_least / 1e9);
        }
    }

    fn note(&mut self, name: &str, course: &Course) {
        let why = doubt_of(name, course);
        let kept = match course.nonsense {
            Some(_) => &mut self.doubt.looks,
            None => &mut self.doubt.anew,
        };
        *kept = kept.take().or(why);
    }
}

/// How fast a counter grew on average over a phase, over all replicas.
pub(super) fn of_rate(watched: &Watched, of: &SeriesPattern, limit: Limit) -> Finding {
    let counted = Counted::of(watched, of);
    let known = counted.per_s;
    let seen_ns = watched.windows.iter();
    let seen_ns: i64 = seen_ns.map(|window| window.to_ns - window.from_ns).sum();
    let text = format!(
        "{} ({} in {})",
        rates(known),
        number(counted.grown.at_least),
        duration_ns(seen_ns as f64)
    );
    let observed = match counted.found {
        true => quantity(Some(known.at_least), "/s", text),
        false => unmeasured("/s"),
    };
    Finding {
        limit: limit.quantity("/s", &rate(limit.1)),
        observed,
        holds: limit.holds(known, counted.doubt, || {
            format!(
                "it grew by {}: what it counted between two looks at the edges of the phase has no exact time",
                rates(known)
            )
        }),
        why: format!("growth of {} per second over all replicas", of.words()),
    }
}

fn rates(bounds: Bounds) -> String {
    let (least, most) = (rate(bounds.at_least), rate(bounds.at_most));
    match least == most {
        true => least,
        false => format!("{} to {most}", least.trim_end_matches("/s")),
    }
}

/// What one counter grew by as a share of what another did, over all replicas.
pub(super) fn of_ratio(
    watched: &Watched,
    (of, to): (&SeriesPattern, &SeriesPattern),
    limit: Limit,
) -> Finding {
    let (part, whole) = (Counted::of(watched, of), Counted::of(watched, to));
    let text = match limit.0 {
        LimitEnd::AtMost => percent_up,
        LimitEnd::AtLeast => percent_down,
    };
    let why = format!(
        "growth of {} as a share of that of {}, over all replicas",
        of.words(),
        to.words()
    );
    let shown = limit.quantity("fraction", &text(limit.1));
    let doubt = [part.doubt, whole.doubt].map(|doubt| doubt.looks.or(doubt.unseen).or(doubt.anew));
    let doubt = doubt.into_iter().flatten().next();
    if whole.grown.at_least <= 0.0 {
        let nothing = || format!("{} counted nothing in the phase", to.words());
        return Finding {
            limit: shown,
            observed: unmeasured("fraction"),
            holds: Holds::Unknown(doubt.unwrap_or_else(nothing)),
            why,
        };
    }
    let known = Bounds {
        at_least: part.grown.at_least / whole.grown.at_most,
        at_most: part.grown.at_most / whole.grown.at_least,
    };
    let share = match known.at_least == known.at_most {
        true => text(known.at_least),
        false => format!("{} to {}", text(known.at_least), text(known.at_most)),
    };
    // What was not seen, of the one or the other, may have made the share larger or smaller.
    let holds = match doubt {
        Some(why) => Holds::Unknown(why),
        None => limit.holds(known, Doubt::default(), || {
            format!("it is {share}: what was counted at the edges of the phase has no exact time")
        }),
    };
    let of_these = format!(
        "{share} ({} of {})",
        number(part.grown.at_least),
        number(whole.grown.at_least)
    );
    Finding {
        limit: shown,
        observed: quantity(Some(known.at_least), "fraction", of_these),
        holds,
        why,
    }
}
