//! Finding and reading scenario and profile files: by path, or by the name of a shipped one.

use std::fs;
use std::path::{Path, PathBuf};

use shakedown_record::run_dir::RunDir;
use shakedown_scenarios::plan::LARGEST_RECORDING_BYTES;
use shakedown_scenarios::{
    CompileInput, Compiled, EnvironmentKind, Override, SourceFile, Written, base_reference,
    compile_on, compile_with, library, system_reference,
};

use crate::args::ScenarioArgs;
use crate::output::Failure;

/// Largest scenario or profile that is read; more is surely another file.
const LARGEST_FILE_BYTES: u64 = 1 << 20;

/// More bases are not read.
const MOST_BASES: usize = 16;

/// Names the folder of run directories.
const RUNS_VARIABLE: &str = "SHAKEDOWN_RUNS";

/// Reads a scenario or profile file, or a shipped one by name.
///
/// # Errors
/// Exit 64, naming the file and what is wrong with it.
pub fn read(path: &Path) -> Result<SourceFile, Failure> {
    let name = path.display().to_string();
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) => {
            return library::find(&name)
                .map(|shipped| SourceFile {
                    name: shipped.path.to_string(),
                    text: shipped.text.to_string(),
                })
                .ok_or_else(|| {
                    Failure::usage(format!(
                        "{name}: {error}; `shakedown list` shows what is shipped"
                    ))
                });
        }
    };
    if !metadata.is_file() {
        return Err(Failure::usage(format!(
            "{name}: is not a file; give a YAML file"
        )));
    }
    if metadata.len() > LARGEST_FILE_BYTES {
        let mib = metadata.len() as f64 / 1_048_576.0;
        return Err(Failure::usage(format!(
            "{name}: has {mib:.1} MiB; a scenario or profile has at most 1 MiB, so this is another kind of file"
        )));
    }
    let bytes = fs::read(path).map_err(|error| Failure::usage(format!("{name}: {error}")))?;
    SourceFile::from_bytes(&name, &bytes).map_err(Failure::usage)
}

/// A file with what it is made of.
#[derive(Debug)]
pub struct Whole {
    pub file: SourceFile,
    bases: Vec<SourceFile>,
}

impl Whole {
    /// Reads a file and its bases.
    ///
    /// # Errors
    /// Exit 64 when one of them cannot be read.
    pub fn read(path: &Path) -> Result<Whole, Failure> {
        Whole::of(read(path)?)
    }

    /// Reads the bases of a file: files beside each other. The first that is none is left to the library.
    ///
    /// # Errors
    /// Exit 64 when such a file cannot be read.
    pub fn of(file: SourceFile) -> Result<Whole, Failure> {
        let mut bases: Vec<SourceFile> = Vec::new();
        while let Some(beside) = base_beside(bases.last().unwrap_or(&file)) {
            // A file that is its own base is told of by the compiler, which counts.
            if bases.len() > MOST_BASES {
                break;
            }
            bases.push(read(&beside)?);
        }
        Ok(Whole { file, bases })
    }

    /// As the compiler takes it.
    pub fn written(&self) -> Written<'_> {
        Written {
            file: &self.file,
            bases: &self.bases,
        }
    }

    /// The file, then what it is made of.
    fn files(&self) -> impl Iterator<Item = &SourceFile> {
        std::iter::once(&self.file).chain(&self.bases)
    }
}

/// The file beside another that is its base; `None` where there is none.
fn base_beside(file: &SourceFile) -> Option<PathBuf> {
    let folder = Path::new(&file.name).parent().unwrap_or(Path::new("."));
    let beside = folder.join(base_reference(file)?);
    beside.is_file().then_some(beside)
}

/// Reads the profile that a scenario names: a path beside the file that names it, or a shipped system.
///
/// # Errors
/// Exit 64 when there is none.
pub fn profile_of(scenario: &Whole) -> Result<Whole, Failure> {
    let (reference, named_in) = system_reference(scenario.written()).map_err(Failure::usage)?;
    let folder = Path::new(&named_in).parent().unwrap_or(Path::new("."));
    let beside = folder.join(&reference);
    if beside.is_file() {
        return Whole::read(&beside);
    }
    let in_library =
        library::find(&reference).or_else(|| library::find(&format!("systems/{reference}")));
    if let Some(shipped) = in_library {
        return Whole::of(SourceFile {
            name: shipped.path.to_string(),
            text: shipped.text.to_string(),
        });
    }
    Err(Failure::usage(format!(
        "{named_in}: system '{reference}' is neither a file beside the scenario ({}) nor a shipped system (see `shakedown list`)",
        beside.display()
    )))
}

/// The text of a recording by its path, relative to the file that names it; or why it cannot be had.
///
/// # Errors
/// What is wrong, in words.
pub fn recording(file: &str, named_in: &SourceFile) -> Result<String, String> {
    let folder = Path::new(&named_in.name).parent().unwrap_or(Path::new(""));
    let path = folder.join(file);
    let name = path.display();
    let metadata = fs::metadata(&path).map_err(|error| format!("{name}: {error}"))?;
    if !metadata.is_file() {
        return Err(format!("{name} is no file"));
    }
    if metadata.len() > LARGEST_RECORDING_BYTES as u64 {
        let mebibytes = metadata.len() >> 20;
        return Err(format!(
            "{name} has {mebibytes} MiB; at most {} MiB are read",
            LARGEST_RECORDING_BYTES >> 20
        ));
    }
    fs::read_to_string(&path).map_err(|error| format!("{name}: {error}"))
}

/// Folders in which a scenario's other files are looked for: its own and those of its bases, then its profile's.
///
/// # Errors
/// Exit 64 when there is no such scenario or profile.
pub fn folders_of(scenario: &Path) -> Result<Vec<PathBuf>, Failure> {
    let scenario = Whole::read(scenario)?;
    let profile = profile_of(&scenario)?;
    let folder = |file: &SourceFile| {
        let parent = Path::new(&file.name).parent().unwrap_or(Path::new(""));
        match parent.as_os_str().is_empty() {
            true => PathBuf::from("."),
            false => parent.to_path_buf(),
        }
    };
    let mut folders: Vec<_> = scenario
        .files()
        .chain(profile.files())
        .map(folder)
        .collect();
    folders.dedup();
    // The folder of a shipped file is in the binary, not on the disk.
    folders.retain(|folder| folder.is_dir());
    Ok(folders)
}

/// Compiles a scenario with its profile and the overrides of the command line.
///
/// # Errors
/// Exit 64 with every mistake.
pub fn compile_scenario(args: &ScenarioArgs) -> Result<Compiled, Failure> {
    compile_changed(args, &[], args.seed)
}

/// The same, with more overrides after those of the command line, and with a seed.
///
/// # Errors
/// Exit 64 with every mistake.
pub fn compile_changed(
    args: &ScenarioArgs,
    more: &[Override],
    seed: Option<u64>,
) -> Result<Compiled, Failure> {
    let overrides = args.set.iter().map(|text| parse_override(text));
    let mut overrides = overrides.collect::<Result<Vec<_>, _>>()?;
    overrides.extend_from_slice(more);
    let scenario = Whole::read(&args.scenario)?;
    let profile = profile_of(&scenario)?;
    let environment = args
        .environment
        .as_deref()
        .map(parse_environment)
        .transpose()?;
    let input = CompileInput {
        scenario: scenario.written(),
        profile: profile.written(),
        overrides: &overrides,
        environment,
        seed,
    };
    compile_on(today(), &input, &recording).map_err(Failure::usage)
}

/// The day by the calendars that are furthest ahead: what is in the future there is so everywhere.
pub fn today() -> jiff::civil::Date {
    jiff::tz::offset(14)
        .to_datetime(jiff::Timestamp::now())
        .date()
}

/// Reads `local`, `external` and so on.
///
/// # Errors
/// Exit 64 with the names that there are.
pub fn parse_environment(text: &str) -> Result<EnvironmentKind, Failure> {
    text.parse()
        .map_err(|error| Failure::usage(format!("--environment {text}: {error}")))
}

fn parse_override(text: &str) -> Result<Override, Failure> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok(Override {
            key: key.trim().to_string(),
            value: value.to_string(),
        }),
        Some(_) | None => Err(Failure::usage(format!(
            "--set {text}: expected KEY=VALUE, such as sla.steady-p99.latency.at-most=2ms"
        ))),
    }
}

/// Compiles the plan of a saved run from the files in its directory.
///
/// # Errors
/// Exit 64 when the directory holds no run.
pub fn compile_saved(dir: &RunDir) -> Result<Compiled, Failure> {
    let scenario = read(&dir.scenario())?;
    let profile = read(&dir.system())?;
    let input = CompileInput {
        scenario: (&scenario).into(),
        profile: (&profile).into(),
        overrides: &[],
        environment: None,
        seed: None,
    };
    compile_with(&input, &recording).map_err(Failure::usage)
}

/// The folder of run directories: what `SHAKEDOWN_RUNS` names, or `runs` in this one.
pub fn runs_folder() -> PathBuf {
    let named = std::env::var_os(RUNS_VARIABLE).filter(|named| !named.is_empty());
    named.map_or_else(|| PathBuf::from("runs"), PathBuf::from)
}

/// Finds a saved run: a directory, or an id (or directory name) below the folder of run directories.
///
/// # Errors
/// Exit 64 when there is none.
pub fn find_run(run: &str) -> Result<RunDir, Failure> {
    let as_path = PathBuf::from(run);
    if as_path.is_dir() {
        return Ok(RunDir::at(&as_path));
    }
    let runs = runs_folder();
    let below = runs.join(run);
    if below.is_dir() && !run.is_empty() {
        return Ok(RunDir::at(&below));
    }
    Err(Failure::usage(format!(
        "{run}: no run directory of that name here, and none below {}/",
        runs.display()
    )))
}
