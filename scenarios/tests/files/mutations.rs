//! Whatever is done to a shipped file, the answer is a plan or a list of mistakes: never a panic, never silence.

use std::collections::BTreeSet;

use crate::common::{FOREIGN, QUICKSTART, compile_both, file, set, shipped};
use proptest::prelude::*;
use shakedown_scenarios::{compile_profile, file_kind, library, system_reference};

const SCRAPS: [&str; 24] = [
    ":",
    "{",
    "}",
    "[",
    "]",
    "- ",
    "\n",
    "  ",
    "\t",
    "'",
    "\"",
    "&a ",
    "*a",
    "!t ",
    "|",
    ">",
    "#",
    "null",
    "-1",
    "99999999999999999999",
    "0",
    "{{",
    "${",
    "\u{0}",
];

fn texts() -> Vec<String> {
    let shipped = library::all().iter().map(|one| one.text.to_string());
    shipped.chain([FOREIGN.to_string()]).collect()
}

/// A text with passages removed, doubled, swapped for scraps, or cut.
fn mutated(text: &str, changes: &[(usize, usize, u8)]) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    for (place, length, kind) in changes {
        if characters.is_empty() {
            break;
        }
        let from = place % characters.len();
        let to = (from + length % 40).min(characters.len());
        match kind % 5 {
            0 => drop(characters.drain(from..to)),
            1 => {
                let passage: Vec<char> = characters[from..to].to_vec();
                characters.splice(to..to, passage);
            }
            2 => {
                let scrap = SCRAPS[length % SCRAPS.len()];
                characters.splice(from..to, scrap.chars());
            }
            3 => {
                let scrap = SCRAPS[length % SCRAPS.len()];
                characters.splice(from..from, scrap.chars());
            }
            _ => {
                let other = (from * 7 + length) % characters.len();
                characters.swap(from, other);
            }
        }
    }
    characters.into_iter().collect()
}

fn survives(text: &str) {
    let source = file("m.yaml", text);
    let _ = file_kind(&source);
    let _ = system_reference(&source);
    for result in [
        compile_profile(&source, None),
        compile_both(&source, &shipped("reference"), &[]),
        compile_both(&shipped(QUICKSTART), &source, &[]),
    ] {
        if let Err(told) = result {
            let shown = told.to_string();
            assert!(
                !told.0.is_empty() && !shown.contains("a bug in Shakedown"),
                "{shown}\n{text}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn shipped_files_that_were_damaged(
        which in 0usize..8,
        changes in prop::collection::vec((any::<usize>(), any::<usize>(), any::<u8>()), 1..6),
    ) {
        survives(&mutated(&texts()[which], &changes));
    }

    #[test]
    fn any_text(text in "\\PC{0,200}") {
        survives(&text);
    }

    #[test]
    fn any_option(key in "[a-z.\"-]{0,30}", value in "\\PC{0,40}") {
        let options = [set(&key, &value), set(&format!("profile.{key}"), &value)];
        if let Err(told) = compile_both(&shipped(QUICKSTART), &shipped("reference"), &options) {
            prop_assert!(!told.to_string().contains("a bug in Shakedown"), "{}", told);
        }
    }
}

/// Every value of the shipped files is taken out, emptied, or replaced by another kind of value: a line that several have
/// in common in the first of them.
#[test]
fn every_single_line_may_be_wrong() {
    let mut tried = BTreeSet::new();
    for text in texts() {
        let lines: Vec<&str> = text.lines().collect();
        for index in 0..lines.len() {
            if !tried.insert(lines[index].to_string()) {
                continue;
            }
            let mut without = lines.clone();
            without.remove(index);
            survives(&without.join("\n"));
            let Some((key, _)) = lines[index].split_once(':') else {
                continue;
            };
            for value in ["", " [x]", " { x: 1 }", " 5"] {
                let changed = format!("{key}:{value}");
                let mut with = lines.clone();
                with[index] = &changed;
                survives(&with.join("\n"));
            }
        }
    }
}

/// Thousands of rules, each of them wrong: told in part, and soon.
#[test]
fn a_wide_file_ends() {
    let rules: String = (0..10_000)
        .map(|n| format!("  r{n}: {{ rpo: {{ at-most: 1s }}, failover: {{ at-most: 9h }} }}\n"))
        .collect();
    let text = shipped(QUICKSTART)
        .text
        .replace("sla:\n", &format!("sla:\n{rules}"));
    let told = compile_both(&file("w.yaml", &text), &shipped("reference"), &[]).unwrap_err();
    assert_eq!(told.0.len(), 50);
}
