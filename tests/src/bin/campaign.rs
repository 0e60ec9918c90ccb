//! `campaign --name NAME --commit HASH --out FILE [--count ROWS] [--from ROW]`: the full counts; called by `tests/campaign.sh`.
//! With `--count`, so many rows are added to a table that was begun before; with `--from`, that table begins at this row,
//! because others make the rows before it: tables of parts, put together in the order of their rows, are the table.

use std::io::{self, Write};
use std::path::Path;

use shakedown_tests::campaign::{Part, conduct, save};
use shakedown_tests::evidence::{Campaign, Evidence};
use shakedown_tests::fixture::Arguments;
use shakedown_tests::survival::play;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let Some((role, rest)) = words.split_first()
        && play(role, &Arguments::of(rest))?
    {
        return Ok(());
    }
    let arguments = Arguments::of(&words);
    let needed = |name: &str| {
        arguments
            .text(name)
            .ok_or_else(|| io::Error::other(format!("--{name} is missing")))
    };
    let campaign = Campaign::find(needed("name")?).ok_or_else(|| {
        let known = Campaign::ALL.map(Campaign::name).join(", ");
        io::Error::other(format!("no such campaign; there are {known}"))
    })?;
    let (commit, out) = (needed("commit")?, Path::new(needed("out")?));
    let part = Part {
        from: arguments.number("from")?.unwrap_or(1),
        done: match arguments.number("count")? {
            Some(_) if out.exists() => begun(campaign, commit, out)?,
            Some(_) | None => Vec::new(),
        },
        count: arguments.number("count")?.unwrap_or(u64::MAX),
    };
    let evidence = conduct(campaign, commit, part, |evidence| {
        // For whoever watches.
        let row = evidence.rows.last().map(|row| row.join("  "));
        let _ = writeln!(io::stderr(), "{}", row.unwrap_or_default());
        // What was made is kept, whatever becomes of the rest.
        save(evidence, out)
    })?;
    if evidence.rows.len() < campaign.rows() {
        return Ok(());
    }
    Ok(evidence
        .supports_its_claim()
        .map_err(|wrong| io::Error::other(wrong.to_string()))?)
}

/// Rows of the table that there is, if it is one of this campaign and this commit.
fn begun(campaign: Campaign, commit: &str, out: &Path) -> io::Result<Vec<Vec<String>>> {
    let table = Evidence::parse(&std::fs::read_to_string(out)?)
        .map_err(|wrong| io::Error::other(wrong.to_string()))?;
    let fact = |name: &str| table.facts.get(name).map(String::as_str);
    if (fact("campaign"), fact("commit")) != (Some(campaign.name()), Some(commit)) {
        let wrong = format!("{} is another table: remove it first", out.display());
        return Err(io::Error::other(wrong));
    }
    Ok(table.rows)
}
