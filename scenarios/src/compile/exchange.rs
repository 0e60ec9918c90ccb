//! Requests, answers and what is read from them.

use serde_json::Value;

use crate::plan::{Answer, Condition, Expected, Extract, JsonPointer, Request, Template, Variable};
use crate::spec::profile::{
    AnswerSpec, ExpectationSpec, ExtractSpec, GetSpec, RequestSpec, WhereSpec,
};
use crate::spec::scalar::Pointer;

use super::gateway::Language;
use super::sheet::{At, Sheet};
use super::template::{Use, sample, template, uses};

/// Reads requests of one profile.
#[derive(Debug, Clone, Copy)]
pub(super) struct Exchanges<'s> {
    pub(super) sheet: &'s Sheet<'s>,
    /// Names of the secrets that the profile defines.
    pub(super) secrets: &'s [String],
    /// In what requests are written.
    pub(super) language: Language,
}

impl Exchanges<'_> {
    /// A request that reads something: a path, or a full request whose method is GET unless it says otherwise.
    pub(super) fn get(&self, at: &At, spec: &GetSpec, used: Use) -> Option<Request> {
        match spec {
            GetSpec::Path(_) if self.language != Language::Http => {
                self.refuse_language(at);
                None
            }
            GetSpec::Path(path) => Some(Request {
                method: "GET".to_string(),
                path: self.path(at, path, used)?,
                headers: Vec::new(),
                body: None,
            }),
            GetSpec::Full(request) => self.of_store(at, request, used).unwrap_or_else(|| {
                let method = request.method.as_ref().map_or("GET", |method| &method.0);
                self.request(at, request, method, used)
            }),
        }
    }

    /// A request that changes something: it says by which method.
    pub(super) fn send(&self, at: &At, spec: &RequestSpec, used: Use) -> Option<Request> {
        if let Some(of_store) = self.of_store(at, spec, used) {
            return of_store;
        }
        match &spec.method {
            Some(method) => self.request(at, spec, &method.0, used),
            None => {
                self.sheet.refuse_entry(
                    at,
                    "`method` is missing",
                    "write `method: POST`, or what the engine expects",
                );
                self.request(at, spec, "POST", used)
            }
        }
    }

    fn request(&self, at: &At, spec: &RequestSpec, method: &str, used: Use) -> Option<Request> {
        let Some(path) = &spec.path else {
            self.sheet
                .refuse_entry(at, "`path` is missing", "such as path: /v1/orders");
            return None;
        };
        let path = self.path(&at.to("path"), path, used);
        let headers: Vec<Option<(String, Template)>> = spec
            .headers
            .iter()
            .map(|(name, value)| {
                let at = at.to("headers").to(&name.0);
                self.header_value(&at, value, used)
                    .map(|value| (name.0.clone(), value))
            })
            .collect();
        let body = match &spec.body {
            Some(text) => Some(self.body(&at.to("body"), text, used)?),
            None => None,
        };
        Some(Request {
            method: method.to_string(),
            path: path?,
            headers: headers.into_iter().collect::<Option<Vec<_>>>()?,
            body,
        })
    }

    /// A template, or a note of what is wrong with it.
    pub(super) fn text(&self, at: &At, text: &str, used: Use) -> Option<Template> {
        match template(text, used, self.secrets) {
            Ok(template) => Some(template),
            Err(complaint) => {
                self.sheet
                    .refuse_with(at, complaint.message, complaint.hint);
                None
            }
        }
    }

    /// A header's value: no line may break in it.
    pub(super) fn header_value(&self, at: &At, text: &str, used: Use) -> Option<Template> {
        if text.contains(char::is_control) {
            self.sheet.refuse(
                at,
                "a header's value may not hold line breaks or other control characters",
            );
            return None;
        }
        self.text(at, text, used)
    }

    fn path(&self, at: &At, text: &str, used: Use) -> Option<Template> {
        if !text.starts_with('/') {
            self.sheet.refuse_with(
                at,
                "a path begins with a slash",
                "such as /v1/orders; the host stands under `environments`",
            );
            return None;
        }
        let template = self.text(at, text, used)?;
        if sample(&template).contains(|c: char| c.is_whitespace() || c.is_control()) {
            self.sheet.refuse_with(
                at,
                "a path holds no spaces",
                "write %20 where the engine expects one",
            );
            return None;
        }
        Some(template)
    }

    /// The text of a message.
    pub(super) fn message(&self, at: &At, text: &str) -> Option<Template> {
        self.body(at, text, Use::Order)
    }

    fn body(&self, at: &At, text: &str, used: Use) -> Option<Template> {
        let template = self.text(at, text, used)?;
        let looks_like_json = text.trim_start().starts_with(['{', '[']);
        if looks_like_json && let Err(error) = serde_json::from_str::<Value>(&sample(&template)) {
            self.sheet.refuse_with(
                at,
                format!("the body is not valid JSON once its holes are filled: {error}"),
                "look at quotes, commas and braces of the body",
            );
            return None;
        }
        Some(template)
    }

    /// Conditions on a reply; at least one.
    pub(super) fn some_conditions(&self, at: &At, spec: &WhereSpec) -> Vec<Condition> {
        if spec.is_empty() {
            self.sheet.refuse_entry(
                at,
                "`where` says nothing, so that every reply would do",
                "name what the reply must say: where: { /role: leader }",
            );
        }
        self.conditions(&at.to("where"), spec)
    }

    /// Conditions on a reply, `where` itself standing at `at`.
    pub(super) fn conditions(&self, at: &At, spec: &WhereSpec) -> Vec<Condition> {
        spec.iter()
            .map(|(place, expected)| {
                if let ExpectationSpec::AnyOf(values) = expected {
                    let at = at.to(&place.0);
                    if values.is_empty() {
                        self.sheet.refuse(&at, "an empty list can never be met");
                    }
                    if values
                        .iter()
                        .any(|value| value.is_array() || value.is_object())
                    {
                        self.sheet.refuse(&at, "a list may hold single values only");
                    }
                }
                Condition {
                    pointer: pointer(place),
                    expected: match expected {
                        ExpectationSpec::Literal(value) => Expected::Literal(value.clone()),
                        ExpectationSpec::AnyOf(values) => Expected::AnyOf(values.clone()),
                        ExpectationSpec::SameAs(other) => Expected::SameAs(pointer(other)),
                    },
                }
            })
            .collect()
    }

    /// A class of answers.
    pub(super) fn answer(&self, at: &At, spec: &AnswerSpec) -> Answer {
        if let Some(of_store) = self.answer_of_store(at, spec) {
            return of_store;
        }
        let status = at.to("status");
        if spec.status.is_empty() {
            self.sheet
                .refuse_with(&status, "no status is named", "such as [200]");
        }
        for (index, code) in spec.status.iter().enumerate() {
            if !(100..=599).contains(code) {
                self.sheet.refuse_with(
                    &status.item(index),
                    format!("{code} is no HTTP status"),
                    "a status lies between 100 and 599",
                );
            }
        }
        Answer {
            status: spec.status.clone(),
            conditions: self.conditions(&at.to("where"), &spec.conditions),
        }
    }
}

pub(super) fn pointer(spec: &Pointer) -> JsonPointer {
    JsonPointer(spec.0.clone())
}

pub(super) fn extract(spec: &ExtractSpec) -> Extract {
    match spec {
        ExtractSpec::Pointer(place) => Extract::Pointer(pointer(place)),
        ExtractSpec::Header(name) => Extract::Header(name.0.clone()),
    }
}

/// True when any template of the request uses a variable.
pub(super) fn request_uses(request: &Request, variable: &Variable) -> bool {
    uses(&request.path, variable)
        || request
            .headers
            .iter()
            .any(|(_, value)| uses(value, variable))
        || request
            .body
            .as_ref()
            .is_some_and(|body| uses(body, variable))
}
