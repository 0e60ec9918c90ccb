//! Which file runs which command.

use shakedown_record::ExitCode;
use shakedown_runner::mechanisms;

#[cfg(feature = "stand-in")]
use super::engine;
use super::{
    agent, calendar, capacity, explain, files, halt, init, load, probe, recover, replay, report,
    run, show, submitted, suite, venue, worker,
};
use crate::args::Command;
use crate::output::Failure;

/// Runs one command.
pub fn dispatch(command: Command) -> ExitCode {
    let result = match command {
        Command::Run(args) => run::run(&args),
        Command::Suite(args) => suite::suite(&args),
        Command::Load(args) => load::load(&args),
        Command::Capacity(args) => capacity::capacity(&args),
        Command::Probe(args) => probe::probe(&args),
        Command::Validate(args) => files::validate(&args),
        Command::Plan(args) => files::plan(&args),
        Command::Schema { which } => show::schema(which),
        Command::Init(args) => init::init(&args),
        Command::List { json } => show::list(json),
        Command::Report(args) => report::report(&args),
        Command::Explain { run, order } => explain::explain(&run, order.as_deref()),
        Command::Recover(args) => recover::recover(&args),
        Command::Halt { afar, json } => halt::halt(&afar, json),
        Command::Replay(args) => replay::replay(&args),
        Command::Calendar(command) => calendar::calendar(&command),
        Command::Venue(args) => venue::venue(&args),
        #[cfg(feature = "stand-in")]
        Command::Engine(command) => engine::engine(command),
        #[cfg(feature = "stand-in")]
        Command::StandIn(command) => engine::stand_in(command),
        Command::Completions { shell } => show::completions(shell),
        Command::Man => show::man(),
        Command::Agent(args) => agent::agent(args),
        Command::Worker(args) => worker::worker(&args),
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
