//! In what the requests of a profile are written: that of its gateway, and HTTP where that is none of a store.

use crate::compile::exchange::Exchanges;
use crate::compile::sheet::{At, Sheet};
use crate::plan::{Answer, Request, Template};
use crate::spec::profile::{AnswerSpec, RequestSpec};

use crate::compile::template::Use;

/// Where the players of parts stand.
const PLAYERS: [&str; 4] = ["environments", "local", "stand-in", "parts"];

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

    /// That of a part: a store behind the engine is asked in its own.
    pub(in crate::compile) fn of_part(part: &str, sheet: &Sheet) -> Language {
        let own = Language::of(sheet);
        let players = At::of(&PLAYERS);
        let is = |part: &str, player: &str| sheet.has(&players.to(part).to(player));
        let watches = |servers: &String| {
            let sentinels = players.to(servers).to("redis").to("sentinels");
            sheet.text(&sentinels.to("part")) == Some(part)
        };
        if own != Language::Http {
            own
        } else if is(part, "postgresql") || is(part, "pgbouncer") {
            Language::Sql
        } else if is(part, "redis") || sheet.keys(&players).iter().any(watches) {
            Language::Commands
        } else {
            Language::Http
        }
    }
}

impl<'s> Exchanges<'s> {
    /// The same, in the language of a part.
    pub(in crate::compile) fn of_part(&self, part: &str) -> Exchanges<'s> {
        Exchanges {
            language: Language::of_part(part, self.sheet),
            ..*self
        }
    }

    /// What tells of a store behind the engine, without a word in the profile, that it is ready.
    pub(in crate::compile) fn asks_itself(&self, part: &str) -> Option<Request> {
        let of_store = |method: &str, body: &str| Request {
            method: method.to_string(),
            path: Template::literal(""),
            headers: Vec::new(),
            body: Some(Template::literal(body)),
        };
        match (Language::of(self.sheet), self.language) {
            (Language::Http, Language::Sql) => Some(of_store(Request::SQL, "select 1")),
            (Language::Http, Language::Commands) => Some(of_store(Request::COMMAND, "PING")),
            (Language::Sql | Language::Commands, _) => None,
            (Language::Http, Language::Http) => {
                let players = At::of(&PLAYERS).to(part);
                let own = [("nats", "/healthz"), ("influxdb", "/ping")];
                let own = own
                    .into_iter()
                    .find(|(player, _)| self.sheet.has(&players.to(player)));
                own.map(|(_, path)| Request {
                    method: "GET".to_string(),
                    path: Template::literal(path),
                    headers: Vec::new(),
                    body: None,
                })
            }
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
                "this is asked of a PostgreSQL server, which knows no paths",
                "ask by a statement: { sql: select … }",
            ),
            Language::Commands => (
                "this is asked of a Redis server, which knows no paths and no SQL",
                "ask by a command: { command: [GET, a-key] }",
            ),
        };
        self.sheet.refuse_with(at, message, hint);
    }
}
