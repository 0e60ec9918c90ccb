//! The process that serves one disk. It is a child of Shakedown that the kernel kills with it; the mount is in a
//! namespace that only this process and the node are in, so that there is none to be left behind.

use std::ffi::CString;
use std::io::{self, BufRead, BufReader};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};

use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use rustix::mount::{MountFlags, mount};
use rustix::process::{Resource, Rlimit, getegid, geteuid, getrlimit, setrlimit, umask};
use shakedown_record::ExitCode;

use super::control::{Order, What, Word, hear, say};
use super::fault::DiskFault;
use super::inodes::look;
use super::namespace::{FILE_SYSTEM, detach_here, enter_new};
use super::service::Disk;

/// The hidden subcommand under which the binary runs [`disk_main`].
pub const DISK_COMMAND: &str = "__disk";

/// Requests that can be under way in the folder below at the same time.
const THREADS: usize = 8;

/// The type bits of a mode.
const KIND_BITS: u32 = 0o170_000;

/// Why a disk could not be served.
#[derive(Debug, thiserror::Error)]
enum ServeError {
    #[error("cannot open the data folder {}: {source}", folder.display())]
    Folder { folder: PathBuf, source: Errno },
    #[error("cannot make a mount namespace: {0}")]
    Namespace(io::Error),
    #[error("cannot open /dev/fuse: {0}")]
    Device(Errno),
    #[error("cannot mount over {}: {source}", folder.display())]
    Mount { folder: PathBuf, source: Errno },
    #[error("the line to the parent: {0}")]
    Line(#[from] io::Error),
    #[error("cannot read requests: {0}")]
    Read(Errno),
    #[error("a thread of the disk panicked")]
    Panicked,
}

/// What ends the service, or changes it.
enum Event {
    ParentGone,
    Unmounted,
    Broken(ServeError),
}

/// The `main` of a disk. `arguments` are those after [`DISK_COMMAND`]; standard input is the line to its parent. Ends
/// when the mount is gone. Exits 0 then, 64 for wrong arguments, 70 when it could not serve.
pub fn disk_main(arguments: &[String]) -> ExitCode {
    let [key, folder] = arguments else {
        return ExitCode::Usage;
    };
    if key != "--folder" {
        return ExitCode::Usage;
    }
    match serve(Path::new(folder)) {
        Ok(()) => ExitCode::Pass,
        Err(error) => {
            tracing::error!("the disk of {folder}: {error}");
            ExitCode::Bug
        }
    }
}

fn serve(folder: &Path) -> Result<(), ServeError> {
    let mut line = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let disk = match mounted(folder) {
        Ok(disk) => Arc::new(disk),
        Err(error) => {
            say(
                &mut line,
                &Word::NotMounted {
                    why: error.to_string(),
                },
            )?;
            return Err(error);
        }
    };
    let (tell, events) = channel();
    for _ in 0..THREADS {
        let disk = Arc::clone(&disk);
        start_thread("disk", &tell, move || match disk.serve() {
            Ok(()) => Event::Unmounted,
            Err(error) => Event::Broken(ServeError::Read(error)),
        })?;
    }
    let own = Arc::clone(&disk);
    start_thread("disk-held", &tell, move || {
        own.serve_held();
        Event::Unmounted
    })?;
    let tid = rustix::thread::gettid().as_raw_nonzero().get();
    say(&mut line, &Word::Mounted { tid })?;
    let (own, at) = (Arc::clone(&disk), folder.to_path_buf());
    start_thread("disk-line", &tell, move || {
        if let Err(error) = obey(&own, &at, line) {
            tracing::warn!("the line to the parent: {error}");
        }
        Event::ParentGone
    })?;
    for event in events {
        match event {
            Event::ParentGone => {
                disk.set(DiskFault::default());
                detach_here(folder)?;
            }
            Event::Unmounted => break,
            Event::Broken(error) => return Err(error),
        }
    }
    disk.end();
    Ok(())
}

/// Mounts over the folder, in a new namespace; what is below stays reachable by a descriptor opened before.
fn mounted(folder: &Path) -> Result<Disk, ServeError> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let of_folder = |source| ServeError::Folder {
        folder: folder.to_path_buf(),
        source,
    };
    let root = open(folder, flags, Mode::empty()).map_err(of_folder)?;
    let kind = u32::from(look(&root).map_err(of_folder)?.stx_mode) & KIND_BITS;
    // Modes come with the node's own mask applied.
    umask(Mode::empty());
    allow_many_files();
    enter_new().map_err(ServeError::Namespace)?;
    let flags = OFlags::RDWR | OFlags::CLOEXEC;
    let device = open("/dev/fuse", flags, Mode::empty()).map_err(ServeError::Device)?;
    mount_device(&device, folder, kind).map_err(|source| ServeError::Mount {
        folder: folder.to_path_buf(),
        source,
    })?;
    Disk::new(device, root).map_err(of_folder)
}

fn mount_device(device: &OwnedFd, folder: &Path, kind: u32) -> Result<(), Errno> {
    let options = format!(
        "fd={},rootmode={kind:o},user_id={},group_id={},allow_other,default_permissions",
        device.as_raw_fd(),
        geteuid().as_raw(),
        getegid().as_raw(),
    );
    let options = CString::new(options).expect("numbers and words have no zero byte");
    let flags = MountFlags::NODEV | MountFlags::NOSUID;
    mount("shakedown", folder, FILE_SYSTEM, flags, options.as_c_str())
}

/// Every file that the kernel knows is held open.
fn allow_many_files() {
    let maximum = getrlimit(Resource::Nofile).maximum;
    let wanted = Rlimit {
        current: maximum,
        maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, wanted) {
        tracing::warn!("cannot allow more open files: {error}");
    }
}

/// Starts a thread whose end is told, whatever it is.
fn start_thread(
    name: &str,
    tell: &Sender<Event>,
    work: impl FnOnce() -> Event + Send + 'static,
) -> io::Result<()> {
    struct Told(Sender<Event>, Option<Event>);
    impl Drop for Told {
        fn drop(&mut self) {
            let event = self.1.take().unwrap_or(Event::Broken(ServeError::Panicked));
            // Nobody listens any more when the process is ending.
            drop(self.0.send(event));
        }
    }
    let told = Told(tell.clone(), None);
    std::thread::Builder::new()
        .name(name.to_string())
        .spawn(move || {
            let mut told = told;
            told.1 = Some(work());
        })?;
    Ok(())
}

/// Carries out orders until the line closes.
fn obey(disk: &Disk, folder: &Path, line: UnixStream) -> io::Result<()> {
    let mut answers = line.try_clone()?;
    for text in BufReader::new(line).lines() {
        let Order { number, what } = hear(&text?)?;
        let outcome = match what {
            What::Set(fault) => fault
                .check()
                .map(|()| disk.set(fault))
                .map_err(|e| e.to_string()),
            What::Look => Ok(()),
            What::KeepUndo => {
                disk.unsynced().keep();
                Ok(())
            }
            What::CutPower => disk.unsynced().cut().map_err(|error| error.to_string()),
            What::Detach => {
                disk.set(DiskFault::default());
                detach_here(folder).map_err(|error| error.to_string())
            }
        };
        let word = match outcome {
            Ok(()) => Word::Done {
                number,
                status: Box::new(disk.status()),
            },
            Err(why) => Word::Failed { number, why },
        };
        say(&mut answers, &word)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_exact() {
        for wrong in [
            &[][..],
            &["--folder"],
            &["/x", "--folder"],
            &["--folder", "/x", "y"],
        ] {
            let arguments: Vec<String> = wrong.iter().map(ToString::to_string).collect();
            assert_eq!(disk_main(&arguments), ExitCode::Usage, "{wrong:?}");
        }
    }
}
