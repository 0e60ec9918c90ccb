//! What the guards need from the command line and the disk: calendars, overrulings with a name, and a yes.

use std::fs;
use std::io::{self, BufRead, IsTerminal};
use std::path::{Path, PathBuf};

use shakedown_record::ExitCode;
use shakedown_record::run_dir::RunDir;
use shakedown_runner::guard::{self, Guarded, Override};
use shakedown_scenarios::calendar::Calendar;
use shakedown_scenarios::guards::{Guard, calendars_of, confirmation};
use shakedown_scenarios::plan::Plan;
use shakedown_scenarios::{FileKind, SourceFile, library};

use crate::args::GuardArgs;
use crate::files::read;
use crate::output::{Failure, say};

/// Folder of a run directory that keeps the calendars that its run was held against.
const CALENDARS: &str = "calendars";

/// The guards' side of a run.
#[derive(Debug, Default)]
pub struct Guarding {
    pub guarded: Guarded,
    /// File name and text of each calendar that was found.
    calendars: Vec<(String, String)>,
}

impl Guarding {
    /// Reads the calendars that a plan names, looked for beside its files, and the overrulings of the command line.
    /// A calendar that cannot be had is the guard's affair, not a mistake of the command line.
    ///
    /// # Errors
    /// Exit 64 when an overruling is none.
    pub fn of(plan: &Plan, folders: &[PathBuf], args: &GuardArgs) -> Result<Guarding, Failure> {
        let mut guarding = Guarding {
            guarded: Guarded {
                overrides: overrides(args, operator())?,
                ..Guarded::default()
            },
            calendars: Vec::new(),
        };
        for reference in calendars_of(plan) {
            let found = find_calendar(&reference, folders).and_then(|file| {
                let calendar = Calendar::parse(&file).map_err(|told| told.to_string())?;
                guarding.calendars.push((file_name(&reference), file.text));
                Ok(calendar)
            });
            guarding.guarded.calendars.insert(reference, found);
        }
        Ok(guarding)
    }

    /// The calendars by the paths at which a run looks for them in a folder of its own.
    pub fn kept(&self) -> impl Iterator<Item = (String, &str)> {
        let all = self.calendars.iter();
        all.map(|(name, text)| (format!("{CALENDARS}/{name}"), text.as_str()))
    }

    /// Keeps the calendars in the run directory, so that it can be run again elsewhere.
    ///
    /// # Errors
    /// Exit 70 when they cannot be written.
    pub fn keep(&self, dir: &RunDir) -> Result<(), Failure> {
        if self.calendars.is_empty() {
            return Ok(());
        }
        let folder = dir.root().join(CALENDARS);
        let failed = |error: io::Error| Failure::bug(format!("{}: {error}", folder.display()));
        fs::create_dir_all(&folder).map_err(failed)?;
        for (name, text) in &self.calendars {
            fs::write(folder.join(name), text).map_err(failed)?;
        }
        Ok(())
    }
}

/// A calendar by path, or a shipped one by name.
///
/// # Errors
/// In words, why it cannot be had.
pub fn find_calendar(reference: &str, folders: &[PathBuf]) -> Result<SourceFile, String> {
    let kept = Path::new(CALENDARS).join(file_name(reference));
    let places = folders
        .iter()
        .flat_map(|folder| [folder.join(reference), folder.join(&kept)]);
    for place in places {
        if place.is_file() {
            return read(&place).map_err(|failure| failure.message);
        }
    }
    let shipped = library::find(reference).filter(|it| it.kind == FileKind::Calendar);
    match shipped {
        Some(shipped) => Ok(SourceFile {
            name: shipped.path.to_string(),
            text: shipped.text.to_string(),
        }),
        None => {
            let folders: Vec<String> = folders.iter().map(|it| it.display().to_string()).collect();
            Err(format!(
                "there is no such file in {}, and no shipped calendar of that name (see `shakedown list`)",
                folders.join(" or ")
            ))
        }
    }
}

fn file_name(reference: &str) -> String {
    let name = reference.rsplit('/').next().unwrap_or_default();
    name.to_string()
}

/// Who runs this: `SHAKEDOWN_OPERATOR`, or else the user.
pub fn operator() -> Option<String> {
    ["SHAKEDOWN_OPERATOR", "USER"]
        .into_iter()
        .filter_map(|name| std::env::var(name).ok())
        .map(|value| value.trim().to_string())
        .find(|value| !value.is_empty())
}

/// `--override GUARD --because REASON`, or `--override GUARD=REASON`.
fn overrides(args: &GuardArgs, operator: Option<String>) -> Result<Vec<Override>, Failure> {
    let one = |text: &String| {
        let wrong = |why: String| Failure::usage(format!("--override {text}: {why}"));
        let (name, reason) = match text.split_once('=') {
            Some((name, reason)) => (name, Some(reason)),
            None => (text.as_str(), args.because.as_deref()),
        };
        let can_be: Vec<&str> = Guard::overridable().map(Guard::name).collect();
        let guard: Guard = name.trim().parse().map_err(|_| {
            wrong(format!(
                "no such guard; these can be overruled: {}",
                can_be.join(", ")
            ))
        })?;
        if !guard.can_be_overridden() {
            return Err(wrong(format!(
                "this guard cannot be overruled; these can: {}",
                can_be.join(", ")
            )));
        }
        let reason = reason.map(str::trim).filter(|reason| !reason.is_empty());
        let reason = reason.ok_or_else(|| {
            wrong("a reason is missing: --because REASON; it goes on record".into())
        })?;
        let operator = operator.clone().ok_or_else(|| {
            wrong("nobody's name is known: set SHAKEDOWN_OPERATOR; it goes on record".into())
        })?;
        Ok(Override {
            guard,
            reason: reason.to_string(),
            operator,
        })
    };
    args.overrule.iter().map(one).collect()
}

/// Asks a person, where something that Shakedown has not started itself is concerned.
///
/// A run that a guard will refuse anyhow is not asked about: its words come from the run.
///
/// # Errors
/// Exit 77 when nobody says yes.
pub fn confirm(plan: &Plan, guarded: &Guarded, yes: bool) -> Result<(), Failure> {
    let Some(what) = confirmation(plan).filter(|_| !yes) else {
        return Ok(());
    };
    if guard::check(plan, guarded, jiff::Timestamp::now()).is_err() {
        return Ok(());
    }
    let refused = |why: &str| {
        Err(Failure {
            code: ExitCode::Refused,
            message: format!(
                "a guard refused: {}: {what}; {why}. Nothing was touched.",
                Guard::Confirmation
            ),
        })
    };
    if !io::stdin().is_terminal() {
        return refused(
            "nobody can be asked here (stdin is no terminal): look at it with --dry-run, then add --yes",
        );
    }
    say(&format!("{what}.\nGo on? [y/N]"));
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    let said_yes = matches!(answer.trim().to_lowercase().as_str(), "y" | "yes");
    if read.is_ok() && said_yes {
        return Ok(());
    }
    refused("nobody said yes")
}

/// Why a run would be refused now; `None`: no guard that can be asked beforehand objects.
pub fn objection(plan: &Plan, guarded: &Guarded) -> Option<String> {
    let refused = guard::check(plan, guarded, jiff::Timestamp::now()).err()?;
    Some(format!("{}: {}", refused.guard, refused.reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overruled(words: &[&str], because: Option<&str>) -> Result<Vec<Override>, Failure> {
        let args = GuardArgs {
            overrule: words.iter().map(|word| (*word).to_string()).collect(),
            because: because.map(str::to_string),
            yes: false,
        };
        overrides(&args, Some("ada".to_string()))
    }

    #[test]
    fn an_overruling_has_a_guard_a_reason_and_a_name() {
        let both = overruled(&["quorum", "time-window=late patch"], Some("rehearsal")).unwrap();
        let told: Vec<(Guard, &str, &str)> = both
            .iter()
            .map(|it| (it.guard, it.reason.as_str(), it.operator.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                (Guard::Quorum, "rehearsal", "ada"),
                (Guard::TimeWindow, "late patch", "ada")
            ]
        );
        for (words, because, said) in [
            (["quorum"], None, "reason is missing"),
            (["quorum="], Some("x"), "reason is missing"),
            (["quorom"], Some("x"), "no such guard"),
            (["not-production"], Some("x"), "cannot be overruled"),
            (["protected=x"], None, "cannot be overruled"),
            (["lock=x"], None, "cannot be overruled"),
        ] {
            let failure = overruled(&words, because).unwrap_err();
            assert_eq!(failure.code, ExitCode::Usage);
            assert!(failure.message.contains(said), "{}", failure.message);
        }
        let args = GuardArgs {
            overrule: vec!["quorum=x".to_string()],
            because: None,
            yes: false,
        };
        let nobody = overrides(&args, None).unwrap_err();
        assert!(nobody.message.contains("SHAKEDOWN_OPERATOR"));
    }

    #[test]
    fn a_calendar_is_found_beside_the_file_kept_or_shipped() {
        let folder =
            std::env::temp_dir().join(format!("shakedown-guarding-{}", std::process::id()));
        let kept = folder.join(CALENDARS);
        fs::create_dir_all(&kept).unwrap();
        fs::write(kept.join("mine.yaml"), "calendar: mine\n").unwrap();
        let folders = [folder.clone()];
        assert!(find_calendar("../elsewhere/mine.yaml", &folders).is_ok());
        assert!(find_calendar("calendars/mine.yaml", &folders).is_ok());
        assert!(find_calendar("us-equities-example", &folders).is_ok());
        let missing = find_calendar("nobody.yaml", &folders).unwrap_err();
        assert!(missing.contains("no such file"), "{missing}");
        assert!(
            find_calendar("quickstart", &folders).is_err(),
            "no calendar"
        );
        fs::remove_dir_all(&folder).unwrap();
    }
}
