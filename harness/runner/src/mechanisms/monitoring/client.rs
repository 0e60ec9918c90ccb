//! Asking over HTTP. Nothing of the system's own authentication is ever sent to its monitoring.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

/// Largest answer that is read, in bytes.
const LARGEST_ANSWER_BYTES: usize = 16 << 20;

/// How long one answer may take.
const TIMEOUT: Duration = Duration::from_secs(2);

/// `ALERTS{alertstate="firing"}`, as Prometheus and what speaks its API evaluate it.
const FIRING: &str = "/api/v1/query?query=ALERTS%7Balertstate%3D%22firing%22%7D";

/// Everything that fires, silenced or not.
const ACTIVE: &str = "/api/v2/alerts?active=true&silenced=true&inhibited=true&unprocessed=true";

/// Labels of an alert that fires, `alertname` among them.
pub type AlertFiring = BTreeMap<String, String>;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MonitoringError {
    #[error("{url} does not answer: {why}")]
    NoAnswer { url: String, why: String },
    #[error("{url} answers with status {status}: {said}")]
    Refused {
        url: String,
        status: u16,
        said: String,
    },
    #[error("{url} answers something else than was asked: {why}")]
    Confused { url: String, why: String },
}

/// A Prometheus or an Alertmanager.
#[derive(Debug, Clone)]
pub struct Monitoring {
    http: reqwest::Client,
    base: String,
}

#[derive(Deserialize)]
struct QueryAnswer {
    status: String,
    data: Option<QueryData>,
}

#[derive(Deserialize)]
struct QueryData {
    result: Vec<QueryRow>,
}

#[derive(Deserialize)]
struct QueryRow {
    metric: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct ActiveAlert {
    labels: BTreeMap<String, String>,
}

impl Monitoring {
    /// One at a base URL, such as `http://alertmanager:9093`.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn at(base: &str) -> Result<Self, MonitoringError> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(TIMEOUT)
            .timeout(TIMEOUT)
            .http1_only()
            .tls_certs_only([])
            .build();
        let http = http.map_err(|error| MonitoringError::NoAnswer {
            url: base.to_string(),
            why: error.to_string(),
        })?;
        Ok(Self {
            http,
            base: base.to_string(),
        })
    }

    /// Alerts that fire, asked of a Prometheus.
    ///
    /// # Errors
    /// When it does not answer that.
    pub async fn firing_by_prometheus(&self) -> Result<Vec<AlertFiring>, MonitoringError> {
        let answer: QueryAnswer = self.get(FIRING).await?;
        let confused = |why: String| MonitoringError::Confused {
            url: format!("{}{FIRING}", self.base),
            why,
        };
        match answer {
            QueryAnswer {
                status,
                data: Some(data),
            } if status == "success" => {
                let rows = data.result.into_iter();
                Ok(rows.map(|row| row.metric).collect())
            }
            QueryAnswer { status, .. } => Err(confused(format!("the status is {status}"))),
        }
    }

    /// Alerts that fire, asked of an Alertmanager: also those that are silenced.
    ///
    /// # Errors
    /// When it does not answer that.
    pub async fn firing_by_alertmanager(&self) -> Result<Vec<AlertFiring>, MonitoringError> {
        let alerts: Vec<ActiveAlert> = self.get(ACTIVE).await?;
        Ok(alerts.into_iter().map(|alert| alert.labels).collect())
    }

    pub(super) async fn get<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
    ) -> Result<T, MonitoringError> {
        let request = self.http.get(format!("{}{path}", self.base));
        self.answer(path, request).await
    }

    pub(super) async fn post<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        body: &serde_json::Value,
    ) -> Result<T, MonitoringError> {
        let request = self.http.post(format!("{}{path}", self.base));
        let request = request
            .header("content-type", "application/json")
            .body(body.to_string());
        self.answer(path, request).await
    }

    pub(super) async fn delete(&self, path: &str) -> Result<(), MonitoringError> {
        let request = self.http.delete(format!("{}{path}", self.base));
        self.exchange(path, request).await.map(|_body| ())
    }

    async fn answer<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        request: reqwest::RequestBuilder,
    ) -> Result<T, MonitoringError> {
        let body = self.exchange(path, request).await?;
        serde_json::from_slice(&body).map_err(|error| MonitoringError::Confused {
            url: format!("{}{path}", self.base),
            why: error.to_string(),
        })
    }

    async fn exchange(
        &self,
        path: &str,
        request: reqwest::RequestBuilder,
    ) -> Result<Vec<u8>, MonitoringError> {
        let url = || format!("{}{path}", self.base);
        let no_answer = |error: reqwest::Error| MonitoringError::NoAnswer {
            url: url(),
            why: match error.is_timeout() {
                true => format!("not within {} s", TIMEOUT.as_secs()),
                false => error.without_url().to_string(),
            },
        };
        let mut response = request.send().await.map_err(no_answer)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(no_answer)? {
            if body.len() + chunk.len() > LARGEST_ANSWER_BYTES {
                return Err(MonitoringError::Confused {
                    url: url(),
                    why: "the answer is larger than 16 MiB".to_string(),
                });
            }
            body.extend_from_slice(&chunk);
        }
        match response.status().is_success() {
            true => Ok(body),
            false => Err(MonitoringError::Refused {
                url: url(),
                status: response.status().as_u16(),
                said: String::from_utf8_lossy(&body).chars().take(200).collect(),
            }),
        }
    }
}
