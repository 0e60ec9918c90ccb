//! `shakedown stand-in …`: one service, or the list of defects.

use std::io::Write;

use shakedown_engine::EngineError;
use shakedown_engine::cli::{output_failed, stay_with_parent};

use crate::bot3::{self, Bot3Args};
use crate::defects::defects;
use crate::error::StandInError;
use crate::market::{self, DataProcessorArgs};
use crate::model::{self, MlServiceArgs};
use crate::service::{Running, ServiceArgs};
use crate::trading::{self, TradingAppArgs};

/// Stand-ins of systems that are made of services and stores (docs/stand-ins.md).
#[derive(Debug, clap::Subcommand)]
#[allow(clippy::large_enum_variant, reason = "there is one for each process")]
pub enum StandInCommand {
    /// Run a replica of bot3: decisions over the binary gateway, orders over HTTP.
    Bot3(Bot3Args),
    /// Run trading-app of ai-trading: trades over HTTP.
    TradingApp(TradingAppArgs),
    /// Run data-processor of ai-trading: market data in, last prices and bars out.
    DataProcessor(DataProcessorArgs),
    /// Run ml-service of ai-trading: signals over HTTP.
    MlService(MlServiceArgs),
    /// List the defects that can be switched on.
    Defects,
}

/// Does what the command says. Returns when it is done, or was asked to stop.
///
/// # Errors
/// [`StandInError`] with what stood in the way.
pub fn run(command: &StandInCommand) -> Result<(), StandInError> {
    let Some(args) = command.service() else {
        let mut out = std::io::stdout().lock();
        return list_defects(&mut out).map_err(|source| output_failed(source).into());
    };
    within(args, async { start(command).await?.until_asked().await })
}

/// Starts the service of the command.
///
/// # Errors
/// [`StandInError`] with what stands in the way.
pub async fn start(command: &StandInCommand) -> Result<Running, StandInError> {
    match command {
        StandInCommand::Bot3(args) => bot3::start(args).await,
        StandInCommand::TradingApp(args) => trading::start(args).await,
        StandInCommand::DataProcessor(args) => market::start(args).await,
        StandInCommand::MlService(args) => model::start(args).await,
        StandInCommand::Defects => Err(StandInError::Usage("that is no service".to_owned())),
    }
}

impl StandInCommand {
    /// How its service is started, if it is one.
    fn service(&self) -> Option<&ServiceArgs> {
        match self {
            StandInCommand::Bot3(args) => Some(&args.service),
            StandInCommand::TradingApp(args) => Some(&args.service),
            StandInCommand::DataProcessor(args) => Some(&args.service),
            StandInCommand::MlService(args) => Some(&args.service),
            StandInCommand::Defects => None,
        }
    }
}

/// Runs a service on threads of its own, tied to its parent where that is asked for.
fn within(
    args: &ServiceArgs,
    service: impl Future<Output = Result<(), StandInError>>,
) -> Result<(), StandInError> {
    if let Some(parent) = args.with_parent {
        stay_with_parent(parent)?;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("stand-in")
        .enable_all()
        .build()
        .map_err(|source| EngineError::System {
            what: "start the runtime",
            source,
        })?;
    let done = runtime.block_on(service);
    // What a defect leaves open is cut, not waited for.
    runtime.shutdown_background();
    done
}

fn list_defects(out: &mut impl Write) -> std::io::Result<()> {
    for info in defects() {
        writeln!(out, "{:<26}{} ({})", info.name, info.about, info.of)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_defects_are_listed_with_who_has_them() {
        let mut out = Vec::new();
        list_defects(&mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().count(), defects().len());
        assert!(text.lines().all(|line| line.contains(". (")));
    }
}
