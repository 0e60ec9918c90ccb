//! The engine's own latency histogram.

use std::time::Duration;

use shakedown_record::event::Event;

use super::prometheus::{Scrape, histogram};
use super::target::Target;
use crate::environment::Replica;

/// How long one scrape may take.
const SCRAPE_TIMEOUT: Duration = Duration::from_millis(400);

/// Reads the histogram of one replica.
///
/// # Errors
/// In words, when there is none.
pub async fn scrape(target: &Target, replica: &Replica) -> Result<Scrape, String> {
    let metrics = target.plan.system.metrics.as_ref();
    let metrics = metrics.ok_or("the profile has no metrics")?;
    let name = metrics.latency.as_ref();
    let name = name.ok_or("the profile names no latency histogram")?;
    let url = target.control_base(replica, metrics.port) + &metrics.path;
    let reply = target.client.get(&url, SCRAPE_TIMEOUT).await;
    let reply = reply.map_err(|error| error.to_string())?;
    if !reply.is_success() {
        return Err(target.client.excerpt(&reply));
    }
    let text = String::from_utf8_lossy(&reply.body);
    histogram(&text, name).map_err(|error| target.client.clean(&error.to_string()))
}

/// Reads the histograms of every replica that takes orders, as events.
pub async fn scrape_all(target: &Target) -> Vec<Event> {
    let mut events = Vec::new();
    for replica in target.engine_replicas() {
        let name = replica.name.clone();
        events.push(match scrape(target, &replica).await {
            Ok(Scrape { buckets, count }) => Event::EngineLatency {
                replica: name,
                buckets,
                count,
            },
            Err(reason) => Event::EngineLatencyMissing {
                replica: name,
                reason,
            },
        });
    }
    events
}
