use shakedown_record::phase::Phase;
use shakedown_record::run_record::Severity;
use shakedown_record::series::{SeriesKind, SeriesRecord, read_series};
use shakedown_scenarios::plan::{
    LimitEnd, MetricLimit, MetricRule, Plan, Rule, RuleKind, SeriesPattern,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::environment::ExternalTarget;
use crate::probes::exposition::testing::{family, native};
use crate::testing::{SECRET, plan, secrets, target};

/// A server of metrics that answers each request with the next of these texts, the last one for ever. An empty one is
/// silence.
async fn serving(texts: Vec<String>) -> String {
    let bodies = texts
        .into_iter()
        .map(|text| ("text/plain", text.into_bytes()));
    serving_as(bodies.collect()).await
}

/// The same, each with its `content-type`.
async fn serving_as(bodies: Vec<(&'static str, Vec<u8>)>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut next = 0;
        while let Ok((mut socket, _)) = listener.accept().await {
            let (kind, body) = bodies[next.min(bodies.len() - 1)].clone();
            next += 1;
            tokio::spawn(async move {
                let mut asked = [0; 4096];
                let length = socket.read(&mut asked).await.unwrap_or(0);
                let asked = String::from_utf8_lossy(&asked[..length]).to_ascii_lowercase();
                let wanted = asked.contains("accept: application/vnd.google.protobuf");
                // As client libraries do it: only who asks gets it.
                let (kind, body) = match kind == PROTOBUF && !wanted {
                    true => ("text/plain", b"queue_depth 1\n".to_vec()),
                    false => (kind, body),
                };
                if body.is_empty() {
                    tokio::time::sleep(Duration::from_secs(30)).await;
                }
                let head = format!(
                    "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n",
                    body.len()
                );
                let _ = socket.write_all(&[head.into_bytes(), body].concat()).await;
            });
        }
    });
    base
}

const PROTOBUF: &str =
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

fn asking_for(name: &str, base: &str) -> Plan {
    let mut plan = plan(&[base.to_string()]);
    plan.system.metrics.as_mut().unwrap().every_ns = Some(100_000_000);
    plan.rules.push(Rule {
        id: "level".into(),
        kind: RuleKind::Metric(MetricRule {
            of: SeriesPattern {
                name: name.into(),
                labels: Default::default(),
            },
            limit: MetricLimit::Value {
                end: LimitEnd::AtMost,
                limit: 1.0,
                for_ns: 0,
            },
            phase: Phase::Steady,
        }),
        severity: Severity::Critical,
        source: None,
    });
    plan
}

/// Scrapes for a while, and returns what stands in the file.
async fn scraped(texts: Vec<String>, for_ms: u64) -> SeriesRecord {
    let base = serving(texts).await;
    scraped_of(asking_for("queue_depth", &base), base, for_ms).await
}

async fn scraped_of(plan: Plan, base: String, for_ms: u64) -> SeriesRecord {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("series.jsonl");
    let log = Arc::new(SeriesLog::create(&path, &secrets()).unwrap());
    let external = match &plan.environment {
        shakedown_scenarios::plan::EnvironmentPlan::External(endpoints) => {
            ExternalTarget::new(&plan.system, endpoints).unwrap()
        }
        other => panic!("{other:?}"),
    };
    let environment = Arc::new(Environment::External(external));
    let target = target(plan, &[base]);
    let scraper = Scraper::begin(&target, &environment, &log).unwrap();
    tokio::time::sleep(Duration::from_millis(for_ms)).await;
    scraper.look_now().await;
    assert_eq!(scraper.end().await, Vec::<String>::new());
    assert_eq!(log.failure(), None);
    read_series(&path).unwrap().unwrap()
}

#[tokio::test]
async fn what_is_asked_for_is_kept_on_a_schedule_and_what_is_not_is_left_out() {
    let text = format!(
        "# TYPE queue_depth gauge\nqueue_depth{{shard=\"1\",owner=\"{SECRET}\"}} 7\nother 9\n\
         process_start_time_seconds 1790000000.5\n"
    );
    let record = scraped(vec![text], 350).await;
    assert!(record.looks.len() >= 4, "{} looks", record.looks.len());
    assert_eq!(record.gaps, []);
    let names: BTreeSet<&str> = record
        .series
        .iter()
        .map(|series| series.name.as_str())
        .collect();
    assert_eq!(names, BTreeSet::from(["queue_depth"]));
    assert_eq!(
        record.series[0].labels["owner"], "***",
        "no secret is written"
    );
    assert_eq!(record.series[0].target, "engine-1");
    for look in &record.looks {
        assert_eq!(look.started_s, Some(1_790_000_000.5));
        assert_eq!(look.values[0].1.0, 7.0);
        assert!(look.asked_ns < look.answered_ns);
    }
    let apart: Vec<u64> = record
        .looks
        .windows(2)
        .map(|pair| pair[1].asked_ns.saturating_sub(pair[0].asked_ns))
        .collect();
    assert!(apart[0] >= 50_000_000, "{apart:?}");
}

#[tokio::test]
async fn a_text_with_a_malformed_line_is_a_gap_with_that_line() {
    let good = "queue_depth 1\n".to_string();
    let bad = "queue_depth 1\nqueue_depth{x=\"y} 2\n".to_string();
    let record = scraped(vec![good, bad], 250).await;
    assert_eq!(record.looks.len(), 1);
    assert!(!record.gaps.is_empty());
    assert!(
        record.gaps[0].reason.contains("line 2") && !record.gaps[0].absent,
        "{:?}",
        record.gaps[0]
    );
}

#[tokio::test]
async fn a_server_that_hangs_is_given_up_and_asked_again() {
    let record = scraped(vec![String::new(), "queue_depth 1\n".to_string()], 350).await;
    assert!(
        record.gaps[0].reason.contains("no answer within 100 ms"),
        "{:?}",
        record.gaps[0]
    );
    assert!(!record.looks.is_empty());
}

#[tokio::test]
async fn a_server_that_is_not_there_is_a_gap() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", gone.local_addr().unwrap());
    drop(gone);
    let plan = asking_for("x", &base);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("series.jsonl");
    let log = Arc::new(SeriesLog::create(&path, &secrets()).unwrap());
    let environment = Arc::new(Environment::External(
        ExternalTarget::new(
            &plan.system,
            match &plan.environment {
                shakedown_scenarios::plan::EnvironmentPlan::External(endpoints) => endpoints,
                other => panic!("{other:?}"),
            },
        )
        .unwrap(),
    ));
    let scraper = Scraper::begin(&target(plan, &[base]), &environment, &log).unwrap();
    scraper.end().await;
    let record = read_series(&path).unwrap().unwrap();
    assert!(record.looks.is_empty() && record.gaps[0].reason.contains("refused"));
}

/// A histogram of schema 3 with these counts in the buckets up to 1 and up to 1.09.
fn in_protobuf(counts: [i64; 2]) -> (&'static str, Vec<u8>) {
    let deltas = [counts[0], counts[1] - counts[0]];
    let value = native(counts.iter().sum::<i64>() as u64, &[(0, 2)], &deltas);
    let labels: &[(&str, &str)] = &[("owner", SECRET)];
    (PROTOBUF, family("h_seconds", 4, &[(labels, 7, value)]))
}

#[tokio::test]
async fn a_native_histogram_is_asked_for_where_a_rule_needs_a_quantile_and_kept() {
    let bodies = vec![in_protobuf([5, 1]), in_protobuf([7, 4])];
    let base = serving_as(bodies.clone()).await;
    let mut plan = asking_for("h_seconds", &base);
    let rule = plan.rules.last_mut().unwrap();
    let RuleKind::Metric(metric) = &mut rule.kind else {
        panic!("{rule:?}");
    };
    metric.limit = MetricLimit::Quantile {
        quantile: 0.9,
        at_most: 1.0,
    };
    let record = scraped_of(plan, base, 250).await;
    assert_eq!(record.gaps, []);
    let first = &record.looks[0].histograms[0];
    let series = &record.series[first.0 as usize];
    assert_eq!(
        (series.name.as_str(), series.kind),
        ("h_seconds", SeriesKind::Histogram)
    );
    assert_eq!(series.labels["owner"], "***", "no secret is written");
    assert_eq!(first.1.positive, [(0, 5.0), (1, 1.0)]);
    let last = &record.looks.last().unwrap().histograms[0];
    assert_eq!((last.1.count, last.1.schema), (11.0, 3));
    // Nobody needs a quantile: text is good enough.
    let base = serving_as(bodies).await;
    let record = scraped_of(asking_for("queue_depth", &base), base, 150).await;
    assert!(record.looks[0].histograms.is_empty());
    assert_eq!(record.looks[0].values[0].1.0, 1.0);
}

#[test]
fn protobuf_that_cannot_be_read_is_no_look() {
    let (kind, mut body) = in_protobuf([5, 1]);
    assert!(told_of(Some(kind), &body).is_ok());
    body.pop();
    let error = told_of(Some(kind), &body).unwrap_err();
    assert!(error.contains("cut off"), "{error}");
}

#[test]
fn too_many_series_are_no_look() {
    let text: String = (0..=MOST_VALUES)
        .map(|n| format!("a{{n=\"{n}\"}} 1\n"))
        .collect();
    let kept = BTreeSet::from(["a".to_string()]);
    let error = kept_of(parse(&text, Dialect::Text), &kept).unwrap_err();
    assert!(error.contains("5001 series"), "{error}");
}
