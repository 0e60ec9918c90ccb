//! `shakedown load`: the arguments of an ad-hoc load, as a plan for the generator.

use serde_json::json;

use crate::compile::request_template;
use crate::decode::HINT_MARK;
use crate::plan::{
    Arrival, Instrument, LoadPlan, Mix, OrderShape, Request, RetryPolicy, Session, SymbolShare,
    Template,
};
use crate::spec::scalar::{Duration, Rate};

/// Arrivals of an ad-hoc load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdhocArrival {
    Constant,
    Poisson,
}

/// The arguments as typed.
#[derive(Debug, Clone, Copy)]
pub struct Arguments<'a> {
    pub url: &'a str,
    /// `None` for a closed loop.
    pub rate: Option<&'a str>,
    pub duration: &'a str,
    pub timeout: &'a str,
    pub method: Option<&'a str>,
    pub headers: &'a [String],
    pub body: Option<&'a str>,
    pub sessions: u32,
    /// Requests of a session that may be unanswered at a time.
    pub in_flight: u32,
    pub threads: u32,
    pub arrival: AdhocArrival,
}

/// An ad-hoc load, ready for the generator.
#[derive(Debug, Clone)]
pub struct Adhoc {
    pub plan: LoadPlan,
    pub session: Session,
    pub request: Request,
    /// Scheme, host and port, such as `http://127.0.0.1:8080`.
    pub base_url: String,
    pub duration_ns: u64,
}

/// Every mistake in the arguments, one a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct WrongArguments(pub Vec<String>);

/// Highest rate that is accepted; more is a slip of the pen.
const HIGHEST_RATE_PER_S: f64 = 10_000_000.0;

impl Adhoc {
    /// Reads the arguments; all mistakes are reported together.
    ///
    /// # Errors
    /// What is wrong with each argument.
    pub fn parse(arguments: &Arguments) -> Result<Adhoc, WrongArguments> {
        let mut mistakes = Vec::new();
        let mut keep = |name: &str, mistake: String| {
            mistakes.push(format!("{name}: {}", mistake.replace(HINT_MARK, "; ")))
        };
        let target = split_url(arguments.url)
            .map_err(|mistake| keep("URL", mistake))
            .ok();
        let rate_per_s = read_rate(arguments.rate)
            .map_err(|mistake| keep("--rate", mistake))
            .ok();
        let duration_ns = read_positive(arguments.duration)
            .map_err(|mistake| keep("--duration", mistake))
            .ok();
        let timeout_ns = read_positive(arguments.timeout)
            .map_err(|mistake| keep("--timeout", mistake))
            .ok();
        let headers = read_headers(arguments.headers)
            .map_err(|mistake| keep("--header", mistake))
            .ok();
        let body = arguments
            .body
            .map(request_template)
            .transpose()
            .map_err(|mistake| keep("--data", mistake))
            .ok();
        let (
            Some((base_url, path)),
            Some(rate_per_s),
            Some(duration_ns),
            Some(timeout_ns),
            Some(headers),
            Some(body),
        ) = (target, rate_per_s, duration_ns, timeout_ns, headers, body)
        else {
            return Err(WrongArguments(mistakes));
        };
        let method = match (arguments.method, &body) {
            (Some(method), _) => method.to_ascii_uppercase(),
            (None, Some(_)) => "POST".to_string(),
            (None, None) => "GET".to_string(),
        };
        let arrival = match arguments.arrival {
            AdhocArrival::Constant => Arrival::Constant { rate_per_s },
            AdhocArrival::Poisson => Arrival::Poisson { rate_per_s },
        };
        Ok(Adhoc {
            plan: load_plan(arguments, arrival, timeout_ns),
            session: Session {
                in_flight: arguments.in_flight,
                reconnect_every_ns: 10_000_000,
                retry: RetryPolicy::Never,
            },
            request: Request {
                method,
                path: Template::literal(&path),
                headers,
                body,
            },
            base_url,
            duration_ns,
        })
    }
}

fn load_plan(arguments: &Arguments, arrival: Arrival, timeout_ns: u64) -> LoadPlan {
    let one = shakedown_record::Decimal::new(1, 0);
    let instrument = Instrument {
        tick: one,
        lot: one,
        around_ticks: 1,
        band_ticks: 0,
        largest_lots: 1,
        oversized_lots: None,
    };
    LoadPlan {
        arrival,
        mix: Mix {
            new: 1,
            cancel: 0,
            replace: 0,
            oversized: 0,
        },
        symbols: vec![SymbolShare {
            name: "request".to_string(),
            share: 1.0,
            instrument,
        }],
        accounts: vec!["load".to_string()],
        sessions: arguments.sessions,
        threads: arguments.threads.min(arguments.sessions),
        workers: 1,
        timeout_ns,
        shape: OrderShape::default(),
    }
}

fn split_url(url: &str) -> Result<(String, String), String> {
    let known = [("http://", 80), ("https://", 443)].into_iter();
    let mut found = known.filter_map(|known| Some((known, url.strip_prefix(known.0)?)));
    let ((scheme, port), rest) = found
        .next()
        .ok_or_else(|| format!("'{url}' begins neither with http:// nor with https://"))?;
    let (host, path) = match rest.find(['/', '?']) {
        Some(at) if rest[at..].starts_with('?') => (&rest[..at], format!("/{}", &rest[at..])),
        Some(at) => (&rest[..at], rest[at..].to_string()),
        None => (rest, "/".to_string()),
    };
    let path = path.split('#').next().unwrap_or("/").to_string();
    if host.is_empty() || host.contains(['@', ' ']) || path.contains([' ', '\r', '\n']) {
        return Err(format!(
            "'{url}' is no URL such as http://127.0.0.1:8080/orders"
        ));
    }
    let has_port = host
        .rsplit_once(':')
        .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let authority = if has_port {
        host.to_string()
    } else {
        format!("{host}:{port}")
    };
    Ok((format!("{scheme}{authority}"), path))
}

fn read_rate(text: Option<&str>) -> Result<f64, String> {
    let Some(text) = text else { return Ok(1.0) };
    let rate = Rate::read(text)?;
    if rate.per_s <= 0.0 || rate.per_s > HIGHEST_RATE_PER_S {
        return Err(format!(
            "{text} is out of range (above 0, at most {HIGHEST_RATE_PER_S}/s)"
        ));
    }
    Ok(rate.per_s)
}

fn read_positive(text: &str) -> Result<u64, String> {
    match Duration::read(text)? {
        Duration { ns: 0 } => Err(format!("{text} is no time at all")),
        Duration { ns } => Ok(ns),
    }
}

fn read_headers(headers: &[String]) -> Result<Vec<(String, Template)>, String> {
    let read = |header: &String| {
        let wrong = || {
            format!(
                "{} is no header such as 'Accept: text/plain'",
                json!(header)
            )
        };
        let (name, value) = header.split_once(':').ok_or_else(wrong)?;
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(token) || value.contains(['\r', '\n']) {
            return Err(wrong());
        }
        Ok((name.to_string(), request_template(value.trim())?))
    };
    headers.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments<'a>(url: &'a str, rate: &'a str) -> Arguments<'a> {
        Arguments {
            url,
            rate: Some(rate),
            duration: "10s",
            timeout: "1s",
            method: None,
            headers: &[],
            body: None,
            sessions: 4,
            in_flight: 1,
            threads: 8,
            arrival: AdhocArrival::Constant,
        }
    }

    #[test]
    fn a_url_is_split_into_base_and_path() {
        let adhoc = Adhoc::parse(&arguments("http://127.0.0.1:8080/a/b?c=d#e", "10/s")).unwrap();
        assert_eq!(adhoc.base_url, "http://127.0.0.1:8080");
        assert_eq!(adhoc.request.path, Template::literal("/a/b?c=d"));
        assert_eq!(
            (adhoc.request.method.as_str(), adhoc.plan.threads),
            ("GET", 4)
        );
        assert_eq!(
            Adhoc::parse(&arguments("http://host", "10/s"))
                .unwrap()
                .base_url,
            "http://host:80"
        );
        let secure = Adhoc::parse(&arguments("https://host?x", "10/s")).unwrap();
        assert_eq!(secure.base_url, "https://host:443");
        assert_eq!(secure.request.path, Template::literal("/?x"));
    }

    #[test]
    fn all_mistakes_are_reported_together() {
        let mut wrong = arguments("ftp://x", "10");
        wrong.timeout = "0s";
        let mistakes = Adhoc::parse(&wrong).unwrap_err().0;
        assert_eq!(mistakes.len(), 3, "{mistakes:?}");
    }
}
