//! The folder of a suite: `suite.yaml`, `suite.json`, `suite.html`, `summary.md`, `junit.xml`, and its run directories in `runs`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use shakedown_record::suite::SuiteRecord;

use super::super::run::{new_run_id, no_place};
use crate::args::SuiteArgs;
use crate::files::runs_folder;
use crate::output::Failure;

/// Where a suite is kept.
pub(super) struct Place {
    pub root: PathBuf,
}

impl Place {
    /// A new folder.
    pub fn new(args: &SuiteArgs, name: &str) -> Result<Place, Failure> {
        let named = || runs_folder().join(new_run_id(&format!("suite-{name}")));
        let root = args.out.clone().unwrap_or_else(named);
        if let Some(parent) = root.parent() {
            fs::create_dir_all(parent).map_err(|error| no_place(&root, &error))?;
        }
        fs::create_dir(&root).map_err(|error| no_place(&root, &error))?;
        Place::with_runs(root)
    }

    /// The folder of a suite that was begun, with the same defects.
    pub fn again(root: &Path, args: &SuiteArgs) -> Result<Place, Failure> {
        let file = root.join("suite.json");
        let wrong = |why: String| Failure::usage(format!("--resume {}: {why}", root.display()));
        let bytes = fs::read(&file).map_err(|error| wrong(format!("no suite: {error}")))?;
        let record: SuiteRecord = serde_json::from_slice(&bytes)
            .map_err(|error| wrong(format!("suite.json cannot be read: {error}")))?;
        if record.run.defects != args.defect {
            return Err(wrong(format!(
                "it was begun with {}; what is seen with others does not belong together",
                match record.run.defects.is_empty() {
                    true => "no defect".to_string(),
                    false => format!("--defect {}", record.run.defects.join(" --defect ")),
                }
            )));
        }
        Place::with_runs(root.to_path_buf())
    }

    fn with_runs(root: PathBuf) -> Result<Place, Failure> {
        let runs = root.join("runs");
        fs::create_dir_all(&runs).map_err(|error| no_place(&runs, &error))?;
        Ok(Place { root })
    }

    /// Keeps the suite's file.
    pub fn keep(&self, source: &Option<String>) -> Result<(), Failure> {
        source
            .as_ref()
            .map_or(Ok(()), |text| self.write("suite.yaml", text))
    }

    pub fn write(&self, name: &str, text: &str) -> Result<(), Failure> {
        let path = self.root.join(name);
        let failed = |error: io::Error| Failure::bug(format!("{}: {error}", path.display()));
        fs::write(&path, text).map_err(failed)
    }

    /// Run directories of a scenario, oldest first, below the root.
    pub fn runs_of(&self, scenario: &str) -> Vec<String> {
        (1..)
            .map(|number| run_name(scenario, number))
            .take_while(|name| self.root.join(name).exists())
            .collect()
    }

    /// The next one.
    pub fn next_run(&self, scenario: &str) -> String {
        run_name(scenario, self.runs_of(scenario).len() + 1)
    }
}

/// `runs/leader-kill`, then `runs/leader-kill.2`: no scenario has a name with a dot.
fn run_name(scenario: &str, number: usize) -> String {
    match number {
        1 => format!("runs/{scenario}"),
        number => format!("runs/{scenario}.{number}"),
    }
}
