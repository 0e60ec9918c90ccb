//! In what the requests of a profile are written: that of its gateway, and HTTP where that is none of a store.

use crate::compile::exchange::Exchanges;
use crate::compile::sheet::{At, Sheet};
use crate::plan::{Answer, Request};
use crate::spec::profile::{AnswerSpec, RequestSpec};

use crate::compile::template::Use;

/// In what requests are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::compile) enum Language {
    Http,
    /// Statements of SQL.
    Sql,
    /// Commands of Redis.
    Commands,
}

impl Language {
    pub(in crate::compile) fn of(sheet: &Sheet) -> Language {
        let has = |gateway: &str| sheet.has(&At::of(&["gateway", gateway]));
        if has("postgresql") {
            Language::Sql
        } else if has("redis") {
            Language::Commands
        } else {
            Language::Http
        }
    }
}

impl Exchanges<'_> {
    /// A request in the language of a store, or one that has to be; `None`: it is one over HTTP.
    pub(in crate::compile) fn of_store(
        &self,
        at: &At,
        spec: &RequestSpec,
        used: Use,
    ) -> Option<Option<Request>> {
        match self.language {
            Language::Sql => Some(self.statement(at, spec, used)),
            Language::Commands => Some(self.command(at, spec, used)),
            Language::Http if spec.sql.is_some() => Some(self.statement(at, spec, used)),
            Language::Http if spec.command.is_some() || spec.wait.is_some() => {
                Some(self.command(at, spec, used))
            }
            Language::Http => None,
        }
    }

    /// The same for a class of answers.
    pub(in crate::compile) fn answer_of_store(&self, at: &At, spec: &AnswerSpec) -> Option<Answer> {
        match self.language {
            Language::Sql => Some(self.sqlstates(at, spec)),
            Language::Commands => Some(self.replies(at, spec)),
            Language::Http if !spec.sqlstate.is_empty() => Some(self.sqlstates(at, spec)),
            Language::Http if !spec.error.is_empty() => Some(self.replies(at, spec)),
            Language::Http => None,
        }
    }

    pub(in crate::compile) fn refuse_language(&self, at: &At) {
        let (message, hint) = match self.language {
            Language::Http | Language::Sql => (
                "the gateway is a PostgreSQL server, which knows no paths",
                "ask by a statement: { sql: select … }",
            ),
            Language::Commands => (
                "the gateway is a Redis server, which knows no paths and no SQL",
                "ask by a command: { command: [GET, a-key] }",
            ),
        };
        self.sheet.refuse_with(at, message, hint);
    }
}
