//! The workspace as text: its files, its lines before the tests, its functions and their lengths.
//!
//! No parser of Rust: comments, strings and character literals are blanked, then braces are counted. That is enough
//! for rules on sizes, and it cannot be confused by a brace in a string.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders that are not part of the project.
const NOT_OURS: [&str; 3] = ["target", ".git", "runs"];

/// A file of the project.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// Relative to the root, with `/`.
    pub name: String,
    pub text: String,
}

/// Every text file below `root` whose name ends in one of `endings`, in order of names.
///
/// # Panics
/// When the tree cannot be read.
pub fn files(root: &Path, endings: &[&str]) -> Vec<SourceFile> {
    let mut paths = Vec::new();
    collect(root, &mut paths);
    paths.sort();
    paths
        .into_iter()
        .filter(|path| {
            let name = path.to_string_lossy();
            endings.iter().any(|ending| name.ends_with(ending))
        })
        .map(|path| SourceFile {
            name: path
                .strip_prefix(root)
                .expect("listed below the root")
                .to_string_lossy()
                .into_owned(),
            text: fs::read_to_string(&path)
                .unwrap_or_else(|error| panic!("{}: {error}", path.display())),
        })
        .collect()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("folders of the project can be read") {
        let entry = entry.expect("folders of the project can be read");
        let name = entry.file_name();
        if NOT_OURS.iter().any(|other| name == *other) {
            continue;
        }
        let kind = entry.file_type().expect("its type can be read");
        if kind.is_dir() {
            collect(&entry.path(), paths);
        } else if kind.is_file() {
            paths.push(entry.path());
        }
    }
}

impl SourceFile {
    /// True for files that hold nothing but tests.
    pub fn is_test(&self) -> bool {
        self.name.contains("/tests/")
            || self.name.ends_with("/tests.rs")
            || self.name.contains("/benches/")
    }

    /// The text up to its `#[cfg(test)]` module.
    pub fn before_tests(&self) -> &str {
        let end = self
            .text
            .find("\n#[cfg(test)]\nmod ")
            .or_else(|| self.text.find("\n#[cfg(test)]\npub(crate) mod "))
            .map_or(self.text.len(), |at| at + 1);
        &self.text[..end]
    }

    /// Lines up to the tests that are neither empty nor comments.
    pub fn lines_of_code(&self) -> usize {
        self.before_tests()
            .lines()
            .map(str::trim_start)
            .filter(|line| !line.is_empty() && !line.starts_with("//"))
            .count()
    }
}

/// A function and how long it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionLength {
    pub name: String,
    /// From the line of `fn` to the line of its closing brace.
    pub lines: usize,
}

/// Every function with a body in a piece of Rust.
pub fn functions(code: &str) -> Vec<FunctionLength> {
    let blank = blanked(code);
    let mut found = Vec::new();
    for (at, _) in blank.match_indices("fn ") {
        let starts_word = !blank[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let name: String = blank[at + 3..]
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect();
        if !starts_word || name.is_empty() {
            continue;
        }
        if let Some(end) = end_of_body(&blank, at) {
            found.push(FunctionLength {
                name,
                lines: blank[at..end].matches('\n').count() + 1,
            });
        }
    }
    found
}

/// Where the body that begins after `from` ends; `None` for a declaration without one.
fn end_of_body(blank: &str, from: usize) -> Option<usize> {
    let (mut braces, mut brackets) = (0usize, 0usize);
    for (at, byte) in blank.bytes().enumerate().skip(from) {
        match byte {
            b'(' | b'[' => brackets += 1,
            b')' | b']' => brackets = brackets.saturating_sub(1),
            b';' if braces == 0 && brackets == 0 => return None,
            b'{' => braces += 1,
            b'}' => {
                braces = braces.saturating_sub(1);
                if braces == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// The code with comments, strings and character literals replaced by spaces; lines stay where they are.
pub fn blanked(code: &str) -> String {
    let bytes = code.as_bytes();
    let mut blank = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let length = literal_length(&bytes[at..], at > 0 && is_word(bytes[at - 1]));
        for byte in &mut blank[at..at + length] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at += length.max(1);
    }
    String::from_utf8(blank).expect("only whole literals were blanked")
}

/// Length of the comment, string or character literal that begins here; 0 when none does.
fn literal_length(code: &[u8], after_word: bool) -> usize {
    let until = |end: &[u8], from: usize| {
        code[from..]
            .windows(end.len())
            .position(|window| window == end)
            .map_or(code.len(), |found| from + found + end.len())
    };
    match code {
        [b'/', b'/', ..] => until(b"\n", 2) - usize::from(code.contains(&b'\n')),
        [b'/', b'*', ..] => until(b"*/", 2),
        [b'"', ..] => string_length(code),
        [b'r', b'"' | b'#', ..] if !after_word => {
            let hashes = code[1..].iter().take_while(|byte| **byte == b'#').count();
            if code.get(1 + hashes) != Some(&b'"') {
                return 0;
            }
            let mut end = vec![b'"'];
            end.resize(1 + hashes, b'#');
            until(&end, 2 + hashes)
        }
        [b'\'', b'\\', ..] => until(b"'", 3),
        [b'\'', _, b'\'', ..] => 3,
        [b'\'', first, ..] if *first >= 0x80 => until(b"'", 1),
        _ => 0,
    }
}

fn string_length(code: &[u8]) -> usize {
    let mut at = 1;
    while at < code.len() {
        match code[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    code.len()
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_in_strings_and_comments_do_not_count() {
        let code = r##"
fn one(x: [u8; 2]) -> char {
    // }
    let _ = ("}", r#"}"#, '}', '\'', "\"}");
    /* } */ 'x'
}
trait T { fn declared(&self) -> [u8; 3]; }
fn two<'a>(x: &'a str) -> &'a str { x }
"##;
        let lengths: Vec<(String, usize)> = functions(code)
            .into_iter()
            .map(|function| (function.name, function.lines))
            .collect();
        assert_eq!(lengths, [("one".to_string(), 5), ("two".to_string(), 1)]);
    }

    #[test]
    fn tests_do_not_count_as_code() {
        let file = SourceFile {
            name: "a.rs".to_string(),
            text: "//! Doc\n\nfn one() {}\n\n#[cfg(test)]\nmod tests {\n    fn two() {}\n}\n"
                .to_string(),
        };
        assert_eq!(file.lines_of_code(), 1);
        assert_eq!(functions(file.before_tests()).len(), 1);
    }
}
