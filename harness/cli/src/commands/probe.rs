//! `shakedown probe`: one order through every line of a profile.

use std::path::Path;

use shakedown_record::ExitCode;
use shakedown_scenarios::compile_profile;

use super::{json, runtime};
use crate::args::{GuardArgs, ProbeArgs};
use crate::files::{Whole, parse_environment};
use crate::guarding::Guarding;
use crate::output::{Failure, print};

/// Exit 0 when every line of the profile works, 1 when one does not, 69 when the target is not there.
pub fn probe(args: &ProbeArgs) -> Result<ExitCode, Failure> {
    let profile = Whole::read(&args.profile)?;
    let environment = args
        .environment
        .as_deref()
        .map(parse_environment)
        .transpose()?;
    let compiled = compile_profile(profile.written(), environment).map_err(Failure::usage)?;
    let folder = args
        .profile
        .parent()
        .unwrap_or(Path::new("."))
        .to_path_buf();
    let guarding = Guarding::of(&compiled.plan, &[folder], &GuardArgs::default())?;
    let exe = std::env::current_exe()
        .map_err(|error| Failure::bug(format!("cannot find my own binary: {error}")))?;
    let probed = runtime()?.block_on(shakedown_runner::probe(
        &compiled,
        &guarding.guarded,
        exe,
        args.defect.clone(),
    ));
    let report = probed.map_err(|error| Failure {
        code: error.exit(),
        message: error.to_string(),
    })?;
    print(&if args.json {
        json(&report)?
    } else {
        report.text().join("\n")
    });
    Ok(report.exit())
}
