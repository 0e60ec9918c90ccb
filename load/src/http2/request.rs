//! Requests compiled once, patched for each order, as HTTP/2 writes them.

use shakedown_scenarios::plan::{Auth, Request, Template};

use super::connection::Connection;
use super::hpack::{append_header, append_name, append_text};
use crate::http::{BaseUrl, CompiledText, Vars, append_number, auth_headers, looks_like_json};
use crate::secret::Secrets;

/// Headers that are of the connection with HTTP/1.1, and that HTTP/2 knows in another form or not at all.
const NOT_SAID: [&str; 7] = [
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
];

/// A request for one entry address, ready to be patched.
#[derive(Debug, Clone)]
pub(crate) struct Http2Request {
    headers: Vec<Field>,
    body: Option<CompiledText>,
}

/// Buffers that [`Http2Request::ask`] uses again and again.
#[derive(Debug, Default)]
pub(crate) struct Http2Scratch {
    headers: Vec<u8>,
    value: Vec<u8>,
    body: Vec<u8>,
    length: String,
}

/// A piece of a block of headers.
#[derive(Clone)]
enum Field {
    /// As it is; it may hold secrets.
    Fixed(Vec<u8>),
    /// A name, and a value with holes.
    Patched(Vec<u8>, CompiledText),
}

impl std::fmt::Debug for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Field")
    }
}

impl Http2Request {
    /// Compiles a request for an entry address.
    ///
    /// # Panics
    /// When it names a secret that is not among `secrets`, which the compiler of profiles excludes.
    pub fn new(request: &Request, auth: &Auth, secrets: &Secrets, entry: &BaseUrl) -> Http2Request {
        let mut block = Block::default();
        block.header(":method", &request.method, false);
        block.header(
            ":scheme",
            if entry.secure { "https" } else { "http" },
            false,
        );
        let given = |wanted: &str| {
            let mut headers = request.headers.iter();
            headers.find(|(name, _)| name.eq_ignore_ascii_case(wanted))
        };
        match given("host") {
            Some((_, host)) => block.text(":authority", CompiledText::header(host, secrets), false),
            None => block.header(":authority", &entry.host, false),
        }
        let path = CompiledText::path(&entry.prefix, &request.path, secrets);
        block.text(":path", path, false);
        for (name, value) in &request.headers {
            block.text(name, CompiledText::header(value, secrets), false);
        }
        for (name, value) in auth_headers(auth, secrets) {
            block.header(&name.to_ascii_lowercase(), &value, true);
        }
        let body = request.body.as_ref().filter(|body| !body.parts.is_empty());
        if body.is_some_and(begins_like_json) && given("content-type").is_none() {
            block.header("content-type", "application/json", false);
        }
        Http2Request {
            headers: block.fields,
            body: body.map(|body| CompiledText::new(body, secrets)),
        }
    }

    /// Asks it on a stream of a connection.
    pub fn ask(
        &self,
        vars: &Vars<'_>,
        stream: u32,
        connection: &mut Connection,
        scratch: &mut Http2Scratch,
        out: &mut Vec<u8>,
    ) {
        scratch.headers.clear();
        for field in &self.headers {
            match field {
                Field::Fixed(bytes) => scratch.headers.extend_from_slice(bytes),
                Field::Patched(name, value) => {
                    scratch.headers.extend_from_slice(name);
                    scratch.value.clear();
                    value.append(vars, &mut scratch.value);
                    append_text(&scratch.value, &mut scratch.headers);
                }
            }
        }
        let body = self.body.as_ref().map(|body| {
            scratch.body.clear();
            body.append(vars, &mut scratch.body);
            scratch.length.clear();
            append_number(scratch.body.len() as u64, &mut scratch.length);
            append_header(
                "content-length",
                &scratch.length,
                false,
                &mut scratch.headers,
            );
            scratch.body.as_slice()
        });
        // A body of no bytes is none.
        let body = body.filter(|body| !body.is_empty());
        connection.ask(stream, &scratch.headers, body, out);
    }
}

fn begins_like_json(body: &Template) -> bool {
    use shakedown_scenarios::plan::TemplatePart;
    match body.parts.first() {
        Some(TemplatePart::Text(text)) => looks_like_json(text),
        Some(TemplatePart::Hole { .. }) | None => false,
    }
}

/// Collects fields and joins those that never change.
#[derive(Default)]
struct Block {
    fields: Vec<Field>,
}

impl Block {
    fn header(&mut self, name: &str, value: &str, secret: bool) {
        let mut bytes = Vec::new();
        append_header(name, value, secret, &mut bytes);
        match self.fields.last_mut() {
            Some(Field::Fixed(last)) => last.extend_from_slice(&bytes),
            Some(Field::Patched(..)) | None => self.fields.push(Field::Fixed(bytes)),
        }
    }

    fn text(&mut self, name: &str, value: CompiledText, secret: bool) {
        let name = name.to_ascii_lowercase();
        if NOT_SAID.contains(&name.as_str()) {
            return;
        }
        if let Some(fixed) = value.fixed() {
            let fixed = String::from_utf8_lossy(fixed).into_owned();
            return self.header(&name, &fixed, secret);
        }
        let mut bytes = Vec::new();
        append_name(&name, secret, &mut bytes);
        self.fields.push(Field::Patched(bytes, value));
    }
}
