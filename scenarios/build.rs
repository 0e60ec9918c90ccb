//! Lists every file of `library`, so that what lies there is shipped, without a list that could be behind.
//!
//! What a file is and what it is called stand in it: its first line that begins with `system:`, `calendar:`, `scenario:` or `suite:`.
#![allow(
    clippy::print_stdout,
    reason = "this is how a build script speaks to cargo"
)]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Kinds in the order in which they are listed: the key that a file begins with, and its name in `FileKind`.
const KINDS: [(&str, &str); 4] = [
    ("system", "Profile"),
    ("calendar", "Calendar"),
    ("scenario", "Scenario"),
    ("suite", "Suite"),
];

/// What is shown first.
const FIRST: &str = "quickstart";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    writeln!(io::stdout(), "cargo::rerun-if-changed=library")?;
    let library = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("library");
    let mut files = Vec::new();
    collect(&library, &mut files)?;
    let mut entries = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file)?;
        let (kind, name) =
            told(&text).ok_or_else(|| format!("{}: says not what it is", file.display()))?;
        let path = file.strip_prefix(&library)?.display().to_string();
        entries.push(((kind, name != FIRST, path), name.to_string(), file));
    }
    entries.sort();
    let mut code = String::from("static SHIPPED: &[Shipped] = &[\n");
    for ((kind, _, path), name, file) in entries {
        let (_, kind) = KINDS[kind];
        code += &format!(
            "    Shipped {{ name: {name:?}, path: {path:?}, text: include_str!({file:?}), kind: FileKind::{kind} }},\n"
        );
    }
    code += "];\n";
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("shipped.rs"), code)?;
    Ok(())
}

fn collect(folder: &Path, into: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, into)?;
        } else if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            into.push(path);
        }
    }
    Ok(())
}

/// Which of the kinds a file is, and its name.
fn told(text: &str) -> Option<(usize, &str)> {
    text.lines().find_map(|line| {
        let (key, name) = line.split_once(": ")?;
        let kind = KINDS.iter().position(|(known, _)| *known == key)?;
        Some((kind, name.trim()))
    })
}
