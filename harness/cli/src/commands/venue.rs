//! `shakedown venue`: the venue, as a process of its own.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use rustix::process::{Signal, set_parent_process_death_signal};
use shakedown_load::venue::{VenueConfig, serve};
use shakedown_record::ExitCode;
use shakedown_scenarios::plan::{VenueFix, VenuePlan};

use crate::output::Failure;

/// What a venue is told.
#[derive(Debug, Args)]
pub struct VenueArgs {
    /// Where trading systems connect to.
    #[arg(long, value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// What it does is written there (docs/venue.md), and what is there already has happened.
    #[arg(long, value_name = "FILE")]
    pub log: PathBuf,
    /// Decides what becomes of each order.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How it behaves, as JSON (docs/venue.md).
    #[arg(long, value_name = "JSON", value_parser = behaviour)]
    pub behaviour: VenuePlan,
    /// Speak FIX 4.4 at the same port, under this CompID (docs/venue.md).
    #[arg(long, value_name = "COMPID")]
    pub fix: Option<String>,
    /// The field of an order over FIX that has the id of what caused it.
    #[arg(long, value_name = "TAG", default_value_t = 526, requires = "fix")]
    pub fix_tag: u32,
    /// End at once when the process that started this one ends.
    #[arg(long)]
    pub with_parent: bool,
}

fn behaviour(text: &str) -> Result<VenuePlan, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// Plays the venue until the process is ended.
pub(super) fn venue(args: &VenueArgs) -> Result<ExitCode, Failure> {
    if args.with_parent {
        set_parent_process_death_signal(Some(Signal::KILL)).map_err(|error| {
            Failure::unavailable(format!("the venue cannot be tied to its parent: {error}"))
        })?;
    }
    let config = VenueConfig {
        listen: args.listen,
        log: args.log.clone(),
        plan: args.behaviour,
        seed: args.seed,
        fix: args.fix.clone().map(|comp_id| VenueFix {
            comp_id,
            tag: args.fix_tag,
        }),
    };
    serve(&config, || false)
        .map(|()| ExitCode::Pass)
        .map_err(Failure::unavailable)
}
