//! Which runs are made, and in which order: in turns, so that a change of the machine meets everybody.

use super::row::Part;
use super::tool::{Load, Tool};

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Shakedown and wrk, and one delay: for every change.
    Sample,
    /// Everything once.
    Quick,
    /// Everything, often enough for medians.
    Full,
}

/// One run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned {
    pub part: Part,
    pub tool: Tool,
    pub load: Load,
    pub seconds: u32,
    /// Its name in the table, and as the server reads it.
    pub delay: (&'static str, &'static str),
    /// The server goes away after so many milliseconds, for as many more.
    pub gone_ms: Option<(u64, u64)>,
    pub round: u32,
}

/// Programmed delays with the seconds that a run needs to meet them.
const DELAYS: [(&str, &str, u32); 6] = [
    ("none", "none", 5),
    ("50us", "fixed:50", 5),
    ("1ms", "fixed:1000", 5),
    ("bimodal", "bimodal", 5),
    ("freeze-200ms", "freeze:2000:200", 9),
    // Once in a run: from the sixth second to the eighth.
    ("freeze-2s", "freeze:6000:2000", 11),
];

/// Rates of the open loop.
pub const RATES_PER_S: [u32; 2] = [1_000, 20_000];

/// How long a run of a sample's closed loop takes.
const SAMPLE_SECONDS: u32 = 3;

const NO_DELAY: (&str, &str) = ("none", "none");

/// The runs of an extent, with these tools, in order.
pub fn plan(extent: Extent, tools: &[Tool]) -> Vec<Planned> {
    let (efficiency, accuracy, seconds) = match extent {
        Extent::Sample => (5, 1, SAMPLE_SECONDS),
        Extent::Quick => (3, 1, 4),
        Extent::Full => (9, 3, 5),
    };
    let mut plan = Vec::new();
    for round in 1..=efficiency {
        for tool in in_turn(tools, round) {
            plan.push(closed(tool, seconds, round));
        }
    }
    for round in 1..=accuracy {
        plan.extend(open(extent, tools, round));
        if extent != Extent::Sample {
            plan.extend(in_turn(tools, round).map(|tool| outage(tool, round)));
        }
    }
    plan
}

/// Rounds of the closed loop that a sample has at most: on a shared machine five do not always decide.
pub const MOST_ROUNDS: u32 = 15;

/// One more round of a sample's closed loop.
pub fn another_round(tools: &[Tool], round: u32) -> Vec<Planned> {
    in_turn(tools, round)
        .map(|tool| closed(tool, SAMPLE_SECONDS, round))
        .collect()
}

/// Rounds of the open loop that a sample has at most, when one does not show what is claimed of their median.
pub const MOST_OPEN_ROUNDS: u32 = 5;

/// One more round of a sample's open loop.
pub fn another_open_round(round: u32) -> Vec<Planned> {
    open(Extent::Sample, &[Tool::Shakedown], round)
}

/// Every delay of an extent at every rate.
fn open(extent: Extent, tools: &[Tool], round: u32) -> Vec<Planned> {
    let mut plan = Vec::new();
    for (name, delay, seconds) in delays(extent) {
        for rate_per_s in RATES_PER_S {
            for tool in in_turn(tools, round).filter(|tool| tool.is_open()) {
                plan.push(Planned {
                    part: Part::Accuracy,
                    load: Load::Open { rate_per_s },
                    seconds,
                    delay: (name, delay),
                    ..closed(tool, seconds, round)
                });
            }
        }
    }
    plan
}

/// Every second round the other way round.
fn in_turn(tools: &[Tool], round: u32) -> impl Iterator<Item = Tool> + use<> {
    let mut tools = tools.to_vec();
    if round.is_multiple_of(2) {
        tools.reverse();
    }
    tools.into_iter()
}

fn delays(extent: Extent) -> impl Iterator<Item = (&'static str, &'static str, u32)> {
    DELAYS
        .into_iter()
        .filter(move |(name, _, _)| extent != Extent::Sample || *name == "1ms")
}

fn closed(tool: Tool, seconds: u32, round: u32) -> Planned {
    Planned {
        part: Part::Efficiency,
        tool,
        load: Load::Closed,
        seconds,
        delay: NO_DELAY,
        gone_ms: None,
        round,
    }
}

fn outage(tool: Tool, round: u32) -> Planned {
    Planned {
        part: Part::Outage,
        load: if tool.is_open() {
            Load::Open { rate_per_s: 1_000 }
        } else {
            Load::Closed
        },
        gone_ms: Some((4_000, 2_000)),
        ..closed(tool, 12, round)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_short() {
        let plan = plan(Extent::Sample, &[Tool::Shakedown, Tool::Wrk]);
        let seconds: u32 = plan.iter().map(|run| run.seconds).sum();
        assert!(seconds <= 40, "{seconds}");
        assert!(plan.iter().any(|run| run.part == Part::Accuracy));
        let order: Vec<Tool> = plan[..4].iter().map(|run| run.tool).collect();
        assert_eq!(
            order,
            [Tool::Shakedown, Tool::Wrk, Tool::Wrk, Tool::Shakedown]
        );
    }

    #[test]
    fn everybody_meets_every_delay_and_an_outage() {
        let plan = plan(Extent::Quick, &Tool::ALL);
        for tool in Tool::ALL {
            let of = |part| {
                plan.iter()
                    .filter(|run| run.tool == tool && run.part == part)
                    .count()
            };
            let accuracy = if tool.is_open() {
                DELAYS.len() * RATES_PER_S.len()
            } else {
                0
            };
            assert_eq!(
                (of(Part::Efficiency), of(Part::Accuracy), of(Part::Outage)),
                (3, accuracy, 1)
            );
        }
    }
}
