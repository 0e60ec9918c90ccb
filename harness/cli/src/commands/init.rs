//! `shakedown init`: a first profile and a first scenario, to be filled in.

use std::fs;
use std::io::Write;
use std::path::Path;

use shakedown_record::ExitCode;
use shakedown_runner::acquaint::{AcquaintError, address, deployment};
use shakedown_scenarios::starter::{self, Found, from_compose};
use shakedown_scenarios::{SourceFile, compile_profile};

use super::runtime;
use crate::args::InitArgs;
use crate::files::read;
use crate::output::{Failure, print};

/// Exit 64 when a file is there already, or the target is none; 69 when nobody answers.
pub fn init(args: &InitArgs) -> Result<ExitCode, Failure> {
    let folder = &args.folder;
    let names = ["system.yaml", "scenario.yaml"];
    if let Some(name) = names.iter().find(|name| folder.join(name).exists()) {
        return Err(Failure::usage(format!(
            "{} exists; nothing was written",
            folder.join(name).display()
        )));
    }
    let (profile, scenario) = match &args.from {
        None => (starter::PROFILE.to_string(), starter::SCENARIO.to_string()),
        Some(target) => {
            let mut found = found(target, args)?;
            if let Some(name) = &args.name {
                found.name.clone_from(name);
            }
            let profile = starter::profile_from(&found);
            checked(&profile, &found)?;
            (profile, starter::scenario_in(&found.place))
        }
    };
    write(folder, names, [&profile, &scenario])?;
    let shown = folder.display();
    let what = match &args.from {
        None => "addresses, order messages, read-back",
        Some(_) => "what is marked with <-; what was found says so",
    };
    print(&format!(
        "Wrote {shown}/system.yaml and {shown}/scenario.yaml. Next:\n\
         \x20 edit {shown}/system.yaml: {what}\n\
         \x20 shakedown validate {shown}/system.yaml\n\
         \x20 shakedown probe {shown}/system.yaml      sends one order through every line of it\n\
         \x20 shakedown run {shown}/scenario.yaml"
    ));
    Ok(ExitCode::Pass)
}

/// What a target tells of itself.
fn found(target: &str, args: &InitArgs) -> Result<Found, Failure> {
    let wrong = |why: String| Failure::usage(format!("--from {target}: {why}"));
    let told = |error: AcquaintError| match error {
        AcquaintError::Unreachable(why) => Failure::unavailable(format!("--from {target}: {why}")),
        AcquaintError::Wrong(why) => wrong(why),
    };
    if target.starts_with("http://") || target.starts_with("https://") {
        return runtime()?
            .block_on(address(target, "my-engine"))
            .map_err(told);
    }
    if let Some(place) = target.strip_prefix("deployment:") {
        let Some((namespace, name)) = place.split_once('/') else {
            return Err(wrong("write deployment:NAMESPACE/NAME".to_string()));
        };
        let asked = deployment(namespace, name, args.context.clone());
        return runtime()?.block_on(asked).map_err(told);
    }
    if let Some(place) = target.strip_prefix("compose:") {
        let (file, service) = match place.split_once('#') {
            Some((file, service)) => (file, Some(service)),
            None => (place, None),
        };
        let source = read(Path::new(file))?;
        let folder = fs::canonicalize(file).ok();
        let folder = folder
            .as_deref()
            .and_then(Path::parent)
            .and_then(Path::file_name);
        let folder = folder.map_or_else(|| "project".into(), |name| name.to_string_lossy());
        return from_compose(&source, service, &folder).map_err(|error| wrong(error.to_string()));
    }
    Err(wrong(
        "expected http://HOST:PORT, deployment:NAMESPACE/NAME or compose:FILE".to_string(),
    ))
}

/// What is written can be read again: a name that is none is told here, not by the next command.
fn checked(profile: &str, found: &Found) -> Result<(), Failure> {
    let file = SourceFile {
        name: "system.yaml".to_string(),
        text: profile.to_string(),
    };
    compile_profile(&file, Some(found.place.environment()))
        .map(|_| ())
        .map_err(|told| Failure::usage(format!("no profile can be made of this target:\n{told}")))
}

fn write(folder: &Path, names: [&str; 2], texts: [&str; 2]) -> Result<(), Failure> {
    let failed =
        |path: &Path, error: std::io::Error| Failure::usage(format!("{}: {error}", path.display()));
    fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    for (name, text) in names.into_iter().zip(texts) {
        let path = folder.join(name);
        let mut file = fs::File::create_new(&path).map_err(|error| failed(&path, error))?;
        file.write_all(text.as_bytes())
            .map_err(|error| failed(&path, error))?;
    }
    Ok(())
}
