//! Who is let in: those who know the key, and no more of them than so many a second. Without a configuration everybody is.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use serde_json::json;

use super::{App, reply};
use crate::bucket::Bucket;
use crate::error::EngineError;
use crate::metrics::Counted;

/// The header with the key.
const KEY_HEADER: &str = "x-api-key";

/// Why too many are sent away.
pub const RATE_LIMIT: &str = "rate-limit";

/// Who is let in, as it is configured.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// What clients have to know.
    pub key: Option<String>,
    /// Orders a second.
    pub rate_limit: Option<u64>,
}

impl std::fmt::Debug for Rules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let key = self.key.as_ref().map(|_| "***");
        write!(f, "Rules({key:?}, {:?})", self.rate_limit)
    }
}

/// Reads a key from its file.
///
/// # Errors
/// [`EngineError::Usage`] with the file that cannot be used.
pub fn key_in(file: &Path) -> Result<String, EngineError> {
    let wrong = |why: &str| EngineError::Usage(format!("{} has no key: {why}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| wrong(&error.to_string()))?;
    match text.trim() {
        "" => Err(wrong("it is empty")),
        key => Ok(key.to_owned()),
    }
}

/// Lets requests in, and counts those that it does not.
#[derive(Debug)]
pub struct Guard {
    rules: Rules,
    bucket: Option<Bucket>,
    wrong_keys: AtomicU64,
    too_many: AtomicU64,
}

impl Guard {
    /// By these rules.
    pub fn new(rules: &Rules) -> Self {
        Self {
            rules: rules.clone(),
            bucket: rules.rate_limit.map(Bucket::new),
            wrong_keys: AtomicU64::default(),
            too_many: AtomicU64::default(),
        }
    }

    /// How many came without the key, or with another one.
    pub fn wrong_keys(&self) -> u64 {
        self.wrong_keys.load(Ordering::Relaxed)
    }

    /// How many came beyond the limit.
    pub fn too_many(&self) -> u64 {
        self.too_many.load(Ordering::Relaxed)
    }

    fn knows_key(&self, request: &Request) -> bool {
        let said = request.headers().get(KEY_HEADER);
        let key = self.rules.key.as_ref();
        key.is_none_or(|key| said.is_some_and(|said| said.as_bytes() == key.as_bytes()))
    }

    /// Why this request is not let in, if it is not.
    fn refuses(&self, request: &Request, now: Instant) -> Option<Response> {
        if !self.knows_key(request) {
            self.wrong_keys.fetch_add(1, Ordering::Relaxed);
            let why = "the header x-api-key is missing or wrong";
            let told = json!({ "state": "refused", "reason": why });
            return Some(reply::body(StatusCode::UNAUTHORIZED, told));
        }
        let bucket = self.bucket.as_ref()?;
        if bucket.take(now) {
            return None;
        }
        self.too_many.fetch_add(1, Ordering::Relaxed);
        Some(reply::throttled("", RATE_LIMIT))
    }
}

/// Lets a request through to what changes anything, if it may.
pub async fn let_in(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD);
    let refused = match changes {
        true => app.guard.refuses(&request, Instant::now()),
        false => None,
    };
    match refused {
        None => next.run(request).await,
        Some(refused) => {
            if refused.status() == StatusCode::TOO_MANY_REQUESTS {
                app.metrics.count(Counted::Throttled);
            }
            refused
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(key: Option<&str>) -> Request {
        let mut request = Request::builder().method("POST").uri("/orders");
        if let Some(key) = key {
            request = request.header(KEY_HEADER, key);
        }
        request.body(axum::body::Body::empty()).unwrap()
    }

    fn status(guard: &Guard, key: Option<&str>, now: Instant) -> Option<u16> {
        let refused = guard.refuses(&request(key), now);
        refused.map(|refused| refused.status().as_u16())
    }

    #[test]
    fn only_the_key_opens_and_only_so_often() {
        let guard = Guard::new(&Rules {
            key: Some("right".to_owned()),
            rate_limit: Some(20),
        });
        let now = Instant::now();
        assert_eq!(status(&guard, None, now), Some(401));
        assert_eq!(status(&guard, Some("wrong"), now), Some(401));
        assert_eq!(status(&guard, Some("right"), now), None);
        assert_eq!(status(&guard, Some("right"), now), Some(429));
        assert_eq!((guard.wrong_keys(), guard.too_many()), (2, 1));
        let open = Guard::new(&Rules::default());
        assert_eq!(status(&open, None, now), None);
    }

    #[test]
    fn a_key_is_a_word_in_a_file_and_is_shown_to_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        std::fs::write(&file, "secret\n").unwrap();
        let key = key_in(&file).unwrap();
        assert_eq!(key, "secret");
        let rules = Rules {
            key: Some(key),
            rate_limit: None,
        };
        assert!(!format!("{rules:?}").contains("secret"));
        std::fs::write(&file, "\n").unwrap();
        assert!(key_in(&file).is_err() && key_in(&folder.path().join("none")).is_err());
    }
}
