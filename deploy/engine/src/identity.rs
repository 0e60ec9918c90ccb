//! Whose data a folder holds.
//!
//! A member that comes up with the votes and the log of another can break what both have promised. Volumes get mixed
//! up: claims are deleted and made again, and land on another node. So the folder names its member, and any other is
//! refused.

use std::io;
use std::path::Path;

use crate::config::Member;
use crate::durable::replace_file;
use crate::error::EngineError;

const FILE: &str = "member";

/// Makes sure that `folder` is the member's own. A folder that names nobody becomes the member's.
///
/// # Errors
/// [`EngineError::OthersData`] if it names another, [`EngineError::Data`] if it cannot be used.
pub fn claim(folder: &Path, member: &Member) -> Result<(), EngineError> {
    let data = |source| EngineError::Data {
        path: folder.to_owned(),
        source,
    };
    let own = format!("{}={}\n", member.id, member.name);
    match std::fs::read(folder.join(FILE)) {
        Ok(found) if found == own.as_bytes() => Ok(()),
        Ok(found) => Err(EngineError::OthersData {
            path: folder.to_owned(),
            owner: String::from_utf8_lossy(&found).trim().to_owned(),
            member: own.trim().to_owned(),
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            replace_file(folder, FILE, own.as_bytes()).map_err(data)
        }
        Err(error) => Err(data(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_belongs_to_the_first_who_used_it() {
        let folder = tempfile::tempdir().unwrap();
        let member = |text: &str| text.parse::<Member>().unwrap();
        let first = member("1=engine-0,engine-0.engine:8080,engine-0.engine:7400");
        let moved = member("1=engine-0,10.0.0.1:8080,10.0.0.1:7400");
        let second = member("2=engine-1,engine-1.engine:8080,engine-1.engine:7400");
        claim(folder.path(), &first).unwrap();
        claim(folder.path(), &moved).unwrap();
        let refused = claim(folder.path(), &second).unwrap_err().to_string();
        assert!(
            refused.contains("1=engine-0") && refused.contains("2=engine-1"),
            "{refused}"
        );
    }
}
