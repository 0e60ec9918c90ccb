//! The profile as a whole.

use crate::plan::{
    Ceilings, CleanUp, Exposure, ExposurePer, GatewayPlan, Health, Instrument, Metrics, Resources,
    RetryPolicy, Session, SessionContract, System, VersionProbe,
};
use crate::spec::profile::{
    CancelOnDisconnectSpec, CleanUpSpec, ExposurePerSpec, MetricsSpec, ProfileSpec, RetrySpec,
    SessionSpec,
};
use crate::spec::scalar::Rate;

use super::access;
use super::alerts::alerts;
use super::exchange::{Exchanges, pointer};
use super::gates::operations;
use super::gateway::{Language, gateway, tls};
use super::instruments::instruments;
use super::kill_switch::kill_switch;
use super::market_data::market_data;
use super::metrics::is_series;
use super::orders::orders;
use super::parts::{data, parts};
use super::read_back::read_back;
use super::sheet::{At, Sheet};
use super::template::Use;
use super::timed::timed_orders;
use super::venue::venue_side;

/// Default of `session.reconnect-every`.
const RECONNECT_NS: u64 = 10_000_000;

const MOST_IN_FLIGHT: u32 = 1024;

/// The system, and what is traded on it.
#[derive(Debug)]
pub(super) struct Described {
    pub(super) system: System,
    pub(super) instruments: Vec<(String, Instrument)>,
}

/// Reads a profile; `None` when a mistake leaves nothing to build on.
pub(super) fn describe(spec: &ProfileSpec, sheet: &Sheet) -> Option<Described> {
    let secret_names = sheet.keys(&At::of(&["secrets"]));
    let exchanges = Exchanges {
        sheet,
        secrets: &secret_names,
        language: Language::of(sheet),
    };
    let secrets = access::secrets(spec, sheet);
    let auth = access::auth(spec.auth.as_ref(), &exchanges);
    let data = data(spec, sheet);
    let parts = parts(spec, &exchanges);
    let instruments = instruments(spec, sheet);
    let orders = orders(&spec.orders, &exchanges);
    let timed_orders = timed_orders(spec, orders.as_ref(), &exchanges);
    let read_back = read_back(spec.read_back.as_ref(), &exchanges);
    let session = session(&spec.session, sheet);
    let gateway = gateway(spec, session.in_flight, &exchanges);
    let market_data = market_data(spec, sheet);
    let venue = venue_side(spec, &exchanges);
    let health = health(spec, &exchanges);
    let metrics = metrics(spec, sheet);
    let alerts = alerts(spec.alerts.as_ref(), sheet);
    let version = version(spec, &exchanges);
    let clean_up = clean_up(spec, sheet);
    accounts(spec, sheet);
    let exposure = exposure(spec, sheet);
    let kill_switch = kill_switch(spec.kill_switch.as_ref(), &exchanges);
    let operations = operations(spec, sheet);
    let cancel_on_disconnect = cancel_on_disconnect(spec, gateway.as_ref(), sheet);
    Some(Described {
        system: System {
            name: spec.system.0.clone(),
            data,
            parts: parts?,
            secrets,
            auth: auth?,
            ceilings: ceilings(spec, sheet),
            session,
            gateway: gateway?,
            tls: tls(spec, sheet),
            market_data,
            venue: venue?,
            orders: orders?,
            cancel_on_disconnect,
            exposure,
            kill_switch: kill_switch?,
            operations: operations?,
            timed_orders: timed_orders?,
            read_back: read_back?,
            health: health?,
            metrics: metrics?,
            resources: resources(spec, sheet),
            alerts: alerts?,
            version: version?,
            clean_up,
        },
        instruments: instruments?,
    })
}

fn accounts(spec: &ProfileSpec, sheet: &Sheet) {
    let at = At::of(&["accounts"]);
    if spec.accounts.is_empty() {
        sheet.refuse_with(&at, "no account is named", "such as accounts: [SHK-TEST-1]");
    }
    for (index, account) in spec.accounts.iter().enumerate() {
        if spec.accounts[..index].contains(account) {
            sheet.refuse(&at.item(index), format!("`{}` is there twice", account.0));
        }
    }
}

fn ceilings(spec: &ProfileSpec, sheet: &Sheet) -> Ceilings {
    let one = |field: &str, rate: Option<Rate>| {
        let rate = rate?;
        if rate.per_s <= 0.0 {
            sheet.refuse_with(
                &At::of(&["ceilings", field]),
                "a ceiling of 0 lets nothing through",
                "leave it out, or write a rate such as 2000/s",
            );
        }
        Some(rate.per_s)
    };
    Ceilings {
        orders_per_s: one("orders", spec.ceilings.orders),
        queries_per_s: one("queries", spec.ceilings.queries),
    }
}

fn session(spec: &SessionSpec, sheet: &Sheet) -> Session {
    let at = At::of(&["session"]);
    let in_flight = spec.in_flight.unwrap_or(1);
    if !(1..=MOST_IN_FLIGHT).contains(&in_flight) {
        sheet.refuse_with(
            &at.to("in-flight"),
            format!("{in_flight} requests in flight on a session cannot be had"),
            format!("from 1 to {MOST_IN_FLIGHT}"),
        );
    }
    let reconnect_every_ns = spec.reconnect_every.map_or(RECONNECT_NS, |every| every.ns);
    if !(1_000_000..=10_000_000_000).contains(&reconnect_every_ns) {
        sheet.refuse_with(
            &at.to("reconnect-every"),
            format!(
                "{} is no sensible time between two dials",
                super::human::time_text(reconnect_every_ns)
            ),
            "from 1ms to 10s; it limits how exactly a failover can be timed",
        );
    }
    Session {
        in_flight,
        reconnect_every_ns,
        retry: match spec.retry {
            None | Some(RetrySpec::Never) => RetryPolicy::Never,
            Some(RetrySpec::SameIdAfterHeal) => RetryPolicy::SameIdAfterHeal,
        },
    }
}

fn exposure(spec: &ProfileSpec, sheet: &Sheet) -> Option<Exposure> {
    let limit = &spec.risk_limits.as_ref()?.exposure;
    let at_most = limit.at_most.0;
    if !at_most.is_positive() {
        sheet.refuse_with(
            &At::of(&["risk-limits", "exposure", "at-most"]),
            "nobody could have an order",
            "write a quantity above 0",
        );
    }
    Some(Exposure {
        per: match limit.per {
            ExposurePerSpec::Session => ExposurePer::Session,
            ExposurePerSpec::Account => ExposurePer::Account,
        },
        at_most,
    })
}

/// Only of sessions that are a connection each, and keep it without a word.
fn cancel_on_disconnect(
    spec: &ProfileSpec,
    gateway: Option<&GatewayPlan>,
    sheet: &Sheet,
) -> Option<SessionContract> {
    let at = At::of(&["cancel-on-disconnect"]);
    match &spec.cancel_on_disconnect {
        None | Some(CancelOnDisconnectSpec::None) => None,
        Some(CancelOnDisconnectSpec::Session(contract)) => {
            if gateway.is_some_and(|gateway| !gateway.is_http()) {
                sheet.not_supported(
                    &at.to("session"),
                    "`session` over another way than HTTP/1.1",
                );
            }
            Some(SessionContract {
                within_ns: contract.within.map(|within| within.ns),
                unlisted: contract.unlisted,
            })
        }
        Some(CancelOnDisconnectSpec::Flag(_)) => {
            sheet.not_supported(&at.to("flag"), "`flag`");
            None
        }
    }
}

/// `Some(None)` when the profile has none.
fn health(spec: &ProfileSpec, exchanges: &Exchanges) -> Option<Option<Health>> {
    let Some(health) = &spec.health else {
        return Some(None);
    };
    let at = At::of(&["health"]);
    if health.ready.is_none() && health.live.is_none() {
        exchanges.sheet.refuse_entry(
            &at,
            "no endpoint is named",
            "such as health: { ready: /health/ready }",
        );
    }
    let read = |field: &str, get: &Option<_>| match get {
        None => Some(None),
        Some(get) => exchanges.get(&at.to(field), get, Use::Control).map(Some),
    };
    let ready = read("ready", &health.ready);
    let live = read("live", &health.live);
    Some(Some(Health {
        port: health.port,
        ready: ready?,
        live: live?,
    }))
}

/// `Some(None)` when the profile has none.
fn metrics(spec: &ProfileSpec, sheet: &Sheet) -> Option<Option<Metrics>> {
    let Some(metrics) = &spec.metrics else {
        return Some(None);
    };
    let at = At::of(&["metrics"]);
    let path_is_good = metrics.path.starts_with('/')
        && !metrics
            .path
            .contains(|c: char| c.is_whitespace() || c.is_control());
    if !path_is_good {
        sheet.refuse_with(
            &at.to("path"),
            "a path begins with a slash and holds no spaces",
            "such as /metrics",
        );
    }
    if let Some(name) = &metrics.latency
        && !is_series(name)
    {
        sheet.refuse_with(
            &at.to("latency"),
            "this is no name of a Prometheus series",
            "the base name of the histogram, without _bucket: order_latency_seconds",
        );
    }
    Some(Some(Metrics {
        port: metrics.port,
        path: metrics.path.clone(),
        latency: metrics.latency.clone(),
        every_ns: scrape_every(metrics, sheet),
    }))
}

fn resources(spec: &ProfileSpec, sheet: &Sheet) -> Option<Resources> {
    let disk = &spec.resources.as_ref()?.disk;
    if !disk.starts_with('/') {
        sheet.refuse_with(
            &At::of(&["resources", "disk"]),
            "this is no absolute path",
            "a folder as the replicas see it, such as /var/lib/acme",
        );
    }
    Some(Resources { disk: disk.clone() })
}

fn scrape_every(metrics: &MetricsSpec, sheet: &Sheet) -> Option<u64> {
    let every_ns = metrics.every?.ns;
    if !(100_000_000..=60_000_000_000).contains(&every_ns) {
        sheet.refuse_with(
            &At::of(&["metrics", "every"]),
            format!(
                "{} is no sensible time between two scrapes",
                super::human::time_text(every_ns)
            ),
            "from 100ms to 60s; a value is known to one of them at best",
        );
    }
    Some(every_ns)
}

/// `Some(None)` when the profile has none.
fn version(spec: &ProfileSpec, exchanges: &Exchanges) -> Option<Option<VersionProbe>> {
    let Some(version) = &spec.version else {
        return Some(None);
    };
    let get = exchanges.get(&At::of(&["version", "get"]), &version.get, Use::Control)?;
    Some(Some(VersionProbe {
        get,
        take: pointer(&version.take),
    }))
}

fn clean_up(spec: &ProfileSpec, sheet: &Sheet) -> CleanUp {
    let can_cancel = sheet.has(&At::of(&["orders", "cancel"]));
    match spec.clean_up {
        Some(CleanUpSpec::None) => CleanUp::Nothing,
        None if can_cancel => CleanUp::CancelOurs,
        None => CleanUp::Nothing,
        Some(CleanUpSpec::Cancel(_)) => {
            if !can_cancel {
                sheet.refuse_with(
                    &At::of(&["clean-up"]),
                    "our orders cannot be cancelled: the profile has no `orders.cancel`",
                    "describe how to cancel, or write clean-up: none",
                );
            }
            CleanUp::CancelOurs
        }
    }
}
