//! Data folders of servers, and what a server is started with.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;
use shakedown_load::postgresql::{COMPLETED, Login};
use shakedown_scenarios::plan::{Auth, GatewayPlan, PostgreSqlServers, System, TemplatePart};

use super::KIT;
use super::recovery::ARCHIVE;
use crate::environment::engine_command::Member;
use crate::environment::error::{EnvironmentError, failed};
use crate::environment::node::{INHERITED, Line, Node};
use crate::environment::programs::Programs;
use crate::mechanisms::{Child, Spawner};
use crate::stores::postgresql::{Question, ask};

/// The database that every server has.
const MAINTENANCE: &str = "postgres";

/// A copy of an empty database takes seconds; one after minutes of load longer.
const ONE_COMMAND_WITHIN: Duration = Duration::from_secs(60);
const ONE_ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// What this file makes of a server a standby.
const STANDBY_MARK: &str = "standby.signal";

/// Everybody who reaches the address is let in: nobody but this machine does.
const ACCESS: &str = "host all all 0.0.0.0/0 trust\nhost replication all 0.0.0.0/0 trust\n";

/// How the servers of a plan are made.
#[derive(Debug, Clone)]
pub(in crate::environment) struct Servers {
    pub(super) plan: PostgreSqlServers,
    programs: Programs,
    user: String,
    database: String,
    /// The log is kept, so that a backup can be brought to any moment after it.
    archives: bool,
}

impl Servers {
    /// # Errors
    /// When there is nothing to run them with.
    pub(in crate::environment) fn find(
        plan: &PostgreSqlServers,
        system: &System,
        archives: bool,
    ) -> Result<Servers, EnvironmentError> {
        let literal = |auth: &Auth| match auth {
            Auth::Basic { user, .. } => match user.parts.as_slice() {
                [TemplatePart::Text(name)] => Some(name.clone()),
                _ => None,
            },
            Auth::None | Auth::Header { .. } => None,
        };
        Ok(Servers {
            plan: plan.clone(),
            programs: Programs::find(&KIT)?,
            // Behind an engine, whose users are the engine's own, everybody is the one whom every server has.
            user: match plan.database {
                None => literal(&system.auth).unwrap_or_else(|| MAINTENANCE.to_string()),
                Some(_) => MAINTENANCE.to_string(),
            },
            database: match (&plan.database, &system.gateway) {
                (Some(database), _) => database.clone(),
                (None, GatewayPlan::PostgreSql(store)) => store.database.clone(),
                (None, _) => MAINTENANCE.to_string(),
            },
            archives,
        })
    }

    /// That of the orders, or of whoever keeps something in it.
    pub(in crate::environment) fn database(&self) -> &str {
        &self.database
    }

    /// What makes a process the server of a node.
    pub(in crate::environment) fn line(&self, own: &Member, data: &Path) -> Line {
        let mut arguments: Vec<OsString> = vec!["-D".into(), data.into()];
        let mut set = |name: &str, value: &str| {
            arguments.push("-c".into());
            arguments.push(format!("{name}={value}").into());
        };
        set("listen_addresses", &own.http.ip().to_string());
        set("port", &own.http.port().to_string());
        set("unix_socket_directories", "");
        // What a standby is called at its primary.
        set("cluster_name", &own.name);
        // Shared memory that is killed with the server would stay in /dev/shm.
        set("dynamic_shared_memory_type", "mmap");
        set("hot_standby", "on");
        // A standby that was cut off finds what it has missed.
        set("wal_keep_size", "256MB");
        set("max_connections", "400");
        for (name, value) in &self.plan.settings {
            set(name, value);
        }
        if let Some(folder) = data.parent().filter(|_| self.archives) {
            for (name, value) in Servers::archiving(&folder.join(ARCHIVE)) {
                set(name, &value);
            }
        }
        Line {
            // At SIGTERM it waits for its clients to leave.
            farewell: Signal::INT,
            ..self.programs.line("postgres", arguments, true)
        }
    }

    pub(super) fn programs(&self) -> &Programs {
        &self.programs
    }

    /// The folder of the archive, where there is one.
    pub(super) fn make_archive(&self, node: &Node, data: &Path) -> Result<(), EnvironmentError> {
        if !self.archives {
            return Ok(());
        }
        let folder = data.join(ARCHIVE);
        let made = fs::create_dir_all(&folder).and_then(|()| self.programs.own(&folder));
        made.map_err(|error| failed(node, "make the archive of its log", error))
    }

    /// An empty database, in an empty folder.
    pub(super) async fn init(
        &self,
        node: &Node,
        data: &Path,
        spawner: &Spawner,
    ) -> Result<(), EnvironmentError> {
        self.own(node, data)?;
        let mut arguments: Vec<OsString> = vec!["-D".into(), data.into()];
        let options = ["--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C"];
        arguments.extend(options.map(OsString::from));
        arguments.push(format!("--username={}", self.user).into());
        let line = self.programs.line("initdb", arguments, false);
        self.command(node, "make its database", line, spawner)
            .await?;
        write(node, &data.join("pg_hba.conf"), ACCESS)
    }

    /// A standby's copy of the primary, in a folder whose contents are lost.
    pub(super) async fn copy(
        &self,
        node: &Node,
        data: &Path,
        primary: &Member,
        spawner: &Spawner,
    ) -> Result<(), EnvironmentError> {
        empty(node, data)?;
        self.own(node, data)?;
        let mut arguments: Vec<OsString> = vec!["-D".into(), data.into()];
        let at = [
            format!("--host={}", primary.http.ip()),
            format!("--port={}", primary.http.port()),
            format!("--username={}", self.user),
        ];
        arguments.extend(at.map(OsString::from));
        let options = [
            "--no-password",
            "--no-sync",
            "--checkpoint=fast",
            "--wal-method=stream",
        ];
        arguments.extend(options.map(OsString::from));
        let line = self.programs.line("pg_basebackup", arguments, false);
        self.command(node, "copy the primary", line, spawner).await
    }

    /// Makes a copy a standby of the primary as it is reached from there.
    pub(super) fn follow(
        &self,
        node: &Node,
        data: &Path,
        primary: &Member,
    ) -> Result<(), EnvironmentError> {
        let line = format!("primary_conninfo = '{}'\n", self.conninfo(primary));
        write(node, &data.join("postgresql.auto.conf"), &line)?;
        let mark = data.join(STANDBY_MARK);
        write(node, &mark, "")?;
        let owned = self.programs.give(&mark);
        owned.map_err(|error| failed(node, "make it a standby", error))
    }

    /// How a standby reaches its primary.
    pub(super) fn conninfo(&self, primary: &Member) -> String {
        let (ip, port) = (primary.http.ip(), primary.http.port());
        format!("host={ip} port={port} user={} connect_timeout=2", self.user)
    }

    pub(super) fn was_standby(data: &Path) -> bool {
        data.join(STANDBY_MARK).exists()
    }

    /// The database of the orders and what is in it. Called while there are standbys: commits may wait for them.
    pub(super) async fn create(&self, node: &Node) -> Result<(), EnvironmentError> {
        if self.database != MAINTENANCE {
            let sql = format!("create database \"{}\"", self.database);
            self.told(node, MAINTENANCE, &sql, "make the database")
                .await?;
        }
        if self.plan.schema.trim().is_empty() {
            return Ok(());
        }
        self.told(node, &self.database, &self.plan.schema, "execute `schema`")
            .await
    }

    async fn told(
        &self,
        node: &Node,
        database: &str,
        sql: &str,
        what: &'static str,
    ) -> Result<(), EnvironmentError> {
        self.asked(node, database, sql)
            .await
            .map(drop)
            .map_err(|why| failed(node, what, why))
    }

    /// What a server answers to statements of ours.
    ///
    /// # Errors
    /// In words, when it does not, or with an error.
    pub(super) async fn asked(
        &self,
        node: &Node,
        database: &str,
        sql: &str,
    ) -> Result<Value, String> {
        let login = Login::trusted(&self.user, database);
        let asked = ask(node.http, &login, Question::Text(sql), ONE_ANSWER_WITHIN).await;
        let ended = asked.map_err(|error| error.to_string())?;
        match ended.status {
            COMPLETED => serde_json::from_slice(&ended.body).map_err(|error| error.to_string()),
            _ => Err(String::from_utf8_lossy(&ended.body).into_owned()),
        }
    }

    /// The single value that a server answers to a question of ours.
    pub(super) async fn value(&self, node: &Node, sql: &str) -> Result<String, String> {
        let answer = self.asked(node, MAINTENANCE, sql).await?;
        let row = answer.pointer("/last").and_then(Value::as_object);
        let value = row
            .and_then(|row| row.values().next())
            .and_then(Value::as_str);
        value
            .map(str::to_string)
            .ok_or_else(|| "an answer without a value".to_string())
    }

    /// Waits until so many standbys stream from the primary.
    pub(super) async fn streamed_to(
        &self,
        primary: &Node,
        standbys: usize,
        at_most: Duration,
    ) -> Result<(), EnvironmentError> {
        const SQL: &str =
            "select count(*)::text from pg_stat_replication where state = 'streaming'";
        let until = Instant::now() + at_most;
        loop {
            let seen = self.value(primary, SQL).await;
            if seen
                .as_ref()
                .is_ok_and(|seen| seen.parse().is_ok_and(|seen: usize| seen >= standbys))
            {
                return Ok(());
            }
            if Instant::now() >= until {
                let seen = seen.unwrap_or_else(|why| why);
                let why = format!("{seen} of {standbys} stream after {} s", at_most.as_secs());
                return Err(failed(primary, "have its standbys follow it", why));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The folder is the servers' user's, and nobody else's.
    fn own(&self, node: &Node, data: &Path) -> Result<(), EnvironmentError> {
        let owned = self.programs.own(data);
        owned.map_err(|error| failed(node, "give it its data folder", error))
    }

    /// Runs a program to its end; its words go to the node's log.
    pub(super) async fn command(
        &self,
        node: &Node,
        what: &'static str,
        line: Line,
        spawner: &Spawner,
    ) -> Result<(), EnvironmentError> {
        let log = node.open_log()?;
        let errors = log.try_clone().map_err(|error| failed(node, what, error))?;
        let mut command = Command::new(&line.program);
        command
            .args(&line.arguments)
            .current_dir("/")
            .env_clear()
            .envs(
                INHERITED
                    .iter()
                    .filter_map(|name| Some((name, std::env::var_os(name)?))),
            )
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors);
        let started = spawner.run(move |here| here.spawn(&mut command)).await?;
        let started = started.map_err(|source| EnvironmentError::Start {
            name: node.name.clone(),
            command: line.program.display().to_string(),
            source,
        })?;
        let child = Child::adopt(started).map_err(|source| EnvironmentError::Adopt {
            name: node.name.clone(),
            source,
        })?;
        match child.wait(ONE_COMMAND_WITHIN).await {
            Some(exit) if exit.status.success() => Ok(()),
            Some(exit) => Err(failed(node, what, format!("{exit}; {}", node.log_end()))),
            None => {
                drop(child.handle().signal(Signal::KILL));
                let why = format!("not done within {} s", ONE_COMMAND_WITHIN.as_secs());
                Err(failed(node, what, why))
            }
        }
    }
}

/// Written over: a file that is there stays its owner's.
fn write(node: &Node, path: &Path, text: &str) -> Result<(), EnvironmentError> {
    fs::write(path, text).map_err(|error| failed(node, "write into its data folder", error))
}

fn empty(node: &Node, data: &Path) -> Result<(), EnvironmentError> {
    let emptied = fs::read_dir(data).and_then(|mut entries| {
        entries.try_for_each(|entry| {
            let path: PathBuf = entry?.path();
            match fs::symlink_metadata(&path)?.is_dir() {
                true => fs::remove_dir_all(&path),
                false => fs::remove_file(&path),
            }
        })
    });
    emptied.map_err(|error: io::Error| failed(node, "empty its data folder", error))
}
