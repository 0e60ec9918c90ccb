//! Real servers, as children of the test.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use shakedown_engine::ports::free_ports;
use tempfile::TempDir;

/// The user under which servers run that refuse to run as root.
const NOBODY: u32 = 65_534;

/// How long a server may take to start.
const STARTS_WITHIN: Duration = Duration::from_secs(30);

/// A kind of server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    PostgreSql,
    Redis,
    Nats,
    PgBouncer,
}

/// A server that ends with the test.
pub struct Server {
    child: Child,
    pub port: u16,
    /// Held for its data.
    folder: TempDir,
}

impl Kind {
    /// The variable that names its folder, its program, and where else it may lie.
    fn place(self) -> (&'static str, &'static str, [&'static str; 2]) {
        match self {
            Kind::PostgreSql => (
                "SHAKEDOWN_POSTGRESQL",
                "postgres",
                ["/usr/lib/postgresql/15/bin", "/usr/lib/postgresql/17/bin"],
            ),
            Kind::Redis => (
                "SHAKEDOWN_REDIS",
                "redis-server",
                ["/usr/bin", "/usr/local/bin"],
            ),
            Kind::Nats => ("SHAKEDOWN_NATS", "nats-server", ["/usr/sbin", "/usr/bin"]),
            Kind::PgBouncer => (
                "SHAKEDOWN_PGBOUNCER",
                "pgbouncer",
                ["/usr/sbin", "/usr/bin"],
            ),
        }
    }

    /// The folder with its programs.
    fn folder(self) -> Option<PathBuf> {
        let (variable, program, elsewhere) = self.place();
        let named = std::env::var_os(variable).map(PathBuf::from);
        let folders = named.into_iter().chain(elsewhere.map(PathBuf::from));
        folders
            .into_iter()
            .find(|folder| folder.join(program).exists())
    }
}

/// True when all of these can be started. Otherwise the test is left out, or fails where they are required.
pub fn there_are(kinds: &[Kind]) -> bool {
    let missing: Vec<&Kind> = kinds
        .iter()
        .filter(|kind| kind.folder().is_none())
        .collect();
    let required = std::env::var("SHAKEDOWN_SERVERS").is_ok_and(|word| word == "required");
    assert!(!required || missing.is_empty(), "no server of {missing:?}");
    if !missing.is_empty() {
        eprintln!("left out: no server of {missing:?} on this machine");
    }
    missing.is_empty()
}

impl Server {
    /// PostgreSQL with an empty database `trading`.
    pub fn postgresql() -> Server {
        let folder = folder();
        let data = folder.path().join("data");
        let programs = Kind::PostgreSql.folder().unwrap();
        let mut made = Command::new(programs.join("initdb"));
        made.args([
            "-U",
            "app",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
            "-D",
        ])
        .arg(&data);
        let made = as_nobody(&mut made).output().unwrap();
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        Server::on_data(folder, None)
    }

    /// Starts PostgreSQL on the data that is in the folder, at a port if one is given.
    fn on_data(folder: TempDir, port: Option<u16>) -> Server {
        let port = port.unwrap_or_else(free_port);
        let programs = Kind::PostgreSql.folder().unwrap();
        let mut command = Command::new(programs.join("postgres"));
        command.arg("-D").arg(folder.path().join("data")).args([
            "-p",
            &port.to_string(),
            "-c",
            "listen_addresses=127.0.0.1",
        ]);
        command.args([
            "-c",
            "unix_socket_directories=",
            "-c",
            "wal_level=replica",
            "-c",
            "max_wal_senders=4",
            "-c",
            "hot_standby=on",
        ]);
        let server = Server::start(as_nobody(&mut command), port, folder);
        until("PostgreSQL answers", || {
            server.psql("postgres", "select 1").is_some()
        });
        if server
            .psql("postgres", "select pg_is_in_recovery()")
            .as_deref()
            == Some("f")
        {
            server.psql("postgres", "create database trading");
        }
        server
    }

    /// A standby that follows this server.
    pub fn standby(&self) -> Server {
        let folder = folder();
        let data = folder.path().join("data");
        let programs = Kind::PostgreSql.folder().unwrap();
        let mut copied = Command::new(programs.join("pg_basebackup"));
        let from = format!("host=127.0.0.1 port={} user=app", self.port);
        copied
            .args(["-R", "-c", "fast", "-d", &from, "-D"])
            .arg(&data);
        let copied = as_nobody(&mut copied).output().unwrap();
        assert!(
            copied.status.success(),
            "{}",
            String::from_utf8_lossy(&copied.stderr)
        );
        Server::on_data(folder, None)
    }

    /// What a question comes to, by PostgreSQL's own client; `None` when it is refused.
    pub fn psql(&self, database: &str, sql: &str) -> Option<String> {
        let psql = Kind::PostgreSql.folder().unwrap().join("psql");
        let mut command = Command::new(psql);
        command.args([
            "-h",
            "127.0.0.1",
            "-p",
            &self.port.to_string(),
            "-U",
            "app",
            "-d",
            database,
            "-Atc",
            sql,
        ]);
        let output = command.output().unwrap();
        output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    pub fn redis(more: &[&str]) -> Server {
        let (folder, port) = (folder(), free_port());
        let mut command = Command::new(Kind::Redis.folder().unwrap().join("redis-server"));
        command.args([
            "--port",
            &port.to_string(),
            "--save",
            "",
            "--appendonly",
            "no",
            "--bind",
            "127.0.0.1",
            "--dir",
        ]);
        command.arg(folder.path()).args(more);
        Server::start(&mut command, port, folder)
    }

    /// A sentinel that decides by itself who the master `orders` is.
    pub fn sentinel(master: u16) -> Server {
        let (folder, port) = (folder(), free_port());
        let file = folder.path().join("sentinel.conf");
        let text = format!(
            "port {port}\nbind 127.0.0.1\nsentinel monitor orders 127.0.0.1 {master} 1\n\
             sentinel down-after-milliseconds orders 1000\nsentinel failover-timeout orders 5000\n"
        );
        fs::write(&file, text).unwrap();
        let mut command = Command::new(Kind::Redis.folder().unwrap().join("redis-server"));
        command.arg(&file).arg("--sentinel");
        Server::start(&mut command, port, folder)
    }

    pub fn nats() -> Server {
        let (folder, port) = (folder(), free_port());
        let mut command = Command::new(Kind::Nats.folder().unwrap().join("nats-server"));
        command
            .args(["-a", "127.0.0.1", "-p", &port.to_string(), "-js", "-sd"])
            .arg(folder.path());
        Server::start(&mut command, port, folder)
    }

    /// PgBouncer in front of a server, with a pool of transactions.
    pub fn pgbouncer(postgresql: u16) -> Server {
        let (folder, port) = (folder(), free_port());
        let file = folder.path().join("pgbouncer.ini");
        let users = folder.path().join("users.txt");
        fs::write(&users, "\"app\" \"\"\n").unwrap();
        let text = format!(
            "[databases]\ntrading = host=127.0.0.1 port={postgresql} dbname=trading\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nauth_type = trust\nauth_file = {}\npool_mode = transaction\ndefault_pool_size = 4\n\
             unix_socket_dir =\n",
            users.display()
        );
        fs::write(&file, text).unwrap();
        let mut command = Command::new(Kind::PgBouncer.folder().unwrap().join("pgbouncer"));
        command.arg(&file);
        Server::start(as_nobody(&mut command), port, folder)
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn url(&self) -> String {
        format!("postgresql://app@127.0.0.1:{}/trading", self.port)
    }

    /// Ends it as a machine ends that loses power.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn start(command: &mut Command, port: u16, folder: TempDir) -> Server {
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut server = Server {
            child,
            port,
            folder,
        };
        until("the server listens", || {
            let ended = server.child.try_wait().unwrap();
            assert!(ended.is_none(), "{}", server.log());
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        server
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// Waits until it is so.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(
            begun.elapsed() < STARTS_WITHIN,
            "not within {STARTS_WITHIN:?}: {what}"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

pub fn free_port() -> u16 {
    free_ports(1).unwrap()[0]
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A folder that nobody may write into.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    if is_root() {
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        own(folder.path());
    }
    folder
}

fn own(path: &Path) {
    chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
}

fn as_nobody(command: &mut Command) -> &mut Command {
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command.current_dir("/")
}
