//! Requests of a store: statements in place of methods and paths, SQLSTATEs in place of statuses.
//!
//! The holes of a statement become parameters, so that no value can break out of it. What is looked for here are mistakes
//! that the server would find only when the load begins, and quotes around a hole, which would make a name of it.

use crate::plan::{Answer, Condition, Expected, JsonPointer, Request, Template};
use crate::spec::profile::{AnswerSpec, RequestSpec};

use super::language::Language;
use crate::compile::exchange::Exchanges;
use crate::compile::sheet::{At, Sheet};
use crate::compile::template::Use;

/// Statuses of all answers of a store (`docs/stores.md`).
const STATUSES: [u16; 2] = [200, 500];

impl Exchanges<'_> {
    pub(in crate::compile) fn statement(
        &self,
        at: &At,
        spec: &RequestSpec,
        used: Use,
    ) -> Option<Request> {
        let is_other = spec.method.is_some()
            || spec.path.is_some()
            || spec.body.is_some()
            || spec.command.is_some()
            || spec.wait.is_some()
            || spec.headers.iter().next().is_some();
        let Some(sql) = spec.sql.as_ref().filter(|_| !is_other) else {
            self.refuse_language(at);
            return None;
        };
        let at = at.to("sql");
        if self.language != Language::Sql {
            self.sheet.refuse_with(
                &at,
                "the gateway speaks HTTP, and this is a statement",
                "write gateway: { postgresql: { database: … } }, or method, path and body",
            );
            return None;
        }
        if let Some((message, hint)) = unfit(sql) {
            self.sheet.refuse_with(&at, message, hint);
            return None;
        }
        let body = self.text(&at, sql, used)?;
        Some(Request {
            method: Request::SQL.to_string(),
            path: Template::literal(""),
            headers: Vec::new(),
            body: Some(body),
        })
    }

    /// A class of a store's answers.
    pub(in crate::compile) fn sqlstates(&self, at: &At, spec: &AnswerSpec) -> Answer {
        if self.language != Language::Sql {
            self.sheet.refuse_with(
                &at.to("sqlstate"),
                "answers over HTTP have a status",
                "such as status: [201]",
            );
        } else if !spec.status.is_empty() {
            self.sheet.refuse_with(
                &at.to("status"),
                "answers of PostgreSQL have an SQLSTATE, and no status",
                "such as sqlstate: [\"00000\"]",
            );
        } else if !spec.error.is_empty() {
            self.sheet.refuse_with(
                &at.to("error"),
                "errors of PostgreSQL have an SQLSTATE",
                "such as sqlstate: [\"23505\"]",
            );
        } else if spec.sqlstate.is_empty() {
            self.sheet.refuse_entry(
                at,
                "no SQLSTATE is named",
                "success is sqlstate: [\"00000\"]",
            );
        }
        codes(&at.to("sqlstate"), &spec.sqlstate, self.sheet);
        let known = Condition {
            pointer: JsonPointer("/sqlstate".to_string()),
            expected: Expected::AnyOf(
                spec.sqlstate
                    .iter()
                    .map(|code| code.as_str().into())
                    .collect(),
            ),
        };
        let others = self.conditions(&at.to("where"), &spec.conditions);
        Answer {
            status: STATUSES.to_vec(),
            conditions: std::iter::once(known).chain(others).collect(),
        }
    }
}

/// SQLSTATEs have five letters and digits.
pub(super) fn codes(at: &At, codes: &[String], sheet: &Sheet) {
    for (index, code) in codes.iter().enumerate() {
        let fits = |c: char| c.is_ascii_digit() || c.is_ascii_uppercase();
        if code.len() != 5 || !code.chars().all(fits) {
            sheet.refuse_with(
                &at.item(index),
                format!("`{}` is no SQLSTATE", crate::yaml::shortened(code)),
                "five digits and capital letters in quotes, such as \"23505\"",
            );
        }
    }
}

/// Where a reader of SQL is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Nothing,
    Quotes(char),
    Line,
}

/// What is wrong with a statement, and what to do; `None`: nothing that can be seen from here.
fn unfit(sql: &str) -> Option<(&'static str, &'static str)> {
    if sql.trim().is_empty() {
        return Some(("there is no statement", "such as select 1"));
    }
    let mut inside = Inside::Nothing;
    let mut rest = sql;
    while let Some(c) = rest.chars().next() {
        let is_hole = rest.starts_with("{{") || rest.starts_with("${");
        match inside {
            Inside::Quotes(_) | Inside::Line if is_hole => {
                return Some((
                    "a hole is a parameter, and no parameter stands in quotes or comments",
                    "leave the quotes out: values ({{id}}, {{symbol}}); join texts with ||",
                ));
            }
            Inside::Nothing if is_hole => {
                let close = rest.find('}').unwrap_or(0);
                rest = rest[close..].trim_start_matches('}');
                continue;
            }
            Inside::Nothing if c == '\'' || c == '"' => inside = Inside::Quotes(c),
            Inside::Nothing if rest.starts_with("--") => inside = Inside::Line,
            Inside::Nothing if c == '$' => {
                return Some((
                    "a `$` outside of quotes would be a parameter of its own",
                    "put {{…}} where a value belongs, and write texts in '…'",
                ));
            }
            Inside::Nothing if c == ';' && !rest[1..].trim().is_empty() => {
                return Some((
                    "these are several statements",
                    "one for each request; a function can do more",
                ));
            }
            Inside::Quotes(quote) if c == quote => inside = Inside::Nothing,
            Inside::Line if c == '\n' => inside = Inside::Nothing,
            Inside::Nothing | Inside::Quotes(_) | Inside::Line => {}
        }
        rest = &rest[c.len_utf8()..];
    }
    match inside {
        Inside::Quotes(_) => Some(("quotes are not closed", "look for the second of a pair")),
        Inside::Nothing | Inside::Line => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_stand_where_values_do() {
        for good in [
            "select 1",
            "insert into o values ({{id}}, {{ price }}::numeric, 'it''s {1}');",
            "select id from o where id > {{cursor|upper}} -- all of them\norder by id",
            "select \"a;b\" from o where x = '$1; --'",
        ] {
            assert_eq!(unfit(good), None, "{good}");
        }
        for (bad, said) in [
            (" ", "no statement"),
            ("insert into o values ('{{id}}')", "in quotes"),
            ("select 1 -- {{id}}", "comments"),
            ("select $1", "a `$`"),
            ("select 1; drop table o", "several"),
            ("select 'a", "not closed"),
            ("select '${secret}'", "in quotes"),
        ] {
            let told = unfit(bad).map(|(message, _)| message);
            assert!(told.is_some_and(|it| it.contains(said)), "{bad}: {told:?}");
        }
    }
}
