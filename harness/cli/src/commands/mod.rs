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

use shakedown_record::ExitCode;
use shakedown_runner::mechanisms;

use crate::args::Command;
use crate::output::Failure;
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
        Command::Recover { run, json } => recover::recover(run.as_deref(), json),
        Command::Halt { json } => halt::halt(json),
        Command::Replay(args) => replay::replay(&args),
        Command::Calendar(command) => calendar::calendar(&command),
        #[cfg(feature = "stand-in")]
        Command::Engine(command) => engine::engine(command),
        Command::Completions { shell } => show::completions(shell),
        Command::Man => show::man(),
        Command::Agent(args) => agent::agent(args),
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

/// Pretty JSON with a newline, for results that a script reads.
fn json(value: &impl serde::Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(value)
        .map_err(|error| Failure::bug(format!("cannot write JSON: {error}")))
}
