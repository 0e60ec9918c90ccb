//! What can be seen without an order: version, health, roles, metrics.

use std::time::{Duration, Instant};

use super::steps::Steps;
use crate::probes::metrics::scrape;
use crate::probes::roles::{ask_all, sole_holder};
use crate::probes::state::{live, ready, version};
use crate::probes::target::PROBE_TIMEOUT;

impl Steps<'_> {
    pub(super) async fn seen_running(&mut self) {
        let target = self.target;
        for replica in &target.replicas {
            let name = &replica.name;
            match version(target, replica).await {
                None => self.not_in_profile(&format!("version at {name}")),
                Some(found) => self.add(&format!("version at {name}"), "a version", found),
            }
            let health = [
                ("health.ready", ready(target, replica, PROBE_TIMEOUT).await),
                ("health.live", live(target, replica, PROBE_TIMEOUT).await),
            ];
            for (line, seen) in health {
                let line = format!("{line} at {name}");
                match seen {
                    None => self.not_in_profile(&line),
                    Some(true) => self.add(&line, "a status of 2xx", Ok("2xx".to_string())),
                    Some(false) => {
                        self.add(
                            &line,
                            "a status of 2xx",
                            Err("not 2xx, or no answer".into()),
                        );
                    }
                }
            }
        }
    }

    pub(super) async fn roles(&mut self) {
        let target = self.target;
        for part in &target.plan.system.parts {
            if part.roles.is_empty() {
                self.not_in_profile(&format!("roles of {}", part.name));
                continue;
            }
            let deadline = Instant::now() + Duration::from_secs(3);
            for role in &part.roles {
                let found = loop {
                    let seen = ask_all(target, part).await;
                    let found = sole_holder(&role.name, &seen);
                    if found.is_ok() || Instant::now() >= deadline {
                        break found;
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                };
                let line = format!("role {} of {}", role.name, part.name);
                let found = found.map(|replica| replica.name);
                self.add(&line, "exactly one replica to hold it", found);
            }
        }
    }

    pub(super) async fn metrics(&mut self) {
        let target = self.target;
        let metrics = target.plan.system.metrics.as_ref();
        let Some(name) = metrics.and_then(|metrics| metrics.latency.clone()) else {
            return self.not_in_profile("metrics.latency");
        };
        for replica in target.engine_replicas() {
            let found = scrape(target, &replica).await;
            let found = found.map(|scrape| {
                format!("{} buckets, {} samples", scrape.buckets.len(), scrape.count)
            });
            let line = format!("metrics.latency at {}", replica.name);
            self.add(&line, &format!("the histogram {name}"), found);
        }
    }
}
