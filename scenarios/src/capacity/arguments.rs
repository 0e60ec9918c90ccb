//! A search for capacity: what was typed, and what can be asked of this scenario.

use shakedown_record::capacity::CapacityAsk;

use super::scale::refusal;
use crate::decode::HINT_MARK;
use crate::plan::Plan;
use crate::spec::scalar::Rate;

/// The options of a search, as typed.
#[derive(Debug, Clone, Copy)]
pub struct SearchArguments<'a> {
    /// `None`: the scenario's own rate.
    pub from: Option<&'a str>,
    /// `None`: a hundredth of the first rate.
    pub floor: Option<&'a str>,
    /// `None`: what the profile allows, or a hundred times the first rate.
    pub ceiling: Option<&'a str>,
    pub at_least: Option<&'a str>,
    pub precision: &'a str,
    pub probes: u32,
    pub confirm: u32,
}

/// Every mistake in the options, one a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct WrongSearch(pub Vec<String>);

/// Finer than this cannot be told from run to run.
const FINEST: f64 = 0.005;
const COARSEST: f64 = 1.0;
const MOST_PROBES: u32 = 100;
/// How far the first rate is from those that nobody named.
const REACH: f64 = 100.0;

/// Reads the options of a search over this plan; all mistakes are reported together.
///
/// # Errors
/// What is wrong with each option.
pub fn search(plan: &Plan, typed: &SearchArguments) -> Result<CapacityAsk, WrongSearch> {
    let mut wrong: Vec<String> = refusal(plan).into_iter().collect();
    let mut rate = |name: &str, text: Option<&str>| match text.map(read_rate).transpose() {
        Ok(rate) => rate,
        Err(why) => {
            wrong.push(format!("{name}: {why}"));
            None
        }
    };
    let from = rate("--from", typed.from);
    let floor = rate("--floor", typed.floor);
    let ceiling = rate("--ceiling", typed.ceiling);
    let at_least = rate("--at-least", typed.at_least);
    let allowed = plan.system.ceilings.orders_per_s;
    let from_per_s = from.unwrap_or_else(|| plan.load.arrival.rate_per_s());
    let reach = from_per_s.max(at_least.unwrap_or(0.0)) * REACH;
    let ask = CapacityAsk {
        from_per_s,
        floor_per_s: floor.unwrap_or(from_per_s / REACH),
        ceiling_per_s: ceiling.unwrap_or_else(|| allowed.unwrap_or(reach)),
        precision: match read_share(typed.precision) {
            Some(share) => share,
            None => {
                wrong.push(format!(
                    "--precision {}: from 0.5% to 100%, such as 5%",
                    typed.precision
                ));
                FINEST
            }
        },
        probes: typed.probes,
        confirm: typed.confirm,
        at_least_per_s: at_least,
    };
    wrong.extend(disagreements(&ask, allowed));
    match wrong.is_empty() {
        true => Ok(ask),
        false => Err(WrongSearch(wrong)),
    }
}

fn disagreements(ask: &CapacityAsk, allowed: Option<f64>) -> Vec<String> {
    let mut wrong = Vec::new();
    if ask.floor_per_s > ask.from_per_s || ask.from_per_s > ask.ceiling_per_s {
        wrong.push(format!(
            "--floor ({}/s), --from ({}/s) and --ceiling ({}/s) must be in this order",
            ask.floor_per_s, ask.from_per_s, ask.ceiling_per_s
        ));
    }
    if let Some(allowed) = allowed.filter(|allowed| ask.ceiling_per_s > *allowed) {
        wrong.push(format!(
            "--ceiling {}/s is more than the profile allows (ceilings.orders: {allowed}/s)",
            ask.ceiling_per_s
        ));
    }
    if ask
        .at_least_per_s
        .is_some_and(|rate| rate > ask.ceiling_per_s)
    {
        wrong.push(format!(
            "--at-least lies above the highest rate that is tried ({}/s): raise --ceiling",
            ask.ceiling_per_s
        ));
    }
    if !(1..=MOST_PROBES).contains(&ask.probes) {
        wrong.push(format!("--probes {}: from 1 to {MOST_PROBES}", ask.probes));
    }
    if ask.confirm == 0 || (ask.probes > 0 && ask.confirm > ask.probes) {
        wrong.push(format!(
            "--confirm {}: at least 1, and not more than --probes",
            ask.confirm
        ));
    }
    wrong
}

fn read_rate(text: &str) -> Result<f64, String> {
    match Rate::read(text) {
        Ok(Rate { per_s }) if per_s > 0.0 => Ok(per_s),
        Ok(_) => Err(format!("{text} is no rate at all")),
        Err(why) => Err(why.replace(HINT_MARK, "; ")),
    }
}

fn read_share(text: &str) -> Option<f64> {
    let share = text.strip_suffix('%')?.trim().parse::<f64>().ok()? / 100.0;
    (FINEST..=COARSEST).contains(&share).then_some(share)
}
