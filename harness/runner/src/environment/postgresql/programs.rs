//! The programs of a server, and the user that they run as.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::PACKAGE;
use crate::environment::error::EnvironmentError;
use crate::environment::node::Line;

/// Where Debian has one folder for each version.
const VERSIONS: &str = "/usr/lib/postgresql";

/// Of the first version that tells clients whether it is a standby.
const OLDEST: u32 = 14;

/// Where else the programs are: names the folder that has them.
const ELSEWHERE: &str = "SHAKEDOWN_POSTGRESQL";

/// Who runs a server, which refuses to be root: the first of them that there is.
const USERS: [&str; 2] = ["postgres", "nobody"];

const NEEDED: [&str; 3] = ["postgres", "initdb", "pg_basebackup"];

const SETPRIV: &str = "/usr/bin/setpriv";

/// The programs of one version, and the user that they run as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Programs {
    folder: PathBuf,
    pub(super) user_id: u32,
    pub(super) group_id: u32,
}

impl Programs {
    /// Those that the environment variable names, else the newest version that is installed.
    ///
    /// # Errors
    /// When there are none, or nobody to run them.
    pub(super) fn find() -> Result<Programs, EnvironmentError> {
        let (looked_at, found) = match std::env::var_os(ELSEWHERE).map(PathBuf::from) {
            Some(named) => (named.clone(), Some(named).filter(|folder| is_whole(folder))),
            None => (PathBuf::from(VERSIONS), newest(Path::new(VERSIONS))),
        };
        let folder = found.ok_or(EnvironmentError::NoServer {
            folder: looked_at,
            package: PACKAGE,
        })?;
        let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let ids = USERS.iter().find_map(|user| ids(&accounts, user));
        let (user_id, group_id) = ids.ok_or(EnvironmentError::NoUser { users: USERS })?;
        Ok(Programs {
            folder,
            user_id,
            group_id,
        })
    }

    /// One of the programs as that user, who may look into the folders above the data, whosever they are.
    pub(super) fn line(&self, program: &str, arguments: Vec<OsString>) -> Line {
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
            is_apart: program == "postgres",
        }
    }
}

/// The `bin` of the newest version that is new enough and whole.
fn newest(versions: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(versions).ok()?.flatten();
    let number = |entry: &fs::DirEntry| entry.file_name().to_str()?.parse::<u32>().ok();
    let fit = entries.filter_map(|entry| {
        let number = number(&entry).filter(|number| *number >= OLDEST)?;
        let folder = entry.path().join("bin");
        is_whole(&folder).then_some((number, folder))
    });
    fit.max().map(|(_, folder)| folder)
}

fn is_whole(folder: &Path) -> bool {
    NEEDED.iter().all(|program| folder.join(program).is_file())
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
        assert_eq!(newest(folder.path()), None);
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
        assert_eq!(newest(folder.path()), Some(folder.path().join("15/bin")));
    }

    #[test]
    fn the_user_is_found_by_name() {
        let accounts =
            "root:x:0:0:root:/root:/bin/sh\npostgres:x:104:109:,,,:/var/lib/postgresql:/bin/bash\n";
        assert_eq!(ids(accounts, "postgres"), Some((104, 109)));
        assert_eq!(ids(accounts, "nobody"), None);
    }
}
