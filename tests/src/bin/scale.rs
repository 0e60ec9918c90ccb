//! `scale ORDERS [COPIES] [FOLDER]`: makes a run directory with so many acknowledged orders in its ledger, and their cancels and
//! replaces, and so many copies read back, of which some orders are lost and some are wrong; lets `shakedown report` judge it,
//! and prints how long that took and how much memory of its own it had. Exit 1 when the figures are not those that were planted.
//!
//! `scale keep ORDERS COPIES FOLDER` only makes it; the same figures without `keep` then judge it as often as one likes.

use std::io::{Write, stderr, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use shakedown_tests::scale::{Measured, keep};

type Failure = Box<dyn std::error::Error>;

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
    let usage = "usage: scale [keep] ORDERS [COPIES] [FOLDER]";
    if let [word, orders, copies, folder] = arguments
        && word == "keep"
    {
        let place = keep(orders.parse()?, copies.parse()?, Path::new(folder))?;
        writeln!(stdout(), "{}", place.display())?;
        return Ok(true);
    }
    let orders: u64 = arguments.first().ok_or(usage)?.parse()?;
    let copies: u32 = arguments.get(1).map_or(Ok(1), |text| text.parse())?;
    let folder = arguments
        .get(2)
        .map_or_else(std::env::temp_dir, PathBuf::from);
    // The program `shakedown` lies beside this one.
    let binary = std::env::current_exe()?.with_file_name("shakedown");
    let measured = Measured::of(orders, copies, &folder, &binary)?;
    let Measured { made, judged } = &measured;
    writeln!(
        stdout(),
        "messages {} orders {} copies {} ledger_bytes {} readback_bytes {}\n\
         seconds {:.1} anonymous_bytes {} per_order {:.2}\n\
         {} others {}",
        made.messages,
        made.orders,
        made.copies,
        made.ledger_bytes,
        made.readback_bytes,
        judged.seconds,
        judged.anonymous_bytes,
        measured.bytes_per_order(),
        judged.found,
        judged.others,
    )?;
    Ok(measured.is_right())
}
