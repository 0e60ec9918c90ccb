//! One file for each command: read the arguments, call the crates, print, exit.

mod agent;
mod calendar;
#[cfg(feature = "stand-in")]
mod engine;
mod explain;
mod files;
mod halt;
mod load;
mod probe;
mod recover;
mod replay;
mod report;
mod run;
mod runtime;
mod show;
mod submit;
mod submitted;

use shakedown_record::ExitCode;
use shakedown_runner::mechanisms;

use crate::args::Command;
use crate::output::{Failure, json};
use runtime::runtime;

/// Runs one command.
pub fn dispatch(command: Command) -> ExitCode {
    let result = match command {
        Command::Run(args) => run::run(&args),
        Command::Load(args) => load::load(&args),
        Command::Probe(args) => probe::probe(&args),
        Command::Validate(args) => files::validate(&args),
        Command::Plan(args) => files::plan(&args),
        Command::Schema { which } => show::schema(which),
        Command::Init { folder } => files::init(&folder),
        Command::List { json } => show::list(json),
        Command::Report(args) => report::report(&args),
        Command::Explain { run, order } => explain::explain(&run, order.as_deref()),
        Command::Recover(args) => recover::recover(&args),
        Command::Halt { afar, json } => halt::halt(&afar, json),
        Command::Replay(args) => replay::replay(&args),
        Command::Calendar(command) => calendar::calendar(&command),
        #[cfg(feature = "stand-in")]
        Command::Engine(command) => engine::engine(command),
        Command::Completions { shell } => show::completions(shell),
        Command::Man => show::man(),
        Command::Agent(args) => agent::agent(args),
        Command::Submitted(args) => submitted::submitted(&args),
        Command::Parcel(command) => submitted::parcel(command),
        Command::Watchdog(helper) => Ok(mechanisms::watchdog_main(&helper.args)),
        Command::Disk(helper) => Ok(mechanisms::disk::disk_main(&helper.args)),
        Command::Stress(helper) => Ok(mechanisms::stress::stress_main(&helper.args)),
        Command::ContainerWatchdog(helper) => {
            Ok(mechanisms::docker::container_watchdog_main(&helper.args))
        }
        Command::GroupWatchdog(helper) => {
            Ok(mechanisms::cgroup::freezer_watchdog_main(&helper.args))
        }
    };
    result.unwrap_or_else(Failure::report)
}
