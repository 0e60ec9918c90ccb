//! Names of the nodes that served anybody: each worker numbers those that it met, and the run's ledger numbers those of all.

use std::path::Path;
use std::{fs, io};

/// Most names that the ledger's one byte can hold; 0 is unknown.
const MOST_NAMES: usize = u8::MAX as usize;

/// Beside the ledger whose numbers it explains.
const SERVED_BY: &str = "served-by.json";

/// Gives each of a worker's names, in the order of its own numbers, its number among all names. `numbers`: of those that
/// were told before. True when a name came that nobody had told.
pub(super) fn number(all: &mut Vec<String>, numbers: &mut Vec<u8>, names: Vec<String>) -> bool {
    let before = all.len();
    for name in names.into_iter().skip(numbers.len()) {
        let known = all.iter().position(|known| *known == name);
        let at = known.or_else(|| {
            (all.len() < MOST_NAMES).then(|| {
                all.push(name);
                all.len() - 1
            })
        });
        numbers.push(at.map_or(0, |at| at as u8 + 1));
    }
    all.len() > before
}

/// Keeps the names beside a ledger, so that its numbers can be read whoever dies.
///
/// # Errors
/// When they cannot be written.
pub(super) fn keep(ledger: &Path, names: &[String]) -> io::Result<()> {
    let new = ledger.join(format!("{SERVED_BY}.new"));
    fs::write(&new, serde_json::to_vec(names)?)?;
    fs::rename(new, ledger.join(SERVED_BY))
}

/// The names beside a ledger; none when none were kept.
///
/// # Errors
/// When they cannot be read.
pub(super) fn kept(ledger: &Path) -> io::Result<Vec<String>> {
    match fs::read(ledger.join(SERVED_BY)) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_numbered_once_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let text = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let (mut all, mut numbers) = (text(&["engine-1"]), Vec::new());
        assert!(number(&mut all, &mut numbers, text(&["engine-2"])));
        assert!(!number(
            &mut all,
            &mut numbers,
            text(&["engine-2", "engine-1"])
        ));
        assert_eq!(numbers, [2, 1]);
        assert_eq!(kept(folder.path()).unwrap(), Vec::<String>::new());
        keep(folder.path(), &all).unwrap();
        assert_eq!(kept(folder.path()).unwrap(), ["engine-1", "engine-2"]);
        let many: Vec<String> = (0..300).map(|name| name.to_string()).collect();
        number(&mut all, &mut numbers, many);
        assert_eq!((all.len(), numbers.last()), (MOST_NAMES, Some(&0)));
    }
}
