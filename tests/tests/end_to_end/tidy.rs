//! The rules of the house, held over the tree itself.

mod rows;
mod scripts;

use std::path::Path;

use shakedown_record::ExitCode;
use shakedown_scenarios::{
    CompileInput, FileKind, SchemaKind, SourceFile as Yaml, compile, library, schema,
};
use shakedown_tests::dependencies::{Graph, TABLE};
use shakedown_tests::shakedown::workspace;
use shakedown_tests::source_tree::{SourceFile, blanked, files, functions};

/// Lines before the tests that no file may have. The aim is 400.
const LONGEST_FILE: usize = 450;

/// Lines that no function may have.
const LONGEST_FUNCTION: usize = 70;

/// Lines of code, apart from documentation, that a `mod.rs` or `lib.rs` may have.
const LONGEST_FRONT: usize = 60;

#[test]
fn the_dependency_table_holds() {
    let graph = Graph::of_workspace(&workspace());
    assert!(graph.names.len() > 50, "cargo named few crates");
    assert_eq!(graph.violations(&TABLE), Vec::<String>::new());
}

#[test]
fn files_and_functions_are_short() {
    let mut long = Vec::new();
    let mut count = 0;
    for file in rust_files().iter().filter(|file| !file.is_test()) {
        let lines = file.before_tests().lines().count();
        if lines > LONGEST_FILE {
            long.push(format!("{}: {lines} lines", file.name));
        }
        for function in functions(file.before_tests()) {
            count += 1;
            if function.lines >= LONGEST_FUNCTION {
                let (name, lines) = (&function.name, function.lines);
                long.push(format!("{}: fn {name}: {lines} lines", file.name));
            }
        }
    }
    assert!(count > 100, "only {count} functions were found");
    assert_eq!(long, Vec::<String>::new());
}

#[test]
fn fronts_hold_documentation_and_reexports() {
    let fronts = rust_files()
        .into_iter()
        .filter(|file| !file.is_test())
        .filter(|file| file.name.ends_with("/mod.rs") || file.name.ends_with("/lib.rs"));
    let mut broken = Vec::new();
    for file in fronts {
        let lines = file.lines_of_code();
        if lines > LONGEST_FRONT {
            broken.push(format!("{}: {lines} lines of code", file.name));
        }
        if !file.text.starts_with("//!") {
            broken.push(format!("{}: does not begin with its purpose", file.name));
        }
    }
    assert_eq!(broken, Vec::<String>::new());
}

#[test]
fn nothing_is_left_unfinished() {
    // Put together here, so that this file does not hold them.
    let words = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X"),
    ];
    let marks = [
        concat!("to", "do!("),
        concat!("unimple", "mented!("),
        concat!("#[ig", "nore"),
        concat!("/wo", "rk/"),
    ];
    let mut found = Vec::new();
    let endings = [
        ".rs", ".sh", ".md", ".yaml", ".toml", ".html", ".tsv", ".txt",
    ];
    for file in files(&workspace(), &endings) {
        for (number, line) in file.text.lines().enumerate() {
            let mark = marks.iter().find(|mark| line.contains(**mark));
            let word = words.iter().find(|word| has_word(line, word));
            if let Some(mark) = mark.or(word) {
                found.push(format!("{}:{}: {mark}", file.name, number + 1));
            }
        }
    }
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn clocks_and_exits_are_where_they_belong() {
    // Crates that must give the same result on any machine at any time, and the two places that may ask for the time.
    let timeless = [
        "harness/record/src",
        "scenarios/src",
        "load/src",
        "reports/",
    ];
    let clocks = ["harness/record/src/clock.rs", "load/src/http/template.rs"];
    let mut found = Vec::new();
    for file in rust_files().iter().filter(|file| !file.is_test()) {
        let code = blanked(file.before_tests());
        let is_timeless = timeless.iter().any(|folder| file.name.starts_with(folder));
        if is_timeless && !clocks.contains(&file.name.as_str()) {
            for clock in [
                "Instant::now",
                "SystemTime::now",
                "Timestamp::now",
                "Zoned::now",
            ] {
                if code.contains(clock) {
                    found.push(format!("{}: {clock}", file.name));
                }
            }
        }
        if code.contains("process::exit(") {
            // It skips destructors: the healing of faults and the end of children.
            found.push(format!("{}: process::exit", file.name));
        }
    }
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn output_is_written_to_a_writer() {
    let mut found = Vec::new();
    for file in rust_files().iter().filter(|file| !file.is_test()) {
        let code = blanked(file.before_tests());
        for call in ["println!", "eprintln!", "dbg!"] {
            if code.contains(call) {
                found.push(format!("{}: {call}", file.name));
            }
        }
    }
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn every_shipped_scenario_validates() {
    let scenarios: Vec<_> = library::all()
        .iter()
        .filter(|shipped| shipped.kind == FileKind::Scenario)
        .collect();
    for name in [
        "quickstart",
        "baseline",
        "follower-kill",
        "leader-freeze",
        "rolling-restart",
    ] {
        assert!(
            scenarios.iter().any(|shipped| shipped.name == name),
            "{name} is not shipped"
        );
    }
    for shipped in scenarios {
        let scenario = yaml(shipped.path, shipped.text);
        let (reference, _) = shakedown_scenarios::system_reference(&scenario)
            .unwrap_or_else(|wrong| panic!("{wrong}"));
        let system = library::find(&reference)
            .unwrap_or_else(|| panic!("{}: no system {reference}", shipped.path));
        let profile = yaml(system.path, system.text);
        let input = CompileInput {
            scenario: (&scenario).into(),
            profile: (&profile).into(),
            overrides: &[],
            environment: None,
            seed: None,
        };
        compile(&input).unwrap_or_else(|wrong| panic!("{}:\n{wrong}", shipped.path));
    }
}

#[test]
fn the_fixtures_validate() {
    for (scenario, profile) in [
        ("foreign-baseline.yaml", "foreign.yaml"),
        ("secure-baseline.yaml", "secure.yaml"),
    ] {
        let fixture = |name: &str| yaml(name, read(&format!("tests/fixtures/{name}")));
        let (scenario, profile) = (fixture(scenario), fixture(profile));
        let input = CompileInput {
            scenario: (&scenario).into(),
            profile: (&profile).into(),
            overrides: &[],
            environment: None,
            seed: None,
        };
        compile(&input).unwrap_or_else(|wrong| panic!("{wrong}"));
    }
}

#[test]
fn schemas_that_the_library_names_are_the_current_ones() {
    let folder = workspace().join("scenarios/library");
    let mut count = 0;
    for file in files(&folder, &[".yaml"]) {
        let Some((_, rest)) = file.text.split_once("$schema=") else {
            continue;
        };
        count += 1;
        let place = folder.join(&file.name);
        let path = place.parent().expect("a file lies in a folder");
        let path = path.join(rest.lines().next().unwrap_or_default());
        let saved = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{} names {}: {error}", file.name, path.display()));
        let kind = if file.name.starts_with("systems/") {
            SchemaKind::Profile
        } else if file.name.starts_with("calendars/") {
            SchemaKind::Calendar
        } else if file.name.ends_with("/suite.yaml") {
            SchemaKind::Suite
        } else {
            SchemaKind::Scenario
        };
        let saved: serde_json::Value = serde_json::from_str(&saved).expect("a schema is JSON");
        assert_eq!(saved, schema(kind), "{}: make it again", path.display());
    }
    assert!(count > 3, "only {count} files name their schema");
}

#[test]
fn links_in_documents_lead_somewhere() {
    let root = workspace();
    let mut broken = Vec::new();
    let mut count = 0;
    for document in files(&root, &[".md"]) {
        let folder = root.join(&document.name);
        let folder = folder.parent().expect("a file lies in a folder");
        for link in links(&document.text) {
            count += 1;
            if !folder.join(link).exists() {
                broken.push(format!("{}: {link}", document.name));
            }
        }
    }
    assert!(count > 5, "only {count} links were found");
    assert_eq!(broken, Vec::<String>::new());
}

#[test]
fn files_that_the_readme_names_exist() {
    let readme = read("README.md");
    let root = workspace();
    let mut count = 0;
    for word in readme.split(|c: char| c.is_whitespace() || "`()\"'".contains(c)) {
        let is_path = ["scenarios/", "tests/", "docs/", "deploy/", "harness/"]
            .iter()
            .any(|folder| word.starts_with(folder));
        if is_path && !word.contains(['<', '*', '…']) {
            count += 1;
            let path = word.trim_end_matches([',', '.', ':', ';']);
            assert!(root.join(path).exists(), "README.md names {path}");
        }
    }
    assert!(count > 3, "README.md names only {count} files");
}

#[test]
fn the_readme_lists_every_exit_code() {
    let readme = read("README.md");
    let codes: Vec<u8> = readme
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(' ').next()?.parse().ok())
        .collect();
    assert_eq!(codes, ExitCode::BY_PRECEDENCE.map(ExitCode::code));
}

/// True when a line holds the word by itself, not as a part of another.
fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let beside = |c: char| c.is_alphanumeric() || c == '_';
        !line[..at].ends_with(beside) && !line[at + word.len()..].starts_with(beside)
    })
}

/// Targets of the links to files in a document.
fn links(text: &str) -> Vec<&str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .map(|link| link.split('#').next().unwrap_or_default())
        .filter(|link| !link.is_empty() && !link.contains("://"))
        .collect()
}

fn rust_files() -> Vec<SourceFile> {
    files(&workspace(), &[".rs"])
}

fn read(name: &str) -> String {
    std::fs::read_to_string(workspace().join(name))
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn yaml(name: impl AsRef<Path>, text: impl ToString) -> Yaml {
    Yaml {
        name: name.as_ref().display().to_string(),
        text: text.to_string(),
    }
}
