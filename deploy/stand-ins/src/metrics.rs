//! Numbers of a service, and the text in which Prometheus asks for them.

use std::fmt::{Display, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use shakedown_engine::metrics::resident_bytes;

/// Upper bounds of latency buckets, in nanoseconds, with their labels in seconds.
const BUCKETS: [(u64, &str); 20] = [
    (1_000, "0.000001"),
    (10_000, "0.00001"),
    (50_000, "0.00005"),
    (100_000, "0.0001"),
    (250_000, "0.00025"),
    (500_000, "0.0005"),
    (1_000_000, "0.001"),
    (2_500_000, "0.0025"),
    (5_000_000, "0.005"),
    (10_000_000, "0.01"),
    (25_000_000, "0.025"),
    (50_000_000, "0.05"),
    (100_000_000, "0.1"),
    (250_000_000, "0.25"),
    (500_000_000, "0.5"),
    (750_000_000, "0.75"),
    (1_000_000_000, "1"),
    (2_500_000_000, "2.5"),
    (5_000_000_000, "5"),
    (10_000_000_000, "10"),
];

/// A number that grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// By so much.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// How far it is; adds one.
    pub fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }

    /// How far it is.
    pub fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How long things took.
#[derive(Debug, Default)]
pub struct Latencies {
    buckets: [Counter; BUCKETS.len()],
    count: Counter,
    sum_ns: Counter,
}

impl Latencies {
    /// So many things took so long each.
    pub fn observe(&self, count: u64, each: Duration) {
        let each_ns = u64::try_from(each.as_nanos()).unwrap_or(u64::MAX);
        if let Some(place) = BUCKETS
            .iter()
            .position(|(bound_ns, _)| each_ns <= *bound_ns)
        {
            self.buckets[place].add(count);
        }
        self.count.add(count);
        self.sum_ns.add(each_ns.saturating_mul(count));
    }
}

/// A page of numbers in the Prometheus text format.
#[derive(Debug, Default)]
pub struct Page(String);

impl Page {
    /// With what every process tells of itself.
    pub fn of_process(started_s: f64) -> Self {
        let mut page = Page::default();
        page.gauge(
            "process_start_time_seconds",
            "When this process began, since 1970.",
            format!("{started_s:.3}"),
        );
        if let Some(bytes) = resident_bytes() {
            page.gauge(
                "process_resident_memory_bytes",
                "Memory of this process.",
                bytes,
            );
        }
        page
    }

    /// A number that grows.
    pub fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.begin(name, help, "counter");
        let _infallible = writeln!(self.0, "{name} {value}");
    }

    /// Numbers that grow, one for each value of a label.
    pub fn counters<'a>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = (&'a str, u64)>,
    ) {
        self.begin(name, help, "counter");
        self.labelled(name, label, values);
    }

    /// A number that goes up and down.
    pub fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.begin(name, help, "gauge");
        let _infallible = writeln!(self.0, "{name} {value}");
    }

    /// Numbers that go up and down, one for each value of a label.
    pub fn gauges<'a, Value: Display>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = (&'a str, Value)>,
    ) {
        self.begin(name, help, "gauge");
        self.labelled(name, label, values);
    }

    /// How long things took.
    pub fn latencies(&mut self, name: &str, help: &str, latencies: &Latencies) {
        self.begin(name, help, "histogram");
        let mut cumulative = 0;
        for ((_, label), bucket) in BUCKETS.iter().zip(&latencies.buckets) {
            cumulative += bucket.now();
            let _infallible = writeln!(self.0, "{name}_bucket{{le=\"{label}\"}} {cumulative}");
        }
        let (count, sum_ns) = (
            latencies.count.now().max(cumulative),
            latencies.sum_ns.now(),
        );
        let _infallible = writeln!(
            self.0,
            "{name}_bucket{{le=\"+Inf\"}} {count}\n{name}_sum {}.{:09}\n{name}_count {count}",
            sum_ns / 1_000_000_000,
            sum_ns % 1_000_000_000
        );
    }

    /// The whole of it.
    pub fn text(self) -> String {
        self.0
    }

    fn begin(&mut self, name: &str, help: &str, kind: &str) {
        let _infallible = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn labelled<'a, Value: Display>(
        &mut self,
        name: &str,
        label: &str,
        values: impl IntoIterator<Item = (&'a str, Value)>,
    ) {
        for (of, value) in values {
            let of = of
                .replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('\n', "\\n");
            let _infallible = writeln!(self.0, "{name}{{{label}=\"{of}\"}} {value}");
        }
    }
}

/// Now by the wall clock, in nanoseconds since 1970: market data is dated by it.
#[expect(
    clippy::disallowed_methods,
    reason = "ages of prices and the start of a process are dates by their own definition"
)]
pub fn wall_ns() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cumulative_and_labelled_by_their_bounds() {
        for (bound_ns, label) in BUCKETS {
            let seconds: f64 = label.parse().unwrap();
            assert!((seconds * 1e9 - bound_ns as f64).abs() < 1.0, "{label}");
        }
        let latencies = Latencies::default();
        latencies.observe(3, Duration::from_millis(4));
        latencies.observe(1, Duration::from_secs(11));
        let mut page = Page::default();
        page.latencies("decision_seconds", "d", &latencies);
        let text = page.text();
        for line in [
            "decision_seconds_bucket{le=\"0.0025\"} 0",
            "decision_seconds_bucket{le=\"0.005\"} 3",
            "decision_seconds_bucket{le=\"10\"} 3",
            "decision_seconds_bucket{le=\"+Inf\"} 4",
            "decision_seconds_sum 11.012000000",
            "decision_seconds_count 4",
        ] {
            assert!(
                text.lines().any(|found| found == line),
                "{line} is not in\n{text}"
            );
        }
    }

    #[test]
    fn labels_cannot_break_out_of_their_quotes() {
        let mut page = Page::default();
        page.gauges("age", "a", "symbol", [("A\"B\n", 1)]);
        assert!(page.text().ends_with("age{symbol=\"A\\\"B\\n\"} 1\n"));
    }

    #[test]
    fn a_process_tells_what_it_uses() {
        let text = Page::of_process(1.5).text();
        assert!(
            text.contains("process_start_time_seconds 1.500\n"),
            "{text}"
        );
        assert!(text.contains("process_resident_memory_bytes "), "{text}");
    }
}
