//! The hash chain over the lines of `events.jsonl`: each ends with the SHA-256 of the line before it and of itself, so that
//! a line that is changed, taken out or put in later breaks the chain at that place, also of a run that died unsealed.
//!
//! ```text
//! {"mono_ns":1,"event":"a","chain":"<SHA-256 of 64 zeros and {"mono_ns":1,"event":"a"}>"}
//! {"mono_ns":2,"event":"b","chain":"<SHA-256 of the chain above and {"mono_ns":2,"event":"b"}>"}
//! ```
//!
//! Whoever makes all lines anew makes a chain that holds. What shows that is its head, kept elsewhere: it stands in
//! `record.json`, and the sum over everything is printed when a run ends.

use std::fs;
use std::io;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::run_dir::hex;

/// Characters of a SHA-256.
const HEX: usize = 64;
const BEFORE: &[u8] = br#","chain":""#;
const AFTER: &[u8] = br#""}"#;

/// The chain while it is made.
#[derive(Debug)]
pub(crate) struct Chain {
    head: String,
}

impl Default for Chain {
    fn default() -> Self {
        Self {
            head: "0".repeat(HEX),
        }
    }
}

impl Chain {
    /// Adds its place in the chain to a line: one JSON object with a field at least.
    pub fn link(&mut self, line: &mut Vec<u8>) {
        self.head = next(&self.head, line);
        line.truncate(line.len() - 1);
        line.extend_from_slice(BEFORE);
        line.extend_from_slice(self.head.as_bytes());
        line.extend_from_slice(AFTER);
    }
}

fn next(head: &str, line: &[u8]) -> String {
    let mut sum = Sha256::new();
    sum.update(head.as_bytes());
    sum.update(line);
    hex(&sum.finalize())
}

/// What a chain shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChainSeen {
    /// Every line follows from the one before it.
    Whole {
        lines: u64,
        /// The last sum; 64 zeros without any line.
        head: String,
    },
    /// This line, counted from one, does not follow from the one before it.
    Broken { line: usize },
    /// No line has a place in a chain: an older version wrote the file.
    Without,
}

/// Looks at the chain of a file of events. A torn last line (the run was killed while writing it) does not count.
///
/// # Errors
/// When the file cannot be read.
pub fn look(path: &Path) -> io::Result<ChainSeen> {
    let bytes = fs::read(path)?;
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
    let lines: Vec<&[u8]> = match whole {
        0 => Vec::new(),
        end => bytes[..end].split(|byte| *byte == b'\n').collect(),
    };
    let parted: Vec<Option<(Vec<u8>, &[u8])>> = lines.iter().map(|line| part(line)).collect();
    if !lines.is_empty() && parted.iter().all(Option::is_none) {
        return Ok(ChainSeen::Without);
    }
    let mut head = Chain::default().head;
    for (index, parted) in parted.iter().enumerate() {
        let follows = parted
            .as_ref()
            .filter(|(line, sum)| next(&head, line).as_bytes() == *sum);
        let Some((_, sum)) = follows else {
            return Ok(ChainSeen::Broken { line: index + 1 });
        };
        head = String::from_utf8_lossy(sum).into_owned();
    }
    Ok(ChainSeen::Whole {
        lines: parted.len() as u64,
        head,
    })
}

/// A line as it was before it got its place in the chain, and that place.
fn part(line: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let rest = line.strip_suffix(AFTER)?;
    let at = rest.len().checked_sub(HEX)?;
    let (rest, sum) = rest.split_at(at);
    let mut bare = rest.strip_suffix(BEFORE)?.to_vec();
    bare.push(b'}');
    Some((bare, sum))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(lines: usize) -> String {
        let mut chain = Chain::default();
        let line = |n: usize| {
            let mut line = format!("{{\"n\":{n}}}").into_bytes();
            chain.link(&mut line);
            String::from_utf8(line).unwrap() + "\n"
        };
        (0..lines).map(line).collect()
    }

    fn seen(text: &str) -> ChainSeen {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        look(file.path()).unwrap()
    }

    #[test]
    fn a_chain_holds_up_to_a_torn_line_and_its_head_tells_what_it_holds() {
        let whole = text(3);
        let ChainSeen::Whole { lines: 3, head } = seen(&whole) else {
            panic!("{:?}", seen(&whole));
        };
        assert!(whole.contains(&head));
        assert_eq!(seen(&format!("{whole}{{\"n\":")), seen(&whole));
        assert!(
            matches!(seen(&text(2)), ChainSeen::Whole { lines: 2, head: other } if other != head)
        );
        assert!(matches!(seen(""), ChainSeen::Whole { lines: 0, .. }));
    }

    #[test]
    fn a_change_a_removal_and_an_addition_break_it_where_they_are() {
        let whole = text(4);
        let lines: Vec<&str> = whole.lines().collect();
        let joined = |lines: &[&str]| lines.join("\n") + "\n";
        assert_eq!(
            seen(&whole.replace("\"n\":1", "\"n\":7")),
            ChainSeen::Broken { line: 2 }
        );
        assert_eq!(
            seen(&joined(&[lines[0], lines[2], lines[3]])),
            ChainSeen::Broken { line: 2 }
        );
        assert_eq!(
            seen(&joined(&[lines[0], lines[1], lines[1], lines[2]])),
            ChainSeen::Broken { line: 3 }
        );
        assert_eq!(
            seen(&joined(&[lines[0], "{\"n\":1}", lines[1]])),
            ChainSeen::Broken { line: 2 }
        );
        assert_eq!(seen("{\"n\":1}\n{\"n\":2}\n"), ChainSeen::Without);
    }
}
