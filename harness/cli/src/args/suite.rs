//! The command lines of `shakedown suite` and `shakedown init`.

use std::path::PathBuf;

use clap::Args;

use super::GuardArgs;

/// Which suite, which part of it, and where it is kept.
#[derive(Debug, Args)]
pub struct SuiteArgs {
    /// Folder with a suite.yaml, or with scenarios; a suite's file; or the name of a shipped suite (see `shakedown list`).
    pub suite: PathBuf,
    /// Only scenarios that have this tag, such as ci, staging or drill. May be repeated: with any of them.
    #[arg(long)]
    pub tag: Vec<String>,
    /// local, docker, kubernetes or external; overrides the files.
    #[arg(long)]
    pub environment: Option<String>,
    /// Folder to make for the suite and its runs; it must not exist. Default: runs/<start, UTC>-suite-<name>/
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// Go on with a suite that was begun in this folder: what came to its end there is not run again.
    #[arg(long, value_name = "FOLDER", conflicts_with = "out")]
    pub resume: Option<PathBuf>,
    /// Switch a defect of the stand-in on in every run (see `shakedown engine defects`).
    #[arg(long)]
    pub defect: Vec<String>,
    /// Show what would be run, and stop.
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub guards: GuardArgs,
    /// Print suite.json instead of the report.
    #[arg(long)]
    pub json: bool,
}

/// What a first profile is made of, and where it is written.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// Folder to write to; files that exist are never touched.
    #[arg(default_value = ".")]
    pub folder: PathBuf,
    /// A target that runs, which is only asked: http://HOST:PORT, deployment:NAMESPACE/NAME (of the cluster of the kubeconfig), or
    /// compose:FILE (compose:FILE#SERVICE where several have ports).
    #[arg(long, value_name = "TARGET")]
    pub from: Option<String>,
    /// Context of the kubeconfig. Default: the current one.
    #[arg(long, requires = "from")]
    pub context: Option<String>,
    /// Name of the system. Default: by the target.
    #[arg(long, requires = "from")]
    pub name: Option<String>,
}
