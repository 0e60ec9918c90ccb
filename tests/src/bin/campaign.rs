//! `campaign --name NAME --commit HASH --out FILE`: the full counts; called by `tests/campaign.sh`.

use std::io::{self, Write};
use std::path::Path;

use shakedown_tests::campaign::{conduct, save};
use shakedown_tests::evidence::Campaign;
use shakedown_tests::fixture::Arguments;

fn main() -> io::Result<()> {
    let arguments = Arguments::of_process();
    let needed = |name: &str| {
        arguments
            .text(name)
            .ok_or_else(|| io::Error::other(format!("--{name} is missing")))
    };
    let campaign = Campaign::find(needed("name")?).ok_or_else(|| {
        let known = Campaign::ALL.map(Campaign::name).join(", ");
        io::Error::other(format!("no such campaign; there are {known}"))
    })?;
    let evidence = conduct(campaign, needed("commit")?, |row| {
        // The table is kept; this is for whoever watches.
        let _ = writeln!(io::stderr(), "{}", row.join("  "));
    });
    save(&evidence, Path::new(needed("out")?))?;
    evidence
        .supports_its_claim()
        .map_err(|wrong| io::Error::other(wrong.to_string()))
}
