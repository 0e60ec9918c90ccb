//! Requests of Redis: words in place of methods and paths, replies and errors in place of statuses.
//!
//! Every word goes with its length, so that no value can break out of it; quotes are signs like any other. What is looked for
//! here are mistakes that the server would find only when the load begins.

use crate::plan::{Answer, Condition, Expected, JsonPointer, Request, Template, TemplatePart};
use crate::spec::profile::{AnswerSpec, RequestSpec, WaitSpec};

use super::language::Language;
use crate::compile::exchange::Exchanges;
use crate::compile::sheet::{At, Sheet};
use crate::compile::template::Use;

/// Statuses of answers of Redis: done on as many replicas as asked for; not so (`docs/stores.md`).
const COMPLETED: u16 = 200;
const FAILED: u16 = 500;

const NS_PER_MS: u64 = 1_000_000;

/// Commands that are about the connection: the replies that follow would be others than those of orders and questions.
const OF_CONNECTIONS: [&str; 15] = [
    "ASKING",
    "CLIENT",
    "DISCARD",
    "EXEC",
    "HELLO",
    "MONITOR",
    "MULTI",
    "PSUBSCRIBE",
    "QUIT",
    "RESET",
    "SELECT",
    "SSUBSCRIBE",
    "SUBSCRIBE",
    "WAIT",
    "WATCH",
];

/// A session cannot do anything else while it waits.
const LONGEST_WAIT_NS: u64 = 60_000 * NS_PER_MS;

impl Exchanges<'_> {
    pub(in crate::compile) fn command(
        &self,
        at: &At,
        spec: &RequestSpec,
        used: Use,
    ) -> Option<Request> {
        if self.language != Language::Commands {
            self.sheet.refuse_with(
                at,
                "the gateway is no Redis server, and this is a command",
                "write gateway: { redis: {} }, or ask in the gateway's own language",
            );
            return None;
        }
        let is_other = spec.method.is_some()
            || spec.path.is_some()
            || spec.body.is_some()
            || spec.sql.is_some()
            || spec.headers.iter().next().is_some();
        let Some(words) = spec.command.as_ref().filter(|_| !is_other) else {
            self.refuse_language(at);
            return None;
        };
        let at_words = at.to("command");
        if words.first().is_none_or(|word| word.trim().is_empty()) {
            self.sheet.refuse_with(
                &at_words,
                "there is no command",
                "its words, each by itself: [SET, \"order:{{id}}\", \"{{price}}\"]",
            );
            return None;
        }
        let mut known = OF_CONNECTIONS.iter();
        if let Some(name) = known.find(|name| name.eq_ignore_ascii_case(&words[0])) {
            self.sheet.refuse_with(
                &at_words.item(0),
                format!(
                    "`{name}` is about the connection, and one command is all that a request is"
                ),
                "one that does all of it, such as HSET, or a script: EVAL",
            );
        }
        let mut parts = Vec::new();
        for (index, word) in words.iter().enumerate() {
            if word.contains([Request::NEXT_WORD, Request::NEXT_COMMAND]) {
                let at = at_words.item(index);
                self.sheet.refuse(&at, "separators of ASCII cannot be sent");
            }
            if index > 0 {
                parts.push(TemplatePart::Text(Request::NEXT_WORD.to_string()));
            }
            parts.extend(self.text(&at_words.item(index), word, used)?.parts);
        }
        if let Some(wait) = &spec.wait {
            let text = waiting(&at.to("wait"), wait, used, self.sheet);
            parts.push(TemplatePart::Text(text));
        }
        Some(Request {
            method: Request::COMMAND.to_string(),
            path: Template::literal(""),
            headers: Vec::new(),
            body: Some(Template { parts }),
        })
    }

    /// A class of Redis' answers: errors by their first words, or a reply by what it says.
    pub(in crate::compile) fn replies(&self, at: &At, spec: &AnswerSpec) -> Answer {
        if self.language != Language::Commands {
            self.sheet.refuse_with(
                &at.to("error"),
                "answers over HTTP have a status",
                "such as status: [422]",
            );
        }
        for (field, is_there) in [
            ("status", !spec.status.is_empty()),
            ("sqlstate", !spec.sqlstate.is_empty()),
        ] {
            if is_there {
                self.sheet.refuse_with(
                    &at.to(field),
                    "answers of Redis are replies or errors, and have none of these",
                    "such as where: { /reply: OK }, or error: [WRONGTYPE]",
                );
            }
        }
        let others = self.conditions(&at.to("where"), &spec.conditions);
        if spec.error.is_empty() {
            if others.is_empty() {
                self.sheet.refuse_entry(
                    at,
                    "every reply would do, also one that says that nothing was done",
                    "name the reply: where: { /reply: OK }, or errors: error: [WRONGTYPE]",
                );
            }
            return Answer {
                status: vec![COMPLETED],
                conditions: others,
            };
        }
        codes(&at.to("error"), &spec.error, self.sheet);
        let known = Condition {
            pointer: JsonPointer("/error".to_string()),
            expected: Expected::AnyOf(spec.error.iter().map(|code| code.as_str().into()).collect()),
        };
        Answer {
            status: vec![FAILED],
            conditions: std::iter::once(known).chain(others).collect(),
        }
    }
}

/// The WAIT behind a command.
fn waiting(at: &At, spec: &WaitSpec, used: Use, sheet: &Sheet) -> String {
    if used != Use::Order {
        sheet.refuse_entry(at, "only orders wait for replicas", "take it out");
    }
    if spec.replicas == 0 {
        sheet.refuse_with(
            &at.to("replicas"),
            "nobody is waited for",
            "at least 1, or take `wait` out",
        );
    }
    let within_ns = spec.within.ns;
    if !within_ns.is_multiple_of(NS_PER_MS) || !(NS_PER_MS..=LONGEST_WAIT_NS).contains(&within_ns) {
        sheet.refuse_with(
            &at.to("within"),
            "Redis waits whole milliseconds, and 0 would be for ever",
            "from 1ms to 60s, such as 500ms",
        );
    }
    let (command, word) = (Request::NEXT_COMMAND, Request::NEXT_WORD);
    let within_ms = within_ns / NS_PER_MS;
    format!("{command}WAIT{word}{}{word}{within_ms}", spec.replicas)
}

/// Errors begin with a word in capital letters.
fn codes(at: &At, codes: &[String], sheet: &Sheet) {
    for (index, code) in codes.iter().enumerate() {
        let fits = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        if code.is_empty() || !code.chars().all(fits) {
            sheet.refuse_with(
                &at.item(index),
                format!("`{}` is no error of Redis", crate::yaml::shortened(code)),
                "the word in capital letters that it begins with, such as WRONGTYPE",
            );
        }
    }
}
