//! Phases of a run as windows of intended time, relative to zero.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A phase that a limit or a figure can be bound to.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// From zero until steady state is proven.
    WarmUp,
    /// End of warm-up to the first injection.
    Steady,
    /// The union of [injected, clean] over the faults.
    Impact,
    /// The rest, to the end.
    Recovery,
    /// Steady, impact and recovery together.
    Run,
}

impl Phase {
    /// Every phase, in order of time.
    pub const ALL: [Phase; 5] = [
        Phase::WarmUp,
        Phase::Steady,
        Phase::Impact,
        Phase::Recovery,
        Phase::Run,
    ];

    /// The name used in files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Phase::WarmUp => "warm-up",
            Phase::Steady => "steady",
            Phase::Impact => "impact",
            Phase::Recovery => "recovery",
            Phase::Run => "run",
        }
    }
}

/// Half-open interval of run time: `from_ns <= t < to_ns`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    pub from_ns: i64,
    pub to_ns: i64,
}

impl Window {
    /// True when `t_ns` lies inside.
    pub fn contains(self, t_ns: i64) -> bool {
        self.from_ns <= t_ns && t_ns < self.to_ns
    }

    /// Length in seconds, never negative.
    pub fn seconds(self) -> f64 {
        (self.to_ns - self.from_ns).max(0) as f64 / 1e9
    }
}

/// The windows of each phase of one run. A phase may have several windows, or none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PhaseWindows {
    /// End of warm-up; `None` when steady state was never proven.
    pub steady_from_ns: Option<i64>,
    /// [injected, clean] of each fault, in order of injection, merged where they overlap.
    pub impacts: Vec<Window>,
    /// End of the schedule.
    pub end_ns: i64,
}

impl PhaseWindows {
    /// The basic phase (never `Run`) in which an intended time lies.
    pub fn phase_at(&self, t_ns: i64) -> Phase {
        if self.impacts.iter().any(|window| window.contains(t_ns)) {
            return Phase::Impact;
        }
        let first_impact = self.impacts.first().map(|window| window.from_ns);
        match self.steady_from_ns {
            Some(from) if t_ns < from => Phase::WarmUp,
            None if first_impact.is_none_or(|first| t_ns < first) => Phase::WarmUp,
            Some(_) if first_impact.is_none_or(|first| t_ns < first) => Phase::Steady,
            Some(_) | None => Phase::Recovery,
        }
    }

    /// The windows of a phase, in order.
    pub fn windows(&self, phase: Phase) -> Vec<Window> {
        let first_impact = self
            .impacts
            .first()
            .map_or(self.end_ns, |window| window.from_ns);
        let steady_from = self
            .steady_from_ns
            .unwrap_or(first_impact)
            .min(first_impact);
        match phase {
            Phase::WarmUp => non_empty(vec![Window {
                from_ns: 0,
                to_ns: steady_from,
            }]),
            Phase::Steady => non_empty(vec![Window {
                from_ns: steady_from,
                to_ns: first_impact,
            }]),
            Phase::Impact => self.impacts.clone(),
            Phase::Recovery => self.between_impacts(),
            Phase::Run => non_empty(vec![Window {
                from_ns: steady_from,
                to_ns: self.end_ns,
            }]),
        }
    }

    /// Seconds that a phase lasted, over all its windows.
    pub fn seconds(&self, phase: Phase) -> f64 {
        self.windows(phase).into_iter().map(Window::seconds).sum()
    }

    fn between_impacts(&self) -> Vec<Window> {
        let ends = self.impacts.iter().map(|window| window.to_ns);
        let starts = self
            .impacts
            .iter()
            .skip(1)
            .map(|window| window.from_ns)
            .chain([self.end_ns]);
        non_empty(
            ends.zip(starts)
                .map(|(from_ns, to_ns)| Window { from_ns, to_ns })
                .collect(),
        )
    }
}

fn non_empty(windows: Vec<Window>) -> Vec<Window> {
    windows
        .into_iter()
        .filter(|window| window.to_ns > window.from_ns)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows() -> PhaseWindows {
        PhaseWindows {
            steady_from_ns: Some(10),
            impacts: vec![
                Window {
                    from_ns: 20,
                    to_ns: 30,
                },
                Window {
                    from_ns: 50,
                    to_ns: 60,
                },
            ],
            end_ns: 100,
        }
    }

    #[test]
    fn every_instant_lies_in_the_phase_whose_window_holds_it() {
        let windows = windows();
        for t_ns in 0..100 {
            let phase = windows.phase_at(t_ns);
            assert!(
                windows
                    .windows(phase)
                    .iter()
                    .any(|window| window.contains(t_ns)),
                "{t_ns} in {phase:?}"
            );
        }
        assert_eq!(windows.phase_at(40), Phase::Recovery);
    }

    #[test]
    fn without_proof_of_steady_state_there_is_no_steady_phase() {
        let never = PhaseWindows {
            steady_from_ns: None,
            impacts: Vec::new(),
            end_ns: 100,
        };
        assert_eq!(never.phase_at(99), Phase::WarmUp);
        assert!(never.windows(Phase::Steady).is_empty());
        assert_eq!(never.seconds(Phase::Run), 0.0);
    }
}
