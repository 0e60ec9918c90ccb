//! The beginning of a connection. A sentinel is asked who the master is, and whoever it names is dialled; a server is told who
//! we are, and asked for its role: what was the master a moment ago need not be it now.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use serde_json::Value;
use shakedown_scenarios::plan::Auth;

use super::command::append_command;
use super::replies::{error, value};
use crate::http::login;
use crate::secret::Secrets;

/// User and password of a server, where it wants them.
#[derive(Clone, Default)]
pub struct Login(Option<(String, String)>);

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = self.0.as_ref().map(|(user, _)| user);
        f.debug_tuple("Login").field(&user).finish()
    }
}

impl Login {
    /// Those of a profile's `auth: { basic: … }`.
    pub fn of(auth: &Auth, secrets: &Secrets) -> Login {
        Login(login(auth, secrets))
    }

    /// Says who we are, where there is something to say; true when that will be answered.
    pub fn append(&self, out: &mut Vec<u8>) -> bool {
        let Some((user, password)) = &self.0 else {
            return false;
        };
        append_command(&["AUTH", user, password], out);
        true
    }
}

/// A connection to a server that is not ready for the first order.
#[derive(Debug, Default)]
pub struct Greeting {
    /// The password is not answered yet.
    is_unknown: bool,
}

/// What a reply of the greeting means.
#[derive(Debug, PartialEq, Eq)]
pub enum Greeted {
    More,
    /// It is a master, and takes orders.
    Open,
    /// It is none, or does not let us in, in words.
    Refused(String),
}

impl Greeting {
    /// What is said first, appended to `out`.
    pub fn begin(login: &Login, out: &mut Vec<u8>) -> Greeting {
        let is_unknown = login.append(out);
        append_command(&["ROLE"], out);
        Greeting { is_unknown }
    }

    /// The next reply.
    pub fn hear(&mut self, reply: &[u8]) -> Greeted {
        if let Some(words) = error(reply) {
            return Greeted::Refused(words.to_string());
        }
        if std::mem::take(&mut self.is_unknown) {
            return Greeted::More;
        }
        match value(reply).pointer("/0").and_then(Value::as_str) {
            Some("master") => Greeted::Open,
            Some(role) => Greeted::Refused(format!("it is a {role}")),
            None => Greeted::Refused("it does not tell its role".to_string()),
        }
    }
}

/// Asks a sentinel who the master of this name is.
pub fn append_who_is_master(name: &str, out: &mut Vec<u8>) {
    append_command(&["SENTINEL", "get-master-addr-by-name", name], out);
}

/// Where the master is, by the reply of a sentinel.
///
/// # Errors
/// In words, when it does not say, or names a host: names would have to be looked up while orders wait.
pub fn master_of(reply: &[u8]) -> Result<SocketAddr, String> {
    if let Some(words) = error(reply) {
        return Err(words.to_string());
    }
    let told = value(reply);
    let text = |at: &str| told.pointer(at).and_then(Value::as_str);
    let (Some(host), Some(port)) = (text("/0"), text("/1")) else {
        return Err("the sentinel knows no master of this name".to_string());
    };
    let place = host.parse::<IpAddr>().ok().zip(port.parse().ok());
    place
        .map(|(ip, port)| SocketAddr::new(ip, port))
        .ok_or_else(|| format!("the sentinel names {host}:{port}, which is no address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_master_is_open_and_a_replica_is_not() {
        let mut out = Vec::new();
        let mut greeting = Greeting::begin(&Login::default(), &mut out);
        assert_eq!(out, b"*1\r\n$4\r\nROLE\r\n");
        assert_eq!(
            greeting.hear(b"*3\r\n$6\r\nmaster\r\n:1\r\n*0\r\n"),
            Greeted::Open
        );
        let slave = b"*5\r\n$5\r\nslave\r\n$1\r\na\r\n:1\r\n$9\r\nconnected\r\n:9\r\n";
        assert_eq!(
            greeting.hear(slave),
            Greeted::Refused("it is a slave".into())
        );
        assert!(matches!(
            greeting.hear(b"-NOAUTH no\r\n"),
            Greeted::Refused(_)
        ));
        let login = Login(Some(("app".to_string(), "secret".to_string())));
        let mut greeting = Greeting::begin(&login, &mut out);
        assert_eq!(greeting.hear(b"+OK\r\n"), Greeted::More);
        assert!(!format!("{login:?}").contains("secret"));
    }

    #[test]
    fn a_sentinel_names_an_address() {
        let mut out = Vec::new();
        append_who_is_master("orders", &mut out);
        assert!(out.starts_with(b"*3\r\n$8\r\nSENTINEL\r\n"));
        let told = master_of(b"*2\r\n$9\r\n10.0.0.2\n\r\n$4\r\n6379\r\n");
        assert!(told.is_err());
        let told = master_of(b"*2\r\n$8\r\n10.0.0.2\r\n$4\r\n6379\r\n");
        assert_eq!(told, Ok("10.0.0.2:6379".parse().unwrap()));
        assert!(master_of(b"*-1\r\n").is_err() && master_of(b"-IDONTKNOW\r\n").is_err());
        assert!(
            master_of(b"*2\r\n$4\r\ndb-1\r\n$4\r\n6379\r\n")
                .unwrap_err()
                .contains("no address")
        );
    }
}
