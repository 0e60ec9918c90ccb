//! The run directory: names of its files, and the checksums that make a later change visible.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::side_by_side::{cores, side_by_side};

/// Paths in a run directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunDir {
    root: PathBuf,
}

impl RunDir {
    /// A run directory at a path; nothing is touched.
    pub fn at(root: &Path) -> Self {
        Self {
            root: root.to_path_buf(),
        }
    }

    /// Creates a new run directory with its folders.
    ///
    /// # Errors
    /// When it exists (a run never writes over another), or cannot be created.
    pub fn create(root: &Path) -> io::Result<Self> {
        if let Some(parent) = root.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::create_dir(root)?;
        let dir = Self::at(root);
        fs::create_dir(dir.ledger())?;
        fs::create_dir(dir.readback())?;
        Ok(dir)
    }

    pub fn root(&self) -> &Path {
        &self.root
    }
    pub fn record(&self) -> PathBuf {
        self.root.join("record.json")
    }
    pub fn events(&self) -> PathBuf {
        self.root.join("events.jsonl")
    }
    /// The system's own series, as they were read while the run went on.
    pub fn series(&self) -> PathBuf {
        self.root.join(crate::series::SERIES_FILE)
    }
    pub fn timeline(&self) -> PathBuf {
        self.root.join("timeline.csv")
    }
    pub fn latency_log(&self) -> PathBuf {
        self.root.join("latency.hlog")
    }
    pub fn ledger(&self) -> PathBuf {
        self.root.join("ledger")
    }
    /// What the venue did that Shakedown played.
    pub fn venue(&self) -> PathBuf {
        self.root.join(crate::venue::VENUE_FILE)
    }
    /// Trades of a trading system, as it told of them.
    pub fn trades(&self) -> PathBuf {
        self.readback().join("trades.jsonl")
    }
    /// Market data that was published, interval by interval.
    pub fn points(&self) -> PathBuf {
        self.root.join(crate::points::POINTS_FILE)
    }
    /// What was told by the system's market-data feed, message by message.
    pub fn feed(&self) -> PathBuf {
        self.root.join(crate::feed::FEED_FILE)
    }
    /// What it told of the books, from the start.
    pub fn feed_book(&self) -> PathBuf {
        self.root.join(crate::feed_book::FEED_BOOK_FILE)
    }
    /// What it told a subscriber that came late.
    pub fn feed_late(&self) -> PathBuf {
        self.root.join(crate::feed_book::FEED_LATE_FILE)
    }
    pub fn readback(&self) -> PathBuf {
        self.root.join("readback")
    }
    pub fn scenario(&self) -> PathBuf {
        self.root.join("scenario.yaml")
    }
    pub fn system(&self) -> PathBuf {
        self.root.join("system.yaml")
    }
    /// What the scenario replays, if it does.
    pub fn recording(&self) -> PathBuf {
        self.root.join("recording.csv")
    }
    /// Logs of what Shakedown started, one file a process.
    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }
    /// Ledgers of workers on this machine, until they are merged.
    pub fn workers(&self) -> PathBuf {
        self.root.join("workers")
    }
    pub fn report_html(&self) -> PathBuf {
        self.root.join("report.html")
    }
    pub fn junit(&self) -> PathBuf {
        self.root.join("junit.xml")
    }
    pub fn summary(&self) -> PathBuf {
        self.root.join("summary.md")
    }
    pub fn checksums(&self) -> PathBuf {
        self.root.join("SHA256SUMS")
    }

    /// SHA-256 of `SHA256SUMS`: whoever keeps it elsewhere can show that nothing was changed.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn seal_sum(&self) -> io::Result<String> {
        sha256_hex(&self.checksums())
    }

    /// Writes `SHA256SUMS` over every other file, in the format of `sha256sum --check`.
    ///
    /// # Errors
    /// When a file cannot be read or the sums cannot be written.
    pub fn seal(&self) -> io::Result<()> {
        let mut files = files_below(&self.root)?;
        files.retain(|path| *path != self.checksums());
        let mut text = String::new();
        for (path, sum) in files.iter().zip(sums(&files)) {
            let name = path
                .strip_prefix(&self.root)
                .expect("listed below the root");
            text.push_str(&format!("{}  {}\n", sum?, name.display()));
        }
        fs::write(self.checksums(), text)
    }

    /// What was changed, added or removed since [`RunDir::seal`], by name; empty when untouched.
    ///
    /// # Errors
    /// When `SHA256SUMS` is missing or a file cannot be read.
    pub fn tampered(&self) -> io::Result<Vec<Tampered>> {
        let text = fs::read_to_string(self.checksums())?;
        let sealed: BTreeMap<&str, &str> = text
            .lines()
            .filter_map(|line| line.split_once("  "))
            .map(|(sum, name)| (name, sum))
            .collect();
        let there = sealed.keys().map(|name| (*name, self.root.join(name)));
        let (names, paths): (Vec<&str>, Vec<PathBuf>) =
            there.filter(|(_, path)| path.is_file()).unzip();
        let mut sums: BTreeMap<&str, io::Result<String>> =
            names.into_iter().zip(sums(&paths)).collect();
        let mut all = Vec::new();
        for (name, sealed) in &sealed {
            let how = match sums.remove(name).transpose()? {
                None => How::Removed,
                Some(sum) if sum != *sealed => How::Changed,
                Some(_) => continue,
            };
            all.push(Tampered::new(name, how));
        }
        for path in files_below(&self.root)? {
            let name = path
                .strip_prefix(&self.root)
                .expect("listed below the root")
                .display()
                .to_string();
            if path != self.checksums() && !sealed.contains_key(name.as_str()) {
                all.push(Tampered::new(&name, How::Added));
            }
        }
        Ok(all)
    }
}

/// What happened to a file of a sealed run directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    Changed,
    Added,
    Removed,
}

impl How {
    /// As it is said of a file: `was changed`.
    pub fn words(self) -> &'static str {
        match self {
            How::Changed => "was changed",
            How::Added => "was added",
            How::Removed => "was removed",
        }
    }
}

/// A file that is not as it was when the run directory was sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tampered {
    /// Below the run directory.
    pub name: String,
    pub how: How,
}

/// Made from the evidence when a run ends: whoever changes them changes no verdict.
const DERIVED: [&str; 6] = [
    "record.json",
    "report.html",
    "junit.xml",
    "summary.md",
    "timeline.csv",
    "latency.hlog",
];

/// Evidence that not every run has: a file of this name that comes later would be believed.
const MAY_BE_THERE: [&str; 8] = [
    "events.jsonl",
    "recording.csv",
    crate::series::SERIES_FILE,
    crate::venue::VENUE_FILE,
    crate::points::POINTS_FILE,
    crate::feed::FEED_FILE,
    crate::feed_book::FEED_BOOK_FILE,
    crate::feed_book::FEED_LATE_FILE,
];

/// Folders of evidence.
const FOLDERS: [&str; 3] = ["ledger/", "readback/", "workers/"];

impl Tampered {
    fn new(name: &str, how: How) -> Self {
        Self {
            name: name.to_string(),
            how,
        }
    }

    /// The verdict rests on it.
    pub fn is_evidence(&self) -> bool {
        let name = self.name.as_str();
        match self.how {
            How::Changed | How::Removed => !DERIVED.contains(&name),
            How::Added => {
                MAY_BE_THERE.contains(&name)
                    || FOLDERS.iter().any(|folder| name.starts_with(folder))
            }
        }
    }
}

/// SHA-256 of each file, in the order of the files. The longest are begun first, so that no core waits for one at the end.
fn sums(files: &[PathBuf]) -> Vec<io::Result<String>> {
    let length = |at: &usize| fs::metadata(&files[*at]).map_or(0, |it| it.len());
    let mut longest_first: Vec<usize> = (0..files.len()).collect();
    longest_first.sort_by_key(|at| std::cmp::Reverse(length(at)));
    let sums = side_by_side(&longest_first, cores(), |at| sha256_hex(&files[*at]));
    let mut in_order: Vec<(usize, io::Result<String>)> =
        longest_first.into_iter().zip(sums).collect();
    in_order.sort_by_key(|(at, _)| *at);
    in_order.into_iter().map(|(_, sum)| sum).collect()
}

/// SHA-256 of a file in lower-case hexadecimal.
///
/// # Errors
/// When the file cannot be read.
pub fn sha256_hex(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0u8; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(&hasher.finalize())),
            read => hasher.update(&buffer[..read]),
        }
    }
}

/// SHA-256 of some bytes in lower-case hexadecimal.
pub fn sha256_hex_of(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn files_below(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            files.extend(files_below(&entry.path())?);
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_an_addition_and_a_removal_are_seen() {
        let folder = tempfile::tempdir().unwrap();
        let dir = RunDir::create(&folder.path().join("run")).unwrap();
        fs::write(dir.events(), "one\n").unwrap();
        fs::write(dir.scenario(), "two\n").unwrap();
        fs::write(dir.summary(), "three\n").unwrap();
        dir.seal().unwrap();
        assert!(dir.tampered().unwrap().is_empty());
        fs::write(dir.events(), "One\n").unwrap();
        fs::write(dir.readback().join("extra"), "").unwrap();
        fs::write(dir.root().join("notes.txt"), "").unwrap();
        fs::write(dir.summary(), "all is well\n").unwrap();
        fs::remove_file(dir.scenario()).unwrap();
        let found = dir.tampered().unwrap();
        let told: Vec<(&str, How, bool)> = found
            .iter()
            .map(|it| (it.name.as_str(), it.how, it.is_evidence()))
            .collect();
        assert_eq!(
            told,
            [
                ("events.jsonl", How::Changed, true),
                ("scenario.yaml", How::Removed, true),
                ("summary.md", How::Changed, false),
                ("notes.txt", How::Added, false),
                ("readback/extra", How::Added, true),
            ]
        );
    }

    #[test]
    fn what_is_no_file_any_more_was_removed_and_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let dir = RunDir::create(&folder.path().join("run")).unwrap();
        fs::write(dir.events(), "one\n").unwrap();
        dir.seal().unwrap();
        fs::remove_file(dir.events()).unwrap();
        fs::create_dir(dir.events()).unwrap();
        // There is no end to it.
        let endless = "0  /dev/zero\n";
        let sums = fs::read_to_string(dir.checksums()).unwrap();
        fs::write(dir.checksums(), sums + endless).unwrap();
        let found = dir.tampered().unwrap();
        let told: Vec<(&str, How)> = found.iter().map(|it| (it.name.as_str(), it.how)).collect();
        assert_eq!(
            told,
            [("/dev/zero", How::Removed), ("events.jsonl", How::Removed)]
        );
    }

    #[test]
    fn each_file_has_its_own_sum_whatever_their_lengths() {
        let folder = tempfile::tempdir().unwrap();
        let files: Vec<PathBuf> = (0..40)
            .map(|n| {
                let path = folder.path().join(n.to_string());
                fs::write(&path, vec![n as u8; (n * 7_919) % 90_000]).unwrap();
                path
            })
            .collect();
        let one_by_one: Vec<String> = files.iter().map(|it| sha256_hex(it).unwrap()).collect();
        let together: Vec<String> = sums(&files).into_iter().map(Result::unwrap).collect();
        assert_eq!(together, one_by_one);
    }

    #[test]
    fn a_run_directory_is_never_written_over() {
        let folder = tempfile::tempdir().unwrap();
        RunDir::create(&folder.path().join("run")).unwrap();
        assert!(RunDir::create(&folder.path().join("run")).is_err());
    }
}
