//! `shakedown suite`: scenarios one after the other, and what they show together.
//!
//! Everything is compiled before anything runs. After each run the suite is judged and written anew, so that whatever ends it,
//! what was seen stands there, and `--resume` goes on behind it: a run that came to its end is never made again, whatever it
//! came to.

mod kept;
mod members;
mod place;

use std::path::{Path, PathBuf};

use shakedown_analysis::suite::{CameTo, Ran, RanOutcome, judge};
use shakedown_record::ExitCode;
use shakedown_record::suite::{SuiteRecord, SuiteRun};
use shakedown_render::{SuiteFormat, render_suite};

use super::run::{Job, carry_out};
use crate::args::SuiteArgs;
use crate::files::today;
use crate::guarding::{Guarding, operator};
use crate::output::{Failure, look, print, say};
use members::{Members, members};
use place::Place;

/// Exit code as over the checks of one run; 64 when a file is wrong, and then nothing was run.
pub fn suite(args: &SuiteArgs) -> Result<ExitCode, Failure> {
    let members = members(&args.suite, args.environment.as_deref())?;
    let wanted =
        |tags: &[String]| args.tag.is_empty() || tags.iter().any(|tag| args.tag.contains(tag));
    let is_wanted: Vec<bool> = (members.all.iter())
        .map(|member| wanted(&member.compiled.plan.tags))
        .collect();
    if !is_wanted.contains(&true) {
        return Err(Failure::usage(format!(
            "--tag {}: no scenario of the suite has it; there are: {}",
            args.tag.join(" --tag "),
            members.tags().join(", ")
        )));
    }
    if args.dry_run {
        print(&listed(&members, &is_wanted));
        return Ok(ExitCode::Pass);
    }
    let place = match &args.resume {
        Some(root) => Place::again(root, args)?,
        None => Place::new(args, &members.suite.name)?,
    };
    place.keep(&members.source)?;
    let mut running = Running {
        args,
        ran: Vec::new(),
        members: &members,
        place: &place,
    };
    for (member, is_wanted) in members.all.iter().zip(is_wanted) {
        let kept = kept::look(&place, member)?;
        let outcome = match (kept.judged, is_wanted) {
            (Some(judged), _) => judged,
            (None, true) => RanOutcome::NotRun,
            (None, false) => RanOutcome::NotSelected,
        };
        running.ran.push(Ran {
            scenario: member.compiled.plan.scenario.clone(),
            file: member.file.clone(),
            system: member.compiled.plan.system.name.clone(),
            environment: member.compiled.plan.environment.name().to_string(),
            outcome,
            earlier: kept.unfinished,
        });
    }
    running.go()?;
    let record = running.record();
    print(&render_suite(
        if args.json {
            SuiteFormat::Json
        } else {
            SuiteFormat::Text
        },
        &record,
        &look(),
    ));
    say(&format!(
        "Evidence: {}   Report: {}",
        place.root.display(),
        place.root.join("suite.html").display()
    ));
    Ok(ExitCode::from_code(record.exit_code).unwrap_or(ExitCode::Bug))
}

/// Checks a suite's file, and every scenario that it names.
///
/// # Errors
/// Exit 64 with every mistake of all of them.
pub(super) fn check(file: &Path) -> Result<(), Failure> {
    members(file, None).map(|_| ())
}

/// What would be run, in order.
fn listed(members: &Members, is_wanted: &[bool]) -> String {
    let mut text = format!("Suite {}\n", members.suite.name);
    for (member, is_wanted) in members.all.iter().zip(is_wanted) {
        let plan = &member.compiled.plan;
        let note = if *is_wanted { "" } else { "  (not asked for)" };
        text.push_str(&format!("  {}  {}{note}\n", plan.scenario, plan.about));
    }
    let requirements = &members.suite.requirements;
    if !requirements.is_empty() {
        text.push_str("Figures\n");
    }
    for requirement in requirements {
        let shown: Vec<String> = (requirement.shown_by.iter())
            .map(ToString::to_string)
            .collect();
        let shown = match shown.is_empty() {
            true => "waived".to_string(),
            false => shown.join(", "),
        };
        text.push_str(&format!(
            "  {}: {}  <- {shown}\n",
            requirement.id, requirement.figure
        ));
    }
    text
}

/// A suite on its way.
struct Running<'a> {
    args: &'a SuiteArgs,
    ran: Vec<Ran>,
    members: &'a Members,
    place: &'a Place,
}

impl Running<'_> {
    /// Runs what has not been run, until something happens that another run must not come after.
    fn go(&mut self) -> Result<(), Failure> {
        let todo: Vec<usize> = (0..self.ran.len())
            .filter(|index| matches!(self.ran[*index].outcome, RanOutcome::NotRun))
            .collect();
        self.write()?;
        for (number, index) in todo.iter().enumerate() {
            let scenario = &self.ran[*index].scenario;
            say(&format!("{} of {}: {scenario}", number + 1, todo.len()));
            let code = self.run(*index, number == 0)?;
            self.write()?;
            match code {
                ExitCode::Dirty | ExitCode::Interrupted | ExitCode::Bug => {
                    say(&format!(
                        "The suite ends here: a run ended with exit code {}. To go on: shakedown suite {} --resume {}",
                        code.code(),
                        self.args.suite.display(),
                        self.place.root.display()
                    ));
                    return Ok(());
                }
                ExitCode::Pass
                | ExitCode::Fail
                | ExitCode::Inconclusive
                | ExitCode::Usage
                | ExitCode::Unavailable
                | ExitCode::Refused => {}
            }
        }
        Ok(())
    }

    fn run(&mut self, index: usize, is_first: bool) -> Result<ExitCode, Failure> {
        let member = &self.members.all[index];
        let name = self.place.next_run(&member.compiled.plan.scenario);
        let began = Guarding::of(&member.compiled.plan, &member.folders, &self.args.guards)
            .and_then(|guarding| {
                carry_out(&Job {
                    compiled: &member.compiled,
                    guarding: &guarding,
                    defects: &self.args.defect,
                    blunted: &[],
                    out: Some(&self.place.root.join(&name)),
                    runs: Path::new(""),
                    // Whoever agreed to the first has agreed to all.
                    yes: self.args.guards.yes || !is_first,
                    run_id: None,
                })
            });
        let (code, outcome) = match began {
            Ok(done) => {
                say(&format!(
                    "{}: {}",
                    done.analysis.record.verdict.name(),
                    done.analysis
                        .record
                        .reasons
                        .first()
                        .map_or("", String::as_str)
                ));
                let came_to = CameTo::from(&done.analysis.record);
                (done.code, RanOutcome::Judged { run: name, came_to })
            }
            Err(failure) => {
                say(&failure.message);
                let outcome = RanOutcome::NotBegun {
                    exit_code: failure.code.code(),
                    why: failure.message.lines().next().unwrap_or("").to_string(),
                };
                (failure.code, outcome)
            }
        };
        self.ran[index].outcome = outcome;
        Ok(code)
    }

    fn record(&self) -> SuiteRecord {
        let run = SuiteRun {
            shakedown_version: env!("CARGO_PKG_VERSION").to_string(),
            operator: operator(),
            started_at: None,
            finished_at: None,
            tags: self.args.tag.clone(),
            environment: self.args.environment.clone(),
            defects: self.args.defect.clone(),
        };
        judge(&self.members.suite, &self.ran, today(), run)
    }

    fn write(&self) -> Result<(), Failure> {
        let record = self.record();
        for (name, format) in [
            ("suite.json", SuiteFormat::Json),
            ("suite.html", SuiteFormat::Html),
            ("summary.md", SuiteFormat::Markdown),
            ("junit.xml", SuiteFormat::Junit),
        ] {
            let text = render_suite(format, &record, &shakedown_render::Look::default());
            self.place.write(name, &text)?;
        }
        Ok(())
    }
}

/// Folder that a path lies in, as one that can be joined.
fn parent(path: &Path) -> PathBuf {
    path.parent().unwrap_or(Path::new("")).to_path_buf()
}
