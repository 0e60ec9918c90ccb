//! What the containers of a pod use, as the metrics API tells it (`metrics.k8s.io`).

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::core::DynamicObject;
use serde_json::Value;

use super::values::amount;

/// What a pod used in a stretch of time.
#[derive(Debug, Clone, PartialEq)]
pub struct UsageLook {
    /// The end of that stretch, by the clock of its node; whole seconds.
    pub taken_at: Timestamp,
    /// Its length: CPU time is a mean over it, memory is as it was at its end.
    pub window: Duration,
    pub containers: BTreeMap<String, ContainerUse>,
}

/// What one container used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ContainerUse {
    /// CPUs, such as 0.25.
    pub cpus: f64,
    /// Without page cache that can be given back at once.
    pub memory_bytes: f64,
}

impl UsageLook {
    /// `None` for an answer that is not whole.
    pub fn of(it: &DynamicObject) -> Option<UsageLook> {
        let text = |name: &str| it.data.get(name).and_then(Value::as_str);
        let window: SignedDuration = text("window")?.parse().ok()?;
        let containers = it.data.get("containers")?.as_array()?;
        Some(UsageLook {
            taken_at: text("timestamp")?.parse().ok()?,
            window: Duration::try_from(window).ok()?,
            containers: containers.iter().map(container).collect::<Option<_>>()?,
        })
    }
}

fn container(said: &Value) -> Option<(String, ContainerUse)> {
    let used = |name: &str| {
        let text = said.pointer(&format!("/usage/{name}"))?.as_str()?;
        amount(&Quantity(text.to_string()))
    };
    let own = ContainerUse {
        cpus: used("cpu")?,
        memory_bytes: used("memory")?,
    };
    Some((said.get("name")?.as_str()?.to_string(), own))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As metrics-server 0.7 answers.
    const ANSWER: &str = r#"{"kind":"PodMetrics","apiVersion":"metrics.k8s.io/v1beta1",
        "metadata":{"name":"engine-0","namespace":"stg","creationTimestamp":"2026-01-01T00:00:20Z","labels":{"app":"engine"}},
        "timestamp":"2026-01-01T00:00:07Z","window":"15.231s",
        "containers":[{"name":"engine","usage":{"cpu":"43217895n","memory":"28616Ki"}},
                      {"name":"proxy","usage":{"cpu":"2m","memory":"12M"}}]}"#;

    fn look(text: &str) -> Option<UsageLook> {
        UsageLook::of(&serde_json::from_str(text).unwrap())
    }

    #[test]
    fn an_answer_is_read_whole() {
        let seen = look(ANSWER).unwrap();
        assert_eq!(seen.taken_at.to_string(), "2026-01-01T00:00:07Z");
        assert_eq!(seen.window, Duration::from_millis(15_231));
        let engine = seen.containers["engine"];
        assert!((engine.cpus - 0.043_217_895).abs() < 1e-12, "{engine:?}");
        assert_eq!(engine.memory_bytes, 28_616.0 * 1024.0);
        assert_eq!(seen.containers["proxy"].memory_bytes, 12e6);
        let other = ANSWER.replace("15.231s", "1m0s");
        assert_eq!(look(&other).unwrap().window, Duration::from_secs(60));
    }

    #[test]
    fn an_answer_that_is_not_whole_is_none() {
        for (part, wrong) in [
            ("\"timestamp\"", "\"time\""),
            ("15.231s", "soon"),
            ("15.231s", "-1s"),
            ("43217895n", "much"),
            ("\"containers\"", "\"none\""),
        ] {
            assert_eq!(look(&ANSWER.replace(part, wrong)), None, "{part}");
        }
    }
}
