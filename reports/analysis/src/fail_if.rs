//! Conditions of `shakedown load --fail-if`: `p99>5ms`, `errors>0.1%`, `rate<9000/s`.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use shakedown_record::histogram::LatencySummary;
use shakedown_record::phase::Phase;

use crate::load_view::LoadResult;
use crate::words::{duration_ns, percent_up, rate};

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

/// Why a text is no condition, and what to write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is no condition: {why}")]
pub struct NotACondition {
    text: String,
    why: String,
}

/// What a condition came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Held {
    Yes,
    No,
    /// There is no figure to compare with.
    Unknown,
}

/// A condition with what was observed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Checked {
    pub condition: String,
    /// `yes`: the load has failed.
    pub held: Held,
    /// In words.
    pub observed: String,
}

impl FailIf {
    /// Reads conditions with commas between them.
    ///
    /// # Errors
    /// The first that is none.
    pub fn read_all(text: &str) -> Result<Vec<FailIf>, NotACondition> {
        text.split(',').map(|one| one.trim().parse()).collect()
    }

    /// Compares with what was measured.
    pub fn check(&self, result: &LoadResult) -> Checked {
        let observed = self.observed(result);
        let is_beyond = |value: f64| match self.above {
            true => value > self.limit,
            false => value < self.limit,
        };
        Checked {
            condition: self.text.clone(),
            held: match observed {
                None => Held::Unknown,
                Some(value) if is_beyond(value) => Held::Yes,
                Some(_) => Held::No,
            },
            observed: match (observed, self.figure) {
                (None, _) => "not measured".to_string(),
                (Some(share), Figure::Errors) => percent_up(share),
                (Some(per_s), Figure::Rate) => rate(per_s),
                (Some(ns), _) => duration_ns(ns),
            },
        }
    }

    fn observed(&self, result: &LoadResult) -> Option<f64> {
        let latency = result.latency.get(&Phase::Run);
        let ns =
            |pick: fn(&LatencySummary) -> Option<u64>| latency.and_then(pick).map(|ns| ns as f64);
        match self.figure {
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
        let fail = |why: String| NotACondition {
            text: text.to_string(),
            why,
        };
        let Some(at) = text.find(['<', '>']) else {
            return Err(fail(
                "it compares nothing; write 'p99>5ms', in quotes, or the shell takes the > for itself"
                    .to_string(),
            ));
        };
        let (name, rest) = text.split_at(at);
        let (sign, limit) = (&rest[..1], rest[1..].trim());
        if limit.starts_with('=') {
            return Err(fail(format!("there are < and >; write {name}{sign}…")));
        }
        let figure = figure_of(name.trim()).ok_or_else(|| {
            fail(format!(
                "there is no figure '{}'; there are p50, p95, p99, p999, max, errors and rate",
                name.trim()
            ))
        })?;
        let limit = limit_of(figure, limit).map_err(|wanted| {
            fail(match limit {
                "" => format!("it has no limit; write {wanted}"),
                _ => format!("'{limit}' is no limit for {}; write {wanted}", name.trim()),
            })
        })?;
        Ok(Self {
            text: text.to_string(),
            figure,
            above: sign == ">",
            limit,
        })
    }
}

fn figure_of(name: &str) -> Option<Figure> {
    match name {
        "p50" => Some(Figure::P50),
        "p95" => Some(Figure::P95),
        "p99" => Some(Figure::P99),
        "p999" | "p99.9" => Some(Figure::P999),
        "max" => Some(Figure::Max),
        "errors" => Some(Figure::Errors),
        "rate" => Some(Figure::Rate),
        _ => None,
    }
}

/// The limit in the figure's unit, or what should stand there.
fn limit_of(figure: Figure, text: &str) -> Result<f64, &'static str> {
    let number = |suffix: &str, factor: f64| {
        let digits = text.strip_suffix(suffix)?.trim();
        digits
            .parse::<f64>()
            .ok()
            .filter(|value| value.is_finite() && *value >= 0.0)
            .map(|value| value * factor)
    };
    match figure {
        Figure::Errors => number("%", 0.01).ok_or("a share, such as 0.1%"),
        Figure::Rate => number("/s", 1.0).ok_or("a rate, such as 9000/s"),
        Figure::P50 | Figure::P95 | Figure::P99 | Figure::P999 | Figure::Max => {
            [("ns", 1.0), ("us", 1e3), ("ms", 1e6), ("s", 1e9)]
                .into_iter()
                .find_map(|(unit, ns)| number(unit, ns))
                .ok_or("a time, such as 5ms")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read() {
        assert_eq!("p99>5ms".parse::<FailIf>().unwrap().limit, 5e6);
        assert_eq!("errors > 0.1%".parse::<FailIf>().unwrap().limit, 0.001);
        assert!(!"rate<9000/s".parse::<FailIf>().unwrap().above);
        let several = FailIf::read_all("p99>5ms, errors>1%,rate<10/s").unwrap();
        let texts: Vec<String> = several.iter().map(FailIf::to_string).collect();
        assert_eq!(texts, ["p99>5ms", "errors>1%", "rate<10/s"]);
    }

    #[test]
    fn nonsense_is_refused_with_what_to_write() {
        for (text, said) in [
            ("", "in quotes"),
            ("p99", "in quotes"),
            ("p99>=5ms", "write p99>…"),
            ("p99>", "it has no limit; write a time, such as 5ms"),
            (
                "p99>5",
                "'5' is no limit for p99; write a time, such as 5ms",
            ),
            ("p42>5ms", "no figure 'p42'; there are p50"),
            ("errors>5ms", "write a share, such as 0.1%"),
            ("rate<x/s", "write a rate, such as 9000/s"),
            ("p99>-1ms", "write a time"),
            ("p99>nanms", "write a time"),
        ] {
            let wrong = text.parse::<FailIf>().unwrap_err().to_string();
            assert!(wrong.contains(said), "{text}: {wrong}");
        }
        assert!(FailIf::read_all("p99>5ms,").is_err());
    }
}
