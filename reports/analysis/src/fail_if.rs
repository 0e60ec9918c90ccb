//! Conditions of `shakedown load --fail-if`: `p99>5ms`, `errors>0.1%`, `rate<9000/s`.

use std::fmt;
use std::str::FromStr;

use shakedown_record::phase::Phase;

use crate::load_view::LoadResult;

/// One condition under which an ad-hoc load has failed.
#[derive(Debug, Clone, PartialEq)]
pub struct FailIf {
    text: String,
    figure: Figure,
    above: bool,
    limit: f64,
}

/// What is compared. Latencies in nanoseconds, shares of 1, rates per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Figure {
    P50,
    P95,
    P99,
    P999,
    Max,
    Errors,
    Rate,
}

/// Why a text is no condition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' is no condition; write for example p99>5ms, p999>20ms, max>1s, errors>0.1% or rate<9000/s"
)]
pub struct NotACondition(String);

/// What a condition came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    Yes,
    No,
    /// There is no figure to compare with.
    Unknown,
}

impl FailIf {
    /// Compares with what was measured.
    pub fn holds(&self, result: &LoadResult) -> Held {
        let latency = result.latency.get(&Phase::Run);
        let ns = |pick: fn(&shakedown_record::histogram::LatencySummary) -> Option<u64>| {
            latency.and_then(pick).map(|ns| ns as f64)
        };
        let observed = match self.figure {
            Figure::P50 => ns(|summary| summary.p50_ns),
            Figure::P95 => ns(|summary| summary.p95_ns),
            Figure::P99 => ns(|summary| summary.p99_ns),
            Figure::P999 => ns(|summary| summary.p999_ns),
            Figure::Max => ns(|summary| summary.max_ns),
            Figure::Errors => {
                let outcomes = &result.generator.outcomes;
                (outcomes.total() > 0).then(|| outcomes.errors() as f64 / outcomes.total() as f64)
            }
            Figure::Rate => result
                .throughput
                .get(&Phase::Run)
                .and_then(|throughput| throughput.achieved_per_s),
        };
        match observed {
            None => Held::Unknown,
            Some(value)
                if (self.above && value > self.limit) || (!self.above && value < self.limit) =>
            {
                Held::Yes
            }
            Some(_) => Held::No,
        }
    }
}

impl fmt::Display for FailIf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for FailIf {
    type Err = NotACondition;

    fn from_str(text: &str) -> Result<Self, NotACondition> {
        let fail = || NotACondition(text.to_string());
        let at = text.find(['<', '>']).ok_or_else(fail)?;
        let (name, rest) = text.split_at(at);
        let above = rest.starts_with('>');
        let figure = match name.trim() {
            "p50" => Figure::P50,
            "p95" => Figure::P95,
            "p99" => Figure::P99,
            "p999" | "p99.9" => Figure::P999,
            "max" => Figure::Max,
            "errors" => Figure::Errors,
            "rate" => Figure::Rate,
            _ => return Err(fail()),
        };
        let limit = limit_of(figure, rest[1..].trim()).ok_or_else(fail)?;
        Ok(Self {
            text: text.to_string(),
            figure,
            above,
            limit,
        })
    }
}

fn limit_of(figure: Figure, text: &str) -> Option<f64> {
    let number = |suffix: &str, factor: f64| {
        let digits = text.strip_suffix(suffix)?.trim();
        digits
            .parse::<f64>()
            .ok()
            .filter(|value| value.is_finite() && *value >= 0.0)
            .map(|value| value * factor)
    };
    match figure {
        Figure::Errors => number("%", 0.01),
        Figure::Rate => number("/s", 1.0),
        Figure::P50 | Figure::P95 | Figure::P99 | Figure::P999 | Figure::Max => {
            [("ns", 1.0), ("us", 1e3), ("ms", 1e6), ("s", 1e9)]
                .into_iter()
                .find_map(|(unit, ns)| number(unit, ns))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read_and_nonsense_is_refused() {
        assert_eq!("p99>5ms".parse::<FailIf>().unwrap().limit, 5e6);
        assert_eq!("errors > 0.1%".parse::<FailIf>().unwrap().limit, 0.001);
        assert!(!"rate<9000/s".parse::<FailIf>().unwrap().above);
        for text in [
            "",
            "p99",
            "p99>5",
            "p42>5ms",
            "errors>5ms",
            "rate<x/s",
            "p99>-1ms",
            "p99>nanms",
        ] {
            assert!(text.parse::<FailIf>().is_err(), "{text}");
        }
    }
}
