//! All replies to one template. The command's own decides what was done; the WAIT behind it only whether that is enough.
//!
//! Redis executes a write and acknowledges it before any replica has it. WAIT then tells how many replicas have confirmed
//! everything that this connection has written: fewer than were asked for is no rejection, for the write was done here and may
//! survive; and no acknowledgement either.

use serde_json::{Map, Value};

use super::command::Commands;
use super::replies::{error, value};
use super::{COMPLETED, FAILED};

/// Collects the replies to one template.
#[derive(Debug, Default)]
pub struct Collector {
    heard: usize,
    own: Option<Own>,
}

/// What the command itself came to.
#[derive(Debug)]
enum Own {
    Done(Value),
    Error(String),
}

/// What a template came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// [`COMPLETED`] or [`FAILED`].
    pub status: u16,
    /// The first word of the command's error.
    pub error: Option<String>,
    /// JSON: `reply`, or `error` and `message`; behind a WAIT `replicas`, or `wait-error`.
    pub body: Vec<u8>,
}

impl Collector {
    /// The next reply to these commands. `None`: there is more to come.
    pub fn hear(&mut self, asked: &Commands, reply: &[u8]) -> Option<Ended> {
        self.heard += 1;
        match &self.own {
            None => {
                self.own = Some(match error(reply) {
                    None => Own::Done(value(reply)),
                    Some(words) => Own::Error(words.to_string()),
                });
                (asked.count() == 1).then(|| self.end(asked, None))
            }
            Some(_) => (self.heard == asked.count()).then(|| self.end(asked, Some(reply))),
        }
    }

    fn end(&mut self, asked: &Commands, waited: Option<&[u8]>) -> Ended {
        let Collector { own, .. } = std::mem::take(self);
        let mut body = Map::new();
        let mut is_enough = asked.wanted().is_none();
        match waited.map(|reply| (error(reply), value(reply))) {
            None => {}
            Some((Some(words), _)) => {
                body.insert("wait-error".to_string(), Value::from(words));
            }
            Some((None, replicas)) => {
                let told = replicas.as_u64().zip(asked.wanted());
                is_enough = told.is_some_and(|(told, wanted)| told >= wanted);
                body.insert("replicas".to_string(), replicas);
            }
        }
        let mut code = None;
        match own {
            Some(Own::Done(reply)) => {
                body.insert("reply".to_string(), reply);
            }
            Some(Own::Error(words)) => {
                let first = words.split(' ').next().unwrap_or_default();
                body.insert("error".to_string(), Value::from(first));
                code = Some(first.to_string());
                body.insert("message".to_string(), Value::from(words));
            }
            None => is_enough = false,
        }
        Ended {
            status: match code.is_none() && is_enough {
                true => COMPLETED,
                false => FAILED,
            },
            error: code,
            body: Value::Object(body).to_string().into_bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shakedown_scenarios::plan::Template;

    use super::*;
    use crate::secret::Secrets;

    fn ended(text: &str, replies: &[&[u8]]) -> (u16, Option<String>, Value) {
        let asked = Commands::new(&Template::literal(text), &Secrets::default());
        let mut collector = Collector::default();
        let mut ends = replies.iter().map(|reply| collector.hear(&asked, reply));
        let last = ends.by_ref().nth(replies.len() - 1).unwrap().unwrap();
        (
            last.status,
            last.error,
            serde_json::from_slice(&last.body).unwrap(),
        )
    }

    const WAITS: &str = "SET\u{1f}a\u{1f}b\u{1e}WAIT\u{1f}1\u{1f}500";

    #[test]
    fn a_reply_ends_a_command() {
        assert_eq!(
            ended("SET\u{1f}a\u{1f}b", &[b"+OK\r\n"]),
            (COMPLETED, None, json!({ "reply": "OK" }))
        );
        assert_eq!(
            ended(
                "SET\u{1f}a\u{1f}b",
                &[b"-NOREPLICAS Not enough good replicas to write.\r\n"]
            ),
            (
                FAILED,
                Some("NOREPLICAS".to_string()),
                json!({ "error": "NOREPLICAS", "message": "NOREPLICAS Not enough good replicas to write." })
            )
        );
    }

    #[test]
    fn too_few_replicas_are_neither_an_acknowledgement_nor_an_error() {
        let (enough, few) = (b":1\r\n", b":0\r\n");
        let done = ended(WAITS, &[b"+OK\r\n", enough]);
        assert_eq!(
            done,
            (COMPLETED, None, json!({ "reply": "OK", "replicas": 1 }))
        );
        let short = ended(WAITS, &[b"+OK\r\n", few]);
        assert_eq!(
            short,
            (FAILED, None, json!({ "reply": "OK", "replicas": 0 }))
        );
        let unblocked = ended(WAITS, &[b"+OK\r\n", b"-UNBLOCKED state changed\r\n"]);
        assert_eq!((unblocked.0, unblocked.1), (FAILED, None));
        assert_eq!(unblocked.2["wait-error"], "UNBLOCKED state changed");
    }

    #[test]
    fn an_error_of_the_command_outweighs_its_wait() {
        let refused = ended(
            WAITS,
            &[b"-READONLY no\r\n", b"-ERR WAIT cannot be used\r\n"],
        );
        assert_eq!(
            (refused.0, refused.1.as_deref()),
            (FAILED, Some("READONLY"))
        );
        let counted = ended(WAITS, &[b"-WRONGTYPE no\r\n", b":2\r\n"]);
        assert_eq!(
            (counted.0, counted.1.as_deref()),
            (FAILED, Some("WRONGTYPE"))
        );
    }
}
