//! The run directory inside the cluster, from the moment the run begins until somebody has fetched it.
//!
//! `run/` is the run directory, `ending` a file on which the run holds a lock while it lives and to which it writes its
//! exit code last, `released` what whoever fetched it leaves.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use shakedown_record::ExitCode;

/// So long the courier keeps a run that has ended, in seconds.
pub(super) const KEEP_S: u64 = 900;
/// So long when its pod was asked to end.
const KEEP_ASKED_S: u64 = 60;
/// So long it waits for a run that does not begin.
const BEGIN_WITHIN_S: u64 = 300;
/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// The folder that the run and its courier share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    root: PathBuf,
}

/// How far the run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    NotBegun,
    Going,
    /// With its exit code; `None` when it was killed before it had one.
    Ended {
        code: Option<u8>,
    },
}

/// What the courier says when it is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Kept {
    pub stage: Stage,
    /// Of the archive; `None` when there is no run directory.
    pub bytes: Option<u64>,
}

/// Held while the run lives.
#[derive(Debug)]
pub struct Ending {
    file: File,
}

impl Ending {
    /// The run has ended with this code.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn end(mut self, code: ExitCode) -> io::Result<()> {
        writeln!(self.file, "{}", code.code())
    }
}

impl Parcel {
    pub fn at(root: &Path) -> Parcel {
        Parcel {
            root: root.to_path_buf(),
        }
    }

    /// Where the run directory is made.
    pub fn run_dir(&self) -> PathBuf {
        self.root.join("run")
    }

    fn ending(&self) -> PathBuf {
        self.root.join("ending")
    }

    fn released(&self) -> PathBuf {
        self.root.join("released")
    }

    /// The run begins. Nobody ever sees the file without its lock.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn begin(&self) -> io::Result<Ending> {
        let hidden = self.root.join(".ending");
        let file = File::create(&hidden)?;
        flock(&file, FlockOperation::LockExclusive)?;
        fs::rename(hidden, self.ending())?;
        Ok(Ending { file })
    }

    /// # Errors
    /// When the folder cannot be read.
    pub fn stage(&self) -> io::Result<Stage> {
        let mut file = match OpenOptions::new().read(true).open(self.ending()) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Stage::NotBegun),
            Err(error) => return Err(error),
        };
        match flock(&file, FlockOperation::NonBlockingLockShared) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Ok(Stage::Going),
            Err(error) => return Err(error.into()),
        }
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        let code = text.strip_suffix('\n').and_then(|code| code.parse().ok());
        Ok(Stage::Ended { code })
    }

    /// # Errors
    /// When the folder cannot be read.
    pub fn kept(&self) -> io::Result<Kept> {
        let bytes = match self.run_dir().is_dir() {
            true => {
                let mut count = Count::default();
                self.send(0, &mut count)?;
                Some(count.bytes)
            }
            false => None,
        };
        Ok(Kept {
            stage: self.stage()?,
            bytes,
        })
    }

    /// Somebody has fetched it.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn release(&self) -> io::Result<()> {
        File::create(self.released()).map(drop)
    }

    /// Writes the run directory as a tar archive, without the first bytes of it. Once the run has ended it is the same
    /// whenever it is asked for.
    ///
    /// # Errors
    /// When a file cannot be read, or the archive not be written.
    pub fn send(&self, from: u64, to: impl Write) -> io::Result<()> {
        let mut archive = tar::Builder::new(Skip { to, left: from });
        archive.mode(tar::HeaderMode::Deterministic);
        archive.sparse(false);
        append(&mut archive, &self.run_dir(), Path::new(""))?;
        let mut rest = archive.into_inner()?;
        rest.to.flush()
    }
}

fn append(archive: &mut tar::Builder<impl Write>, folder: &Path, inside: &Path) -> io::Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = inside.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            archive.append_dir(&name, entry.path())?;
            append(archive, &entry.path(), &name)?;
        } else if kind.is_file() {
            archive.append_path_with_name(entry.path(), &name)?;
        }
    }
    Ok(())
}

/// Passes everything on but the first bytes.
#[derive(Debug)]
struct Skip<W> {
    to: W,
    left: u64,
}

impl<W: Write> Write for Skip<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let skipped = usize::try_from(self.left)
            .unwrap_or(usize::MAX)
            .min(bytes.len());
        if skipped > 0 {
            self.left -= skipped as u64;
            return Ok(skipped);
        }
        self.to.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[derive(Debug, Default)]
struct Count {
    bytes: u64,
}

impl Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What the courier knows when it decides whether to stay.
#[derive(Debug, Clone, Copy)]
struct Seen {
    stage: Stage,
    released: bool,
    /// Its pod was asked to end.
    asked: bool,
    since_begin_s: u64,
    since_end_s: u64,
}

/// Whether the courier is no longer needed.
fn is_over(seen: Seen) -> bool {
    let keep_s = match seen.asked {
        true => KEEP_ASKED_S,
        false => KEEP_S,
    };
    seen.released
        || match seen.stage {
            Stage::NotBegun => seen.asked || seen.since_begin_s >= BEGIN_WITHIN_S,
            // Whoever asked its pod to end asked the run, too: it heals first.
            Stage::Going => false,
            Stage::Ended { .. } => seen.since_end_s >= keep_s,
        }
}

/// Stays until the run has ended and was fetched, or nobody came.
///
/// # Errors
/// When the folder cannot be read.
pub async fn keep(
    parcel: &Parcel,
    asked: tokio::sync::watch::Receiver<Option<String>>,
) -> io::Result<()> {
    let begun = Instant::now();
    let mut ended: Option<Instant> = None;
    loop {
        let stage = parcel.stage()?;
        if matches!(stage, Stage::Ended { .. }) {
            ended.get_or_insert_with(Instant::now);
        }
        let seen = Seen {
            stage,
            released: parcel.released().exists(),
            asked: asked.borrow().is_some(),
            since_begin_s: begun.elapsed().as_secs(),
            since_end_s: ended.map_or(0, |at| at.elapsed().as_secs()),
        };
        if is_over(seen) {
            return Ok(());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_seen_to_begin_and_to_end_however_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let parcel = Parcel::at(folder.path());
        assert_eq!(parcel.stage().unwrap(), Stage::NotBegun);
        let ending = parcel.begin().unwrap();
        assert_eq!(parcel.stage().unwrap(), Stage::Going);
        drop(ending);
        assert_eq!(parcel.stage().unwrap(), Stage::Ended { code: None });
        let ending = parcel.begin().unwrap();
        ending.end(ExitCode::Refused).unwrap();
        assert_eq!(parcel.stage().unwrap(), Stage::Ended { code: Some(77) });
    }

    #[test]
    fn the_courier_outlives_the_run_and_not_by_much() {
        let seen = Seen {
            stage: Stage::Going,
            released: false,
            asked: false,
            since_begin_s: 10_000,
            since_end_s: 0,
        };
        assert!(!is_over(seen));
        assert!(
            !is_over(Seen {
                asked: true,
                ..seen
            }),
            "the run heals"
        );
        let ended = Seen {
            stage: Stage::Ended { code: Some(0) },
            ..seen
        };
        assert!(!is_over(ended));
        let later = |since_end_s| Seen {
            since_end_s,
            ..ended
        };
        assert!(
            !is_over(Seen {
                asked: true,
                ..later(30)
            }),
            "it is fetched"
        );
        assert!(is_over(Seen {
            asked: true,
            ..later(KEEP_ASKED_S)
        }));
        assert!(!is_over(later(KEEP_ASKED_S)));
        assert!(is_over(later(KEEP_S)));
        assert!(is_over(Seen {
            released: true,
            ..ended
        }));
        let idle = Seen {
            stage: Stage::NotBegun,
            since_begin_s: 1,
            ..seen
        };
        assert!(!is_over(idle));
        assert!(is_over(Seen {
            asked: true,
            ..idle
        }));
        assert!(is_over(Seen {
            since_begin_s: BEGIN_WITHIN_S,
            ..idle
        }));
    }

    #[test]
    fn an_archive_goes_on_where_it_broke() {
        let folder = tempfile::tempdir().unwrap();
        let parcel = Parcel::at(folder.path());
        assert_eq!(parcel.kept().unwrap().bytes, None);
        let run = parcel.run_dir();
        fs::create_dir_all(run.join("ledger")).unwrap();
        fs::write(run.join("events.jsonl"), "one\n".repeat(3000)).unwrap();
        fs::write(run.join("ledger/orders.bin"), [7u8; 5000]).unwrap();
        let mut whole = Vec::new();
        parcel.send(0, &mut whole).unwrap();
        assert_eq!(parcel.kept().unwrap().bytes, Some(whole.len() as u64));
        for from in [0, 1, 511, 512, 9000, whole.len()] {
            let mut rest = Vec::new();
            parcel.send(from as u64, &mut rest).unwrap();
            assert_eq!(rest, whole[from..], "from {from}");
        }
    }
}
