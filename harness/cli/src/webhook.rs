//! Telling webhooks that a run is over. That it cannot be told is a warning, and never changes the verdict or the exit code.
//!
//! A URL may hold a secret in its path or query: nothing but its scheme and host is ever printed.

use std::error::Error;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, StatusCode, Url};
use shakedown_record::notice::Notice;

use crate::output::{Failure, say};

/// The value of the header `Authorization`, for all webhooks.
const AUTHORIZATION_VARIABLE: &str = "SHAKEDOWN_WEBHOOK_AUTHORIZATION";

/// How patient one is with a webhook.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    pub one_try: Duration,
    /// Before the second try, and before the third.
    pub pauses: [Duration; 2],
}

/// 19 s at most, which leaves a pod some of the time in which it has to end.
const PATIENCE: Patience = Patience {
    one_try: Duration::from_secs(5),
    pauses: [Duration::from_secs(1), Duration::from_secs(3)],
};

/// Webhooks that want to know of a run.
#[derive(Debug, Clone)]
pub struct Webhooks {
    urls: Vec<Url>,
    authorization: Option<HeaderValue>,
    patience: Patience,
}

impl Webhooks {
    /// Those of the command line or of `SHAKEDOWN_WEBHOOK`.
    ///
    /// # Errors
    /// Exit 64 when one is no URL; its text is not repeated.
    pub fn new(urls: &[String]) -> Result<Webhooks, Failure> {
        let authorization = std::env::var(AUTHORIZATION_VARIABLE).ok();
        Webhooks::with(urls, authorization.as_deref(), PATIENCE)
    }

    fn with(
        urls: &[String],
        authorization: Option<&str>,
        patience: Patience,
    ) -> Result<Webhooks, Failure> {
        let texts = urls.iter().map(|url| url.trim());
        let urls = texts.enumerate().filter(|(_, url)| !url.is_empty());
        let urls: Result<Vec<Url>, Failure> = urls
            .map(|(index, url)| url_of(url).ok_or_else(|| no_url(index + 1)))
            .collect();
        let authorization = authorization.map(str::trim).filter(|it| !it.is_empty());
        let authorization = authorization.map(|value| -> Result<HeaderValue, Failure> {
            let mut value = HeaderValue::from_str(value).map_err(|_| {
                Failure::usage(format!(
                    "{AUTHORIZATION_VARIABLE}: its value cannot be that of a header; such as `Bearer …`, on one line"
                ))
            })?;
            value.set_sensitive(true);
            Ok(value)
        });
        Ok(Webhooks {
            urls: urls?,
            authorization: authorization.transpose()?,
            patience,
        })
    }

    /// True when nobody wants to know.
    pub fn is_empty(&self) -> bool {
        self.urls.is_empty()
    }

    /// Tells all of them at once; warns of those that could not be told.
    pub async fn tell(&self, notice: &Notice) {
        let tries = self.urls.iter().map(|url| {
            let (all, url, notice) = (self.clone(), url.clone(), notice.clone());
            tokio::spawn(async move { (shown(&url), all.tell_one(&url, &notice).await) })
        });
        let tries: Vec<_> = tries.collect();
        for tried in tries {
            match tried.await {
                Ok((_, Ok(()))) => {}
                Ok((url, Err(why))) => say(&format!(
                    "warning: the webhook at {url} was not told: {why}"
                )),
                Err(_) => say("warning: a webhook was not told, for a bug in Shakedown"),
            }
        }
    }

    async fn tell_one(&self, url: &Url, notice: &Notice) -> Result<(), String> {
        let mut pauses = self.patience.pauses.iter();
        let mut tries = 0;
        loop {
            tries += 1;
            let why = match self.post(url, notice).await {
                Ok(()) => return Ok(()),
                Err(Refused::ForGood(why)) => return Err(why),
                Err(Refused::Now(why)) => why,
            };
            match pauses.next() {
                Some(pause) => tokio::time::sleep(*pause).await,
                None => return Err(format!("{why}, after {tries} tries")),
            }
        }
    }

    async fn post(&self, url: &Url, notice: &Notice) -> Result<(), Refused> {
        let mut client = Client::builder()
            .retry(reqwest::retry::never())
            .redirect(reqwest::redirect::Policy::none())
            .timeout(self.patience.one_try);
        if url.scheme() == "http" {
            // A container without certificates can still use it.
            client = client.tls_certs_only([]);
        }
        let client = client.build();
        let client = client.map_err(|error| Refused::ForGood(told(error)))?;
        let body =
            serde_json::to_vec(notice).map_err(|error| Refused::ForGood(error.to_string()))?;
        let mut request = client
            .post(url.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(body);
        if let Some(value) = &self.authorization {
            request = request.header(AUTHORIZATION, value.clone());
        }
        match request.send().await {
            Ok(reply) if reply.status().is_success() => Ok(()),
            Ok(reply) => Err(refused(reply.status())),
            Err(error) if error.is_timeout() => Err(Refused::Now(format!(
                "no answer within {} ms",
                self.patience.one_try.as_millis()
            ))),
            Err(error) => Err(Refused::Now(told(error))),
        }
    }
}

/// Whether it is worth another try.
#[derive(Debug)]
enum Refused {
    Now(String),
    ForGood(String),
}

fn refused(status: StatusCode) -> Refused {
    let passing = status.is_server_error()
        || status == StatusCode::TOO_MANY_REQUESTS
        || status == StatusCode::REQUEST_TIMEOUT;
    let why = format!("it answered {}", status.as_u16());
    match passing {
        true => Refused::Now(why),
        false => Refused::ForGood(why),
    }
}

/// An error and its causes, without the URL.
fn told(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(it) = cause {
        text.push_str(&format!(": {it}"));
        cause = it.source();
    }
    text
}

fn url_of(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
}

fn no_url(number: usize) -> Failure {
    Failure::usage(format!(
        "webhook number {number} is no URL that begins with http:// or https:// (it is not shown, because it may hold a secret)"
    ))
}

/// Scheme and host.
fn shown(url: &Url) -> String {
    format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default())
}

#[cfg(test)]
mod tests;
