//! The campaign `scale`: a hundred million orders judged again, held to its time and its memory.

use super::{Measured, Planted};
use crate::calm::wait_for_calm;
use crate::campaign::PATIENCE;
use crate::shakedown::binary;

/// Acknowledged orders and copies of each row.
const SIZES: [(u64, u32); 2] = [(10_000_000, 3), (100_000_000, 1)];

/// Rows of the table.
pub const ROWS: usize = SIZES.len();

/// Columns of its table. Orders are the acknowledged ones; messages are those with their cancels and replaces. Sizes and
/// memory are in millions of bytes; memory is the anonymous memory of the program at its most.
pub const COLUMNS: [&str; 10] = [
    "orders",
    "messages",
    "copies",
    "ledger_mb",
    "readback_mb",
    "seconds",
    "own_mb",
    "bytes_per_order",
    "planted",
    "found",
];

/// So many orders must be judged within these limits.
const MANY: u64 = 100_000_000;
const WITHIN_S: f64 = 60.0;
const BYTES_PER_ORDER: f64 = 1.0;

/// One size, counted from 1. The directory is made in the folder for temporary files (`TMPDIR`) and removed, unless it is
/// kept there.
///
/// # Panics
/// When there is no room for it, or the program prints no record.
pub fn row(number: u64) -> Vec<String> {
    let (orders, copies) = SIZES[(number as usize - 1) % ROWS];
    wait_for_calm(PATIENCE);
    let measured = Measured::of(orders, copies, &std::env::temp_dir(), &binary());
    let measured = measured.expect("a directory that can be judged");
    let Measured { made, judged } = &measured;
    let mb = |bytes: u64| bytes as f64 / 1e6;
    vec![
        made.orders.to_string(),
        made.messages.to_string(),
        made.copies.to_string(),
        format!("{:.0}", mb(made.ledger_bytes)),
        format!("{:.0}", mb(made.readback_bytes)),
        format!("{:.1}", judged.seconds),
        format!("{:.1}", mb(judged.anonymous_bytes)),
        format!("{:.2}", measured.bytes_per_order()),
        Planted::SOME.to_string(),
        match measured.is_right() {
            true => judged.found.to_string(),
            false => format!(
                "{} others {} of {}",
                judged.found, judged.others, judged.acknowledged
            ),
        },
    ]
}

/// Exactly what was planted was found, and of many orders soon enough and in little enough memory.
///
/// # Errors
/// With what does not hold.
pub fn supports(rows: &[Vec<String>]) -> Result<(), String> {
    let mut many = false;
    for row in rows {
        let number = |at: usize| -> Result<f64, String> {
            row[at].parse().map_err(|_| format!("{row:?}: no number"))
        };
        if row[8] != row[9] {
            return Err(format!("{row:?} found something else than was planted"));
        }
        if number(0)? < MANY as f64 {
            continue;
        }
        many = true;
        if number(5)? >= WITHIN_S || number(7)? > BYTES_PER_ORDER {
            return Err(format!(
                "{row:?} took longer than {WITHIN_S} s, or more than {BYTES_PER_ORDER} byte an order"
            ));
        }
    }
    match many {
        true => Ok(()),
        false => Err(format!("no row has {MANY} orders")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(seconds: &str, bytes: &str, found: &str) -> Vec<Vec<String>> {
        let planted = Planted::SOME.to_string();
        let row = |orders: &str| {
            let cells = [
                orders, "9", "1", "9", "9", seconds, "9", bytes, &planted, found,
            ];
            cells.map(str::to_string).to_vec()
        };
        vec![row("10000000"), row("100000000")]
    }

    #[test]
    fn the_claim_is_held_to_time_memory_and_what_was_planted() {
        let planted = Planted::SOME.to_string();
        assert_eq!(supports(&rows("59.9", "1.00", &planted)), Ok(()));
        assert!(supports(&rows("60.0", "1.00", &planted)).is_err());
        assert!(supports(&rows("59.9", "1.01", &planted)).is_err());
        assert!(supports(&rows("59.9", "1.00", "lost 2")).is_err());
        assert!(supports(&rows("59.9", "1.00", &planted)[..1]).is_err());
    }
}
