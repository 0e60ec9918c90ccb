//! The command line, as typed.

mod measuring;
mod suite;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use shakedown_runner::mechanisms::kubernetes::rights::Account;

pub use measuring::{ArrivalName, CapacityArgs, IoName, LoadArgs};
pub use suite::{InitArgs, SuiteArgs};

/// Chaos and performance validation for trading engines: one scenario, one verdict, with the evidence.
#[derive(Debug, Parser)]
#[command(name = "shakedown", version, max_term_width = 110)]
#[command(
    after_help = "Exit codes: 0 pass, 1 fail, 2 inconclusive, 3 something was left behind, 64 wrong command line \
    or file, 69 environment unavailable, 70 bug in shakedown, 77 a guard refused, 130 interrupted (healed first)."
)]
pub struct Cli {
    /// Log what is done, to stderr.
    #[arg(long, short, global = true)]
    pub verbose: bool,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a scenario and judge it.
    Run(RunArgs),
    /// Run the scenarios of a folder in order, and show which figure of the documents each of them proves.
    Suite(SuiteArgs),
    /// Ad-hoc HTTP load on one URL, free of coordinated omission.
    Load(LoadArgs),
    /// Find the highest rate at which a scenario's SLA holds, and draw the curve.
    Capacity(CapacityArgs),
    /// Send one order through every line of a profile, without faults, and say what it can prove.
    Probe(ProbeArgs),
    /// Check a scenario or a profile; every mistake is reported at once.
    Validate(FileArgs),
    /// Show what a scenario would do, without doing it.
    Plan(PlanArgs),
    /// Print a JSON Schema.
    Schema {
        #[arg(value_enum)]
        which: SchemaName,
    },
    /// Write a first profile and a first scenario into a folder, to be filled in; of a target that runs, with what it tells of itself.
    Init(InitArgs),
    /// List the shipped scenarios and systems.
    List {
        #[arg(long)]
        json: bool,
    },
    /// Judge and render a saved run again, offline; exits with the run's code.
    Report(ReportArgs),
    /// Tell the story of a run, or of one order in it.
    Explain {
        /// Run directory or run id.
        run: String,
        /// Client order id, or the number of its slot.
        #[arg(long)]
        order: Option<String>,
    },
    /// Heal what a dead run left behind.
    Recover(RecoverArgs),
    /// Stop every run on this machine, or in a cluster, now: heal first, then end.
    Halt {
        #[command(flatten)]
        afar: AfarArgs,
        #[arg(long)]
        json: bool,
    },
    /// Run a saved run again, with its seed and environment, and compare the two.
    Replay(ReplayArgs),
    /// Ask a market calendar.
    #[command(subcommand)]
    Calendar(CalendarCommand),
    /// Play the venue that trading systems send their orders to; started by Shakedown itself, or by hand.
    Venue(crate::commands::VenueArgs),
    /// Start the reference engine, or a cluster of it.
    #[cfg(feature = "stand-in")]
    #[command(subcommand)]
    Engine(shakedown_engine::cli::EngineCommand),
    /// Start a service that stands for one of a real system, over real stores (docs/stand-ins.md).
    #[cfg(feature = "stand-in")]
    #[command(subcommand)]
    StandIn(shakedown_stand_ins::StandInCommand),
    /// Print shell completions.
    Completions { shell: clap_complete::Shell },
    /// Print the manual page.
    Man,
    /// Does one fault on the node on which it runs; started by Shakedown itself, in a cluster.
    #[command(hide = true)]
    Agent(AgentArgs),
    /// Makes a part of a load; started by Shakedown itself, and told over its standard input.
    #[command(hide = true)]
    Worker(WorkerArgs),
    /// A run that was submitted as a Job; started by Shakedown itself, in a cluster.
    #[command(name = "__submitted", hide = true)]
    Submitted(SubmittedArgs),
    /// Keeps the run directory of a Job until it was fetched; started by Shakedown itself, in a cluster.
    #[command(name = "__parcel", hide = true, subcommand)]
    Parcel(ParcelCommand),
    /// Thaws a process when Shakedown dies; started by Shakedown itself.
    #[command(name = "__watchdog", hide = true)]
    Watchdog(HelperArgs),
    /// Serves the disk of a node; started by Shakedown itself.
    #[command(name = "__disk", hide = true)]
    Disk(HelperArgs),
    /// Uses up CPU time; started by Shakedown itself.
    #[command(name = "__stress", hide = true)]
    Stress(HelperArgs),
    /// Takes changes to containers back when Shakedown dies; started by Shakedown itself.
    #[command(name = "__container-watchdog", hide = true)]
    ContainerWatchdog(HelperArgs),
    /// Takes control groups back when Shakedown dies; started by Shakedown itself.
    #[command(name = "__freezer-watchdog", hide = true)]
    GroupWatchdog(HelperArgs),
}

/// What Shakedown says to a process that it starts of itself.
#[derive(Debug, Args)]
pub struct HelperArgs {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub args: Vec<String>,
}

/// What an agent is told when its pod is made.
#[derive(Debug, Args)]
pub struct AgentArgs {
    /// The whole order, as JSON.
    #[arg(long, env = "SHAKEDOWN_AGENT_ORDER", hide_env_values = true)]
    pub order: String,
    /// A folder of its own that lives as long as its pod, for the journal.
    #[arg(long, env = "SHAKEDOWN_AGENT_STATE")]
    pub state: PathBuf,
}

/// What stands on a worker's command line.
#[derive(Debug, Args)]
pub struct WorkerArgs {
    /// Whose worker it is, for people who look at a list of processes.
    #[arg(long)]
    pub about: Option<String>,
    /// Only stay: a worker is started beside this one.
    #[arg(long)]
    pub stand_by: bool,
    /// End the worker of this folder and write its ledger to standard output.
    #[arg(long, value_name = "FOLDER", conflicts_with = "stand_by")]
    pub hand_over: Option<PathBuf>,
    /// Knock at the doors that are named on standard input, and say on standard output how that went.
    #[arg(long, conflicts_with_all = ["stand_by", "hand_over"])]
    pub knock: bool,
}

/// Where a scenario comes from and what is changed in it.
#[derive(Debug, Args)]
pub struct ScenarioArgs {
    /// Scenario file, or the name of a shipped scenario (see `shakedown list`).
    pub scenario: PathBuf,
    /// local, docker, kubernetes or external; overrides the file.
    #[arg(long)]
    pub environment: Option<String>,
    /// Decides every random choice; overrides the file.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Change a value of the scenario, such as sla.steady-p99.latency.at-most=2ms.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

/// Runs that are known by what they keep in a cluster, wherever their runner is or was.
#[derive(Debug, Default, Args)]
pub struct AfarArgs {
    /// kubernetes: also those of which there is a Lease or a journal in the cluster, whatever machine they run on.
    #[arg(long, value_enum)]
    pub environment: Option<AfarName>,
    /// Context of the kubeconfig. Default: the current one, or the cluster in which Shakedown itself runs.
    #[arg(long, requires = "environment")]
    pub context: Option<String>,
    /// Where they are kept (`drills` of the profile). Default: shakedown. May be repeated.
    #[arg(long, requires = "environment")]
    pub namespace: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AfarName {
    Kubernetes,
}

/// Whose leftovers, and by which way.
#[derive(Debug, Args)]
pub struct RecoverArgs {
    /// Only this run (directory or id).
    pub run: Option<String>,
    #[command(flatten)]
    pub afar: AfarArgs,
    /// Run the commands of journals in the cluster, too, such as those that start a node. Whoever may write into their
    /// namespace could have put others there.
    #[arg(long, requires = "environment")]
    pub commands: bool,
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    pub scenario: ScenarioArgs,
    /// Run directory to make; it must not exist. Default: runs/<start, UTC>-<scenario>/
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// Folder in which run directories are made and found: RUNS/<start, UTC>-<scenario>/. Default: SHAKEDOWN_RUNS, or runs in this folder.
    #[arg(long, value_name = "RUNS")]
    pub runs: Option<PathBuf>,
    /// Told by a POST of JSON when the run is over, however it ended (`shakedown schema webhook`). May be repeated; in the
    /// variable, separated by spaces. SHAKEDOWN_WEBHOOK_AUTHORIZATION is the value of the header Authorization.
    #[arg(
        long,
        value_name = "URL",
        env = "SHAKEDOWN_WEBHOOK",
        hide_env_values = true,
        value_delimiter = ' '
    )]
    pub webhook: Vec<String>,
    /// Switch a defect of the stand-in on (see `shakedown engine defects`).
    #[arg(long)]
    pub defect: Vec<String>,
    /// Leave this fault of the scenario without effect, to show that nobody believes in it. May be repeated.
    #[arg(long, value_name = "FAULT-ID", hide = true)]
    pub blunt: Vec<String>,
    /// Show the plan and stop.
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub guards: GuardArgs,
    /// Print record.json instead of the report.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub cluster: InClusterArgs,
}

/// A run as a Job of the cluster. All other options are handed on.
#[derive(Debug, Default, Args)]
pub struct InClusterArgs {
    /// Run in the cluster of the profile, as a Job: follow it here, fetch its run directory, end with its exit code.
    #[arg(long)]
    pub in_cluster: bool,
    /// Image of the Job; its entry point is shakedown of this version. Default: the agent's, in the profile.
    #[arg(long, value_name = "IMAGE", requires = "in_cluster")]
    pub in_cluster_image: Option<String>,
    /// Namespace of the Job; it must exist.
    #[arg(
        long,
        value_name = "NAME",
        requires = "in_cluster",
        default_value = "shakedown"
    )]
    pub in_cluster_namespace: String,
    /// Service account of the Job; `plan --rights` prints what it needs.
    #[arg(
        long,
        value_name = "NAME",
        requires = "in_cluster",
        default_value = "shakedown-runner"
    )]
    pub in_cluster_account: String,
    /// Secret of that namespace whose keys become environment variables of the run. May be repeated.
    #[arg(long, value_name = "SECRET", requires = "in_cluster")]
    pub in_cluster_env_from: Vec<String>,
}

/// What the Job of a run is told.
#[derive(Debug, Args)]
pub struct SubmittedArgs {
    #[arg(long)]
    pub run_id: String,
    #[arg(long)]
    pub blunt: Vec<String>,
    #[command(flatten)]
    pub guards: GuardArgs,
}

/// What the run directory of a Job is asked for.
#[derive(Debug, Subcommand)]
pub enum ParcelCommand {
    /// Stay until it was fetched.
    Keep,
    /// How far the run is, as JSON.
    Status,
    /// The run directory as a tar archive, to stdout.
    Send {
        /// Without its first bytes.
        #[arg(long, default_value_t = 0)]
        from: u64,
    },
    /// It was fetched.
    Release,
}

/// What a person says to the guards.
#[derive(Debug, Default, Args)]
pub struct GuardArgs {
    /// Overrule a guard for this run: quorum, blast-radius, time-window or market-hours. May be repeated.
    #[arg(long = "override", value_name = "GUARD[=REASON]")]
    pub overrule: Vec<String>,
    /// Why; goes on record with your name (SHAKEDOWN_OPERATOR, or else USER).
    #[arg(long, value_name = "REASON", requires = "overrule")]
    pub because: Option<String>,
    /// Do not ask for confirmation.
    #[arg(long)]
    pub yes: bool,
}

#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// Run directory or run id.
    pub run: String,
    /// Run directory to make; it must not exist. Default: runs/<start, UTC>-<scenario>/
    #[arg(long)]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub guards: GuardArgs,
    /// Print record.json instead of the report.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
pub enum CalendarCommand {
    /// What a day is to a market, and at which times of it a run may go on; exits 77 when the calendar does not know it.
    Check {
        /// The day, such as 2026-12-24.
        date: String,
        /// Calendar file, or the name of a shipped one (see `shakedown list`).
        #[arg(long, default_value = "us-equities-example")]
        calendar: String,
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub struct PlanArgs {
    #[command(flatten)]
    pub scenario: ScenarioArgs,
    #[arg(long)]
    pub json: bool,
    /// Print the least Roles that an account needs for this scenario in a Kubernetes cluster, as YAML. Asks no cluster.
    #[arg(long, conflicts_with = "json")]
    pub rights: bool,
    /// Print the Role of whoever submits the run with --in-cluster, too.
    #[arg(long, requires = "rights")]
    pub in_cluster: bool,
    /// The service account that the Roles are bound to.
    #[arg(
        long,
        value_name = "NAMESPACE/NAME",
        requires = "rights",
        default_value = "shakedown/shakedown-runner"
    )]
    pub account: Account,
}

#[derive(Debug, Args)]
pub struct FileArgs {
    /// Scenario or profile.
    pub file: PathBuf,
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ProbeArgs {
    /// Profile file, or the name of a shipped system.
    pub profile: PathBuf,
    /// local or external.
    #[arg(long)]
    pub environment: Option<String>,
    /// Switch a defect of the stand-in on.
    #[arg(long)]
    pub defect: Vec<String>,
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Run directory or run id.
    pub run: String,
    #[arg(long, value_enum, default_value_t = FormatName::Text)]
    pub format: FormatName,
    /// Write to a file instead of stdout.
    #[arg(long)]
    pub to: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FormatName {
    Text,
    Json,
    Html,
    Junit,
    Markdown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaName {
    Scenario,
    Profile,
    Calendar,
    Suite,
    SuiteRecord,
    Record,
    Capacity,
    Webhook,
}
