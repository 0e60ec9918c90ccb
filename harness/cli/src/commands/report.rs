//! `shakedown report`: the same judgement again, from the run directory alone. It never writes into it.

use std::fs;

use shakedown_analysis::Analysis;
use shakedown_record::ExitCode;
use shakedown_record::run_dir::RunDir;
use shakedown_record::run_record::RunRecord;
use shakedown_render::Format;

use crate::args::{FormatName, ReportArgs};
use crate::files::{compile_saved, find_run};
use crate::output::{Failure, look, print, say};

/// Judges and renders a saved run.
pub fn report(args: &ReportArgs) -> Result<ExitCode, Failure> {
    let dir = find_run(&args.run)?;
    let (analysis, saved) = judged_again(&dir)?;
    match &saved {
        None => say("This run has no final record: it did not end by itself."),
        Some((saved, judged)) => {
            let was = ExitCode::from_code(saved.exit_code).unwrap_or(ExitCode::Bug);
            if saved.verdict != analysis.record.verdict || was != *judged {
                say(&format!(
                    "The saved record says {} (exit {}), its evidence says {} (exit {}): one of them was changed.",
                    saved.verdict.name(),
                    was.code(),
                    analysis.record.verdict.name(),
                    judged.code()
                ));
            }
        }
    }
    for changed in &analysis.beside {
        say(&format!("{changed}."));
    }
    let text = shakedown_render::render(format_of(args.format), &analysis, &look());
    match &args.to {
        None => print(&text),
        Some(path) => fs::write(path, &text)
            .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?,
    }
    Ok(ExitCode::from_code(analysis.record.exit_code).unwrap_or(ExitCode::Bug))
}

/// Judges a saved run from its evidence, with the graver exit code of this and of its final record. With that record, if there
/// is one, stands the exit code by the evidence alone.
pub(super) fn judged_again(
    dir: &RunDir,
) -> Result<(Analysis, Option<(RunRecord, ExitCode)>), Failure> {
    let compiled = compile_saved(dir)?;
    let mut analysis = shakedown_analysis::analyse(dir, &compiled.plan).map_err(Failure::usage)?;
    let saved = fs::read(dir.record())
        .ok()
        .and_then(|bytes| serde_json::from_slice::<RunRecord>(&bytes).ok());
    let judged = ExitCode::from_code(analysis.record.exit_code).unwrap_or(ExitCode::Bug);
    if let Some(saved) = &saved {
        let was = ExitCode::from_code(saved.exit_code).unwrap_or(ExitCode::Bug);
        analysis.record.exit_code = ExitCode::over([judged, was]).code();
    }
    Ok((analysis, saved.map(|saved| (saved, judged))))
}

fn format_of(name: FormatName) -> Format {
    match name {
        FormatName::Text => Format::Text,
        FormatName::Json => Format::Json,
        FormatName::Html => Format::Html,
        FormatName::Junit => Format::Junit,
        FormatName::Markdown => Format::Markdown,
    }
}
