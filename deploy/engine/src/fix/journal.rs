//! The file of one session: what it has written, and what it expected at that moment. It survives the process, though not
//! the machine: nothing here is forced to the disk, and numbers that are lost are asked for again.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::session::Sent;

/// Lines beyond what is kept that a file may have before it is written anew.
const SPARE_LINES: usize = 50_000;

/// The file of one session.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    lines: usize,
}

/// What a file says.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    pub(super) sent: Vec<Sent>,
    pub(super) expected: u64,
}

impl Journal {
    /// Opens the file of a client in a folder, and reads what is there; what a killed process has half written is left out.
    pub(super) fn open(folder: &Path, client: &str) -> io::Result<(Self, Remembered)> {
        fs::create_dir_all(folder)?;
        let path = folder.join(format!("{client}.log"));
        let text = match fs::read(&path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let mut remembered = Remembered::default();
        let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
        for line in whole.lines() {
            if let Some((expected, sent)) = read(line) {
                remembered.expected = expected;
                remembered.sent.push(sent);
            }
        }
        fs::write(&path, whole)?;
        let journal = Self {
            file: File::options().append(true).open(&path)?,
            path,
            lines: remembered.sent.len(),
        };
        Ok((journal, remembered))
    }

    /// The file with one message more. Where it cannot be written it is removed: numbers that are too low would be worse
    /// than none.
    pub(super) fn added(mut self, sent: &Sent, expected: u64) -> io::Result<Self> {
        self.lines += 1;
        let written = self.file.write_all(line(sent, expected).as_bytes());
        self.or_nothing(written)
    }

    /// The file anew with these messages, if `always` or if it has grown too long for them; as with [`Self::added`].
    pub(super) fn renewed<'s>(
        mut self,
        kept: impl ExactSizeIterator<Item = &'s Sent>,
        expected: u64,
        always: bool,
    ) -> io::Result<Self> {
        if !always && self.lines < kept.len() + SPARE_LINES {
            return Ok(self);
        }
        self.lines = kept.len();
        let text: String = kept.map(|sent| line(sent, expected)).collect();
        let written = self.rewrite(&text);
        self.or_nothing(written)
    }

    fn rewrite(&mut self, text: &str) -> io::Result<()> {
        let new = self.path.with_extension("new");
        fs::write(&new, text)?;
        fs::rename(&new, &self.path)?;
        self.file = File::options().append(true).open(&self.path)?;
        Ok(())
    }

    fn or_nothing(self, written: io::Result<()>) -> io::Result<Self> {
        match written {
            Ok(()) => Ok(self),
            Err(error) => {
                let _gone = fs::remove_file(&self.path);
                Err(error)
            }
        }
    }
}

/// Number, expected number, kind, sending time and fields, with tabs between them.
fn line(sent: &Sent, expected: u64) -> String {
    let fields = sent.fields.replace(['\t', '\n'], " ");
    format!(
        "{}\t{expected}\t{}\t{}\t{fields}\n",
        sent.number, sent.kind, sent.at
    )
}

fn read(line: &str) -> Option<(u64, Sent)> {
    let mut parts = line.splitn(5, '\t');
    let mut part = || parts.next();
    let (number, expected) = (part()?.parse().ok()?, part()?.parse().ok()?);
    let (kind, at, fields) = (part()?.to_owned(), part()?.to_owned(), part()?.to_owned());
    let sent = Sent {
        number,
        kind,
        at,
        fields,
    };
    Some((expected, sent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_there_again_but_for_a_torn_end() {
        let folder = tempfile::tempdir().unwrap();
        let sent = |number| Sent {
            number,
            kind: "8".to_owned(),
            at: "now".to_owned(),
            fields: "11=a\x01".to_owned(),
        };
        let (journal, remembered) = Journal::open(folder.path(), "C").unwrap();
        assert!(remembered.sent.is_empty());
        let mut journal = journal.added(&sent(1), 5).unwrap();
        journal = journal.added(&sent(2), 6).unwrap();
        journal.file.write_all(b"3\t7\t8").unwrap();
        let (journal, remembered) = Journal::open(folder.path(), "C").unwrap();
        assert_eq!(
            (remembered.sent, remembered.expected),
            (vec![sent(1), sent(2)], 6)
        );
        let journal = journal.renewed([sent(2)].iter(), 6, true).unwrap();
        journal.added(&sent(3), 7).unwrap();
        let (_, remembered) = Journal::open(folder.path(), "C").unwrap();
        assert_eq!(
            (remembered.sent, remembered.expected),
            (vec![sent(2), sent(3)], 7)
        );
    }

    #[test]
    fn a_file_that_cannot_be_written_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let (mut journal, _) = Journal::open(folder.path(), "C").unwrap();
        journal.file = File::open(&journal.path).unwrap();
        let path = journal.path.clone();
        let sent = Sent {
            number: 1,
            kind: "8".to_owned(),
            at: "now".to_owned(),
            fields: String::new(),
        };
        assert!(journal.added(&sent, 1).is_err() && !path.exists());
    }
}
