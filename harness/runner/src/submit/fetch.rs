//! Fetching the run directory, however often the connection breaks.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use shakedown_record::run_dir::RunDir;

use super::parcel::Kept;
use super::submission::{COURIER, ITSELF};
use crate::mechanisms::kubernetes::{Cluster, ClusterError};

/// Attempts in a row that bring nothing.
const TRIES: u32 = 6;
/// Between them.
const PAUSE: Duration = Duration::from_secs(2);
/// Without a byte a connection is dead.
const SILENT: Duration = Duration::from_secs(20);

/// The courier of a run.
#[derive(Debug)]
pub(super) struct Courier<'a> {
    pub cluster: &'a Cluster,
    pub namespace: &'a str,
    pub pod: &'a str,
}

impl Courier<'_> {
    async fn say(&self, words: &[&str]) -> Result<Vec<u8>, ClusterError> {
        self.command(words).await?.all(SILENT).await
    }

    async fn command(
        &self,
        words: &[&str],
    ) -> Result<crate::mechanisms::kubernetes::act::Command, ClusterError> {
        let all = [ITSELF, "__parcel"].iter().chain(words);
        let all: Vec<String> = all.map(|word| (*word).to_string()).collect();
        self.cluster
            .exec(self.namespace, self.pod, COURIER, &all)
            .await
    }

    /// How far the run is, and what there is to fetch.
    pub(super) async fn kept(&self) -> Result<Kept, String> {
        let said = self.say(&["status"]).await.map_err(|it| it.to_string())?;
        serde_json::from_slice(&said).map_err(|error| format!("its answer cannot be read: {error}"))
    }

    /// It is not needed any more.
    pub(super) async fn release(&self) -> Result<(), ClusterError> {
        self.say(&["release"]).await.map(drop)
    }
}

/// Somebody who has an archive and sends it from any byte on.
pub(super) trait Sender {
    /// Writes what comes; an error when it ends before the archive does.
    fn send(&self, from: u64, to: &mut File) -> impl Future<Output = Result<(), String>>;
}

impl Sender for Courier<'_> {
    async fn send(&self, from: u64, to: &mut File) -> Result<(), String> {
        let from = from.to_string();
        let command = self.command(&["send", "--from", &from]).await;
        let mut command = command.map_err(|error| error.to_string())?;
        loop {
            match command.next(SILENT).await {
                Ok(Some(bytes)) => to.write_all(&bytes).map_err(|error| error.to_string())?,
                Ok(None) => return Ok(()),
                Err(error) => return Err(error.to_string()),
            }
        }
    }
}

/// Fetches an archive of so many bytes into a file. What has come stays; only attempts that bring nothing are counted.
pub(super) async fn fetch(
    sender: &impl Sender,
    bytes: u64,
    into: &Path,
    pause: Duration,
) -> Result<(), String> {
    let failed = |error: io::Error| format!("{}: {error}", into.display());
    let mut file = OpenOptions::new()
        .create_new(true)
        .append(true)
        .open(into)
        .map_err(failed)?;
    let mut in_vain = 0;
    loop {
        let have = file.metadata().map_err(failed)?.len();
        if have == bytes {
            return file.sync_all().map_err(failed);
        }
        if have > bytes {
            return Err(format!("{have} bytes came in place of {bytes}"));
        }
        let why = sender.send(have, &mut file).await.err();
        let came = file.metadata().map_err(failed)?.len() > have;
        in_vain = if came { 0 } else { in_vain + 1 };
        if in_vain == TRIES {
            let why = why.unwrap_or_else(|| "nothing came".to_string());
            return Err(format!(
                "{have} of {bytes} bytes came, then nothing any more, {TRIES} times: {why}"
            ));
        }
        if !came {
            tokio::time::sleep(pause).await;
        }
    }
}

/// Fetches the run directory into `dir`, which is there and empty, and holds it against its own checksums.
///
/// # Errors
/// In words, when it is not whole.
pub(super) async fn fetch_run(
    courier: &Courier<'_>,
    bytes: u64,
    dir: &RunDir,
) -> Result<(), String> {
    let archive = beside(dir.root());
    let fetched = fetch(courier, bytes, &archive, PAUSE).await;
    let unpacked = fetched.and_then(|()| unpack(&archive, dir.root()));
    // Whole or not, it is of no use any more.
    let _ = fs::remove_file(&archive);
    unpacked?;
    if !dir.checksums().exists() {
        return Err("the run was never finished: it has no SHA256SUMS".to_string());
    }
    match dir.tampered() {
        Ok(changed) if changed.is_empty() => Ok(()),
        Ok(changed) => Err(format!(
            "it is not as it was sealed in the cluster: {}",
            changed
                .iter()
                .map(|it| it.name.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        )),
        Err(error) => Err(format!("its SHA256SUMS cannot be held: {error}")),
    }
}

fn beside(root: &Path) -> PathBuf {
    let mut name = root.file_name().unwrap_or_default().to_os_string();
    name.push(".fetching.tar");
    root.with_file_name(name)
}

/// Files and folders only, and nothing outside of the folder.
fn unpack(archive: &Path, into: &Path) -> Result<(), String> {
    let failed = |error: io::Error| format!("{}: {error}", archive.display());
    let mut archive = tar::Archive::new(File::open(archive).map_err(failed)?);
    archive.set_preserve_mtime(false);
    archive.set_preserve_permissions(false);
    for entry in archive.entries().map_err(failed)? {
        let mut entry = entry.map_err(failed)?;
        let kind = entry.header().entry_type();
        let is_ours = kind.is_file() || kind.is_dir();
        if !is_ours || !entry.unpack_in(into).map_err(failed)? {
            let path = entry.path().map(|it| it.display().to_string());
            return Err(format!(
                "the archive holds what no run directory has: {}",
                path.unwrap_or_default()
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::super::parcel::Parcel;
    use super::*;

    /// Sends a few bytes, then breaks; after `silent` attempts nothing comes any more.
    struct Breaking {
        archive: Vec<u8>,
        at_once: usize,
        asked: Cell<u32>,
        silent_after: u32,
    }

    impl Sender for Breaking {
        async fn send(&self, from: u64, to: &mut File) -> Result<(), String> {
            self.asked.set(self.asked.get() + 1);
            if self.asked.get() > self.silent_after {
                return Err("cut".to_string());
            }
            let rest = &self.archive[usize::try_from(from).unwrap()..];
            let part = &rest[..rest.len().min(self.at_once)];
            to.write_all(part).unwrap();
            match part.len() == rest.len() {
                true => Ok(()),
                false => Err("cut".to_string()),
            }
        }
    }

    fn world() -> (tempfile::TempDir, Breaking) {
        let folder = tempfile::tempdir().unwrap();
        let parcel = Parcel::at(folder.path());
        let dir = RunDir::create(&parcel.run_dir()).unwrap();
        fs::write(dir.events(), "one\n".repeat(900)).unwrap();
        fs::write(dir.ledger().join("orders"), [1u8; 700]).unwrap();
        dir.seal().unwrap();
        let mut archive = Vec::new();
        parcel.send(0, &mut archive).unwrap();
        let breaking = Breaking {
            archive,
            at_once: 1000,
            asked: Cell::new(0),
            silent_after: u32::MAX,
        };
        (folder, breaking)
    }

    #[tokio::test]
    async fn what_breaks_goes_on_where_it_broke_and_is_held_against_its_checksums() {
        let (folder, sender) = world();
        let bytes = sender.archive.len() as u64;
        let archive = folder.path().join("fetched.tar");
        fetch(&sender, bytes, &archive, Duration::ZERO)
            .await
            .unwrap();
        assert!(
            sender.asked.get() > 5,
            "it broke {} times",
            sender.asked.get()
        );
        let here = folder.path().join("here");
        fs::create_dir(&here).unwrap();
        unpack(&archive, &here).unwrap();
        let dir = RunDir::at(&here);
        assert_eq!(dir.tampered().unwrap(), []);
        assert!(dir.readback().is_dir());
    }

    #[tokio::test]
    async fn somebody_who_has_gone_is_given_up() {
        let (folder, mut sender) = world();
        sender.silent_after = 2;
        let bytes = sender.archive.len() as u64;
        let archive = folder.path().join("fetched.tar");
        let told = fetch(&sender, bytes, &archive, Duration::ZERO).await;
        let told = told.unwrap_err();
        assert!(told.contains("2000 of"), "{told}");
        assert!(told.contains("cut"), "{told}");
        assert_eq!(sender.asked.get(), 2 + TRIES);
    }

    #[test]
    fn an_archive_that_leads_out_of_its_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("evil.tar");
        let mut archive = tar::Builder::new(File::create(&path).unwrap());
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        archive.append_link(&mut header, "ledger", "/etc").unwrap();
        archive.finish().unwrap();
        let into = folder.path().join("into");
        fs::create_dir(&into).unwrap();
        assert!(unpack(&path, &into).is_err());
        assert!(!into.join("ledger").exists());
    }
}
