//! Commands on files: validate, plan.

use shakedown_record::ExitCode;
use shakedown_runner::{rights, submit};
use shakedown_scenarios::calendar::Calendar;
use shakedown_scenarios::suite::Draft;
use shakedown_scenarios::{
    CompileInput, Diagnostics, FileKind, Written, compile_on, compile_profile, file_kind,
    overridden,
};

use super::json;
use crate::args::{FileArgs, PlanArgs};
use crate::files::{Whole, compile_scenario, profile_of, recording, today};
use crate::output::{Failure, print};
use crate::plan_text::plan_text;

/// `shakedown validate`.
pub fn validate(args: &FileArgs) -> Result<ExitCode, Failure> {
    let whole = Whole::read(&args.file)?;
    let file = &whole.file;
    let checked = file_kind(file).and_then(|kind| match kind {
        FileKind::Profile => profile_everywhere(whole.written()),
        FileKind::Calendar => Calendar::parse(file).map(|_| ()),
        FileKind::Suite => Draft::read(file).map(|_| ()),
        FileKind::Scenario => Ok(()),
    });
    let checked = match (checked, file_kind(file)) {
        (Ok(()), Ok(FileKind::Scenario)) => {
            let profile = profile_of(&whole)?;
            let input = CompileInput {
                scenario: whole.written(),
                profile: profile.written(),
                overrides: &[],
                environment: None,
                seed: None,
            };
            compile_on(today(), &input, &recording).map(|_| ())
        }
        (checked, _) => checked,
    };
    if checked.is_ok() && matches!(file_kind(file), Ok(FileKind::Suite)) {
        super::suite::check(&args.file)?;
    }
    if args.json {
        let none = Diagnostics::default();
        print(&json(checked.as_ref().err().unwrap_or(&none))?);
        return Ok(if checked.is_ok() {
            ExitCode::Pass
        } else {
            ExitCode::Usage
        });
    }
    checked.map_err(Failure::usage)?;
    print(&format!("{}: ok", file.name));
    Ok(ExitCode::Pass)
}

/// A profile as it is in its first environment, and in each in which it is another.
fn profile_everywhere(profile: Written) -> Result<(), Diagnostics> {
    let others = overridden(profile.file).into_iter().map(Some);
    for environment in std::iter::once(None).chain(others) {
        compile_profile(profile, environment)?;
    }
    Ok(())
}

/// `shakedown plan`.
pub fn plan(args: &PlanArgs) -> Result<ExitCode, Failure> {
    let compiled = compile_scenario(&args.scenario)?;
    if args.rights {
        let plan = &compiled.plan;
        let manifest = rights::manifest(plan, &args.account).ok_or_else(|| {
            Failure::usage(format!(
                "--rights: the environment {} needs no rights of a cluster; add --environment kubernetes",
                plan.environment.name()
            ))
        })?;
        print(&manifest);
        if args.in_cluster {
            print(&format!("---\n{}", submit::rights_manifest(&args.account)));
        }
    } else if args.json {
        print(&json(&compiled.plan)?);
    } else {
        print(&plan_text(&compiled.plan));
    }
    Ok(ExitCode::Pass)
}
