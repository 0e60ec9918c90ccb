//! Requests compiled once, patched for each order: literal bytes with holes, no allocation per request.

use std::fmt;

use shakedown_scenarios::plan::{Auth, Request, Template, TemplatePart, Variable, VariableFilter};

use super::address::BaseUrl;
use super::numbers::append_number;
use super::template::{
    Place, Vars, auth_headers, expose, fill, fill_variable, looks_like_json, names,
};
use crate::secret::Secrets;

/// A request for one entry address, ready to be patched.
#[derive(Clone)]
pub struct Compiled {
    /// Everything up to the number of `content-length`, or up to the end of a request whose length is known.
    head: Vec<Piece>,
    /// Pieces of a body whose length is known only when it is patched.
    body: Option<Vec<Piece>>,
    asks_for_head: bool,
}

#[derive(Clone)]
enum Piece {
    Text(Vec<u8>),
    Hole {
        variable: Variable,
        filters: Vec<VariableFilter>,
        place: Place,
    },
}

impl fmt::Debug for Compiled {
    /// The bytes hold secrets and are left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compiled").finish_non_exhaustive()
    }
}

impl Compiled {
    /// Compiles a request for an entry address.
    ///
    /// # Panics
    /// When it names a secret that is not among `secrets`, which the compiler of profiles excludes.
    pub fn new(request: &Request, auth: &Auth, secrets: &Secrets, entry: &BaseUrl) -> Compiled {
        let mut head = Builder::default();
        head.text(&format!("{} {}", request.method, entry.prefix));
        head.template(&request.path, Place::Path, secrets);
        head.text(" HTTP/1.1\r\n");
        let mut headers: Vec<(String, Template)> = request.headers.clone();
        for (name, value) in auth_headers(auth, secrets) {
            headers.push((name, Template::literal(&value)));
        }
        let given: Vec<(String, String)> = headers
            .iter()
            .map(|(name, _)| (name.clone(), String::new()))
            .collect();
        if !names(&given, "host") {
            head.text(&format!("host: {}\r\n", entry.host));
        }
        for (name, value) in &headers {
            if name.eq_ignore_ascii_case("content-length") {
                continue;
            }
            head.text(&format!("{name}: "));
            head.template(value, Place::Header, secrets);
            head.text("\r\n");
        }
        let body = request.body.as_ref().map(|template| {
            let mut body = Builder::default();
            body.template(template, Place::Body, secrets);
            body.pieces
        });
        if let Some(Piece::Text(start)) = body.as_ref().and_then(|pieces| pieces.first())
            && looks_like_json(&String::from_utf8_lossy(start))
            && !names(&given, "content-type")
        {
            head.text("content-type: application/json\r\n");
        }
        Compiled {
            asks_for_head: request.method == "HEAD",
            ..Self::close(head, body, &request.method)
        }
    }

    fn close(mut head: Builder, body: Option<Vec<Piece>>, method: &str) -> Compiled {
        let body = match body.as_deref() {
            None | Some([]) => {
                if matches!(method, "POST" | "PUT" | "PATCH") {
                    head.text("content-length: 0\r\n");
                }
                head.text("\r\n");
                None
            }
            Some([Piece::Text(fixed)]) => {
                head.text(&format!("content-length: {}\r\n\r\n", fixed.len()));
                head.bytes(fixed);
                None
            }
            Some(_) => {
                head.text("content-length: ");
                body
            }
        };
        Compiled {
            head: head.pieces,
            body,
            asks_for_head: false,
        }
    }

    /// True for a `HEAD` request, whose answer has no body whatever its headers say.
    pub fn asks_for_head(&self) -> bool {
        self.asks_for_head
    }

    /// The bytes of a request without holes, the same for each use.
    pub fn fixed(&self) -> Option<&[u8]> {
        match (self.head.as_slice(), &self.body) {
            ([Piece::Text(bytes)], None) => Some(bytes),
            _ => None,
        }
    }

    /// Appends the request to `out`. `scratch` is any buffer that may be reused.
    pub fn append(&self, vars: &Vars<'_>, scratch: &mut Scratch, out: &mut Vec<u8>) {
        append_pieces(&self.head, vars, out);
        let Some(body) = &self.body else {
            return;
        };
        scratch.body.clear();
        append_pieces(body, vars, &mut scratch.body);
        scratch.length.clear();
        append_number(scratch.body.len() as u64, &mut scratch.length);
        out.extend_from_slice(scratch.length.as_bytes());
        out.extend_from_slice(b"\r\n\r\n");
        out.extend_from_slice(&scratch.body);
    }
}

/// A text with holes, without anything around it.
#[derive(Clone)]
pub struct CompiledText {
    pieces: Vec<Piece>,
}

impl fmt::Debug for CompiledText {
    /// The bytes hold secrets and are left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompiledText").finish_non_exhaustive()
    }
}

impl CompiledText {
    /// Compiles a template whose holes are filled as in a body.
    ///
    /// # Panics
    /// As [`Compiled::new`].
    pub fn new(template: &Template, secrets: &Secrets) -> CompiledText {
        CompiledText::at(Place::Body, "", template, secrets)
    }

    /// The same with holes filled as in a header.
    ///
    /// # Panics
    /// As [`Compiled::new`].
    pub(crate) fn header(template: &Template, secrets: &Secrets) -> CompiledText {
        CompiledText::at(Place::Header, "", template, secrets)
    }

    /// The same with holes filled as in a path, behind a prefix.
    ///
    /// # Panics
    /// As [`Compiled::new`].
    pub(crate) fn path(prefix: &str, template: &Template, secrets: &Secrets) -> CompiledText {
        CompiledText::at(Place::Path, prefix, template, secrets)
    }

    fn at(place: Place, prefix: &str, template: &Template, secrets: &Secrets) -> CompiledText {
        let mut builder = Builder::default();
        builder.text(prefix);
        builder.template(template, place, secrets);
        CompiledText {
            pieces: builder.pieces,
        }
    }

    /// The bytes of a text without holes.
    pub(crate) fn fixed(&self) -> Option<&[u8]> {
        match self.pieces.as_slice() {
            [] => Some(&[]),
            [Piece::Text(bytes)] => Some(bytes),
            _ => None,
        }
    }

    /// Appends the text to `out`.
    pub fn append(&self, vars: &Vars<'_>, out: &mut Vec<u8>) {
        append_pieces(&self.pieces, vars, out);
    }
}

/// Buffers that [`Compiled::append`] uses again and again.
#[derive(Debug, Default, Clone)]
pub struct Scratch {
    body: Vec<u8>,
    length: String,
}

fn append_pieces(pieces: &[Piece], vars: &Vars<'_>, out: &mut Vec<u8>) {
    for piece in pieces {
        match piece {
            Piece::Text(bytes) => out.extend_from_slice(bytes),
            Piece::Hole {
                variable,
                filters,
                place,
            } => fill_variable(variable, filters, *place, vars, out),
        }
    }
}

/// Collects pieces and joins neighbouring literals.
#[derive(Default)]
struct Builder {
    pieces: Vec<Piece>,
}

impl Builder {
    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        match self.pieces.last_mut() {
            Some(Piece::Text(last)) => last.extend_from_slice(bytes),
            _ if bytes.is_empty() => {}
            _ => self.pieces.push(Piece::Text(bytes.to_vec())),
        }
    }

    fn template(&mut self, template: &Template, place: Place, secrets: &Secrets) {
        for part in &template.parts {
            match part {
                TemplatePart::Text(text) => self.text(text),
                TemplatePart::Hole { variable, filters } => match variable {
                    Variable::Secret(name) => {
                        let mut value = Vec::new();
                        fill(expose(secrets, name), filters, place, &mut value);
                        self.bytes(&value);
                    }
                    other => self.pieces.push(Piece::Hole {
                        variable: other.clone(),
                        filters: filters.clone(),
                        place,
                    }),
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::template::tests::{hole, text, token_secret};
    use super::*;

    fn entry() -> BaseUrl {
        BaseUrl::resolve("http://127.0.0.1:8080/api").unwrap()
    }

    fn bytes(request: &Request, vars: &Vars<'_>) -> String {
        let bearer = Auth::Header {
            name: "Authorization".into(),
            value: Template {
                parts: vec![text("Bearer "), hole(Variable::Secret("token".into()), &[])],
            },
        };
        let compiled = Compiled::new(request, &bearer, &token_secret(), &entry());
        let mut out = Vec::new();
        compiled.append(vars, &mut Scratch::default(), &mut out);
        String::from_utf8(out).unwrap()
    }

    fn request(method: &str, path: Vec<TemplatePart>, body: Option<Vec<TemplatePart>>) -> Request {
        Request {
            method: method.into(),
            path: Template { parts: path },
            headers: Vec::new(),
            body: body.map(|parts| Template { parts }),
        }
    }

    #[test]
    fn the_length_follows_what_is_patched_in() {
        let order = request(
            "POST",
            vec![text("/o")],
            Some(vec![
                text("{\"id\":\""),
                hole(Variable::Id, &[]),
                text("\"}"),
            ]),
        );
        for (id, length) in [("a-1", 12), ("a-1000000", 18)] {
            let vars = Vars {
                id: Some(id),
                ..Vars::default()
            };
            assert_eq!(
                bytes(&order, &vars),
                format!(
                    "POST /api/o HTTP/1.1\r\nhost: 127.0.0.1:8080\r\nAuthorization: Bearer t0k+en\r\n\
                     content-type: application/json\r\ncontent-length: {length}\r\n\r\n{{\"id\":\"{id}\"}}"
                )
            );
        }
    }

    #[test]
    fn a_request_without_holes_is_one_run_of_bytes() {
        let get = request("GET", vec![text("/x")], None);
        let compiled = Compiled::new(&get, &Auth::None, &Secrets::default(), &entry());
        let expected = b"GET /api/x HTTP/1.1\r\nhost: 127.0.0.1:8080\r\n\r\n";
        assert_eq!(compiled.fixed(), Some(expected.as_slice()));
        let post = request("POST", vec![text("/x")], None);
        assert!(bytes(&post, &Vars::default()).ends_with("content-length: 0\r\n\r\n"));
        let fixed = request("PUT", vec![text("/x")], Some(vec![text("abc")]));
        assert!(bytes(&fixed, &Vars::default()).ends_with("\r\ncontent-length: 3\r\n\r\nabc"));
        let delete = request("DELETE", vec![text("/o/"), hole(Variable::Id, &[])], None);
        let compiled = Compiled::new(&delete, &Auth::None, &Secrets::default(), &entry());
        assert_eq!(compiled.fixed(), None);
    }

    #[test]
    fn given_headers_win_and_secrets_stay_out_of_debug_output() {
        let mut order = request("POST", vec![text("/o")], Some(vec![text("{}")]));
        order.headers = vec![
            ("Host".into(), Template::literal("engine")),
            ("Content-Length".into(), Template::literal("999")),
            ("Content-Type".into(), Template::literal("text/plain")),
        ];
        let sent = bytes(&order, &Vars::default());
        assert_eq!(sent.to_lowercase().matches("host:").count(), 1);
        assert_eq!(sent.to_lowercase().matches("content-type:").count(), 1);
        assert!(sent.contains("content-length: 2\r\n") && !sent.contains("999"));
        let auth = Auth::Header {
            name: "x".into(),
            value: Template {
                parts: vec![hole(Variable::Secret("token".into()), &[])],
            },
        };
        let compiled = Compiled::new(&order, &auth, &token_secret(), &entry());
        assert!(!format!("{compiled:?}").contains("t0k"));
    }
}
