//! Backups of the primary, and the way back to a moment: a base backup that is verified, an archive of the log, and recovery up
//! to a time, as PostgreSQL's manual has it.
//!
//! The archive is of the log as far as it was written when the servers are stopped: a segment that is in use is ended and waited
//! for. A primary that does not run any more cannot do that, and what of its log was not archived is gone, as it is in earnest.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use shakedown_record::wall_ns;

use super::keeper::{Keeper, Watched};
use super::servers::Servers;
use crate::environment::error::{EnvironmentError, failed};
use crate::environment::local::LocalCluster;
use crate::environment::node::Node;
use crate::mechanisms::Spawner;

/// Below the data of the nodes, whose names end in a number.
pub(super) const ARCHIVE: &str = "archive";
const BACKUP: &str = "backup";

const ARCHIVED_WITHIN: Duration = Duration::from_secs(10);
const STOPPED_WITHIN: Duration = Duration::from_secs(10);
const KILLED_WITHIN: Duration = Duration::from_secs(2);
const RECOVERED_WITHIN: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);

impl Keeper {
    /// Makes a base backup of the primary, in the place of an earlier one; what it came to, in words.
    pub(in crate::environment) async fn back_up(
        &self,
        cluster: &LocalCluster,
    ) -> Result<String, EnvironmentError> {
        let watched = self.watched();
        let primary = watched.primary.lock().await;
        let node = &watched.nodes[*primary];
        let folder = watched.data.join(BACKUP);
        make_folder(node, &folder)?;
        let direct = &watched.wiring.members[*primary];
        let (servers, spawner) = (&watched.servers, &cluster.spawner);
        *watched.backed_up.lock().await = None;
        servers.copy(node, &folder, direct, spawner).await?;
        servers.verify(node, &folder, spawner).await?;
        *watched.backed_up.lock().await = Some(wall_ns());
        Ok(format!(
            "pg_basebackup of {}, which pg_verifybackup finds whole; its log is archived from before it on",
            node.name
        ))
    }

    /// Stops all servers, brings the primary's data back as it was at a moment (nanoseconds since 1970; `text` is the same for
    /// the servers), and makes the others copies of it; what it came to, in words.
    pub(in crate::environment) async fn restore(
        &self,
        cluster: &LocalCluster,
        (moment_ns, text): (u64, &str),
    ) -> Result<String, EnvironmentError> {
        const WHAT: &str = "bring its data back";
        let watched = self.watched();
        let primary = watched.primary.lock().await;
        let node = &watched.nodes[*primary];
        let folder = watched.data.join(&node.name);
        match *watched.backed_up.lock().await {
            None => return Err(failed(node, WHAT, "there is no backup that is whole")),
            Some(at_ns) if at_ns > moment_ns => {
                let why =
                    format!("the backup was finished after {text}: there is no way back so far");
                return Err(failed(node, WHAT, why));
            }
            Some(_) => {}
        }
        let archive = watched.data.join(ARCHIVE);
        if node.child().is_some_and(|child| child.exit().is_none()) {
            watched.servers.end_segment(node, &archive).await?;
        }
        for each in &watched.nodes {
            end(each, each.farewell).await?;
        }
        let servers = watched.servers.clone();
        let (own, from) = (Arc::clone(node), watched.data.join(BACKUP));
        let (to, moment) = (folder.clone(), text.to_string());
        let laid = cluster
            .spawner
            .run(move |_| servers.lay_out(&own, (&from, &to), &archive, &moment));
        laid.await??;
        cluster.start_node(node).await?;
        let told = watched.servers.recovered(node).await?;
        watched.stand_by_again(*primary, cluster).await?;
        Ok(format!("{} is {told}", node.name))
    }
}

impl Watched {
    /// Makes every server but the primary a new copy of it.
    async fn stand_by_again(
        &self,
        primary: usize,
        cluster: &LocalCluster,
    ) -> Result<(), EnvironmentError> {
        for (place, standby) in self.nodes.iter().enumerate() {
            if place != primary {
                self.copy(place, primary, &cluster.spawner).await?;
                cluster.start_ready(standby).await?;
            }
        }
        Ok(())
    }
}

impl Servers {
    /// What lets a server keep its log in an archive.
    pub(super) fn archiving(archive: &Path) -> [(&'static str, String); 2] {
        let into = |end: &str| format!("{}/%f{end}", in_shell(archive));
        let (whole, part) = (into(""), into(".part"));
        let command = format!("test ! -f {whole} && cp %p {part} && mv {part} {whole}");
        [
            ("archive_mode", "on".to_string()),
            ("archive_command", command),
        ]
    }

    /// Holds a base backup against its own list of what is in it.
    async fn verify(
        &self,
        node: &Node,
        backup: &Path,
        spawner: &Spawner,
    ) -> Result<(), EnvironmentError> {
        let arguments = vec!["--no-parse-wal".into(), backup.into()];
        let line = self.programs().line("pg_verifybackup", arguments, false);
        self.command(node, "verify its backup", line, spawner).await
    }

    /// Ends the segment of the log that is in use, behind a commit of ours, so that recovery finds one that is too late; waits
    /// until it is archived.
    async fn end_segment(&self, node: &Node, archive: &Path) -> Result<(), EnvironmentError> {
        const WHAT: &str = "archive its log";
        let asked = |sql: &'static str| self.value(node, sql);
        let told = |why: String| failed(node, WHAT, why);
        asked("select pg_current_xact_id()::text")
            .await
            .map_err(told)?;
        let segment = asked("select pg_walfile_name(pg_switch_wal())")
            .await
            .map_err(told)?;
        let file = archive.join(&segment);
        let until = Instant::now() + ARCHIVED_WITHIN;
        while !file.exists() {
            if Instant::now() >= until {
                let why = format!(
                    "{segment} is not in the archive after {} s; {}",
                    ARCHIVED_WITHIN.as_secs(),
                    node.log_end()
                );
                return Err(failed(node, WHAT, why));
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    /// Puts the backup in the place of the data, with the way to the moment.
    fn lay_out(
        &self,
        node: &Node,
        (backup, data): (&Path, &Path),
        archive: &Path,
        moment: &str,
    ) -> Result<(), EnvironmentError> {
        let what = "lay out its backup";
        let laid = fs::remove_dir_all(data)
            .and_then(|()| self.copy_folder(backup, data))
            .and_then(|()| {
                let settings = [
                    ("restore_command", format!("cp {}/%f %p", in_shell(archive))),
                    ("recovery_target_time", in_setting(moment)),
                    ("recovery_target_action", "promote".to_string()),
                ];
                let line = |(name, value): &(&str, String)| {
                    format!("{name} = '{}'\n", value.replace('\'', "''"))
                };
                let settings: String = settings.iter().map(line).collect();
                fs::write(data.join("postgresql.auto.conf"), settings)?;
                let mark = data.join("recovery.signal");
                fs::write(&mark, "")?;
                self.programs().give(&mark)
            });
        laid.map_err(|error| failed(node, what, error))
    }

    fn copy_folder(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::create_dir(to)?;
        self.programs().give(to)?;
        fs::set_permissions(to, Permissions::from_mode(0o700))?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            let path: PathBuf = to.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                self.copy_folder(&entry.path(), &path)?;
            } else {
                fs::copy(entry.path(), &path)?;
                self.programs().give(&path)?;
            }
        }
        Ok(())
    }

    /// Waits until recovery is over; how far it went.
    async fn recovered(&self, node: &Node) -> Result<String, EnvironmentError> {
        const WHAT: &str = "recover to the moment";
        let until = Instant::now() + RECOVERED_WITHIN;
        loop {
            if let Some(exit) = node.child().and_then(|child| child.exit()) {
                return Err(failed(node, WHAT, format!("{exit}; {}", node.log_end())));
            }
            let recovers = self.value(node, "select pg_is_in_recovery()::text").await;
            if recovers.as_deref() == Ok("false") {
                break;
            }
            if Instant::now() >= until {
                let why = format!("not over after {} s", RECOVERED_WITHIN.as_secs());
                return Err(failed(node, WHAT, why));
            }
            tokio::time::sleep(POLL).await;
        }
        const LAST: &str = "select 'on timeline ' || timeline_id || ', its last commit from before is of ' || \
                            coalesce(pg_last_xact_replay_timestamp()::text, 'before the backup') \
                            from pg_control_checkpoint()";
        let told = self.value(node, LAST).await;
        told.map_err(|why| failed(node, WHAT, why))
    }
}

/// Stops a server in good order, else at once.
async fn end(node: &Node, farewell: Signal) -> Result<(), EnvironmentError> {
    let Some(child) = node.child().filter(|child| child.exit().is_none()) else {
        return Ok(());
    };
    node.expect_exit(true);
    for (signal, within) in [(farewell, STOPPED_WITHIN), (Signal::KILL, KILLED_WITHIN)] {
        if let Err(error) = child.handle().signal(signal) {
            return Err(failed(node, "stop it", error));
        }
        if child.wait(within).await.is_some() {
            return Ok(());
        }
    }
    Err(failed(node, "stop it", "it does not end"))
}

fn make_folder(node: &Node, folder: &Path) -> Result<(), EnvironmentError> {
    let made = fs::create_dir_all(folder);
    made.map_err(|error| failed(node, "make a folder for its backup", error))
}

/// A moment with its distance from UTC in digits: names of time zones, and Z is one, are not known when settings are read.
fn in_setting(moment: &str) -> String {
    moment.replace('Z', "+00")
}

/// A path as one word of a shell's command, in a setting in which a percent sign means something.
fn in_shell(path: &Path) -> String {
    let text = path.to_string_lossy().replace('\'', "'\\''");
    format!("'{}'", text.replace('%', "%%"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_one_word_whatever_is_in_them() {
        let path = Path::new("/a b/it's 5%");
        assert_eq!(in_shell(path), r"'/a b/it'\''s 5%%'");
        assert_eq!(
            in_setting("2024-05-01T12:00:00.123456Z"),
            "2024-05-01T12:00:00.123456+00"
        );
        let [_, (name, command)] = Servers::archiving(Path::new("/a"));
        assert_eq!(name, "archive_command");
        assert_eq!(
            command,
            "test ! -f '/a'/%f && cp %p '/a'/%f.part && mv '/a'/%f.part '/a'/%f"
        );
    }
}
