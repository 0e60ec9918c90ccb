//! The Prometheus text format.

use std::fmt::Write;

use super::family::{Family, Latency, Samples};

/// The `content-type` of this format.
pub const TEXT: &str = "text/plain; version=0.0.4";

/// Families as text.
pub fn text(families: &[Family]) -> String {
    let mut text = String::new();
    for family in families {
        let Family {
            name, help, kind, ..
        } = family;
        let _infallible = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {}", kind.word());
        match &family.samples {
            Samples::One(value) => {
                let _infallible = writeln!(text, "{name} {value}");
            }
            Samples::By(label, values) => {
                for (of, value) in values {
                    let _infallible = writeln!(text, "{name}{{{label}=\"{of}\"}} {value}");
                }
            }
            Samples::Latency(latency) => histogram(&mut text, name, latency),
        }
    }
    text
}

fn histogram(text: &mut String, name: &str, latency: &Latency) {
    for (label, cumulative) in &latency.buckets {
        let _infallible = writeln!(text, "{name}_bucket{{le=\"{label}\"}} {cumulative}");
    }
    let (count, sum_ns) = (latency.count, latency.sum_ns);
    let _infallible = writeln!(
        text,
        "{name}_bucket{{le=\"+Inf\"}} {count}\n{name}_sum {}.{:09}\n{name}_count {count}",
        sum_ns / 1_000_000_000,
        sum_ns % 1_000_000_000
    );
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{Counted, Gauges, Metrics};
    use super::*;

    fn gauges() -> Gauges {
        Gauges {
            term: 3,
            is_leader: true,
            applied_index: 9,
            sequence: 7,
            open_orders: 2,
            orders: 5,
            log_bytes: 0,
        }
    }

    #[test]
    fn the_histogram_is_cumulative_and_counts_what_is_beyond_the_last_bound() {
        let metrics = Metrics::default();
        metrics.answered(Counted::Accepted, Duration::from_micros(40));
        metrics.answered(Counted::Accepted, Duration::from_millis(2));
        metrics.answered(Counted::Unknown, Duration::from_secs(11));
        metrics.append_failed();
        let text = text(&metrics.families(&gauges()));
        for line in [
            "order_latency_seconds_bucket{le=\"0.00005\"} 1",
            "order_latency_seconds_bucket{le=\"0.001\"} 1",
            "order_latency_seconds_bucket{le=\"0.002\"} 2",
            "order_latency_seconds_bucket{le=\"10\"} 2",
            "order_latency_seconds_bucket{le=\"+Inf\"} 3",
            "order_latency_seconds_sum 11.002040000",
            "order_latency_seconds_count 3",
            "orders_total{result=\"accepted\"} 2",
            "orders_total{result=\"unknown\"} 1",
            "raft_is_leader 1",
            "raft_append_failures_total 1",
        ] {
            assert!(
                text.lines().any(|found| found == line),
                "{line} is not in\n{text}"
            );
        }
    }

    #[test]
    fn the_process_says_when_it_began_and_what_it_uses() {
        let text = text(&Metrics::default().families(&gauges()));
        let value = |name: &str| -> f64 {
            let mut lines = text.lines().filter_map(|line| line.strip_prefix(name));
            lines.next().unwrap().trim().parse().unwrap()
        };
        assert!(value("process_start_time_seconds ") > 1.7e9, "{text}");
        assert!(value("process_resident_memory_bytes ") > 1e6, "{text}");
    }
}
