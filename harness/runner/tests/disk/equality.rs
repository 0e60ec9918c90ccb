//! A sound disk is not to be told from a bare folder: the same operations have the same outcomes, and leave the same.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use rustix::fs::{
    CWD, FallocateFlags, FlockOperation, RenameFlags, fallocate, flock, renameat_with,
};

use super::bench::Bench;
use super::mapping::map_write;

const NAMES: [&str; 8] = ["a", "b", "c", "d/a", "d/b", "d/e/a", "d", "d/e"];
const SLOTS: usize = 4;
const STEPS: usize = 250;
const SEEDS: u64 = 16;

/// An operation, drawn once and done in both folders.
#[derive(Debug, Clone)]
enum Step {
    Open {
        slot: usize,
        name: &'static str,
        how: u8,
    },
    Close {
        slot: usize,
    },
    Append {
        slot: usize,
        bytes: usize,
        fill: u8,
    },
    WriteAt {
        slot: usize,
        at: u64,
        bytes: usize,
        fill: u8,
    },
    ReadAt {
        slot: usize,
        at: u64,
        bytes: usize,
    },
    MapWrite {
        slot: usize,
        fill: u8,
    },
    Sync {
        slot: usize,
        data_only: bool,
    },
    SetLength {
        slot: usize,
        bytes: u64,
    },
    Allocate {
        slot: usize,
        at: u64,
        bytes: u64,
        mode: u32,
    },
    Lock {
        slot: usize,
        exclusive: bool,
    },
    Look {
        slot: usize,
    },
    Rename {
        from: &'static str,
        to: &'static str,
        flags: u32,
    },
    Link {
        from: &'static str,
        to: &'static str,
    },
    SymLink {
        target: &'static str,
        name: &'static str,
    },
    Remove {
        name: &'static str,
    },
    MakeFolder {
        name: &'static str,
    },
    RemoveFolder {
        name: &'static str,
    },
    ReadFolder {
        name: &'static str,
    },
    SyncFolder {
        name: &'static str,
    },
    Mode {
        name: &'static str,
        mode: u32,
    },
    Truncate {
        name: &'static str,
        bytes: u64,
    },
}

fn draw(random: &mut ChaCha8Rng) -> Step {
    let slot = random.random_range(0..SLOTS);
    let name = NAMES[random.random_range(0..NAMES.len())];
    let other = NAMES[random.random_range(0..NAMES.len())];
    let at = random.random_range(0..40_000);
    let bytes = random.random_range(0..20_000);
    let fill = random.random();
    match random.random_range(0..28) {
        0..5 => Step::Open {
            slot,
            name,
            how: random.random_range(0..6),
        },
        5 => Step::Close { slot },
        6..9 => Step::Append { slot, bytes, fill },
        9..11 => Step::WriteAt {
            slot,
            at,
            bytes,
            fill,
        },
        11 | 12 => Step::ReadAt { slot, at, bytes },
        13 => Step::MapWrite { slot, fill },
        14 => Step::Sync {
            slot,
            data_only: fill & 1 == 0,
        },
        15 => Step::SetLength { slot, bytes: at },
        16 => Step::Allocate {
            slot,
            at,
            bytes: bytes as u64,
            mode: [0, 1, 3][usize::from(fill) % 3],
        },
        17 => Step::Lock {
            slot,
            exclusive: fill & 1 == 0,
        },
        18 => Step::Look { slot },
        19 => Step::Rename {
            from: name,
            to: other,
            flags: u32::from(fill) % 3,
        },
        20 => Step::Link {
            from: name,
            to: other,
        },
        21 => Step::SymLink { target: "a", name },
        22 => Step::Remove { name },
        23 => Step::MakeFolder {
            name: ["d", "d/e", "c"][usize::from(fill) % 3],
        },
        24 => Step::RemoveFolder { name },
        25 => Step::ReadFolder {
            name: ["", "d", "d/e"][usize::from(fill) % 3],
        },
        26 if fill & 1 == 0 => Step::SyncFolder { name },
        26 => Step::Mode {
            name,
            mode: 0o600 | u32::from(fill),
        },
        _ => Step::Truncate { name, bytes: at },
    }
}

/// What a step led to: a text that is the same for the same outcome, errors by their number.
type Outcome = Result<String, i32>;

/// One of the two folders, and its open files.
struct World<'a> {
    root: &'a Path,
    slots: [Option<File>; SLOTS],
}

impl World<'_> {
    fn step(&mut self, step: &Step) -> Outcome {
        self.try_step(step)
            .map_err(|error| error.raw_os_error().unwrap_or(-1))
    }

    fn file(&self, slot: usize) -> std::io::Result<&File> {
        self.slots[slot]
            .as_ref()
            .ok_or_else(|| std::io::Error::from_raw_os_error(9))
    }

    fn try_step(&mut self, step: &Step) -> std::io::Result<String> {
        let path = |name: &str| self.root.join(name);
        let done = Ok(String::new());
        match *step {
            Step::Open { slot, name, how } => {
                let mut options = OpenOptions::new();
                options.read(true).write(true);
                match how {
                    0 => options.create(true).truncate(false),
                    1 => options.create(true).append(true),
                    2 => options.create_new(true),
                    3 => options.create(true).truncate(true),
                    4 => options.write(false),
                    _ => &mut options,
                };
                self.slots[slot] = Some(options.open(path(name))?);
                done
            }
            Step::Close { slot } => {
                self.slots[slot] = None;
                done
            }
            Step::Append { slot, bytes, fill } => {
                let mut file = self.file(slot)?;
                let end = file.seek(SeekFrom::End(0))?;
                let written = file.write(&vec![fill; bytes])?;
                Ok(format!("{end} {written}"))
            }
            Step::WriteAt {
                slot,
                at,
                bytes,
                fill,
            } => Ok(self
                .file(slot)?
                .write_at(&vec![fill; bytes], at)?
                .to_string()),
            Step::ReadAt { slot, at, bytes } => {
                let mut data = vec![0; bytes];
                let read = self.file(slot)?.read_at(&mut data, at)?;
                Ok(format!("{:?}", &data[..read]))
            }
            Step::MapWrite { slot, fill } => {
                let file = self.file(slot)?;
                let length = file.metadata()?.len().min(5000) as usize;
                if length > 0 {
                    map_write(file, &vec![fill; length])?;
                }
                done
            }
            Step::Sync {
                slot,
                data_only: true,
            } => self.file(slot)?.sync_data().map(|()| String::new()),
            Step::Sync {
                slot,
                data_only: false,
            } => self.file(slot)?.sync_all().map(|()| String::new()),
            Step::SetLength { slot, bytes } => {
                self.file(slot)?.set_len(bytes).map(|()| String::new())
            }
            Step::Allocate {
                slot,
                at,
                bytes,
                mode,
            } => {
                fallocate(
                    self.file(slot)?,
                    FallocateFlags::from_bits_retain(mode),
                    at,
                    bytes,
                )?;
                done
            }
            Step::Lock { slot, exclusive } => {
                let how = match exclusive {
                    true => FlockOperation::NonBlockingLockExclusive,
                    false => FlockOperation::NonBlockingLockShared,
                };
                flock(self.file(slot)?, how)?;
                done
            }
            Step::Look { slot } => Ok(described(&self.file(slot)?.metadata()?)),
            _ => self.step_by_name(step),
        }
    }

    fn step_by_name(&self, step: &Step) -> std::io::Result<String> {
        let path = |name: &str| self.root.join(name);
        match *step {
            Step::Rename { from, to, flags } => {
                let flags = RenameFlags::from_bits_retain(flags);
                renameat_with(CWD, path(from), CWD, path(to), flags)?;
            }
            Step::Link { from, to } => fs::hard_link(path(from), path(to))?,
            Step::SymLink { target, name } => symlink(target, path(name))?,
            Step::Remove { name } => fs::remove_file(path(name))?,
            Step::MakeFolder { name } => fs::create_dir(path(name))?,
            Step::RemoveFolder { name } => fs::remove_dir(path(name))?,
            Step::ReadFolder { name } => return names(&path(name)).map(|names| names.join(" ")),
            Step::SyncFolder { name } => File::open(path(name))?.sync_all()?,
            Step::Mode { name, mode } => {
                fs::set_permissions(path(name), fs::Permissions::from_mode(mode))?;
            }
            Step::Truncate { name, bytes } => {
                OpenOptions::new()
                    .write(true)
                    .open(path(name))?
                    .set_len(bytes)?;
            }
            _ => unreachable!("done by handle"),
        }
        Ok(String::new())
    }
}

fn described(seen: &fs::Metadata) -> String {
    let size = match seen.is_dir() {
        true => 0,
        false => seen.len(),
    };
    format!(
        "mode {:o} links {} owner {} size {size}",
        seen.mode(),
        seen.nlink(),
        seen.uid()
    )
}

fn names(folder: &Path) -> std::io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        names.push(format!("{:?}:{:?}", entry.file_name(), entry.file_type()?));
    }
    names.sort();
    Ok(names)
}

/// Everything below a folder: names, attributes, contents.
fn tree(root: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut todo = vec![root.to_path_buf()];
    while let Some(folder) = todo.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let seen = fs::symlink_metadata(&path).unwrap();
            let contents = if seen.is_symlink() {
                format!("{:?}", fs::read_link(&path).unwrap())
            } else if seen.is_dir() {
                todo.push(path.clone());
                String::new()
            } else {
                format!("{:?}", fs::read(&path).unwrap())
            };
            let name = path.strip_prefix(root).unwrap().display().to_string();
            found.insert(name, format!("{} {contents}", described(&seen)));
        }
    }
    found
}

fn clear(folder: &Path) {
    for name in ["a", "b", "c"] {
        drop(fs::remove_file(folder.join(name)));
    }
    for name in ["a", "b", "c", "d"] {
        drop(fs::remove_dir_all(folder.join(name)));
        drop(fs::remove_file(folder.join(name)));
    }
    assert_eq!(names(folder).unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn random_operations_have_the_same_outcomes_and_leave_the_same() {
    let bench = Bench::start().await;
    let (data, bare) = (bench.data(), bench.bare());
    let mut succeeded = 0;
    for seed in 0..SEEDS {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let steps: Vec<Step> = (0..STEPS).map(|_| draw(&mut random)).collect();
        bench.inside(|| {
            let mut behind = World {
                root: &data,
                slots: Default::default(),
            };
            let mut beside = World {
                root: &bare,
                slots: Default::default(),
            };
            for (number, step) in steps.iter().enumerate() {
                let outcome = beside.step(step);
                succeeded += usize::from(outcome.is_ok());
                assert_eq!(
                    behind.step(step),
                    outcome,
                    "seed {seed}, step {number}: {step:?}"
                );
            }
            assert_eq!(tree(&data), tree(&bare), "seed {seed}, through the disk");
        });
        // From outside, where there is no disk.
        assert_eq!(tree(&data), tree(&bare), "seed {seed}, below the disk");
        bench.inside(|| [&data, &bare].map(|folder| clear(folder)));
    }
    let all = SEEDS as usize * STEPS;
    assert!(
        succeeded > all / 4,
        "only {succeeded} of {all} steps did something"
    );
    let counts = bench.disk().status().await.unwrap().operations;
    assert!(
        counts.write.count > 100 && counts.change.count > 100,
        "{counts:?}"
    );
    assert_eq!((counts.delayed(), counts.failed()), (0, 0));
}

#[tokio::test]
async fn times_holes_and_large_folders_come_through() {
    let bench = Bench::start().await;
    let data = bench.data();
    bench.inside(|| {
        let file = File::create(data.join("sparse")).unwrap();
        file.write_all_at(&[7; 4096], 1 << 20).unwrap();
        let hole = rustix::fs::seek(&file, rustix::fs::SeekFrom::Data(0)).unwrap();
        assert_eq!(hole, 1 << 20);
        let then = std::time::UNIX_EPOCH + std::time::Duration::new(1_000_000_000, 123_456_789);
        file.set_times(fs::FileTimes::new().set_modified(then).set_accessed(then))
            .unwrap();
        assert_eq!(file.metadata().unwrap().modified().unwrap(), then);
        for number in 0..3000 {
            File::create(data.join(format!("file-with-a-rather-long-name-{number:05}"))).unwrap();
        }
        assert_eq!(fs::read_dir(&data).unwrap().count(), 3001);
        fs::remove_dir_all(&data).unwrap_err();
        assert_eq!(
            fs::read_dir(&data).unwrap().count(),
            0,
            "all but the mount point itself"
        );
    });
}

#[tokio::test]
async fn a_large_file_is_the_same_on_both_sides() {
    let bench = Bench::start().await;
    let data = bench.data().join("large");
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let contents: Vec<u8> = (0..9_000_001).map(|_| random.random()).collect();
    bench.inside(|| fs::write(&data, &contents).unwrap());
    assert!(fs::read(&data).unwrap() == contents, "below the disk");
    assert!(
        bench.inside(|| fs::read(&data).unwrap()) == contents,
        "through the disk"
    );
}
