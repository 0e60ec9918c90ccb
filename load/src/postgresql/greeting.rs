//! The beginning of a connection: who we are, how we prove it, and what the server says of itself.

use std::fmt;

use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use shakedown_scenarios::plan::Auth;

use super::collector::Trouble;
use super::frame::{append, append_length, append_text};
use crate::http::login;
use crate::secret::Secrets;

/// Version 3.0.
const VERSION: i32 = 3 << 16;

/// Who connects where the profile does not say.
const DEFAULT_USER: &str = "postgres";

/// Who connects, to what.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    pub user: String,
    password: Option<String>,
    pub database: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Login({} to {})", self.user, self.database)
    }
}

impl Login {
    /// The user of a profile's `auth: { basic: … }`, else `postgres` without a password.
    pub fn of(auth: &Auth, secrets: &Secrets, database: &str) -> Login {
        let (user, password) = match login(auth, secrets) {
            Some((user, password)) => (user, Some(password)),
            None => (DEFAULT_USER.to_string(), None),
        };
        Login {
            user,
            password,
            database: database.to_string(),
        }
    }

    /// Somebody whom the server lets in without a password.
    pub fn trusted(user: &str, database: &str) -> Login {
        Login {
            user: user.to_string(),
            password: None,
            database: database.to_string(),
        }
    }

    /// The startup message, appended to `out`.
    pub fn append_startup(&self, out: &mut Vec<u8>) {
        append_length(out, |out| {
            out.extend_from_slice(&VERSION.to_be_bytes());
            let said = [
                ("user", self.user.as_str()),
                ("database", self.database.as_str()),
                ("application_name", "shakedown"),
                ("client_encoding", "UTF8"),
            ];
            for (name, value) in said {
                append_text(name, out);
                append_text(value, out);
            }
            out.push(0);
        });
    }
}

/// A connection that is not ready for the first query.
#[derive(Default)]
pub struct Greeting {
    scram: Option<ScramSha256>,
    is_known: bool,
    is_standby: bool,
}

impl fmt::Debug for Greeting {
    /// What passwords are proven with is left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Greeting")
            .field("is_standby", &self.is_standby)
            .finish_non_exhaustive()
    }
}

/// What a message of the greeting means.
#[derive(Debug, PartialEq, Eq)]
pub enum Greeted {
    More,
    /// Ready for the first query.
    Open,
    /// The server does not let us in, in its words.
    Refused(String),
    /// This is not the protocol, or a way to prove who we are that is not spoken here.
    Malformed(String),
}

impl Greeting {
    /// True when the server has said that it is a standby: it takes no orders. Servers before version 14 do not say.
    pub fn is_standby(&self) -> bool {
        self.is_standby
    }

    /// The next message; what has to be said in return is appended to `reply`.
    pub fn hear(&mut self, tag: u8, body: &[u8], login: &Login, reply: &mut Vec<u8>) -> Greeted {
        match tag {
            b'R' => match self.prove(body, login, reply) {
                Ok(()) => Greeted::More,
                Err(why) => Greeted::Malformed(why),
            },
            b'E' => Greeted::Refused(Trouble::read(body).to_string()),
            b'S' => {
                let mut words = body.split(|byte| *byte == 0);
                let (name, value) = (words.next(), words.next());
                if name == Some(b"in_hot_standby") {
                    self.is_standby = value == Some(b"on");
                }
                Greeted::More
            }
            b'N' | b'K' | b'v' => Greeted::More,
            b'Z' if self.is_known => Greeted::Open,
            _ => Greeted::Malformed(format!("message {tag} in the middle of a greeting")),
        }
    }

    /// Answers what the server asks to know who we are.
    fn prove(&mut self, body: &[u8], login: &Login, reply: &mut Vec<u8>) -> Result<(), String> {
        let short = || "a question of the server is cut off".to_string();
        let kind = body.first_chunk::<4>().ok_or_else(short)?;
        let rest = &body[4..];
        let password = login
            .password
            .as_deref()
            .ok_or("the server asks for a password: write auth: { basic: … }");
        match i32::from_be_bytes(*kind) {
            0 => {
                self.is_known = true;
                Ok(())
            }
            3 => {
                let password = password?;
                append(b'p', reply, |out| append_text(password, out));
                Ok(())
            }
            5 => {
                let salt = rest.first_chunk::<4>().ok_or_else(short)?;
                let hash = md5_hash(login.user.as_bytes(), password?.as_bytes(), *salt);
                append(b'p', reply, |out| append_text(&hash, out));
                Ok(())
            }
            10 => {
                let mut offered = rest.split(|byte| *byte == 0);
                if !offered.any(|name| name == SCRAM_SHA_256.as_bytes()) {
                    return Err("the server offers no SCRAM-SHA-256".to_string());
                }
                let scram = ScramSha256::new(password?.as_bytes(), ChannelBinding::unsupported());
                append(b'p', reply, |out| {
                    append_text(SCRAM_SHA_256, out);
                    let first = scram.message();
                    out.extend_from_slice(&(first.len() as i32).to_be_bytes());
                    out.extend_from_slice(first);
                });
                self.scram = Some(scram);
                Ok(())
            }
            11 | 12 => {
                let scram = self
                    .scram
                    .as_mut()
                    .ok_or("an answer to a question not asked")?;
                if kind[3] == 12 {
                    return scram.finish(rest).map_err(|error| error.to_string());
                }
                scram.update(rest).map_err(|error| error.to_string())?;
                let last = scram.message();
                append(b'p', reply, |out| out.extend_from_slice(last));
                Ok(())
            }
            other => Err(format!(
                "the server asks for a way to log in that is not spoken here ({other})"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn somebody(password: Option<&str>) -> Login {
        Login {
            user: "trader".to_string(),
            password: password.map(str::to_string),
            database: "orders".to_string(),
        }
    }

    #[test]
    fn a_standby_says_so_before_the_first_query() {
        let (mut greeting, mut reply) = (Greeting::default(), Vec::new());
        let mut hear = |tag, body: &[u8]| greeting.hear(tag, body, &somebody(None), &mut reply);
        assert_eq!(hear(b'R', &[0, 0, 0, 0]), Greeted::More);
        assert_eq!(hear(b'S', b"in_hot_standby\0on\0"), Greeted::More);
        assert_eq!(hear(b'Z', b"I"), Greeted::Open);
        assert!(greeting.is_standby() && reply.is_empty());
    }

    #[test]
    fn a_password_is_given_as_it_is_asked_for_and_never_shown() {
        let login = somebody(Some("s3cret"));
        let mut clear = Vec::new();
        let asked = Greeting::default().hear(b'R', &[0, 0, 0, 3], &login, &mut clear);
        assert_eq!((asked, &clear[5..]), (Greeted::More, &b"s3cret\0"[..]));
        let mut hashed = Vec::new();
        Greeting::default().hear(b'R', &[0, 0, 0, 5, 1, 2, 3, 4], &login, &mut hashed);
        assert!(hashed[5..].starts_with(b"md5") && hashed.len() == 5 + 36);
        let mut scram = Vec::new();
        let asked = b"\0\0\0\x0aSCRAM-SHA-256\0\0";
        Greeting::default().hear(b'R', asked, &login, &mut scram);
        assert!(scram[5..].starts_with(b"SCRAM-SHA-256\0"));
        assert!(!format!("{login:?}").contains("s3cret"));
    }

    #[test]
    fn what_cannot_be_answered_is_said() {
        let mut reply = Vec::new();
        let mut asked = |body: &[u8]| {
            let heard = Greeting::default().hear(b'R', body, &somebody(None), &mut reply);
            matches!(heard, Greeted::Malformed(_))
        };
        assert!(asked(&[0, 0, 0, 3]) && asked(&[0, 0, 0, 7]) && asked(&[0]));
        assert!(asked(&[0, 0, 0, 12]), "nobody asked for a proof");
        let refused = Greeting::default().hear(
            b'E',
            b"SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0",
            &somebody(None),
            &mut reply,
        );
        let said = "57P03: the database system is starting up".to_string();
        assert_eq!(refused, Greeted::Refused(said));
        assert!(reply.is_empty());
    }
}
