//! `scale MESSAGES [COPIES] [FOLDER]`: makes a run directory with so many messages in its ledger and so many copies read back, of
//! which some orders are lost and some are corrupt; lets `shakedown report` judge it, and prints how long that took and how
//! much memory of its own it had. Exit 1 when the figures are not those that were planted.

use std::io::{Write, stderr, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use shakedown_tests::scale::{Made, Planted, judge, make};

type Failure = Box<dyn std::error::Error>;

const PLANTED: Planted = Planted {
    lost: 3,
    corrupt: 2,
    phantom: 1,
};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => match writeln!(stderr(), "scale: {error}") {
            Ok(()) => ExitCode::from(64),
            Err(_) => ExitCode::from(74),
        },
    }
}

fn run(arguments: &[String]) -> Result<bool, Failure> {
    let usage = "usage: scale MESSAGES [COPIES] [FOLDER]";
    let messages: u64 = arguments.first().ok_or(usage)?.parse()?;
    let copies: u32 = arguments.get(1).map_or(Ok(1), |text| text.parse())?;
    let folder = arguments
        .get(2)
        .map_or_else(std::env::temp_dir, PathBuf::from);
    let place = tempfile::tempdir_in(folder)?;
    let made = make(&place.path().join("run"), messages, copies, PLANTED)?;
    show(&made, place.path())
}

fn show(made: &Made, place: &Path) -> Result<bool, Failure> {
    // The program `shakedown` lies beside this one.
    let binary = std::env::current_exe()?.with_file_name("shakedown");
    let judged = judge(&binary, &place.join("run"))?;
    let per_order = judged.anonymous_bytes as f64 / made.orders as f64;
    writeln!(
        stdout(),
        "messages {} orders {} copies {} ledger_bytes {} readback_bytes {}\n\
         seconds {:.1} anonymous_bytes {} per_order {per_order:.2}\n\
         lost {:?} corrupt {:?} phantom {:?}",
        made.messages,
        made.orders,
        made.copies,
        made.ledger_bytes,
        made.readback_bytes,
        judged.seconds,
        judged.anonymous_bytes,
        judged.found.lost,
        judged.found.corrupt,
        judged.found.phantom,
    )?;
    Ok(judged.found == PLANTED && judged.acknowledged == made.orders)
}
