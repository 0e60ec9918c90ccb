//! Filling templates: for one request at a time (control plane), and the pieces that the hot path is made of.

use std::time::{SystemTime, UNIX_EPOCH};

use shakedown_scenarios::plan::{Auth, Request, Template, TemplatePart, Variable, VariableFilter};

use crate::secret::{Secrets, encode};

/// What stands in the holes. A variable that has no value here renders as nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Vars<'a> {
    pub id: Option<&'a str>,
    pub session: Option<&'a str>,
    pub account: Option<&'a str>,
    pub symbol: Option<&'a str>,
    pub side: Option<&'a str>,
    pub price: Option<&'a str>,
    pub quantity: Option<&'a str>,
    pub stop: Option<&'a str>,
    pub expires: Option<&'a str>,
    pub cursor: Option<&'a str>,
}

/// Where a hole is: decides what must be escaped in its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Everything but unreserved characters is percent-encoded: ids and cursors are opaque.
    Path,
    /// Control characters become spaces: no value can start a header of its own.
    Header,
    /// As it is; the `json` filter escapes.
    Body,
}

/// A request with its holes filled.
#[derive(Clone, PartialEq, Eq)]
pub struct Rendered {
    pub method: String,
    pub path: String,
    /// The request's own headers, then those of `auth`, then `content-type` where the body looks like JSON and
    /// none was given.
    pub headers: Vec<(String, String)>,
    pub body: Option<String>,
}

impl std::fmt::Debug for Rendered {
    /// Headers and body may hold secrets and are left out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

/// Fills a template as a body or header would be filled.
///
/// # Panics
/// When the template names a secret that is not among `secrets`: the compiler accepts only declared names, and
/// [`Secrets::resolve`] gives all of them or none.
pub fn render(template: &Template, vars: &Vars<'_>, secrets: &Secrets) -> String {
    render_for(template, vars, secrets, Place::Body)
}

/// Fills a whole request: values in the path are percent-encoded, control characters in headers are dropped.
///
/// # Panics
/// As [`render`].
pub fn render_request(
    request: &Request,
    auth: &Auth,
    vars: &Vars<'_>,
    secrets: &Secrets,
) -> Rendered {
    let body = request
        .body
        .as_ref()
        .map(|body| render_for(body, vars, secrets, Place::Body));
    let mut headers: Vec<(String, String)> = request
        .headers
        .iter()
        .map(|(name, value)| {
            (
                name.clone(),
                render_for(value, vars, secrets, Place::Header),
            )
        })
        .collect();
    headers.extend(auth_headers(auth, secrets));
    if body.as_deref().is_some_and(looks_like_json) && !names(&headers, "content-type") {
        headers.push(("content-type".to_string(), "application/json".to_string()));
    }
    Rendered {
        method: request.method.clone(),
        path: render_for(&request.path, vars, secrets, Place::Path),
        headers,
        body,
    }
}

/// The headers by which every request is authenticated.
///
/// # Panics
/// As [`render`].
pub fn auth_headers(auth: &Auth, secrets: &Secrets) -> Vec<(String, String)> {
    let fill = |template| render_for(template, &Vars::default(), secrets, Place::Header);
    match auth {
        Auth::None => Vec::new(),
        Auth::Header { name, value } => vec![(name.clone(), fill(value))],
        Auth::Basic { user, password } => {
            let pair = format!("{}:{}", fill(user), fill(password));
            let value = format!("Basic {}", encode::base64(pair.as_bytes()));
            vec![("authorization".to_string(), value)]
        }
    }
}

/// User and password, where that is how one is authenticated.
///
/// # Panics
/// As [`render`].
pub(crate) fn login(auth: &Auth, secrets: &Secrets) -> Option<(String, String)> {
    let fill = |template| render_for(template, &Vars::default(), secrets, Place::Header);
    match auth {
        Auth::Basic { user, password } => Some((fill(user), fill(password))),
        Auth::None | Auth::Header { .. } => None,
    }
}

/// True when a body without a content type is sent as `application/json`.
pub(crate) fn looks_like_json(body: &str) -> bool {
    body.trim_start().starts_with(['{', '['])
}

/// True when a header of this name is given.
pub(super) fn names(headers: &[(String, String)], name: &str) -> bool {
    headers
        .iter()
        .any(|(given, _)| given.eq_ignore_ascii_case(name))
}

fn render_for(template: &Template, vars: &Vars<'_>, secrets: &Secrets, place: Place) -> String {
    let mut text = Vec::new();
    for part in &template.parts {
        match part {
            TemplatePart::Text(literal) => text.extend_from_slice(literal.as_bytes()),
            TemplatePart::Hole { variable, filters } => match variable {
                Variable::Secret(name) => fill(expose(secrets, name), filters, place, &mut text),
                other => fill_variable(other, filters, place, vars, &mut text),
            },
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// The value of a secret that the compiler has checked to be declared.
pub(super) fn expose<'a>(secrets: &'a Secrets, name: &str) -> &'a str {
    secrets
        .get(name)
        .expect("the compiler accepts only declared secrets and all of them were resolved")
        .expose()
}

/// Appends a variable's value.
pub(super) fn fill_variable(
    variable: &Variable,
    filters: &[VariableFilter],
    place: Place,
    vars: &Vars<'_>,
    out: &mut Vec<u8>,
) {
    let value = match variable {
        Variable::Id => vars.id,
        Variable::Session => vars.session,
        Variable::Account => vars.account,
        Variable::Symbol => vars.symbol,
        Variable::Side => vars.side,
        Variable::Price => vars.price,
        Variable::Quantity => vars.quantity,
        Variable::Stop => vars.stop,
        Variable::Expires => vars.expires,
        Variable::Cursor => vars.cursor,
        Variable::Now => return fill(&unix_ms().to_string(), filters, place, out),
        Variable::Secret(_) => unreachable!("secrets are filled when the template is compiled"),
    };
    fill(value.unwrap_or(""), filters, place, out);
}

/// The wall clock, in milliseconds after 1970 began: the value of `{{now}}`, and the date of FIX messages. Nothing is
/// timed with it.
#[allow(
    clippy::disallowed_methods,
    reason = "the engine asks for the wall clock"
)]
pub(crate) fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(0))
}

/// Appends a value through its filters, escaped for its place.
pub(super) fn fill(value: &str, filters: &[VariableFilter], place: Place, out: &mut Vec<u8>) {
    if filters.is_empty() {
        return escape(value, place, out);
    }
    let filtered = filters
        .iter()
        .fold(value.to_string(), |text, filter| apply(*filter, &text));
    escape(&filtered, place, out);
}

fn apply(filter: VariableFilter, text: &str) -> String {
    match filter {
        VariableFilter::Base64 => encode::base64(text.as_bytes()),
        VariableFilter::Hex => encode::hex(text.as_bytes()),
        VariableFilter::Upper => text.to_uppercase(),
        VariableFilter::Lower => text.to_lowercase(),
        VariableFilter::Json => {
            let quoted = serde_json::Value::from(text).to_string();
            quoted[1..quoted.len() - 1].to_string()
        }
    }
}

fn escape(value: &str, place: Place, out: &mut Vec<u8>) {
    match place {
        Place::Body => out.extend_from_slice(value.as_bytes()),
        Place::Header => out.extend(value.bytes().map(|byte| match byte {
            0..=31 | 127 => b' ',
            other => other,
        })),
        Place::Path if value.bytes().all(encode::is_unreserved) => {
            out.extend_from_slice(value.as_bytes());
        }
        Place::Path => out.extend_from_slice(encode::percent(value).as_bytes()),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use shakedown_scenarios::plan::SecretSource;

    use super::*;

    pub(in crate::http) fn hole(variable: Variable, filters: &[VariableFilter]) -> TemplatePart {
        TemplatePart::Hole {
            variable,
            filters: filters.to_vec(),
        }
    }

    pub(in crate::http) fn text(text: &str) -> TemplatePart {
        TemplatePart::Text(text.to_string())
    }

    pub(in crate::http) fn token_secret() -> Secrets {
        let echo = SecretSource::Command(vec!["echo".into(), "t0k+en".into()]);
        Secrets::resolve(&BTreeMap::from([("token".to_string(), echo)])).unwrap()
    }

    #[test]
    fn holes_are_filled_and_filtered() {
        let template = Template {
            parts: vec![
                text("{\"id\":\""),
                hole(Variable::Id, &[VariableFilter::Json]),
                text("\",\"side\":\""),
                hole(
                    Variable::Side,
                    &[VariableFilter::Lower, VariableFilter::Hex],
                ),
                text("\"}"),
                hole(Variable::Cursor, &[]),
            ],
        };
        let vars = Vars {
            id: Some("a\"b\n"),
            side: Some("BUY"),
            ..Vars::default()
        };
        let filled = render(&template, &vars, &Secrets::default());
        assert_eq!(filled, "{\"id\":\"a\\\"b\\n\",\"side\":\"627579\"}");
    }

    #[test]
    fn an_opaque_id_cannot_leave_its_place() {
        let request = Request {
            method: "GET".into(),
            path: Template {
                parts: vec![text("/o/"), hole(Variable::Id, &[])],
            },
            headers: vec![(
                "x-id".into(),
                Template {
                    parts: vec![hole(Variable::Id, &[])],
                },
            )],
            body: None,
        };
        let vars = Vars {
            id: Some("a/b?c\r\nevil: 1"),
            ..Vars::default()
        };
        let rendered = render_request(&request, &Auth::None, &vars, &Secrets::default());
        assert_eq!(rendered.path, "/o/a%2Fb%3Fc%0D%0Aevil%3A%201");
        assert_eq!(rendered.headers[0].1, "a/b?c  evil: 1");
    }

    #[test]
    fn authentication_reaches_the_headers_and_no_debug_output() {
        let secrets = token_secret();
        let bearer = Auth::Header {
            name: "Authorization".into(),
            value: Template {
                parts: vec![text("Bearer "), hole(Variable::Secret("token".into()), &[])],
            },
        };
        let header = |name: &str, value: &str| (name.to_string(), value.to_string());
        assert_eq!(
            auth_headers(&bearer, &secrets),
            [header("Authorization", "Bearer t0k+en")]
        );
        let basic = Auth::Basic {
            user: Template::literal("me"),
            password: Template {
                parts: vec![hole(Variable::Secret("token".into()), &[])],
            },
        };
        assert_eq!(
            auth_headers(&basic, &secrets),
            [header("authorization", "Basic bWU6dDBrK2Vu")]
        );
        let request = Request {
            method: "POST".into(),
            path: Template::literal("/o"),
            headers: Vec::new(),
            body: Some(Template::literal(" {}")),
        };
        let rendered = render_request(&request, &bearer, &Vars::default(), &secrets);
        assert_eq!(
            rendered.headers[1],
            header("content-type", "application/json")
        );
        assert_eq!(format!("{rendered:?}"), "POST /o");
    }
}
