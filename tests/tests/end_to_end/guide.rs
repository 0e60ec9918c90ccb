//! `docs/your-own-engine.md`, followed to the letter against an engine of another shape: every file is written as it stands there,
//! every command is run.
#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by unwrapping it"
)]

use std::fs;
use std::process::Command;

use shakedown_record::Verdict;
use shakedown_record::suite::SuiteRecord;
use shakedown_tests::fixture::Fixture;
use shakedown_tests::foreign::CANARY_TOKEN;
use shakedown_tests::shakedown::{Running, Sandbox, beside, binary, workspace};

const ENGINE: &str = env!("CARGO_BIN_EXE_foreign-engine");

/// One fenced block of a document: its language and its lines.
struct Block {
    language: String,
    text: String,
}

fn blocks(document: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for line in document.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(language), None) => {
                open = Some(Block {
                    language: language.to_string(),
                    text: String::new(),
                });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(block)) => block.text.push_str(&format!("{line}\n")),
            (None, None) => {}
        }
    }
    blocks
}

#[test]
fn the_guide_works_to_the_letter() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let environment = [("FOREIGN_TOKEN", CANARY_TOKEN)];
    let engine = Fixture::start_with(ENGINE, &["--break", "none"], &environment).unwrap();
    let port = engine.value("port").unwrap();
    sandbox.write("engine.pid", engine.pid().to_string());
    let guide = fs::read_to_string(workspace().join("docs/your-own-engine.md")).unwrap();
    let guide = guide.replace("127.0.0.1:18080", &format!("127.0.0.1:{port}"));
    let programs = format!(
        "{}:{}",
        binary().parent().unwrap().display(),
        std::env::var("PATH").unwrap()
    );
    let mut commands = 0;
    for block in blocks(&guide) {
        match block.language.as_str() {
            "yaml" => {
                let name = block.text.lines().next().unwrap().trim_start_matches("# ");
                sandbox.write(name, &block.text);
            }
            "sh" => {
                for line in block.text.lines() {
                    let mut shell = sandbox.around(Command::new("sh"), &["-c", line]);
                    shell
                        .env("PATH", &programs)
                        .env("FOREIGN_TOKEN", CANARY_TOKEN);
                    Running::start(shell).finish().expect_code(0);
                    commands += 1;
                }
            }
            other => panic!("a block in {other}"),
        }
    }
    assert_eq!(commands, 9);
    let record = fs::read(sandbox.path().join("release/suite.json")).unwrap();
    let record: SuiteRecord = serde_json::from_slice(&record).unwrap();
    assert_eq!(record.verdict, Verdict::Pass);
    assert_eq!(record.requirements.len(), 4);
}
