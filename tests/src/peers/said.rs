//! What each generator says of a run, read from what it printed and from the file that it left.

use std::io;

use serde_json::Value;

use super::tool::{Load, Tool};

/// A generator's own words, in numbers. `None`: it does not say.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Said {
    /// Requests that it counts as answered well.
    pub ok: u64,
    /// Requests that it counts as failed, in whatever way.
    pub failed: u64,
    pub p50_us: Option<f64>,
    pub p99_us: Option<f64>,
    pub p999_us: Option<f64>,
    /// It says that there was an outage, and for how long.
    pub outage_s: Option<f64>,
    /// It says when its first request was due, on `CLOCK_MONOTONIC` in nanoseconds.
    pub began_ns: Option<u64>,
    /// It says how late it released its requests.
    pub lag_p99_us: Option<f64>,
}

/// Reads a report: `printed` on standard output, `left` in the tool's file (empty when it leaves none).
///
/// # Errors
/// When the report is not one of this tool.
pub fn said(tool: Tool, load: Load, printed: &str, left: &str) -> io::Result<Said> {
    let read = match (tool, load) {
        (Tool::Shakedown, _) => json(printed).and_then(|report| shakedown(&report)),
        (Tool::Wrk, _) => wrk(printed),
        (Tool::H2load, _) => h2load(printed, left),
        (Tool::Hey, Load::Closed) => hey(printed),
        (Tool::Hey, Load::Open { .. }) => Some(hey_csv(printed)),
        (Tool::Oha, _) => json(printed).and_then(|report| oha(&report)),
        (Tool::Vegeta, _) => vegeta(left),
        (Tool::K6, _) => json(left).and_then(|report| k6(&report)),
    };
    read.ok_or_else(|| {
        let end: Vec<&str> = printed.lines().rev().take(3).collect();
        io::Error::other(format!("{}: no report: {end:?}", tool.name()))
    })
}

fn json(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

fn shakedown(report: &Value) -> Option<Said> {
    let outcomes = report["generator"]["outcomes"].as_object()?;
    let ok = outcomes.get("acked")?.as_u64()?;
    let all: u64 = outcomes.values().filter_map(Value::as_u64).sum();
    let latency = &report["latency"]["run"];
    let us = |name: &str| latency[name].as_f64().map(|ns| ns / 1e3);
    Some(Said {
        ok,
        failed: all - ok,
        p50_us: us("p50_ns"),
        p99_us: us("p99_ns"),
        p999_us: us("p999_ns"),
        outage_s: report["failover"]
            .as_array()
            .and_then(|outages| outages.iter().find_map(|one| one["first_ack_s"].as_f64())),
        began_ns: report["began_monotonic_ns"].as_u64(),
        lag_p99_us: report["generator"]["send_lag_p99_ns"]
            .as_f64()
            .map(|ns| ns / 1e3),
    })
}

fn wrk(printed: &str) -> Option<Said> {
    let line = printed
        .lines()
        .find_map(|line| line.strip_prefix("SAID "))?;
    let numbers: Vec<u64> = line
        .split_whitespace()
        .map(|word| word.parse().ok())
        .collect::<Option<_>>()?;
    let [ok, failed, p50, p99, p999] = numbers[..] else {
        return None;
    };
    Some(Said {
        ok,
        failed,
        p50_us: Some(p50 as f64),
        p99_us: Some(p99 as f64),
        p999_us: Some(p999 as f64),
        ..Said::default()
    })
}

fn h2load(printed: &str, left: &str) -> Option<Said> {
    let line = printed
        .lines()
        .find_map(|line| line.strip_prefix("requests: "))?;
    let count = |what: &str| {
        line.split(", ")
            .find_map(|part| part.strip_suffix(what)?.trim().parse::<u64>().ok())
    };
    let took: Vec<f64> = left
        .lines()
        .filter_map(|line| line.split_whitespace().nth(2)?.parse().ok())
        .collect();
    Some(Said {
        ok: count(" succeeded")?,
        failed: count(" failed")?,
        ..quantiles(took)
    })
}

fn hey(printed: &str) -> Option<Said> {
    let statuses = printed.split("Status code distribution:").nth(1)?;
    let answered = |line: &str| {
        let rest = line.trim().strip_prefix('[')?;
        let (code, rest) = rest.split_once(']')?;
        let count = rest
            .trim()
            .strip_suffix(" responses")?
            .parse::<u64>()
            .ok()?;
        Some((code.starts_with('2'), count))
    };
    // After them: errors as `[COUNT]` and words.
    let error = |line: &str| {
        let (count, words) = line.trim().strip_prefix('[')?.split_once(']')?;
        (!words.ends_with(" responses")).then(|| count.parse::<u64>().ok())?
    };
    let counts = || statuses.lines().filter_map(answered);
    Some(Said {
        ok: counts()
            .filter(|(well, _)| *well)
            .map(|(_, count)| count)
            .sum(),
        failed: counts()
            .filter(|(well, _)| !well)
            .map(|(_, count)| count)
            .sum::<u64>()
            + statuses.lines().filter_map(error).sum::<u64>(),
        p99_us: printed
            .lines()
            .find_map(|line| line.trim().strip_prefix("99% in ")?.strip_suffix(" secs"))
            .and_then(|seconds| seconds.parse::<f64>().ok())
            .map(|seconds| seconds * 1e6),
        ..Said::default()
    })
}

/// Seconds with four decimals are in its first column. What failed has no line.
fn hey_csv(printed: &str) -> Said {
    let took: Vec<f64> = printed
        .lines()
        .filter_map(|line| line.split(',').next()?.parse::<f64>().ok())
        .map(|seconds| seconds * 1e6)
        .collect();
    Said {
        ok: took.len() as u64,
        ..quantiles(took)
    }
}

fn oha(report: &Value) -> Option<Said> {
    let statuses = report["statusCodeDistribution"].as_object()?;
    let of = |well: bool| {
        statuses
            .iter()
            .filter(|(code, _)| code.starts_with('2') == well)
            .filter_map(|(_, count)| count.as_u64())
            .sum::<u64>()
    };
    let errors = report["errorDistribution"].as_object();
    // At the end of a closed loop it breaks off what is under way, and tells of that as an error.
    let failed = errors
        .into_iter()
        .flatten()
        .filter(|(why, _)| !why.contains("deadline"));
    let latency = &report["latencyPercentiles"];
    let us = |name: &str| latency[name].as_f64().map(|seconds| seconds * 1e6);
    Some(Said {
        ok: of(true),
        failed: of(false) + failed.filter_map(|(_, count)| count.as_u64()).sum::<u64>(),
        p50_us: us("p50"),
        p99_us: us("p99"),
        p999_us: us("p99.9"),
        ..Said::default()
    })
}

/// The report as JSON, and behind it the one with all quantiles, both by its own `report`.
fn vegeta(left: &str) -> Option<Said> {
    let (first, plot) = left.split_once('\n')?;
    let report = json(first)?;
    let ok: u64 = report["status_codes"]
        .as_object()?
        .iter()
        .filter(|(code, _)| code.starts_with('2'))
        .filter_map(|(_, count)| count.as_u64())
        .sum();
    let us = |name: &str| report["latencies"][name].as_f64().map(|ns| ns / 1e3);
    let p999_us = plot.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let ms = words.next()?.parse::<f64>().ok()?;
        (words.next()?.parse::<f64>().ok()? >= 0.999).then_some(ms * 1e3)
    });
    Some(Said {
        ok,
        failed: report["requests"].as_u64()? - ok,
        p50_us: us("50th"),
        p99_us: us("99th"),
        p999_us,
        ..Said::default()
    })
}

fn k6(report: &Value) -> Option<Said> {
    let metric = |name: &str| &report["metrics"][name]["values"];
    let all = metric("http_reqs")["count"].as_u64()?;
    // It is a rate of failing: what passes has failed.
    let failed = metric("http_req_failed")["passes"].as_u64()?;
    let us = |name: &str| {
        metric("http_req_duration")[name]
            .as_f64()
            .map(|ms| ms * 1e3)
    };
    Some(Said {
        ok: all - failed,
        failed,
        p50_us: us("p(50)"),
        p99_us: us("p(99)"),
        p999_us: us("p(99.9)"),
        ..Said::default()
    })
}

/// The nearest ranks of values in microseconds.
fn quantiles(mut values: Vec<f64>) -> Said {
    values.sort_unstable_by(f64::total_cmp);
    let at = |quantile: f64| {
        let rank = (values.len() as f64 * quantile).ceil() as usize;
        values.get(rank.max(1) - 1).copied()
    };
    Said {
        p50_us: at(0.5),
        p99_us: at(0.99),
        p999_us: at(0.999),
        ..Said::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: Load = Load::Open { rate_per_s: 1_000 };

    #[test]
    fn shakedown_says_how_long_an_outage_was() {
        let printed = r#"{"latency":{"run":{"p50_ns":1000,"p99_ns":2500,"p999_ns":null}},
            "generator":{"outcomes":{"acked":7,"refused":2,"timeout":1},"send_lag_p99_ns":31500},"failover":[{"first_ack_s":2.01}],
            "began_monotonic_ns":123}"#;
        let said = said(Tool::Shakedown, OPEN, printed, "").unwrap();
        assert_eq!((said.ok, said.failed), (7, 3));
        assert_eq!(
            (said.p50_us, said.p99_us, said.p999_us),
            (Some(1.0), Some(2.5), None)
        );
        assert_eq!((said.outage_s, said.began_ns), (Some(2.01), Some(123)));
        assert_eq!(said.lag_p99_us, Some(31.5));
    }

    #[test]
    fn wrk_says_it_through_its_script() {
        let printed = "Requests/sec: 5\nSAID 76320 3 1488 1933 4383\n";
        let said = said(Tool::Wrk, Load::Closed, printed, "").unwrap();
        assert_eq!(
            (said.ok, said.failed, said.p999_us),
            (76_320, 3, Some(4_383.0))
        );
    }

    #[test]
    fn h2load_counts_and_its_log_has_the_times() {
        let printed = "requests: 2048 total, 2048 started, 2048 done, 2040 succeeded, 8 failed, 1 errored, 7 timeout\n";
        let said = said(
            Tool::H2load,
            OPEN,
            printed,
            "17\t200\t30\n18\t200\t10\n19\t200\t20\n",
        )
        .unwrap();
        assert_eq!((said.ok, said.failed), (2040, 8));
        assert_eq!((said.p50_us, said.p99_us), (Some(20.0), Some(30.0)));
    }

    #[test]
    fn hey_says_statuses_and_errors_apart() {
        let printed = "  99% in 0.0114 secs\n\nStatus code distribution:\n  [200]\t1984 responses\n  [503]\t5 responses\n\n\
            Error distribution:\n  [1912]\tGet \"http://127.0.0.1:1\": connection refused\n";
        let closed = said(Tool::Hey, Load::Closed, printed, "").unwrap();
        assert_eq!(
            (closed.ok, closed.failed, closed.p99_us),
            (1984, 1917, Some(11_400.0))
        );
        let csv = "response-time,DNS+dialup\n0.0064,0\n0.0065,0\n";
        let open = said(Tool::Hey, OPEN, csv, "").unwrap();
        assert_eq!((open.ok, open.p99_us), (2, Some(6_500.0)));
    }

    #[test]
    fn oha_breaks_off_what_is_under_way_and_that_is_no_failure() {
        let printed = r#"{"latencyPercentiles":{"p50":0.001,"p99":0.002,"p99.9":0.003},"statusCodeDistribution":{"200":9,"500":1},
            "errorDistribution":{"aborted due to deadline":64,"connection refused":2}}"#;
        let said = said(Tool::Oha, OPEN, printed, "").unwrap();
        assert_eq!((said.ok, said.failed, said.p99_us), (9, 3, Some(2_000.0)));
    }

    #[test]
    fn vegeta_says_it_in_two_reports() {
        let left = "{\"latencies\":{\"50th\":1000,\"99th\":2000},\"requests\":10,\"status_codes\":{\"0\":3,\"200\":7}}\n\
            Value(ms)  Percentile\n5.5  0.998000  9  9\n6.25  0.999023  9  9\n";
        let said = said(Tool::Vegeta, OPEN, "", left).unwrap();
        assert_eq!((said.ok, said.failed, said.p999_us), (7, 3, Some(6_250.0)));
    }

    #[test]
    fn what_passes_as_failed_has_failed_in_k6() {
        let left = r#"{"metrics":{"http_reqs":{"values":{"count":10}},"http_req_failed":{"values":{"passes":2,"fails":8}},
            "http_req_duration":{"values":{"p(50)":1.5,"p(99)":2,"p(99.9)":3}}}}"#;
        let said = said(Tool::K6, OPEN, "", left).unwrap();
        assert_eq!((said.ok, said.failed, said.p50_us), (8, 2, Some(1_500.0)));
    }

    #[test]
    fn what_is_no_report_is_told() {
        for tool in Tool::ALL.into_iter().filter(|tool| *tool != Tool::Hey) {
            assert!(
                said(tool, OPEN, "Segmentation fault", "").is_err(),
                "{tool:?}"
            );
        }
    }
}
