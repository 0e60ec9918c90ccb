//! The client of everything but the load: probes, read-back, retries, clean-up. Over HTTP, or by statements or commands
//! where the gateway is a store.
//!
//! It never goes through a proxy, never follows a redirect and never sends anything twice by itself: each of these
//! would put another request, or another server, in the place of the one that is judged. What it says of a reply
//! in words has every secret taken out first, and is short.

use std::sync::{Arc, Once};
use std::time::Duration;

use shakedown_load::http::{Rendered, Vars, auth_headers, render_request};
use shakedown_load::secret::Secrets;
use shakedown_load::tls::client_config;
use shakedown_record::Outcome;
use shakedown_scenarios::plan::{Auth, Plan, Request, TlsPlan};

use crate::environment::AddressBook;
use crate::stores::{AskError, Asking, exchange};

/// Longest piece of a reply, or of an error, that is ever quoted, in characters.
const EXCERPT_CHARS: usize = 200;

/// Largest reply that is read, in bytes.
const LARGEST_REPLY_BYTES: usize = 64 << 20;

/// An answer, whatever its status.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    pub status: u16,
    /// Names in lower case, as received otherwise.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    /// True for a status of 200 to 299.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The value of a header; its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The body as JSON; `None` when it is none.
    pub fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

/// Why there is no answer. Texts are free of secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    #[error("the HTTP client cannot be made: {0}")]
    Build(String),
    #[error("{what}: connection refused")]
    Refused { what: String },
    #[error("{what}: cannot be reached: {why}")]
    Unreachable { what: String, why: String },
    #[error("{what}: no answer within {} ms", timeout.as_millis())]
    TimedOut { what: String, timeout: Duration },
    #[error("{what}: the connection broke before the answer was complete: {why}")]
    Broken { what: String, why: String },
    #[error("{what}: the answer is larger than {} MiB", largest >> 20)]
    TooLarge { what: String, largest: usize },
    #[error("{what}: the request cannot be built: {why}")]
    Request { what: String, why: String },
}

impl ClientError {
    /// How an order ends that got this instead of an answer.
    pub fn outcome(&self) -> Outcome {
        match self {
            ClientError::Build(_) | ClientError::Request { .. } => Outcome::NotSent,
            ClientError::Refused { .. } => Outcome::Refused,
            ClientError::Unreachable { .. } => Outcome::Unreachable,
            ClientError::TimedOut { .. } => Outcome::Timeout,
            ClientError::Broken { .. } => Outcome::ResetAfterSend,
            ClientError::TooLarge { .. } => Outcome::BadResponse,
        }
    }
}

/// What `https` takes, where one of these addresses says so.
pub fn https<'a>(plan: &Plan, bases: impl IntoIterator<Item = &'a String>) -> Option<TlsPlan> {
    let mut bases = bases.into_iter();
    let wanted = bases.any(|base| base.starts_with("https:"));
    wanted.then(|| plan.system.tls.clone().unwrap_or_default())
}

/// How long a connection is kept that nobody asks for: less than most servers keep theirs.
const IDLE_FOR: Duration = Duration::from_secs(5);

/// What becomes of a connection that nobody asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idle {
    Closes,
    /// Until the client is dropped: what was sent over it may end with it.
    Stays,
}

/// Sends requests of a profile, with its authentication.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    secrets: Arc<Secrets>,
    auth: Auth,
    /// With which statements and commands are asked.
    store_auth: Auth,
}

impl Client {
    /// A client with a profile's authentication.
    ///
    /// # Errors
    /// When the certificates that `https` takes cannot be had.
    pub fn new(
        auth: &Auth,
        secrets: Arc<Secrets>,
        https: Option<&TlsPlan>,
    ) -> Result<Self, ClientError> {
        Self::with_book(auth, secrets, https, AddressBook::default(), Idle::Closes)
    }

    /// The same, led by an address book to replicas whose addresses change.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn with_book(
        auth: &Auth,
        secrets: Arc<Secrets>,
        https: Option<&TlsPlan>,
        book: AddressBook,
        idle: Idle,
    ) -> Result<Self, ClientError> {
        let mut builder = reqwest::Client::builder()
            .no_proxy()
            .retry(reqwest::retry::never())
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(2))
            .pool_idle_timeout(match idle {
                Idle::Closes => Some(IDLE_FOR),
                Idle::Stays => None,
            })
            .dns_resolver(Arc::new(book))
            .http1_only();
        builder = match https {
            None => {
                install_crypto();
                builder.tls_certs_only([])
            }
            Some(tls) => {
                let config = client_config(tls, &["http/1.1"]);
                let config = config.map_err(|error| ClientError::Build(error.to_string()))?;
                builder.tls_backend_preconfigured(config)
            }
        };
        let http = builder
            .build()
            .map_err(|error| ClientError::Build(secrets.redact(&chain(&error))))?;
        Ok(Self {
            http,
            auth: auth.clone(),
            store_auth: auth.clone(),
            secrets,
        })
    }

    /// The same, with no authentication to stores.
    pub fn unknown_to_stores(self) -> Self {
        Self {
            store_auth: Auth::None,
            ..self
        }
    }

    /// Sends one request of the profile and reads the whole answer.
    ///
    /// # Errors
    /// When there is no complete answer within `timeout`.
    pub async fn send(
        &self,
        base: &str,
        request: &Request,
        vars: &Vars<'_>,
        timeout: Duration,
    ) -> Result<Reply, ClientError> {
        if request.is_of_store() {
            return self.ask_store(base, request, vars, timeout).await;
        }
        let Rendered {
            method,
            path,
            headers,
            body,
        } = render_request(request, &self.auth, vars, &self.secrets);
        let what = self.clean(&format!("{method} {base}{path}"));
        let method = reqwest::Method::from_bytes(method.as_bytes());
        let method = method.map_err(|error| ClientError::Request {
            what: what.clone(),
            why: error.to_string(),
        })?;
        let mut builder = self.http.request(method, format!("{base}{path}"));
        for (name, value) in headers {
            builder = builder.header(name, value);
        }
        if let Some(body) = body {
            builder = builder.body(body);
        }
        self.exchange(builder, what, timeout, LARGEST_REPLY_BYTES)
            .await
    }

    /// Has a request of the profile answered by the store at this address.
    async fn ask_store(
        &self,
        base: &str,
        request: &Request,
        vars: &Vars<'_>,
        timeout: Duration,
    ) -> Result<Reply, ClientError> {
        let what = self.clean(&format!("{} at {base}", request.method));
        let asking = Asking {
            auth: &self.store_auth,
            secrets: &self.secrets,
            timeout,
        };
        let answered = exchange(base, request, vars, asking).await;
        let (status, body) = answered.map_err(|error| match error {
            AskError::Refused => ClientError::Refused { what },
            AskError::Unreachable(why) => ClientError::Unreachable {
                what,
                why: self.clean(&why),
            },
            AskError::TimedOut(timeout) => ClientError::TimedOut { what, timeout },
            AskError::Broken(why) => ClientError::Broken {
                what,
                why: self.clean(&why),
            },
        })?;
        Ok(Reply {
            status,
            headers: Vec::new(),
            body,
        })
    }

    /// Gets a URL that is in no template.
    ///
    /// # Errors
    /// When there is no complete answer within `timeout`.
    pub async fn get(&self, url: &str, timeout: Duration) -> Result<Reply, ClientError> {
        self.get_as(url, None, timeout, LARGEST_REPLY_BYTES).await
    }

    /// The same, of an answer that may have `largest` bytes, in a format that is asked for (`accept`).
    ///
    /// # Errors
    /// When there is no complete answer within `timeout`, or it is larger.
    pub async fn get_as(
        &self,
        url: &str,
        accept: Option<&str>,
        timeout: Duration,
        largest: usize,
    ) -> Result<Reply, ClientError> {
        let what = self.clean(&format!("GET {url}"));
        let mut builder = self.http.get(url);
        for (name, value) in auth_headers(&self.auth, &self.secrets) {
            builder = builder.header(name, value);
        }
        if let Some(accept) = accept {
            builder = builder.header("accept", accept);
        }
        self.exchange(builder, what, timeout, largest).await
    }

    async fn exchange(
        &self,
        builder: reqwest::RequestBuilder,
        what: String,
        timeout: Duration,
        largest: usize,
    ) -> Result<Reply, ClientError> {
        let explain = |error: reqwest::Error| self.explain(&what, timeout, error);
        let mut response = builder.timeout(timeout).send().await.map_err(explain)?;
        let headers = response.headers().iter().map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_string(), value)
        });
        let mut reply = Reply {
            status: response.status().as_u16(),
            headers: headers.collect(),
            body: Vec::new(),
        };
        while let Some(chunk) = response.chunk().await.map_err(explain)? {
            if reply.body.len() + chunk.len() > largest {
                return Err(ClientError::TooLarge { what, largest });
            }
            reply.body.extend_from_slice(&chunk);
        }
        Ok(reply)
    }

    fn explain(&self, what: &str, timeout: Duration, error: reqwest::Error) -> ClientError {
        let what = what.to_string();
        let why = self.clean(&chain(&error));
        if error.is_builder() {
            ClientError::Request { what, why }
        } else if error.is_connect() {
            match io_kind(&error) {
                Some(std::io::ErrorKind::ConnectionRefused) => ClientError::Refused { what },
                _ => ClientError::Unreachable { what, why },
            }
        } else if error.is_timeout() {
            ClientError::TimedOut { what, timeout }
        } else {
            ClientError::Broken { what, why }
        }
    }

    /// A text without secrets, cut to what a person reads. Secrets go first: half a secret is none that can be found.
    pub fn clean(&self, text: &str) -> String {
        let clean = self.secrets.redact(text);
        match clean.char_indices().nth(EXCERPT_CHARS) {
            Some((end, _)) => format!("{}…", &clean[..end]),
            None => clean,
        }
    }

    /// The answer in words: its status and the beginning of its body, without secrets.
    pub fn excerpt(&self, reply: &Reply) -> String {
        let body = String::from_utf8_lossy(&reply.body);
        match self.clean(body.trim()) {
            empty if empty.is_empty() => format!("status {} with an empty body", reply.status),
            body => format!("status {}: {body}", reply.status),
        }
    }

    /// The secrets of this client, for what else has to be cleaned.
    pub fn secrets(&self) -> &Arc<Secrets> {
        &self.secrets
    }
}

/// The one TLS implementation of the binary; whoever comes first installs it.
fn install_crypto() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // An error says that another one is installed already, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

/// The error and its causes, without the URL (it may hold a secret).
fn chain(error: &reqwest::Error) -> String {
    let mut text = String::new();
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(error) = cause {
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&error.to_string());
        cause = error.source();
    }
    if text.is_empty() {
        text = "no cause was given".to_string();
    }
    text
}

fn io_kind(error: &reqwest::Error) -> Option<std::io::ErrorKind> {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return Some(io.kind());
        }
        cause = error.source();
    }
    None
}
