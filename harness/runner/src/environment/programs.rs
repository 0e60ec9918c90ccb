//! The programs of somebody else's servers, and the user that they run as.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use rustix::process::Signal;

use super::error::EnvironmentError;
use super::node::Line;

const SETPRIV: &str = "/usr/bin/setpriv";

/// What servers of a kind are run with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kit {
    /// For people.
    pub(super) what: &'static str,
    /// All of them are needed.
    pub(super) programs: &'static [&'static str],
    /// Where Debian has them.
    pub(super) place: Place,
    /// What has them, on Debian.
    pub(super) package: &'static str,
    /// The environment variable that names another folder.
    pub(super) elsewhere: &'static str,
    /// Who runs a server: the first of them that there is.
    pub(super) users: [&'static str; 2],
}

/// Where Debian has programs.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    Folder(&'static str),
    /// One folder for each version, with a folder `bin`; of the oldest version that will do.
    Versions(&'static str, u32),
}

/// The programs of one version, and the user that they run as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Programs {
    folder: PathBuf,
    user_id: u32,
    group_id: u32,
}

impl Programs {
    /// Those that the environment variable names, else those that are installed, of the newest version.
    ///
    /// # Errors
    /// When there are none, or nobody to run them, or we are not root.
    pub(super) fn find(kit: &Kit) -> Result<Programs, EnvironmentError> {
        if !rustix::process::geteuid().is_root() {
            return Err(EnvironmentError::ServersNeedRoot { what: kit.what });
        }
        let is_whole = |folder: &Path| kit.is_in(folder);
        let (looked_at, found) = match (std::env::var_os(kit.elsewhere), kit.place) {
            (Some(named), _) => (PathBuf::from(&named), Some(PathBuf::from(named))),
            (None, Place::Folder(folder)) => (PathBuf::from(folder), Some(PathBuf::from(folder))),
            (None, Place::Versions(folder, oldest)) => {
                let newest = newest(Path::new(folder), oldest, is_whole);
                (PathBuf::from(folder), newest)
            }
        };
        let found = found.filter(|folder| is_whole(folder));
        let folder = found.ok_or(EnvironmentError::NoServer {
            what: kit.what,
            programs: kit.programs,
            folder: looked_at,
            package: kit.package,
            elsewhere: kit.elsewhere,
        })?;
        let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let ids = kit.users.iter().find_map(|user| ids(&accounts, user));
        let (user_id, group_id) = ids.ok_or(EnvironmentError::NoUser {
            what: kit.what,
            users: kit.users,
        })?;
        Ok(Programs {
            folder,
            user_id,
            group_id,
        })
    }

    /// One of the programs as that user, who may look into the folders above the data, whosever they are; `is_apart`: in
    /// namespaces of its own, with everything that it starts.
    pub(super) fn line(&self, program: &str, arguments: Vec<OsString>, is_apart: bool) -> Line {
        let mut words: Vec<OsString> = vec![
            format!("--reuid={}", self.user_id).into(),
            format!("--regid={}", self.group_id).into(),
            "--clear-groups".into(),
            "--no-new-privs".into(),
            "--inh-caps=-all,+dac_read_search".into(),
            "--ambient-caps=-all,+dac_read_search".into(),
            // Another user's process forgets whose end is its end.
            "--pdeathsig=KILL".into(),
            "--".into(),
            self.folder.join(program).into(),
        ];
        words.extend(arguments);
        Line {
            program: PathBuf::from(SETPRIV),
            arguments: words,
            is_apart,
            farewell: Signal::TERM,
        }
    }

    /// A data folder is that user's, and nobody else's.
    pub(super) fn own(&self, folder: &Path) -> io::Result<()> {
        self.give(folder)?;
        fs::set_permissions(folder, Permissions::from_mode(0o700))
    }

    /// A file or folder becomes that user's.
    pub(super) fn give(&self, path: &Path) -> io::Result<()> {
        chown(path, Some(self.user_id), Some(self.group_id))
    }
}

impl Kit {
    fn is_in(&self, folder: &Path) -> bool {
        let mut programs = self.programs.iter();
        programs.all(|program| folder.join(program).is_file())
    }
}

/// The `bin` of the newest version that is new enough and whole.
fn newest(versions: &Path, oldest: u32, is_whole: impl Fn(&Path) -> bool) -> Option<PathBuf> {
    let entries = fs::read_dir(versions).ok()?.flatten();
    let number = |entry: &fs::DirEntry| entry.file_name().to_str()?.parse::<u32>().ok();
    let fit = entries.filter_map(|entry| {
        let number = number(&entry).filter(|number| *number >= oldest)?;
        let folder = entry.path().join("bin");
        is_whole(&folder).then_some((number, folder))
    });
    fit.max().map(|(_, folder)| folder)
}

/// Numbers of a user and its group, out of the text of `/etc/passwd`.
fn ids(accounts: &str, user: &str) -> Option<(u32, u32)> {
    let mut lines = accounts
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>());
    let found = lines.find(|fields| fields.first() == Some(&user))?;
    Some((found.get(2)?.parse().ok()?, found.get(3)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_whole_version_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let kit = Kit {
            what: "PostgreSQL",
            programs: &["postgres", "initdb", "pg_basebackup"],
            place: Place::Folder("/"),
            package: "",
            elsewhere: "",
            users: ["", ""],
        };
        let newest = || super::newest(folder.path(), 14, |folder| kit.is_in(folder));
        assert_eq!(newest(), None);
        for (version, programs) in [
            ("13", &["postgres", "initdb", "pg_basebackup"][..]),
            ("15", &["postgres", "initdb", "pg_basebackup"]),
            ("9", &["postgres", "initdb", "pg_basebackup"]),
            ("16", &["postgres"]),
        ] {
            let bin = folder.path().join(version).join("bin");
            fs::create_dir_all(&bin).unwrap();
            for program in programs {
                fs::write(bin.join(program), "").unwrap();
            }
        }
        assert_eq!(newest(), Some(folder.path().join("15/bin")));
    }

    #[test]
    fn the_user_is_found_by_name() {
        let accounts =
            "root:x:0:0:root:/root:/bin/sh\npostgres:x:104:109:,,,:/var/lib/postgresql:/bin/bash\n";
        assert_eq!(ids(accounts, "postgres"), Some((104, 109)));
        assert_eq!(ids(accounts, "nobody"), None);
    }
}
