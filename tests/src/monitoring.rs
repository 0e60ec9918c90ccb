//! An Alertmanager and a Prometheus behind one address: as much of their APIs as Shakedown asks, by the tests' own HTTP.

use std::io::BufReader;
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use serde_json::{Value, json};

use crate::http_server::{HttpReply, HttpRequest, read_request};

/// What it knows.
#[derive(Debug, Default)]
struct Known {
    /// Names of the alerts that fire, all in cluster `ours`.
    firing: Vec<String>,
    silences: Vec<Value>,
}

/// A server that answers until the test's process ends.
#[derive(Debug, Clone)]
pub struct Monitoring {
    /// Its base URL.
    pub base: String,
    known: Arc<Mutex<Known>>,
}

impl Monitoring {
    /// Begins to answer.
    ///
    /// # Panics
    /// When there is no port for it.
    pub fn start() -> Monitoring {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("a listener has an address");
        let own = Monitoring {
            base: format!("http://{address}"),
            known: Arc::default(),
        };
        let server = own.clone();
        thread::spawn(move || {
            for stream in listener.incoming().filter_map(Result::ok) {
                let server = server.clone();
                thread::spawn(move || server.serve(stream));
            }
        });
        own
    }

    /// From now on these alerts fire, and no others.
    pub fn fire(&self, names: &[&str]) {
        self.known().firing = names.iter().map(|name| name.to_string()).collect();
    }

    /// Silences that have not ended.
    pub fn silent(&self) -> usize {
        let known = self.known();
        let silences = known.silences.iter();
        silences
            .filter(|it| it["status"]["state"] == "active")
            .count()
    }

    /// Every silence that was ever made.
    pub fn silences(&self) -> Vec<Value> {
        self.known().silences.clone()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, stream: TcpStream) {
        let Ok(reading) = stream.try_clone() else {
            return;
        };
        let mut reading = BufReader::new(reading);
        while let Ok(Some(request)) = read_request(&mut reading) {
            if self.answer(&request).write(&stream).is_err() {
                return;
            }
        }
    }

    fn answer(&self, request: &HttpRequest) -> HttpReply {
        let mut known = self.known();
        let labels = |name: &String| json!({ "alertname": name, "cluster": "ours" });
        match (request.method.as_str(), request.segments().as_slice()) {
            ("GET", ["api", "v1", "query"]) => {
                let rows = known.firing.iter().map(|name| {
                    let mut metric = labels(name);
                    metric["__name__"] = json!("ALERTS");
                    metric["alertstate"] = json!("firing");
                    json!({ "metric": metric, "value": [1_790_000_000.5, "1"] })
                });
                let data = json!({ "resultType": "vector", "result": rows.collect::<Vec<_>>() });
                HttpReply::json(200, &json!({ "status": "success", "data": data }))
            }
            ("GET", ["api", "v2", "alerts"]) => {
                let alerts = known.firing.iter().map(|name| {
                    json!({ "labels": labels(name), "annotations": {}, "status": { "state": "active" } })
                });
                HttpReply::json(200, &Value::Array(alerts.collect()))
            }
            ("GET", ["api", "v2", "silences"]) => {
                HttpReply::json(200, &Value::Array(known.silences.clone()))
            }
            ("POST", ["api", "v2", "silences"]) => {
                let mut silence: Value = serde_json::from_slice(&request.body).unwrap_or_default();
                let id = format!("silence-{}", known.silences.len() + 1);
                silence["id"] = json!(id);
                silence["status"] = json!({ "state": "active" });
                known.silences.push(silence);
                HttpReply::json(200, &json!({ "silenceID": id }))
            }
            ("DELETE", ["api", "v2", "silence", id]) => {
                let mut silences = known.silences.iter_mut();
                match silences.find(|silence| silence["id"] == **id) {
                    Some(silence) => {
                        silence["status"] = json!({ "state": "expired" });
                        HttpReply::json(200, &json!({}))
                    }
                    None => HttpReply::json(404, &json!("there is no such silence")),
                }
            }
            _ => HttpReply::json(404, &json!("this is not asked")),
        }
    }
}
