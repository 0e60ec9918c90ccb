//! The replicas that a rule on series is about, and whether they were looked at well enough.

use shakedown_record::series::Origin;
use shakedown_record::{Phase, Window};
use shakedown_scenarios::plan::Plan;

use super::metric::moment;
use crate::measured::Measured;
use crate::metrics::{Looks, SNAP_NS};

/// Looks at one replica in a phase below which nothing is said.
const FEWEST_LOOKS: usize = 3;

/// The replicas that a rule is about, with what was read of each.
pub(super) struct Watched<'a> {
    pub names: Vec<(String, Option<&'a Looks>)>,
    pub windows: Vec<Window>,
    pub hole_ns: i64,
    /// How far within the phase its first and its last look may lie.
    slack_ns: i64,
}

impl<'a> Watched<'a> {
    /// Every replica of the part that orders enter through, in a phase.
    pub fn of(
        plan: &Plan,
        measured: &'a Measured,
        origin: Origin,
        phase: Phase,
        every_ns: u64,
    ) -> Self {
        let part = plan.system.parts.first();
        let replicas = part.into_iter().flat_map(|part| {
            (1..=part.replicas).map(move |number| format!("{}-{number}", part.name))
        });
        let named = replicas.map(|name| {
            let looks = measured.store.of_target(origin, &name);
            (name, looks)
        });
        Self {
            names: named.collect(),
            windows: measured.windows.windows(phase),
            hole_ns: hole_ns(every_ns),
            slack_ns: SNAP_NS,
        }
    }

    /// The same where nobody looks when a phase begins or ends: a look is in time there as long as it leaves no hole.
    pub fn seldom(mut self) -> Self {
        self.slack_ns = self.hole_ns;
        self
    }

    /// What is wrong with the looks themselves: nobody looked, too seldom, or not from the beginning to the end of the phase.
    pub fn missing(&self) -> Option<String> {
        let none = self
            .windows
            .is_empty()
            .then(|| "the phase never came".to_string());
        none.or_else(|| {
            self.names.iter().find_map(|(name, looks)| match looks {
                None => Some(format!("{name} was never looked at")),
                Some(looks) => self.thin(name, looks),
            })
        })
    }

    fn thin(&self, name: &str, looks: &Looks) -> Option<String> {
        let touching = looks.looks.iter().filter(|look| {
            let mut windows = self.windows.iter();
            windows.any(|window| look.asked_ns < window.to_ns && window.from_ns < look.answered_ns)
        });
        let seen = touching.count();
        let why = |from_ns: i64, to_ns: i64| match looks.why_between(from_ns, to_ns) {
            Some(reason) => format!(": {reason}"),
            None => String::new(),
        };
        let (from_ns, to_ns) = self.span()?;
        if seen < FEWEST_LOOKS {
            return Some(format!(
                "{name} was looked at {seen} times in the phase, and {FEWEST_LOOKS} are needed{}",
                why(from_ns, to_ns)
            ));
        }
        match looks.bounds(&self.windows, self.slack_ns) {
            (true, true) => None,
            (false, _) => Some(format!(
                "{name} was not looked at before the phase began, at {}{}",
                moment(from_ns),
                why(i64::MIN, from_ns)
            )),
            (true, false) => Some(format!(
                "{name} was not looked at after the phase had ended, at {}{}",
                moment(to_ns),
                why(to_ns, i64::MAX)
            )),
        }
    }

    fn span(&self) -> Option<(i64, i64)> {
        Some((self.windows.first()?.from_ns, self.windows.last()?.to_ns))
    }
}

/// A stretch without a value that is longer than this leaves a gauge open.
fn hole_ns(every_ns: u64) -> i64 {
    let every_ns = i64::try_from(every_ns).unwrap_or(i64::MAX / 4);
    (3 * every_ns).max(every_ns + 1_000_000_000)
}
