//! Everything that is said of one statement, until the server is ready for the next one.
//!
//! In the extended protocol CommandComplete comes before the commit, which is done at Sync: a statement is done when
//! ReadyForQuery follows and no error in between. A warning takes the acknowledgement away as well: that is how a server
//! says that it stopped waiting for its standby, and completes the command all the same.

use std::fmt;

use serde_json::{Map, Value};

use super::{COMPLETED, FAILED};

/// SQLSTATE of success.
const SUCCESS: &str = "00000";

/// Collects what is said of one statement.
#[derive(Debug, Default)]
pub struct Collector {
    columns: Vec<String>,
    rows: Vec<Value>,
    command: Option<String>,
    trouble: Option<Trouble>,
    warning: Option<Trouble>,
}

/// What a statement came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// [`COMPLETED`] or [`FAILED`].
    pub status: u16,
    /// Of the error, else of the warning, else of success.
    pub sqlstate: String,
    /// JSON: `sqlstate`, `command`, `rows`, `last`, `message`.
    pub body: Vec<u8>,
    /// The server ends the connection with it: whether it was done is not known.
    pub is_fatal: bool,
}

/// An error or a notice of the server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Trouble {
    severity: String,
    sqlstate: String,
    message: String,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.sqlstate, self.message)
    }
}

impl Trouble {
    pub(super) fn read(body: &[u8]) -> Trouble {
        let mut trouble = Trouble::default();
        for field in body.split(|byte| *byte == 0) {
            let Some((kind, text)) = field.split_first() else {
                continue;
            };
            let text = String::from_utf8_lossy(text).into_owned();
            match kind {
                b'V' => trouble.severity = text,
                b'C' => trouble.sqlstate = text,
                b'M' => trouble.message = text,
                _ => {}
            }
        }
        trouble
    }

    fn is_fatal(&self) -> bool {
        matches!(self.severity.as_str(), "FATAL" | "PANIC")
    }
}

impl Collector {
    /// The next message. `None`: there is more to come.
    ///
    /// # Errors
    /// In words, when it is none that belongs here.
    pub fn hear(&mut self, tag: u8, body: &[u8]) -> Result<Option<Ended>, String> {
        match tag {
            b'Z' => return Ok(Some(self.end())),
            b'E' => {
                let trouble = Trouble::read(body);
                let is_fatal = trouble.is_fatal();
                self.trouble.get_or_insert(trouble);
                if is_fatal {
                    return Ok(Some(self.end()));
                }
            }
            b'N' => {
                let notice = Trouble::read(body);
                if notice.severity == "WARNING" {
                    self.warning.get_or_insert(notice);
                }
            }
            b'C' => {
                let command = text_until_zero(body).map(|(text, _)| text);
                self.command = Some(command.unwrap_or_default().to_string());
            }
            b'T' => self.columns = columns(body).ok_or("a description of rows is cut off")?,
            b'D' => {
                let row = self.row(body).ok_or("a row is cut off")?;
                self.rows.push(row);
            }
            // Parsed, bound, without rows, an empty query, parameters, a notification, a setting.
            b'1' | b'2' | b'n' | b'I' | b't' | b'A' | b'S' => {}
            _ => return Err(format!("message {tag} in answer to a statement")),
        }
        Ok(None)
    }

    fn row(&self, body: &[u8]) -> Option<Value> {
        let (count, mut rest) = number(body)?;
        let mut row = Map::new();
        for at in 0..usize::from(count) {
            let (length, behind) = rest.split_first_chunk::<4>()?;
            let length = i32::from_be_bytes(*length);
            rest = behind;
            let value = match usize::try_from(length) {
                Err(_) => Value::Null,
                Ok(length) => {
                    let (text, behind) = rest.split_at_checked(length)?;
                    rest = behind;
                    Value::from(String::from_utf8_lossy(text).into_owned())
                }
            };
            row.insert(self.columns.get(at)?.clone(), value);
        }
        Some(Value::Object(row))
    }

    fn end(&mut self) -> Ended {
        let Collector {
            rows,
            command,
            trouble,
            warning,
            ..
        } = std::mem::take(self);
        let status = match (&trouble, &command) {
            (None, Some(_)) => COMPLETED,
            (Some(_), _) | (None, None) => FAILED,
        };
        let told = trouble.as_ref().or(warning.as_ref());
        let sqlstate = told.map_or(SUCCESS, |told| &told.sqlstate).to_string();
        let mut body = Map::from_iter([("sqlstate".to_string(), Value::from(sqlstate.clone()))]);
        let mut say = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                body.insert(name.to_string(), value);
            }
        };
        say(
            "message",
            told.map(|told| Value::from(told.message.as_str())),
        );
        say("command", command.map(Value::from));
        say("last", rows.last().cloned());
        say("rows", (status == COMPLETED).then_some(Value::Array(rows)));
        Ended {
            status,
            sqlstate,
            body: Value::Object(body).to_string().into_bytes(),
            is_fatal: trouble.is_some_and(|trouble| trouble.is_fatal()),
        }
    }
}

fn columns(body: &[u8]) -> Option<Vec<String>> {
    let (count, mut rest) = number(body)?;
    let mut names = Vec::new();
    for _ in 0..count {
        let (name, behind) = text_until_zero(rest)?;
        names.push(name.to_string());
        // Table, column, type, size, modifier, format.
        rest = behind.get(18..)?;
    }
    Some(names)
}

fn number(body: &[u8]) -> Option<(u16, &[u8])> {
    let (number, rest) = body.split_first_chunk::<2>()?;
    Some((u16::from_be_bytes(*number), rest))
}

fn text_until_zero(body: &[u8]) -> Option<(&str, &[u8])> {
    let end = body.iter().position(|byte| *byte == 0)?;
    Some((std::str::from_utf8(&body[..end]).ok()?, &body[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(messages: &[(u8, &[u8])]) -> Ended {
        let mut collector = Collector::default();
        let mut ends = messages
            .iter()
            .filter_map(|(tag, body)| collector.hear(*tag, body).unwrap());
        ends.next().unwrap()
    }

    fn json(ended: &Ended) -> Value {
        serde_json::from_slice(&ended.body).unwrap()
    }

    const CUT_OFF: &[u8] =
        b"VWARNING\0C01000\0Mcanceling wait for synchronous replication due to user request\0\0";

    #[test]
    fn a_statement_is_done_when_the_server_is_ready_again() {
        let mut collector = Collector::default();
        assert_eq!(collector.hear(b'2', b"").unwrap(), None);
        assert_eq!(collector.hear(b'C', b"INSERT 0 1\0").unwrap(), None);
        let done = collector.hear(b'Z', b"I").unwrap().unwrap();
        assert_eq!((done.status, done.sqlstate.as_str()), (COMPLETED, SUCCESS));
        assert_eq!(json(&done)["command"], "INSERT 0 1");
    }

    #[test]
    fn an_error_at_commit_takes_the_completion_back() {
        let failed = ended(&[
            (b'C', b"INSERT 0 1\0"),
            (b'E', b"VERROR\0C23505\0Mduplicate key\0\0"),
            (b'Z', b"I"),
        ]);
        assert_eq!((failed.status, failed.sqlstate.as_str()), (FAILED, "23505"));
        assert!(!failed.is_fatal);
    }

    #[test]
    fn a_commit_whose_wait_was_cut_off_is_no_success() {
        let warned = ended(&[(b'N', CUT_OFF), (b'C', b"INSERT 0 1\0"), (b'Z', b"I")]);
        assert_eq!(
            (warned.status, warned.sqlstate.as_str()),
            (COMPLETED, "01000")
        );
        assert_eq!(json(&warned)["sqlstate"], "01000");
    }

    #[test]
    fn a_fatal_error_is_the_last_word() {
        let fatal = ended(&[(b'E', b"VFATAL\0C57P01\0Mterminating connection\0\0")]);
        assert!(fatal.is_fatal && fatal.status == FAILED);
    }

    #[test]
    fn rows_have_names_and_null_is_not_empty() {
        let mut described = vec![0, 2];
        for name in [b"id\0", b"px\0"] {
            described.extend_from_slice(name);
            described.extend_from_slice(&[0; 18]);
        }
        let row = b"\0\x02\0\0\0\x03a-1\xff\xff\xff\xff";
        let read = ended(&[
            (b'T', &described),
            (b'D', row),
            (b'C', b"SELECT 1\0"),
            (b'Z', b"I"),
        ]);
        assert_eq!(json(&read)["rows"][0]["id"], "a-1");
        assert_eq!(json(&read)["rows"][0]["px"], Value::Null);
        assert_eq!(json(&read)["last"]["id"], "a-1");
        let none = ended(&[(b'C', b"SELECT 0\0"), (b'Z', b"I")]);
        assert_eq!(json(&none)["rows"], Value::Array(Vec::new()));
        assert!(json(&none).get("last").is_none());
    }

    #[test]
    fn what_does_not_belong_here_is_an_error() {
        let hear = |tag, body: &[u8]| Collector::default().hear(tag, body);
        assert!(hear(b'G', b"").is_err() && hear(b'T', b"\0\x09").is_err());
        assert!(hear(b'D', b"\0\x01\0\0\0\x09a").is_err());
        assert_eq!(ended(&[(b'Z', b"I")]).status, FAILED, "nothing was done");
    }
}
