//! The scenarios of a suite, compiled before anything runs: whatever is wrong in any of them is told at once.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use shakedown_scenarios::suite::{Draft, Member as Named, Suite};
use shakedown_scenarios::{Compiled, FileKind, SourceFile, file_kind, library};

use super::parent;
use crate::args::ScenarioArgs;
use crate::files::{compile_scenario, folders_of, read};
use crate::output::Failure;

/// The file in a suite's folder.
const FILE: &str = "suite.yaml";

/// A suite, ready to be run.
pub(super) struct Members {
    pub suite: Suite,
    /// Text of the suite's file; `None` for a folder without one.
    pub source: Option<String>,
    pub all: Vec<Member>,
}

/// One scenario.
pub(super) struct Member {
    pub file: String,
    pub compiled: Compiled,
    pub folders: Vec<PathBuf>,
}

impl Members {
    /// Every tag that a scenario has.
    pub fn tags(&self) -> Vec<String> {
        let tags = self.all.iter().flat_map(|it| it.compiled.plan.tags.iter());
        let tags: BTreeSet<&String> = tags.collect();
        tags.into_iter().cloned().collect()
    }
}

/// Finds the suite and compiles its scenarios.
///
/// # Errors
/// Exit 64 with every mistake of every file.
pub(super) fn members(path: &Path, environment: Option<&str>) -> Result<Members, Failure> {
    let Some(source) = source_of(path)? else {
        let files = scenarios_in(path)?;
        let all = compiled(environment, path, &files)?;
        let name = path.canonicalize().ok();
        let name = name.as_deref().and_then(Path::file_name);
        let name = name.map_or_else(|| "suite".into(), |name| name.to_string_lossy());
        return Ok(Members {
            suite: Suite::of_files(&name, files),
            source: None,
            all,
        });
    };
    let draft = Draft::read(&source).map_err(Failure::usage)?;
    let all = compiled(environment, &parent(Path::new(&source.name)), draft.files())?;
    let named: Vec<Named> = all.iter().map(named).collect();
    Ok(Members {
        suite: draft.against(&named).map_err(Failure::usage)?,
        source: Some(source.text),
        all,
    })
}

fn named(member: &Member) -> Named {
    let rules = member.compiled.plan.rules.iter();
    Named {
        scenario: member.compiled.plan.scenario.clone(),
        checks: rules.map(|rule| rule.id.clone()).collect(),
    }
}

/// The suite's file: that of a folder, one that is named, or a shipped one. `None`: a folder without one.
fn source_of(path: &Path) -> Result<Option<SourceFile>, Failure> {
    if path.is_dir() {
        let file = path.join(FILE);
        return match file.is_file() {
            true => read(&file).map(Some),
            false => Ok(None),
        };
    }
    if path.is_file() {
        return read(path).map(Some);
    }
    let shipped = library::all()
        .iter()
        .find(|shipped| shipped.kind == FileKind::Suite && Path::new(shipped.name) == path);
    match shipped {
        Some(shipped) => Ok(Some(SourceFile {
            name: shipped.path.to_string(),
            text: shipped.text.to_string(),
        })),
        None => Err(Failure::usage(format!(
            "{}: neither a folder nor a file, and no suite of that name is shipped (see `shakedown list`)",
            path.display()
        ))),
    }
}

/// The scenarios of a folder, by their names. Files that begin with `_` are what others are made of.
fn scenarios_in(folder: &Path) -> Result<Vec<String>, Failure> {
    let failed = |error: std::io::Error| Failure::usage(format!("{}: {error}", folder.display()));
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let is_yaml = path
            .extension()
            .is_some_and(|it| it == "yaml" || it == "yml");
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let stands_alone = is_yaml && !name.starts_with('_') && path.is_file();
        if stands_alone && file_kind(&read(&path)?) == Ok(FileKind::Scenario) {
            files.push(name.into_owned());
        }
    }
    files.sort();
    if files.is_empty() {
        return Err(Failure::usage(format!(
            "{}: has neither {FILE} nor a scenario",
            folder.display()
        )));
    }
    Ok(files)
}

fn compiled(
    environment: Option<&str>,
    folder: &Path,
    files: &[String],
) -> Result<Vec<Member>, Failure> {
    let mut all = Vec::new();
    let mut wrong = Vec::new();
    for file in files {
        let path = folder.join(file);
        let scenario = ScenarioArgs {
            scenario: path.clone(),
            environment: environment.map(str::to_string),
            seed: None,
            set: Vec::new(),
        };
        let member = compile_scenario(&scenario).and_then(|compiled| {
            Ok(Member {
                file: file.clone(),
                folders: folders_of(&path)?,
                compiled,
            })
        });
        match member {
            Ok(member) => all.push(member),
            Err(failure) => wrong.push(failure.message.trim_end().to_string()),
        }
    }
    match wrong.is_empty() {
        true => Ok(all),
        false => Err(Failure::usage(wrong.join("\n"))),
    }
}
