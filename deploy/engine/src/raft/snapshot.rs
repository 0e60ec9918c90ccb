//! Snapshots as files: written beside the current one, synced, and only then put in its place.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use openraft::{
    AnyError, EmptyNode, ErrorSubject, ErrorVerb, RaftSnapshotBuilder, Snapshot, SnapshotMeta,
    StorageError, StorageIOError,
};

use super::TypeConfig;
use crate::durable::sync_folder;
use crate::records::{Record, read_record, write_record};
use crate::state::{Applied, Image, ImageError};

type Meta = SnapshotMeta<u64, EmptyNode>;
type Failure = StorageError<u64>;

const BUFFER_BYTES: usize = 1 << 20;
const RECEIVING_FILE: &str = "receiving.tmp";
const BUILDING_FILE: &str = "building.tmp";

#[derive(Debug, Clone)]
struct Current {
    number: u64,
    meta: Meta,
}

/// The snapshots of this node: one current, and at most one being written or received.
#[derive(Debug)]
pub struct SnapshotStore {
    folder: PathBuf,
    current: Mutex<Option<Current>>,
    writing: Mutex<()>,
}

impl SnapshotStore {
    /// Opens the store and reads the current snapshot, if there is one.
    ///
    /// # Errors
    /// [`ImageError`] when a snapshot is there but cannot be read.
    pub fn open(folder: &Path) -> Result<(Self, Option<(Meta, Image)>), ImageError> {
        let numbers = snapshot_numbers(folder)?;
        let newest = match numbers.last() {
            Some(number) => {
                let (meta, image) = read_snapshot(File::open(snapshot_path(folder, *number))?)?;
                Some((*number, meta, image))
            }
            None => None,
        };
        let store = Self {
            folder: folder.to_owned(),
            current: Mutex::new(newest.as_ref().map(|(number, meta, _)| Current {
                number: *number,
                meta: meta.clone(),
            })),
            writing: Mutex::new(()),
        };
        store.remove_others()?;
        for leftover in [RECEIVING_FILE, BUILDING_FILE] {
            remove_if_there(&folder.join(leftover))?;
        }
        Ok((store, newest.map(|(_, meta, image)| (meta, image))))
    }

    /// The current snapshot, opened for reading.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn open_current(&self) -> io::Result<Option<Snapshot<TypeConfig>>> {
        let current = self.current();
        let Some(current) = current.as_ref() else {
            return Ok(None);
        };
        let file = File::open(snapshot_path(&self.folder, current.number))?;
        Ok(Some(Snapshot {
            meta: current.meta.clone(),
            snapshot: Box::new(tokio::fs::File::from_std(file)),
        }))
    }

    /// A fresh file to receive a snapshot into. There is one at a time: a new one takes the place of an old one.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn begin_receiving(&self) -> io::Result<File> {
        let path = self.folder.join(RECEIVING_FILE);
        remove_if_there(&path)?;
        File::options()
            .create_new(true)
            .read(true)
            .write(true)
            .open(path)
    }

    /// Reads what was received into `file`, and keeps it as the current snapshot.
    ///
    /// # Errors
    /// [`ImageError`] when it is not whole; then the current one stays.
    pub fn accept_received(&self, meta: &Meta, mut file: File) -> Result<Image, ImageError> {
        file.rewind()?;
        let (written, image) = read_snapshot(file)?;
        if written.last_log_id != meta.last_log_id {
            return Err(ImageError::Damaged);
        }
        self.write(meta, &image)?;
        remove_if_there(&self.folder.join(RECEIVING_FILE))?;
        Ok(image)
    }

    /// Writes an image and makes it the current snapshot.
    ///
    /// # Errors
    /// [`ImageError::Io`] from the file system.
    pub fn save(&self, applied: &Applied, image: &Image) -> Result<Meta, ImageError> {
        let number = self
            .current()
            .as_ref()
            .map_or(1, |current| current.number + 1);
        let upto = applied
            .log_id
            .map_or_else(|| "none".to_owned(), |log_id| log_id.to_string());
        let meta = Meta {
            last_log_id: applied.log_id,
            last_membership: applied.membership.clone(),
            snapshot_id: format!("{upto}-{number}"),
        };
        self.write(&meta, image)?;
        Ok(meta)
    }

    fn write(&self, meta: &Meta, image: &Image) -> Result<(), ImageError> {
        let _one_at_a_time = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let path = self.folder.join(BUILDING_FILE);
        let mut out = BufWriter::with_capacity(BUFFER_BYTES, File::create(&path)?);
        let head =
            postcard::to_stdvec(meta).map_err(|error| ImageError::Foreign(error.to_string()))?;
        write_record(&mut out, &head)?;
        image.write(&mut out)?;
        out.flush()?;
        out.get_ref().sync_all()?;
        self.make_current(&path, meta.clone())
    }

    /// Puts a synced file in the place of the current snapshot, unless that is newer.
    fn make_current(&self, path: &Path, meta: Meta) -> Result<(), ImageError> {
        let mut current = self.current();
        if let Some(current) = current.as_ref()
            && current.meta.last_log_id > meta.last_log_id
        {
            return Ok(std::fs::remove_file(path)?);
        }
        let number = current.as_ref().map_or(1, |current| current.number + 1);
        std::fs::rename(path, snapshot_path(&self.folder, number))?;
        sync_folder(&self.folder)?;
        *current = Some(Current { number, meta });
        drop(current);
        self.remove_others()
    }

    fn remove_others(&self) -> Result<(), ImageError> {
        let keep = self.current().as_ref().map(|current| current.number);
        for number in snapshot_numbers(&self.folder)? {
            if Some(number) != keep {
                std::fs::remove_file(snapshot_path(&self.folder, number))?;
            }
        }
        Ok(())
    }

    fn current(&self) -> MutexGuard<'_, Option<Current>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes a snapshot of one moment, while the replica goes on.
#[derive(Debug)]
pub struct SnapshotBuilder {
    store: Arc<SnapshotStore>,
    applied: Applied,
    image: Image,
}

impl SnapshotBuilder {
    /// A builder for this image, taken when the log was applied up to `applied`.
    pub fn new(store: Arc<SnapshotStore>, applied: Applied, image: Image) -> Self {
        Self {
            store,
            applied,
            image,
        }
    }
}

impl RaftSnapshotBuilder<TypeConfig> for SnapshotBuilder {
    async fn build_snapshot(&mut self) -> Result<Snapshot<TypeConfig>, Failure> {
        let (store, applied, image) = (
            Arc::clone(&self.store),
            self.applied.clone(),
            self.image.clone(),
        );
        let built = tokio::task::spawn_blocking(move || {
            store.save(&applied, &image)?;
            Ok::<_, ImageError>(store.open_current()?)
        })
        .await
        .map_err(|error| snapshot_failure(ErrorVerb::Write, &error))?
        .map_err(|error| snapshot_failure(ErrorVerb::Write, &error))?;
        built.ok_or_else(|| snapshot_failure(ErrorVerb::Write, &ImageError::Damaged))
    }
}

/// A snapshot error as consensus wants it.
pub fn snapshot_failure(verb: ErrorVerb, error: &(impl std::error::Error + 'static)) -> Failure {
    StorageIOError::new(ErrorSubject::Snapshot(None), verb, AnyError::new(error)).into()
}

fn read_snapshot(file: File) -> Result<(Meta, Image), ImageError> {
    let mut input = BufReader::with_capacity(BUFFER_BYTES, file);
    let Record::Whole(head) = read_record(&mut input)? else {
        return Err(ImageError::Damaged);
    };
    let meta =
        postcard::from_bytes(&head).map_err(|error| ImageError::Foreign(error.to_string()))?;
    Ok((meta, Image::read(&mut input)?))
}

fn snapshot_path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("snapshot-{number:012}.snap"))
}

fn snapshot_numbers(folder: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for file in std::fs::read_dir(folder)? {
        let name = file?.file_name();
        let number = name.to_str().and_then(|name| {
            name.strip_prefix("snapshot-")?
                .strip_suffix(".snap")?
                .parse::<u64>()
                .ok()
        });
        numbers.extend(number);
    }
    numbers.sort_unstable();
    Ok(numbers)
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::defects::Defects;
    use crate::state::Exchange;
    use openraft::{CommittedLeaderId, LogId};

    fn applied(index: u64) -> Applied {
        Applied {
            log_id: Some(LogId::new(CommittedLeaderId::new(1, 1), index)),
            ..Applied::default()
        }
    }

    fn image() -> Image {
        Image::of(&Exchange::new(Defects::default()))
    }

    #[test]
    fn the_newest_snapshot_is_the_only_one_and_is_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let (store, none) = SnapshotStore::open(folder.path()).unwrap();
        assert!(none.is_none());
        store.save(&applied(3), &image()).unwrap();
        store.save(&applied(9), &image()).unwrap();
        store.save(&applied(5), &image()).unwrap();
        assert_eq!(snapshot_numbers(folder.path()).unwrap().len(), 1);
        let (_, found) = SnapshotStore::open(folder.path()).unwrap();
        assert_eq!(found.unwrap().0.last_log_id, applied(9).log_id);
    }

    #[test]
    fn half_a_snapshot_is_refused_and_the_old_one_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = SnapshotStore::open(folder.path()).unwrap();
        let meta = store.save(&applied(3), &image()).unwrap();
        let mut whole = std::fs::read(snapshot_path(folder.path(), 1)).unwrap();
        whole.truncate(whole.len() - 1);
        let mut received = store.begin_receiving().unwrap();
        received.write_all(&whole).unwrap();
        assert!(matches!(
            store.accept_received(&meta, received),
            Err(ImageError::Damaged)
        ));
        let (_, found) = SnapshotStore::open(folder.path()).unwrap();
        assert_eq!(found.unwrap().0, meta);
        assert!(!folder.path().join(RECEIVING_FILE).exists());
    }
}
