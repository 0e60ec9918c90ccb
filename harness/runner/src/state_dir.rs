//! Where Shakedown keeps what must survive its own death: journals, locks and the nodes' data.
//!
//! `$XDG_STATE_HOME/shakedown`, by default `~/.local/state/shakedown`. The run directory is evidence and may lie
//! anywhere; what `recover` needs has to be found without knowing any run directory.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The folder of Shakedown's own state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateDir {
    root: PathBuf,
}

/// Why there is no place for state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StateDirError {
    #[error(
        "there is no place for the undo journal: neither XDG_STATE_HOME nor HOME is set to an absolute path; set one of them"
    )]
    NoHome,
    #[error(
        "`{0}` cannot be a run id: use letters, digits, '.', '_' and '-', and do not begin with a '.'"
    )]
    BadRunId(String),
}

impl StateDir {
    /// The folder that the environment variables name. A relative `XDG_STATE_HOME` is ignored, as its specification says.
    ///
    /// # Errors
    /// When neither variable is an absolute path.
    pub fn from_environment() -> Result<Self, StateDirError> {
        locate(std::env::var_os("XDG_STATE_HOME"), std::env::var_os("HOME"))
    }

    /// A state folder at a path of one's own choice; nothing is touched.
    pub fn at(root: &Path) -> Self {
        Self {
            root: root.to_path_buf(),
        }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// All journals, one folder a run.
    pub fn journals(&self) -> PathBuf {
        self.root.join("journal")
    }

    /// The journal's folder of one run.
    ///
    /// # Errors
    /// When the run id could not be the name of one folder.
    pub fn journal(&self, run_id: &str) -> Result<PathBuf, StateDirError> {
        Ok(self.journals().join(checked(run_id)?))
    }

    /// Data folders of the nodes of one run in a local environment.
    ///
    /// # Errors
    /// When the run id could not be the name of one folder.
    pub fn nodes(&self, run_id: &str) -> Result<PathBuf, StateDirError> {
        Ok(self.root.join("nodes").join(checked(run_id)?))
    }

    /// The lock file of a system in an environment.
    pub fn lock(&self, system: &str, environment: &str) -> PathBuf {
        self.root.join("locks").join(format!(
            "{}-{}.lock",
            as_file_name(system),
            as_file_name(environment)
        ))
    }
}

fn locate(xdg: Option<OsString>, home: Option<OsString>) -> Result<StateDir, StateDirError> {
    let absolute = |value: Option<OsString>| value.map(PathBuf::from).filter(|p| p.is_absolute());
    let base = absolute(xdg)
        .or_else(|| absolute(home).map(|home| home.join(".local/state")))
        .ok_or(StateDirError::NoHome)?;
    Ok(StateDir {
        root: base.join("shakedown"),
    })
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

fn checked(run_id: &str) -> Result<&str, StateDirError> {
    let plain = !run_id.is_empty() && !run_id.starts_with('.') && run_id.bytes().all(is_plain);
    if plain {
        Ok(run_id)
    } else {
        Err(StateDirError::BadRunId(run_id.to_string()))
    }
}

/// Different names stay different.
fn as_file_name(name: &str) -> String {
    name.bytes()
        .map(|byte| match byte {
            byte if is_plain(byte) => char::from(byte).to_string(),
            byte => format!("%{byte:02x}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(xdg: Option<&str>, home: Option<&str>) -> Result<PathBuf, StateDirError> {
        locate(xdg.map(OsString::from), home.map(OsString::from)).map(|dir| dir.root)
    }

    #[test]
    fn the_variable_wins_then_home_then_an_error() {
        assert_eq!(
            root(Some("/state"), Some("/home/a")).unwrap(),
            Path::new("/state/shakedown")
        );
        let default = Path::new("/home/a/.local/state/shakedown");
        assert_eq!(root(None, Some("/home/a")).unwrap(), default);
        assert_eq!(root(Some("relative"), Some("/home/a")).unwrap(), default);
        assert_eq!(root(Some(""), Some("")), Err(StateDirError::NoHome));
        assert_eq!(root(None, None), Err(StateDirError::NoHome));
    }

    #[test]
    fn a_run_id_is_one_folder() {
        let state = StateDir::at(Path::new("/s"));
        assert!(state.journal("20260102T030405Z-leader-kill").is_ok());
        for bad in ["", ".", "..", "../x", "a/b", "a b"] {
            assert!(state.journal(bad).is_err(), "{bad:?}");
            assert!(state.nodes(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn names_of_locks_do_not_collide() {
        let state = StateDir::at(Path::new("/s"));
        assert_ne!(state.lock("a/b", "local"), state.lock("a%2fb", "local"));
        assert!(state.lock("../../etc", "local").starts_with("/s/locks"));
    }
}
