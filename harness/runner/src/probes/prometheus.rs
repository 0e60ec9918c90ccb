//! The one thing Shakedown reads of Prometheus' text format: a latency histogram, summed over its label sets.
//!
//! Tolerant where engines differ (labels in any order, `NaN`, timestamps, exemplars, OpenMetrics' `# EOF`), strict
//! where a guess would become a figure: a histogram that is not there is an error and never an empty one.

use std::collections::BTreeMap;

use shakedown_record::event::Bucket;

/// A histogram as scraped: cumulative counts by upper bound in seconds, ascending; the last bound is infinity.
#[derive(Debug, Clone, PartialEq)]
pub struct Scrape {
    pub buckets: Vec<Bucket>,
    pub count: u64,
}

/// Why there is no histogram in a text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoHistogram {
    #[error("there is no series '{name}_bucket' (histograms there: {others})")]
    Missing { name: String, others: String },
    #[error(
        "'{name}' is a summary: its quantiles cannot be summed over replicas; a histogram is needed"
    )]
    Summary { name: String },
    #[error("'{name}' has buckets but no usable number in them")]
    NoNumbers { name: String },
}

/// One label set of the histogram.
#[derive(Debug, Clone, Default)]
struct Series {
    /// By upper bound: the bits of a non-negative float sort as the float does.
    buckets: BTreeMap<u64, f64>,
    count: Option<f64>,
}

/// Finds the histogram `name` in a text.
///
/// # Errors
/// When it is not there, or is something else.
pub fn histogram(text: &str, name: &str) -> Result<Scrape, NoHistogram> {
    let (bucket_name, count_name) = (format!("{name}_bucket"), format!("{name}_count"));
    let mut series: BTreeMap<String, Series> = BTreeMap::new();
    let (mut seen_bucket, mut seen_quantile) = (false, false);
    for sample in text.lines().filter_map(Sample::parse) {
        seen_quantile |= sample.name == name && sample.label("quantile").is_some();
        if sample.name == bucket_name {
            seen_bucket = true;
            let Some(le) = sample.label("le").and_then(bound) else {
                continue;
            };
            if let Some(value) = sample.count() {
                let buckets = &mut series.entry(sample.identity()).or_default().buckets;
                *buckets.entry(le.to_bits()).or_default() += value;
            }
        } else if sample.name == count_name {
            series.entry(sample.identity()).or_default().count = sample.count();
        }
    }
    if !seen_bucket {
        return Err(absent(text, name, seen_quantile));
    }
    series.retain(|_, series| !series.buckets.is_empty());
    if series.is_empty() {
        return Err(NoHistogram::NoNumbers {
            name: name.to_string(),
        });
    }
    Ok(sum(series.into_values().collect()))
}

fn absent(text: &str, name: &str, seen_quantile: bool) -> NoHistogram {
    let name = name.to_string();
    if seen_quantile {
        return NoHistogram::Summary { name };
    }
    let samples = text.lines().filter_map(Sample::parse);
    let mut others: Vec<String> = samples
        .filter_map(|sample| sample.name.strip_suffix("_bucket").map(str::to_string))
        .collect();
    others.sort();
    others.dedup();
    others.truncate(5);
    let others = match others.is_empty() {
        true => "none".to_string(),
        false => others.join(", "),
    };
    NoHistogram::Missing { name, others }
}

/// Sums cumulative histograms whose bounds may differ. A bound that a series does not have counts what is surely
/// below it: the count at the series' next lower bound.
fn sum(mut series: Vec<Series>) -> Scrape {
    for series in &mut series {
        let largest = series.buckets.values().copied().fold(0.0, f64::max);
        let count = series.count.unwrap_or(largest);
        let all = series
            .buckets
            .entry(f64::INFINITY.to_bits())
            .or_insert(count);
        *all = all.max(largest);
    }
    let mut bounds: Vec<u64> = series
        .iter()
        .flat_map(|series| series.buckets.keys().copied())
        .collect();
    bounds.sort_unstable();
    bounds.dedup();
    let at = |bound: u64| -> u64 {
        let below = |series: &Series| {
            let mut lower = series.buckets.range(..=bound);
            lower.next_back().map_or(0.0, |(_, count)| *count)
        };
        series.iter().map(below).sum::<f64>() as u64
    };
    let buckets: Vec<Bucket> = bounds
        .into_iter()
        .map(|bound| {
            let le_s = f64::from_bits(bound);
            Bucket {
                le_s: le_s.is_finite().then_some(le_s),
                count: at(bound),
            }
        })
        .collect();
    let count = buckets.last().map_or(0, |bucket| bucket.count);
    Scrape { buckets, count }
}

/// An upper bound: a non-negative number or infinity.
fn bound(text: &str) -> Option<f64> {
    number(text).filter(|le| *le >= 0.0).map(|le| le + 0.0)
}

fn number(text: &str) -> Option<f64> {
    match text {
        "+Inf" | "Inf" | "inf" | "+inf" => Some(f64::INFINITY),
        other => other.parse().ok().filter(|value: &f64| !value.is_nan()),
    }
}

/// One line with a value.
#[derive(Debug)]
struct Sample<'a> {
    name: &'a str,
    labels: Vec<(&'a str, String)>,
    value: &'a str,
}

impl<'a> Sample<'a> {
    /// `None` for comments, empty lines and what is no sample.
    fn parse(line: &'a str) -> Option<Self> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return None;
        }
        let end = line.find(|at: char| at == '{' || at.is_whitespace())?;
        let (name, rest) = line.split_at(end);
        let (labels, rest) = match rest.strip_prefix('{') {
            Some(rest) => parse_labels(rest)?,
            None => (Vec::new(), rest),
        };
        let value = rest.split_whitespace().next()?;
        Some(Self {
            name,
            labels,
            value,
        })
    }

    fn label(&self, name: &str) -> Option<&str> {
        let mut labels = self.labels.iter();
        let found = labels.find(|(label, _)| *label == name);
        found.map(|(_, value)| value.as_str())
    }

    /// A count that can be summed: not negative, not `NaN`, finite.
    fn count(&self) -> Option<f64> {
        number(self.value).filter(|value| *value >= 0.0 && value.is_finite())
    }

    /// The label set without `le`, in a fixed order.
    fn identity(&self) -> String {
        let mut labels: Vec<String> = self
            .labels
            .iter()
            .filter(|(name, _)| *name != "le")
            .map(|(name, value)| format!("{name}={value:?}"))
            .collect();
        labels.sort();
        labels.join(",")
    }
}

type Labels<'a> = (Vec<(&'a str, String)>, &'a str);

/// Labels up to the closing brace, and what follows it.
fn parse_labels(text: &str) -> Option<Labels<'_>> {
    let mut labels = Vec::new();
    let mut rest = text.trim_start();
    loop {
        if let Some(after) = rest.strip_prefix('}') {
            return Some((labels, after));
        }
        let (name, after) = rest.split_once('=')?;
        let (value, after) = parse_quoted(after.trim_start().strip_prefix('"')?)?;
        labels.push((name.trim(), value));
        rest = after.trim_start();
        rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
    }
}

/// A label's value up to its closing quote, and what follows it.
fn parse_quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match chars.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(le_s: Option<f64>, count: u64) -> Bucket {
        Bucket { le_s, count }
    }

    #[test]
    fn label_sets_are_summed_and_noise_is_skipped() {
        let text = r#"
# HELP order_latency_seconds Time in the engine, "quoted" and {braced}.
# TYPE order_latency_seconds histogram
order_latency_seconds_bucket{kind="new",le="0.001"} 10
order_latency_seconds_bucket{kind="new",le="0.01"} 12 1712345678901
order_latency_seconds_bucket{le="+Inf",kind="new"} 12
order_latency_seconds_bucket{kind="cancel, \"late\"}",le="0.001",} 1 # {trace_id="x"} 0.0004
order_latency_seconds_bucket{kind="cancel, \"late\"}",le="0.01"} 3e0
order_latency_seconds_bucket{kind="cancel, \"late\"}",le="+Inf"} 4.0
order_latency_seconds_bucket{kind="replace",le="0.001"} NaN
order_latency_seconds_sum{kind="new"} 0.03
order_latency_seconds_count{kind="new"} 12
order_latency_seconds_created{kind="new"} 1.7e9
other_bucket{le="1"} 5
not a sample
# EOF"#;
        let scrape = histogram(text, "order_latency_seconds").unwrap();
        assert_eq!(
            scrape.buckets,
            [
                bucket(Some(0.001), 11),
                bucket(Some(0.01), 15),
                bucket(None, 16)
            ]
        );
        assert_eq!(scrape.count, 16);
    }

    #[test]
    fn series_with_other_bounds_still_sum_to_a_rising_curve() {
        let text = "h_bucket{a=\"1\",le=\"1\"} 5\nh_bucket{a=\"1\",le=\"+Inf\"} 9\n\
                    h_bucket{a=\"2\",le=\"2\"} 3\nh_bucket{a=\"2\",le=\"+Inf\"} 3\n";
        let scrape = histogram(text, "h").unwrap();
        assert_eq!(
            scrape.buckets,
            [bucket(Some(1.0), 5), bucket(Some(2.0), 8), bucket(None, 12)]
        );
    }

    #[test]
    fn a_missing_last_bucket_comes_from_the_count() {
        let text = "h_bucket{le=\"0\"} 1\nh_bucket{le=\"0.5\"} 2\nh_count 7\n";
        let scrape = histogram(text, "h").unwrap();
        assert_eq!(
            scrape.buckets,
            [bucket(Some(0.0), 1), bucket(Some(0.5), 2), bucket(None, 7)]
        );
    }

    #[test]
    fn what_is_not_there_is_an_error_with_its_reason() {
        let text = "trading_latency_bucket{le=\"+Inf\"} 1\n";
        assert_eq!(
            histogram(text, "order_latency_seconds"),
            Err(NoHistogram::Missing {
                name: "order_latency_seconds".into(),
                others: "trading_latency".into()
            })
        );
        assert!(matches!(
            histogram("", "h"),
            Err(NoHistogram::Missing { others, .. }) if others == "none"
        ));
        assert!(matches!(
            histogram("h{quantile=\"0.99\"} 0.1\nh_count 3\n", "h"),
            Err(NoHistogram::Summary { .. })
        ));
        assert!(matches!(
            histogram("h_bucket{le=\"1\"} NaN\nh_bucket{le=\"+Inf\"} -1\n", "h"),
            Err(NoHistogram::NoNumbers { .. })
        ));
    }

    #[test]
    fn torn_lines_do_not_panic() {
        let whole = "h_bucket{le=\"0.1\",a=\"\\\"é\"} 3 # {x=\"y\"} 1";
        for (end, _) in whole.char_indices() {
            let _ = histogram(&whole[..end], "h");
        }
    }
}
