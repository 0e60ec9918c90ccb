//! Commands that only print what is built in: schemas, the library, completions, the manual page.

use clap::CommandFactory;
use shakedown_record::ExitCode;
use shakedown_record::capacity::CapacityRecord;
use shakedown_record::notice::Notice;
use shakedown_record::run_record::RunRecord;
use shakedown_record::suite::SuiteRecord;
use shakedown_scenarios::{FileKind, SchemaKind, library, schema as schema_of};

use super::json;
use crate::args::{Cli, SchemaName};
use crate::output::{Failure, print};

/// `shakedown schema`.
pub fn schema(which: SchemaName) -> Result<ExitCode, Failure> {
    let schema = match which {
        SchemaName::Scenario => schema_of(SchemaKind::Scenario),
        SchemaName::Profile => schema_of(SchemaKind::Profile),
        SchemaName::Calendar => schema_of(SchemaKind::Calendar),
        SchemaName::Webhook => schemars::schema_for!(Notice).to_value(),
        SchemaName::Capacity => schemars::schema_for!(CapacityRecord).to_value(),
        SchemaName::Suite => schema_of(SchemaKind::Suite),
        SchemaName::SuiteRecord => schemars::schema_for!(SuiteRecord).to_value(),
        SchemaName::Record => schemars::schema_for!(RunRecord).to_value(),
    };
    print(&json(&schema)?);
    Ok(ExitCode::Pass)
}

/// `shakedown list`.
pub fn list(as_json: bool) -> Result<ExitCode, Failure> {
    let shipped = library::all();
    if as_json {
        print(&json(&shipped)?);
        return Ok(ExitCode::Pass);
    }
    let of_kind = |kind: FileKind| shipped.iter().filter(move |file| file.kind == kind);
    let wide = shipped
        .iter()
        .map(|file| file.name.len())
        .max()
        .unwrap_or(0);
    let mut text = String::from("Scenarios (shakedown run NAME)\n");
    of_kind(FileKind::Scenario)
        .for_each(|file| text.push_str(&format!("  {:wide$}  {}\n", file.name, file.about())));
    text.push_str("\nSystems (shakedown probe NAME)\n");
    of_kind(FileKind::Profile)
        .for_each(|file| text.push_str(&format!("  {:wide$}  {}\n", file.name, file.about())));
    text.push_str("\nSuites (shakedown suite NAME)\n");
    of_kind(FileKind::Suite)
        .for_each(|file| text.push_str(&format!("  {:wide$}  {}\n", file.name, file.about())));
    text.push_str("\nCalendars (shakedown calendar check DATE --calendar NAME)\n");
    of_kind(FileKind::Calendar)
        .for_each(|file| text.push_str(&format!("  {:wide$}  {}\n", file.name, file.about())));
    print(&text);
    Ok(ExitCode::Pass)
}

/// `shakedown completions`.
pub fn completions(shell: clap_complete::Shell) -> Result<ExitCode, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "shakedown", &mut text);
    print(&String::from_utf8_lossy(&text));
    Ok(ExitCode::Pass)
}

/// `shakedown man`.
pub fn man() -> Result<ExitCode, Failure> {
    let mut text = Vec::new();
    clap_mangen::Man::new(Cli::command())
        .render(&mut text)
        .map_err(|error| Failure::bug(format!("cannot write the manual page: {error}")))?;
    print(&String::from_utf8_lossy(&text));
    Ok(ExitCode::Pass)
}
