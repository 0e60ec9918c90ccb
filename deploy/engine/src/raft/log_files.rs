//! The log on disk: append-only segments of checksummed records, in one folder.
//!
//! Opening replays all records. Only the end of the last segment may be torn, by a crash in the middle of a write
//! that was never acknowledged; it is cut off. Segments are removed from the front once all they hold is purged.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};

use super::log_index::GapError;
use super::{LogEvent, LogIndex};
use crate::durable::sync_folder;
use crate::error::EngineError;
use crate::records::{RECORD_HEADER_BYTES, Record, push_record, read_record};

/// A segment is followed by a new one once it is this long.
const SEGMENT_BYTES: u64 = 16 * 1024 * 1024;

#[derive(Debug)]
struct Segment {
    number: u64,
    /// The highest index that it is needed for.
    highest_index: Option<u64>,
}

/// The segments, the last of which is open for appending.
#[derive(Debug)]
pub struct LogFiles {
    folder: PathBuf,
    segments: VecDeque<Segment>,
    active: File,
    active_bytes: u64,
    segment_bytes: u64,
}

/// The purge index from which on a segment with this record is no longer needed: for an entry its own, for a purge
/// the next, because the last purge must stay on record.
pub fn needed_until(event: &LogEvent) -> Option<u64> {
    match event {
        LogEvent::Entry(entry) => Some(entry.log_id.index),
        LogEvent::Purged(upto) => Some(upto.index + 1),
        LogEvent::Truncated { .. } | LogEvent::Committed(_) => None,
    }
}

/// The record of an event, ready to be written.
pub fn encode_event(out: &mut Vec<u8>, event: &LogEvent) {
    let payload = postcard::to_stdvec(event).expect("a log record of plain data always encodes");
    push_record(out, &payload);
}

impl LogFiles {
    /// Opens the log in `folder`, creating it if it is not there, and replays it.
    ///
    /// # Errors
    /// [`EngineError::Data`] from the file system; [`EngineError::Damaged`] if more than the tail is unreadable.
    pub fn open(folder: &Path) -> Result<(Self, LogIndex), EngineError> {
        Self::open_with(folder, SEGMENT_BYTES)
    }

    /// [`Self::open`] with another length of segments, in bytes.
    ///
    /// # Errors
    /// As for [`Self::open`].
    pub fn open_with(folder: &Path, segment_bytes: u64) -> Result<(Self, LogIndex), EngineError> {
        let io = |source| EngineError::Data {
            path: folder.to_owned(),
            source,
        };
        std::fs::create_dir_all(folder).map_err(io)?;
        let mut numbers = segment_numbers(folder).map_err(io)?;
        if numbers.is_empty() {
            File::create(segment_path(folder, 1)).map_err(io)?;
            sync_folder(folder).map_err(io)?;
            numbers.push(1);
        }
        let mut events = Vec::new();
        let mut segments = VecDeque::new();
        let mut active_bytes = 0;
        let last = numbers.len() - 1;
        for (place, number) in numbers.into_iter().enumerate() {
            let replayed = read_segment(folder, number, &mut events, place == last)?;
            active_bytes = replayed.bytes;
            segments.push_back(Segment {
                number,
                highest_index: replayed.highest_index,
            });
        }
        let index = replay(folder, events)?;
        let number = segments.back().map_or(1, |segment| segment.number);
        let active = OpenOptions::new()
            .append(true)
            .open(segment_path(folder, number))
            .map_err(io)?;
        let files = Self {
            folder: folder.to_owned(),
            segments,
            active,
            active_bytes,
            segment_bytes,
        };
        Ok((files, index))
    }

    /// Appends whole records, the highest [`needed_until`] of which is `highest_index`. Durable only after [`Self::sync`].
    ///
    /// # Errors
    /// Those of the file system; what was written then is unknown, and the log must not be used further.
    pub fn append(&mut self, records: &[u8], highest_index: Option<u64>) -> io::Result<()> {
        self.active.write_all(records)?;
        self.active_bytes += records.len() as u64;
        if let Some(segment) = self.segments.back_mut() {
            segment.highest_index = segment.highest_index.max(highest_index);
        }
        Ok(())
    }

    /// Makes everything appended so far durable.
    ///
    /// # Errors
    /// Those of the file system; the log must not be used further.
    pub fn sync(&mut self) -> io::Result<()> {
        self.active.sync_data()
    }

    /// Starts a new segment if the active one, which must be synced, is long enough.
    ///
    /// # Errors
    /// Those of the file system; the log must not be used further.
    pub fn rotate_if_due(&mut self) -> io::Result<()> {
        if self.active_bytes < self.segment_bytes {
            return Ok(());
        }
        let number = self.segments.back().map_or(1, |segment| segment.number + 1);
        self.active = OpenOptions::new()
            .create_new(true)
            .append(true)
            .open(segment_path(&self.folder, number))?;
        sync_folder(&self.folder)?;
        self.active_bytes = 0;
        self.segments.push_back(Segment {
            number,
            highest_index: None,
        });
        Ok(())
    }

    /// Removes the oldest segments that hold nothing above `purged_index`. The record of the purge must be durable.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn remove_purged(&mut self, purged_index: u64) -> io::Result<()> {
        while self.segments.len() > 1
            && self.segments.front().is_some_and(|segment| {
                segment
                    .highest_index
                    .is_none_or(|highest| highest <= purged_index)
            })
        {
            if let Some(segment) = self.segments.pop_front() {
                std::fs::remove_file(segment_path(&self.folder, segment.number))?;
            }
        }
        Ok(())
    }

    /// How many segments there are.
    pub fn segments(&self) -> usize {
        self.segments.len()
    }
}

fn segment_path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("log-{number:012}.seg"))
}

fn segment_numbers(folder: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for file in std::fs::read_dir(folder)? {
        let name = file?.file_name();
        let number = name.to_str().and_then(|name| {
            name.strip_prefix("log-")?
                .strip_suffix(".seg")?
                .parse::<u64>()
                .ok()
        });
        numbers.extend(number);
    }
    numbers.sort_unstable();
    Ok(numbers)
}

struct Replayed {
    bytes: u64,
    highest_index: Option<u64>,
}

/// Reads the records of a segment. A torn end is cut off if the segment is the last one.
fn read_segment(
    folder: &Path,
    number: u64,
    events: &mut Vec<LogEvent>,
    last: bool,
) -> Result<Replayed, EngineError> {
    let path = segment_path(folder, number);
    let io = |source| EngineError::Data {
        path: folder.to_owned(),
        source,
    };
    let damaged = |why: String| EngineError::Damaged {
        what: format!("log segment {number}"),
        path: folder.to_owned(),
        why,
    };
    let mut input = BufReader::with_capacity(1 << 20, File::open(&path).map_err(io)?);
    let mut bytes = 0u64;
    let mut highest_index: Option<u64> = None;
    loop {
        match read_record(&mut input).map_err(io)? {
            Record::Whole(payload) => {
                let event: LogEvent =
                    postcard::from_bytes(&payload).map_err(|error| damaged(error.to_string()))?;
                highest_index = highest_index.max(needed_until(&event));
                events.push(event);
                bytes += (RECORD_HEADER_BYTES + payload.len()) as u64;
            }
            Record::End => break,
            Record::Torn if last => {
                cut(&path, bytes).map_err(io)?;
                break;
            }
            Record::Torn => return Err(damaged(format!("an unreadable record at byte {bytes}"))),
        }
    }
    Ok(Replayed {
        bytes,
        highest_index,
    })
}

/// Adds the records up. The last purge comes first, because the segments before it may be gone.
fn replay(folder: &Path, events: Vec<LogEvent>) -> Result<LogIndex, EngineError> {
    let damaged = |gap: GapError| EngineError::Damaged {
        what: "the log".to_owned(),
        path: folder.to_owned(),
        why: gap.to_string(),
    };
    let mut index = LogIndex::default();
    let purges = events.iter().filter_map(|event| match event {
        LogEvent::Purged(upto) => Some(*upto),
        LogEvent::Entry(_) | LogEvent::Truncated { .. } | LogEvent::Committed(_) => None,
    });
    if let Some(upto) = purges.max() {
        index.purge(upto);
    }
    for event in events {
        index.take_in(event).map_err(damaged)?;
    }
    match (index.purged(), index.first_index()) {
        (None, found) if found != 0 => Err(damaged(GapError { expected: 0, found })),
        (None | Some(_), _) => Ok(index),
    }
}

fn cut(path: &Path, bytes: u64) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    let dropped = file.metadata()?.len().saturating_sub(bytes);
    tracing::warn!(path = %path.display(), dropped, "cutting off a torn record at the end of the log");
    file.set_len(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{Batch, Command};
    use openraft::{CommittedLeaderId, Entry, EntryPayload, LogId};

    fn log_id(term: u64, index: u64) -> LogId<u64> {
        LogId::new(CommittedLeaderId::new(term, 1), index)
    }

    fn entry(term: u64, index: u64) -> LogEvent {
        let command = Command::Cancel { id: "some-order" }.encode();
        LogEvent::Entry(Entry {
            log_id: log_id(term, index),
            payload: EntryPayload::Normal(Batch::pack([&command])),
        })
    }

    fn write(files: &mut LogFiles, events: &[LogEvent]) {
        for event in events {
            let mut records = Vec::new();
            encode_event(&mut records, event);
            files.append(&records, needed_until(event)).unwrap();
            files.sync().unwrap();
            files.rotate_if_due().unwrap();
        }
    }

    fn terms(index: &LogIndex) -> Vec<(u64, u64)> {
        index
            .range(0, u64::MAX)
            .iter()
            .map(|entry| (entry.log_id.index, entry.log_id.leader_id.term))
            .collect()
    }

    #[test]
    fn what_was_written_is_there_after_reopening() {
        let folder = tempfile::tempdir().unwrap();
        let (mut files, index) = LogFiles::open(folder.path()).unwrap();
        assert_eq!(index.last(), None);
        write(&mut files, &[entry(1, 0), entry(1, 1), entry(1, 2)]);
        write(&mut files, &[LogEvent::Truncated { since: 1 }, entry(2, 1)]);
        write(&mut files, &[LogEvent::Committed(log_id(1, 0))]);
        let (_, index) = LogFiles::open(folder.path()).unwrap();
        assert_eq!(terms(&index), [(0, 1), (1, 2)]);
        assert_eq!(index.committed(), Some(log_id(1, 0)));
    }

    #[test]
    fn a_torn_tail_is_cut_off_at_every_length_and_the_log_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let (mut files, _) = LogFiles::open(folder.path()).unwrap();
        write(&mut files, &[entry(1, 0), entry(1, 1)]);
        let path = segment_path(folder.path(), 1);
        let whole = std::fs::read(&path).unwrap();
        let first = whole.len() / 2;
        for length in first..whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            let (mut files, index) = LogFiles::open(folder.path()).unwrap();
            assert_eq!(terms(&index), [(0, 1)], "cut at {length}");
            write(&mut files, &[entry(2, 1)]);
            let (_, index) = LogFiles::open(folder.path()).unwrap();
            assert_eq!(terms(&index), [(0, 1), (1, 2)], "cut at {length}");
        }
    }

    #[test]
    fn damage_before_the_last_segment_is_an_error_not_a_shorter_log() {
        let folder = tempfile::tempdir().unwrap();
        let (mut files, _) = LogFiles::open_with(folder.path(), 1).unwrap();
        write(&mut files, &[entry(1, 0), entry(1, 1), entry(1, 2)]);
        let path = segment_path(folder.path(), 2);
        let mut bytes = std::fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&path, bytes).unwrap();
        assert!(matches!(
            LogFiles::open(folder.path()),
            Err(EngineError::Damaged { .. })
        ));
        for number in [2, 1] {
            std::fs::remove_file(segment_path(folder.path(), number)).unwrap();
            assert!(matches!(
                LogFiles::open(folder.path()),
                Err(EngineError::Damaged { .. })
            ));
        }
    }

    #[test]
    fn purged_segments_go_and_the_rest_is_still_read() {
        let folder = tempfile::tempdir().unwrap();
        let (mut files, _) = LogFiles::open_with(folder.path(), 1).unwrap();
        let entries: Vec<_> = (0..10).map(|index| entry(1, index)).collect();
        write(&mut files, &entries);
        write(&mut files, &[LogEvent::Purged(log_id(1, 6))]);
        files.remove_purged(6).unwrap();
        assert!(files.segments() <= 5, "{} segments left", files.segments());
        let (mut files, index) = LogFiles::open_with(folder.path(), 1).unwrap();
        assert_eq!(index.purged(), Some(log_id(1, 6)));
        assert_eq!(terms(&index), [(7, 1), (8, 1), (9, 1)]);
        write(&mut files, &[LogEvent::Purged(log_id(3, 50)), entry(3, 51)]);
        files.remove_purged(50).unwrap();
        let (_, index) = LogFiles::open_with(folder.path(), 1).unwrap();
        assert_eq!(terms(&index), [(51, 3)]);
    }

    #[test]
    fn a_follower_that_is_far_behind_gets_the_log_in_parts() {
        let mut index = LogIndex::default();
        for number in 0..100 {
            index.take_in(entry(1, number)).unwrap();
        }
        assert_eq!(index.limited_range(10, 100, 0).len(), 1);
        assert_eq!(index.limited_range(10, 100, usize::MAX).len(), 90);
        assert!(index.limited_range(10, 10, 100).is_empty());
        let bytes = index.payload_bytes();
        index.truncate(50);
        assert_eq!(index.payload_bytes(), bytes / 2);
    }
}
