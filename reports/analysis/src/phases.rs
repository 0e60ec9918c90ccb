//! From events to phases: windows of intended time.

use std::collections::BTreeMap;

use shakedown_record::run_record::Span;
use shakedown_record::{Phase, PhaseWindows, Window};

use crate::facts::Facts;

/// The windows of each phase; `end_ns` is the end of the schedule.
///
/// *impact* is the union of [injected, clean] over the firings, to the end where a firing was never seen clean.
pub(crate) fn windows(facts: &Facts, end_ns: i64) -> PhaseWindows {
    let mut impacts: Vec<Window> = facts
        .firings
        .iter()
        .filter_map(|firing| {
            let from_ns = facts.since_zero(firing.injected?)?.max(0);
            let clean_ns = firing.clean.and_then(|clean| facts.since_zero(clean));
            let to_ns = clean_ns.unwrap_or(end_ns).min(end_ns);
            (from_ns < to_ns).then_some(Window { from_ns, to_ns })
        })
        .collect();
    impacts.sort_by_key(|window| window.from_ns);
    PhaseWindows {
        steady_from_ns: facts
            .steady_mono_ns
            .and_then(|at| facts.since_zero(at))
            .map(|at_ns| at_ns.clamp(0, end_ns)),
        impacts: merged(impacts),
        end_ns,
    }
}

fn merged(windows: Vec<Window>) -> Vec<Window> {
    let mut merged: Vec<Window> = Vec::new();
    for window in windows {
        match merged.last_mut() {
            Some(last) if window.from_ns <= last.to_ns => last.to_ns = last.to_ns.max(window.to_ns),
            _ => merged.push(window),
        }
    }
    merged
}

/// The windows as they stand in the record; phases that did not happen are left out.
pub(crate) fn spans(windows: &PhaseWindows) -> BTreeMap<Phase, Vec<Span>> {
    let span = |window: Window| Span {
        from_s: window.from_ns as f64 / 1e9,
        to_s: window.to_ns as f64 / 1e9,
    };
    Phase::ALL
        .into_iter()
        .map(|phase| {
            (
                phase,
                windows.windows(phase).into_iter().map(span).collect(),
            )
        })
        .filter(|(_, spans): &(Phase, Vec<Span>)| !spans.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use shakedown_record::event::{Event, Stamped};
    use shakedown_record::fault::Firing;

    fn at(mono_ns: u64, event: Event) -> Stamped {
        Stamped { mono_ns, event }
    }

    fn firing(fault: &str) -> Firing {
        Firing {
            fault: fault.to_string(),
            occurrence: 0,
        }
    }

    #[test]
    fn overlapping_faults_are_one_impact_and_one_that_is_never_clean_lasts_to_the_end() {
        let events = [
            at(
                900,
                Event::LoadStarted {
                    zero_mono_ns: 1_000,
                    sessions: 1,
                    threads: 1,
                },
            ),
            at(1_010, Event::SteadyReached),
            at(
                1_020,
                Event::FaultInjected {
                    firing: firing("a"),
                },
            ),
            at(
                1_030,
                Event::FaultInjected {
                    firing: firing("b"),
                },
            ),
            at(
                1_040,
                Event::FaultClean {
                    firing: firing("a"),
                },
            ),
            at(
                1_050,
                Event::FaultClean {
                    firing: firing("b"),
                },
            ),
            at(
                1_080,
                Event::FaultInjected {
                    firing: firing("c"),
                },
            ),
        ];
        let windows = windows(&Facts::gather(&events), 100);
        assert_eq!(windows.steady_from_ns, Some(10));
        assert_eq!(
            windows.impacts,
            [
                Window {
                    from_ns: 20,
                    to_ns: 50
                },
                Window {
                    from_ns: 80,
                    to_ns: 100
                }
            ]
        );
        assert_eq!(windows.phase_at(60), Phase::Recovery);
    }

    #[test]
    fn without_a_load_there_are_no_phases() {
        let windows = windows(&Facts::gather(&[at(5, Event::SteadyReached)]), 0);
        assert!(spans(&windows).is_empty());
    }
}
