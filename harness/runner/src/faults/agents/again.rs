//! Waits until whoever a fault acted on serves as before.

use std::time::Duration;

use tokio::time::Instant;

use super::super::error::NotClean;
use crate::environment::Environment;

const SERVES_WITHIN: Duration = Duration::from_secs(60);
const READY_POLL: Duration = Duration::from_millis(100);

/// # Errors
/// Who is not ready in time, with the end of a log.
pub(super) async fn serve_again(
    names: &[String],
    environment: &Environment,
) -> Result<(), NotClean> {
    let until = Instant::now() + SERVES_WITHIN;
    loop {
        let mut behind = Vec::new();
        for name in names {
            let health = environment.health(name).await;
            if !health.is_some_and(|health| health.ready) {
                behind.push(name.as_str());
            }
        }
        if behind.is_empty() {
            return Ok(());
        }
        if Instant::now() >= until {
            let log = environment.log_end(behind[0]);
            return Err(NotClean {
                left: None,
                reason: format!("{} not ready as before; {log}", behind.join(", ")),
            });
        }
        tokio::time::sleep(READY_POLL).await;
    }
}
