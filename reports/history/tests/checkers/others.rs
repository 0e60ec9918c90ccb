//! Histories, written for checkers that others have made.
//!
//! `SHAKEDOWN_HISTORIES=FILE` names the file, `SHAKEDOWN_BLOCK=N` which histories: odd blocks hold 10,000 tiny ones, even
//! ones 1,000 longer ones, each block other ones. `tests/porcupine.sh` reads them.

use std::fmt::Write;
use std::path::PathBuf;

use shakedown_history::{Ask, Ended, Learned, Limits, Operation, search_windows};
use shakedown_record::ledger::Side;

use crate::histories::{History, Read};
use crate::history;
use crate::windows::medium;

fn block(number: u64) -> Vec<(u64, History)> {
    match number % 2 {
        1 => {
            let first = number / 2 * 10_000;
            (first..first + 10_000)
                .map(|seed| (seed, history(seed)))
                .collect()
        }
        _ => {
            let first = number / 2 * 1_000;
            (first..first + 1_000)
                .map(|seed| (seed, medium(seed)))
                .collect()
        }
    }
}

#[test]
fn histories_are_written_as_others_read_them() {
    let file = std::env::var_os("SHAKEDOWN_HISTORIES").map(PathBuf::from);
    let asked = file.is_some();
    let file = file.unwrap_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("histories"));
    let number = std::env::var("SHAKEDOWN_BLOCK").map_or(1, |text| text.parse().unwrap());
    let histories = block(number);
    let mut text = String::new();
    for (seed, history) in &histories {
        written(&mut text, *seed, history);
    }
    std::fs::write(&file, &text).unwrap();
    let ends = text.lines().filter(|line| *line == "end").count();
    assert_eq!(ends, histories.len());
    for said in [" explained\n", " unexplained\n"] {
        assert!(text.matches(said).count() > histories.len() / 10, "{said}");
    }
    if !asked {
        std::fs::remove_file(&file).unwrap();
    }
}

fn written(text: &mut String, seed: u64, history: &History) {
    let reading = history.read.reading();
    let searched = search_windows(&history.operations, &reading, &Limits::USUAL);
    let said = match searched.ended {
        Ended::Explained => "explained",
        Ended::Unexplained(_) => "unexplained",
        Ended::Undecided(_) => "undecided",
    };
    writeln!(text, "history {seed} {said}").unwrap();
    for one in &history.operations {
        writeln!(text, "{}", line(one)).unwrap();
    }
    read(text, &history.read);
    text.push_str("end\n");
}

fn line(one: &Operation) -> String {
    let what = match one.ask {
        Ask::New {
            side,
            price_ticks,
            lots,
        } => {
            let side = match side {
                Side::Buy => "buy",
                Side::Sell => "sell",
            };
            format!("new {} {side} {price_ticks} {lots}", one.number)
        }
        Ask::Cancel { order } => format!("cancel {} {order}", one.number),
        Ask::Replace {
            order,
            price_ticks,
            lots,
        } => format!("replace {} {order} {price_ticks} {lots}", one.number),
    };
    let or_none = |value: Option<u64>| value.map_or("-".to_string(), |value| value.to_string());
    let (learned, filled) = match one.learned {
        Learned::Done { filled_lots } => ("done", filled_lots),
        Learned::Refused => ("refused", None),
        Learned::Nothing => ("nothing", None),
    };
    let (answered, filled) = (or_none(one.answered_ns), or_none(filled));
    format!("{what} {} {answered} {learned} {filled}", one.sent_ns)
}

fn read(text: &mut String, read: &Read) {
    for (order, lots) in read.after.iter().flatten() {
        writeln!(text, "open {order} {lots}").unwrap();
    }
    for (order, lots) in read.filled.iter().flatten() {
        writeln!(text, "filled {order} {lots}").unwrap();
    }
    if let Some(taken) = &read.taken {
        text.push_str("trades\n");
        for (taker, makers) in taken {
            for (maker, lots) in makers {
                writeln!(text, "took {taker} {maker} {lots}").unwrap();
            }
        }
    }
}
