//! The command line of ml-service, and its start.

use std::sync::Arc;
use std::time::Duration;

use shakedown_engine::EngineError;
use tokio::task::JoinSet;

use super::http::{App, routes};
use crate::error::StandInError;
use crate::service::{Running, Service, ServiceArgs, http_listener, serve_http};

/// ml-service of ai-trading.
#[derive(Debug, Clone, clap::Args)]
pub struct MlServiceArgs {
    /// How it is started.
    #[command(flatten)]
    pub service: ServiceArgs,
    /// Port of HTTP: /health, /ready, /metrics, /signal. 0: any.
    #[arg(long, default_value_t = 8002)]
    pub port: u16,
    /// How long a signal may take, in milliseconds; then the answer is that it took too long.
    #[arg(long, value_name = "MS", default_value_t = 250, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    pub timeout_ms: u64,
}

/// Starts an ml-service.
///
/// # Errors
/// [`StandInError`] with what stands in the way.
pub async fn start(args: &MlServiceArgs) -> Result<Running, StandInError> {
    let service = Arc::new(Service::new("ml-service", &args.service));
    let listener = http_listener(&args.service, args.port).await?;
    let http = listener
        .local_addr()
        .map_err(|source| EngineError::System {
            what: "tell its own address",
            source,
        })?;
    let app = App {
        service: Arc::clone(&service),
        patience: Duration::from_millis(args.timeout_ms),
        took: Default::default(),
        timeouts: Default::default(),
        signals: Default::default(),
    };
    let mut tasks = JoinSet::new();
    tasks.spawn(serve_http(listener, &service, routes(Arc::new(app))));
    Ok(Running::new(&service, http, None, tasks))
}
