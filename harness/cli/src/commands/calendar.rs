//! `shakedown calendar`: what a market calendar says.

use std::path::PathBuf;

use shakedown_record::ExitCode;
use shakedown_scenarios::calendar::Calendar;

use super::json;
use crate::args::CalendarCommand;
use crate::guarding::find_calendar;
use crate::output::{Failure, print};

/// Exit 0 when the calendar knows the day, 77 when it does not: as a run on it would be refused.
pub fn calendar(command: &CalendarCommand) -> Result<ExitCode, Failure> {
    let CalendarCommand::Check {
        date,
        calendar,
        json: as_json,
    } = command;
    let day = date.parse().map_err(|_| {
        Failure::usage(format!(
            "{date}: is no date; write year, month and day, such as 2026-12-24"
        ))
    })?;
    let file = find_calendar(calendar, &[PathBuf::from(".")]).map_err(|why| Failure {
        code: ExitCode::Refused,
        message: format!("{calendar}: {why}"),
    })?;
    let calendar = Calendar::parse(&file).map_err(Failure::usage)?;
    let report = calendar.report(day);
    print(&match as_json {
        true => json(&report)?,
        false => report.lines().join("\n"),
    });
    Ok(match report.is_known() {
        true => ExitCode::Pass,
        false => ExitCode::Refused,
    })
}
