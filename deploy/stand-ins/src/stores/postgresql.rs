//! PostgreSQL, also behind PgBouncer: no statement outlives its question, so that transactions may be pooled.

use tokio::sync::Mutex;
use tokio::time::error::Elapsed;
use tokio::time::timeout;
use tokio_postgres::config::Host;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Config, NoTls, Row};

use super::turns::Turns;
use super::{DIALS_WITHIN, PATIENCE, StoreError};
use crate::error::StandInError;

/// A parameter and its type.
pub type Param<'a> = (&'a (dyn ToSql + Sync), Type);

/// One connection to the first server of a list that takes writes; questions wait for each other.
#[derive(Debug)]
pub struct Postgresql {
    /// One for each server.
    servers: Vec<Config>,
    turns: Turns,
    client: Mutex<Option<Client>>,
}

/// Texts, in their order, as parameters of type `text[]`.
pub fn params<'a, const N: usize>(lists: [&'a Vec<String>; N]) -> [Param<'a>; N] {
    lists.map(|list| (list as &(dyn ToSql + Sync), Type::TEXT_ARRAY))
}

impl Postgresql {
    /// A client for `url` (`postgresql://USER@HOST:PORT,HOST:PORT/DATABASE?target_session_attrs=read-write`). With
    /// `keeps_first` only the first of its hosts is ever dialled.
    ///
    /// # Errors
    /// [`StandInError::Usage`] when that is no such URL.
    pub fn new(url: &str, keeps_first: bool) -> Result<Self, StandInError> {
        let config: Config = url.parse().map_err(|error| {
            StandInError::Usage(format!("`{url}` is no address of PostgreSQL: {error}"))
        })?;
        let most = if keeps_first {
            1
        } else {
            config.get_hosts().len()
        };
        let servers: Vec<Config> = (0..most).filter_map(|place| only(&config, place)).collect();
        if servers.is_empty() {
            return Err(StandInError::Usage(format!("`{url}` names no host")));
        }
        Ok(Self {
            servers,
            turns: Turns::default(),
            client: Mutex::default(),
        })
    }

    /// Asks one question; it is a transaction of its own, and its commit is confirmed when this returns.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn query(&self, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>, StoreError> {
        let mut place = self.client.lock().await;
        let client = self.taken(&mut place).await?;
        let asked = timeout(PATIENCE, client.query_typed(sql, params)).await;
        settled(&mut place, client, asked)
    }

    /// Executes several statements as one transaction.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn execute_all(&self, sql: &str) -> Result<(), StoreError> {
        let mut place = self.client.lock().await;
        let client = self.taken(&mut place).await?;
        let asked = timeout(PATIENCE, client.batch_execute(sql)).await;
        settled(&mut place, client, asked)
    }

    /// Whether it answers in time.
    pub async fn answers(&self) -> bool {
        let asked = self.query("select 1", &[]);
        matches!(timeout(PATIENCE, asked).await, Ok(Ok(_)))
    }

    /// The connection, out of its place while it is asked: whoever gives up waiting leaves none with an answer on its way.
    async fn taken(&self, place: &mut Option<Client>) -> Result<Client, StoreError> {
        match place.take().filter(|client| !client.is_closed()) {
            Some(client) => Ok(client),
            None => self.connect().await,
        }
    }

    async fn connect(&self) -> Result<Client, StoreError> {
        let mut why = String::new();
        for place in self.turns.all(self.servers.len()) {
            self.turns.tried(place);
            match timeout(DIALS_WITHIN, self.servers[place].connect(NoTls)).await {
                Ok(Ok((client, connection))) => {
                    self.turns.answered(place);
                    tokio::spawn(async move {
                        if let Err(error) = connection.await {
                            tracing::debug!(%error, "a connection to PostgreSQL ended");
                        }
                    });
                    return Ok(client);
                }
                Ok(Err(error)) => why = said(&error),
                Err(_) => why = format!("no answer within {DIALS_WITHIN:?}"),
            }
        }
        Err(StoreError::Unavailable(format!("PostgreSQL: {why}")))
    }
}

/// What became of a question; the connection is put back where it is still of use.
fn settled<T>(
    place: &mut Option<Client>,
    client: Client,
    asked: Result<Result<T, tokio_postgres::Error>, Elapsed>,
) -> Result<T, StoreError> {
    match asked {
        Ok(Ok(answer)) => {
            *place = Some(client);
            Ok(answer)
        }
        Ok(Err(error)) => {
            let (failure, stays) = judged(&error);
            if stays {
                *place = Some(client);
            }
            Err(failure)
        }
        Err(_) => Err(StoreError::Unknown(format!(
            "PostgreSQL did not answer within {PATIENCE:?}"
        ))),
    }
}

/// The same with nothing but the host at this place; `None` where that is no host of a network.
fn only(config: &Config, place: usize) -> Option<Config> {
    let Some(Host::Tcp(host)) = config.get_hosts().get(place) else {
        return None;
    };
    let mut one = Config::new();
    one.host(host)
        .target_session_attrs(config.get_target_session_attrs());
    let ports = config.get_ports();
    if let Some(port) = ports.get(place).or(ports.first()) {
        one.port(*port);
    }
    if let Some(user) = config.get_user() {
        one.user(user);
    }
    if let Some(password) = config.get_password() {
        one.password(password);
    }
    if let Some(database) = config.get_dbname() {
        one.dbname(database);
    }
    Some(one)
}

/// What an error says of the question, and whether the connection is still of use.
fn judged(error: &tokio_postgres::Error) -> (StoreError, bool) {
    let Some(db) = error.as_db_error() else {
        return (StoreError::Unknown(said(error)), false);
    };
    let code = db.code();
    if *code == SqlState::READ_ONLY_SQL_TRANSACTION {
        let why = "this server takes no writes any more".to_owned();
        return (StoreError::Unavailable(why), false);
    }
    // Class 57 without a query that was cancelled: the server goes away, perhaps in the middle of a commit.
    if code.code().starts_with("57P") {
        return (StoreError::Unknown(db.message().to_owned()), false);
    }
    let refused = StoreError::Refused {
        code: code.code().to_owned(),
        message: db.message().to_owned(),
    };
    (refused, true)
}

/// The error with its causes.
fn said(error: &tokio_postgres::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str =
        "postgresql://app@10.0.0.1:5432,10.0.0.2:5433/trading?target_session_attrs=read-write";

    #[test]
    fn a_client_that_keeps_its_first_server_knows_no_other() {
        let ports = |keeps_first| -> Vec<u16> {
            let client = Postgresql::new(TWO, keeps_first).unwrap();
            let servers = client.servers.iter();
            servers.map(|server| server.get_ports()[0]).collect()
        };
        assert_eq!((ports(false), ports(true)), (vec![5432, 5433], vec![5432]));
        let first = &Postgresql::new(TWO, true).unwrap().servers[0];
        assert_eq!(
            (first.get_user(), first.get_dbname()),
            (Some("app"), Some("trading"))
        );
        let writes = tokio_postgres::config::TargetSessionAttrs::ReadWrite;
        assert_eq!(first.get_target_session_attrs(), writes);
    }

    #[test]
    fn what_is_no_address_is_refused_with_what_was_written() {
        let refused = Postgresql::new("postgresql://a:b:c", false).unwrap_err();
        assert!(
            refused.to_string().contains("postgresql://a:b:c"),
            "{refused}"
        );
    }

    #[tokio::test]
    async fn nobody_there_means_that_nothing_was_asked() {
        let port = shakedown_engine::ports::free_ports(1).unwrap()[0];
        let nobody = format!("postgresql://app@127.0.0.1:{port}/trading");
        let nobody = Postgresql::new(&nobody, false).unwrap();
        let failed = nobody.query("select 1", &[]).await.unwrap_err();
        assert!(matches!(failed, StoreError::Unavailable(_)), "{failed}");
        assert!(!nobody.answers().await);
    }
}
