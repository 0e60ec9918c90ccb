//! The one thing Shakedown reads of Prometheus' text format: a latency histogram, summed over its label sets.
//!
//! Tolerant where engines differ (labels in any order, `NaN`, timestamps, exemplars, OpenMetrics' `# EOF`, a line of another
//! series that cannot be read), strict where a guess would become a figure: a histogram that is not there, or of which a
//! line cannot be read, is an error and never an empty one.

use std::collections::BTreeMap;

use shakedown_record::event::Bucket;

use super::exposition::{Dialect, Exposed, LineFault, Malformed, number, parse};

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
    #[error("'{name}' cannot be read, {fault}")]
    Malformed { name: String, fault: String },
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
/// When it is not there, is something else, or one of its lines cannot be read.
pub fn histogram(text: &str, name: &str) -> Result<Scrape, NoHistogram> {
    let (bucket_name, count_name) = (format!("{name}_bucket"), format!("{name}_count"));
    let told = parse(text, Dialect::Text);
    let parts = [bucket_name.as_str(), count_name.as_str()];
    if let Some(fault) = told.malformed.iter().find(|bad| is_of(text, bad, parts)) {
        return Err(NoHistogram::Malformed {
            name: name.to_string(),
            fault: fault.to_string(),
        });
    }
    let mut series: BTreeMap<BTreeMap<String, String>, Series> = BTreeMap::new();
    let (mut seen_bucket, mut seen_quantile) = (false, false);
    for sample in &told.samples {
        seen_quantile |= sample.name == name && sample.labels.contains_key("quantile");
        if sample.name == bucket_name {
            seen_bucket = true;
            let Some(le) = sample.labels.get("le").and_then(|le| bound(le)) else {
                continue;
            };
            if let Some(value) = count(sample) {
                let buckets = &mut series.entry(identity(sample)).or_default().buckets;
                *buckets.entry(le.to_bits()).or_default() += value;
            }
        } else if sample.name == count_name {
            series.entry(identity(sample)).or_default().count = count(sample);
        }
    }
    if !seen_bucket {
        return Err(absent(&told.samples, name, seen_quantile));
    }
    series.retain(|_, series| !series.buckets.is_empty());
    if series.is_empty() {
        return Err(NoHistogram::NoNumbers {
            name: name.to_string(),
        });
    }
    Ok(sum(series.into_values().collect()))
}

/// True when the line that cannot be read would have been one of these series. A text whose last line has no end was read
/// to the length that the server had announced.
fn is_of(text: &str, bad: &Malformed, names: [&str; 2]) -> bool {
    let line = text.lines().nth(bad.line.saturating_sub(1));
    let line = line.unwrap_or_default().trim_start();
    bad.fault != LineFault::NoLineEnd && names.iter().any(|name| line.starts_with(name))
}

fn absent(samples: &[Exposed], name: &str, seen_quantile: bool) -> NoHistogram {
    let name = name.to_string();
    if seen_quantile {
        return NoHistogram::Summary { name };
    }
    let mut others: Vec<String> = samples
        .iter()
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

/// A count that can be summed: not negative, not `NaN`, finite.
fn count(sample: &Exposed) -> Option<f64> {
    Some(sample.value).filter(|value| *value >= 0.0 && value.is_finite())
}

/// The label set without `le`.
fn identity(sample: &Exposed) -> BTreeMap<String, String> {
    let mut labels = sample.labels.clone();
    labels.remove("le");
    labels
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
    fn a_histogram_of_which_a_line_cannot_be_read_is_none() {
        let text = "other!\nh_bucket{le=\"1\"} 5\nh_bucket{le=\"+Inf} 9\nh_count 9\n";
        let error = histogram(text, "h").unwrap_err().to_string();
        assert!(
            error.contains("line 3") && error.contains("label `le`"),
            "{error}"
        );
    }

    #[test]
    fn torn_lines_do_not_panic() {
        let whole = "h_bucket{le=\"0.1\",a=\"\\\"é\"} 3 # {x=\"y\"} 1";
        for (end, _) in whole.char_indices() {
            let _ = histogram(&whole[..end], "h");
        }
    }
}
