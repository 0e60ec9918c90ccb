//! Orders that wait: the profile's words for them, those that a scenario plants, and limits on what becomes of them.

use crate::plan::{
    EnvironmentPlan, Identity, LoadPlan, OrderAction, Orders, Planted, PlantedOrders, Request,
    TimedOrder, TimedOrders, Variable,
};
use crate::spec::profile::{GetSpec, ProfileSpec, RequestSpec};
use crate::spec::scenario::ScenarioSpec;

use super::answerable::{Facts, Refusal};
use super::exchange::{Exchanges, pointer, request_uses};
use super::references::instead;
use super::sheet::{At, Sheet};
use super::system::Described;
use super::template::Use;

/// A third of the stops is set off before the fault, a third after it, a third never.
const FEWEST: u32 = 3;
const MOST: u32 = 1_000;

/// The profile's words; `Some(None)` when it has none.
pub(super) fn timed_orders(
    spec: &ProfileSpec,
    orders: Option<&Orders>,
    exchanges: &Exchanges,
) -> Option<Option<TimedOrders>> {
    let Some(timed) = &spec.timed_orders else {
        return Some(None);
    };
    let at = At::of(&["timed-orders"]);
    let get = exchanges.get(&at.to("get"), &timed.get, Use::Lookup)?;
    needs(&at.to("get"), &get, &Variable::Id, exchanges.sheet);
    let new = &orders?.new;
    let stop = match &timed.stop {
        None => None,
        Some(stop) => {
            let at = at.to("stop");
            refuse_same(
                &at,
                "triggered",
                (&stop.waiting, &stop.triggered),
                exchanges.sheet,
            );
            Some(TimedOrder {
                new: action(
                    &at.to("send"),
                    &stop.send,
                    (new, &Variable::Stop),
                    exchanges,
                )?,
                state: pointer(&stop.state),
                waiting: stop.waiting.clone(),
                done: stop.triggered.clone(),
                count: stop.count.as_ref().map(pointer),
                at_ms: None,
            })
        }
    };
    let expiring = match &timed.expiring {
        None => None,
        Some(expiring) => {
            let at = at.to("expiring");
            refuse_same(
                &at,
                "expired",
                (&expiring.waiting, &expiring.expired),
                exchanges.sheet,
            );
            Some(TimedOrder {
                new: action(
                    &at.to("send"),
                    &expiring.send,
                    (new, &Variable::Expires),
                    exchanges,
                )?,
                state: pointer(&expiring.state),
                waiting: expiring.waiting.clone(),
                done: expiring.expired.clone(),
                count: expiring.count.as_ref().map(pointer),
                at_ms: Some(pointer(&expiring.expired_at)),
            })
        }
    };
    Some(Some(TimedOrders {
        stop,
        expiring,
        get,
        filled: pointer(&timed.filled),
    }))
}

fn action(
    at: &At,
    spec: &RequestSpec,
    (new, hole): (&OrderAction, &Variable),
    exchanges: &Exchanges,
) -> Option<OrderAction> {
    if spec.method.is_none() {
        exchanges.sheet.refuse_entry(
            at,
            "`method` is missing",
            "write `method: POST`, or what the engine expects",
        );
    }
    let send = exchanges.get(at, &GetSpec::Full(spec.clone()), Use::Timed)?;
    needs(at, &send, &Variable::Id, exchanges.sheet);
    needs(at, &send, hole, exchanges.sheet);
    Some(OrderAction {
        send,
        ..new.clone()
    })
}

fn needs(at: &At, request: &Request, hole: &Variable, sheet: &Sheet) {
    let name = match hole {
        Variable::Stop => "{{stop}}",
        Variable::Expires => "{{expires}}",
        _ => "{{id}}",
    };
    if !request_uses(request, hole) {
        sheet.refuse_entry(
            at,
            format!("the request does not say its {name}"),
            format!("put {name} where the engine expects it"),
        );
    }
}

/// States must tell an order that waits from one that does not.
fn refuse_same(at: &At, done: &str, (waits, has_come): (&[String], &[String]), sheet: &Sheet) {
    for (name, states) in [("waiting", waits), (done, has_come)] {
        if states.is_empty() {
            sheet.refuse_with(
                &at.to(name),
                "no state is named",
                "as the order's row writes it",
            );
        }
    }
    if let Some(both) = waits.iter().find(|state| has_come.contains(state)) {
        sheet.refuse_with(
            &at.to(done),
            format!("`{both}` means `waiting` already"),
            "name a field whose value tells the two apart",
        );
    }
}

/// What a scenario plants.
pub(super) fn planted(
    scenario: &ScenarioSpec,
    described: &Described,
    environment: Option<&EnvironmentPlan>,
    load: &LoadPlan,
    sheet: &Sheet,
) -> Option<Planted> {
    let spec = scenario.planted.as_ref()?;
    let at = At::of(&["planted"]);
    if let Some(environment) = environment.filter(|it| !matches!(it, EnvironmentPlan::Local { .. }))
    {
        sheet.refuse_entry(
            &at,
            format!(
                "orders are planted only where Shakedown and the engine have one clock, and not in the environment `{}`",
                environment.name()
            ),
            "run it with `--environment local`, or take it out",
        );
    }
    if described.system.orders.identity == Identity::Server {
        sheet.refuse_entry(
            &at,
            "planted orders are known by the client's id, and this engine makes the ids itself",
            "take it out",
        );
    }
    if spec.stops.is_none() && spec.expiring.is_none() {
        sheet.refuse_entry(
            &at,
            "nothing is planted",
            "such as stops: { symbol: SOLUSD, count: 30 }",
        );
    }
    let field = Field {
        described,
        load,
        sheet,
    };
    let stops = spec.stops.as_ref();
    let expiring = spec.expiring.as_ref();
    if let (Some(stops), Some(expiring)) = (stops, expiring)
        && stops.symbol == expiring.symbol
    {
        sheet.refuse_with(
            &at.to("expiring").to("symbol"),
            "stop orders are planted on the same symbol, and would be set off by what is not expired",
            "choose another symbol",
        );
    }
    Some(Planted {
        stops: stops.and_then(|it| field.orders(&at.to("stops"), &it.symbol.0, it.count, 0)),
        expiring: expiring.and_then(|it| {
            if it.spread.ns == 0 {
                sheet.refuse(
                    &at.to("expiring").to("spread"),
                    "all of them would end at once",
                );
            }
            field.orders(&at.to("expiring"), &it.symbol.0, it.count, it.spread.ns)
        }),
    })
}

/// Where orders are planted.
struct Field<'a> {
    described: &'a Described,
    load: &'a LoadPlan,
    sheet: &'a Sheet<'a>,
}

impl Field<'_> {
    fn orders(&self, at: &At, symbol: &str, count: u32, spread_ns: u64) -> Option<PlantedOrders> {
        let timed = self.described.system.timed_orders.as_ref();
        let of_profile = match spread_ns {
            0 => ("stop", timed.and_then(|timed| timed.stop.as_ref())),
            _ => ("expiring", timed.and_then(|timed| timed.expiring.as_ref())),
        };
        if let (kind, None) = of_profile {
            self.sheet.refuse_entry(
                at,
                format!(
                    "the profile of `{}` does not say how such orders are placed (`timed-orders: {{ {kind}: … }}`)",
                    self.described.system.name
                ),
                "describe it in the profile, or take this out",
            );
        }
        if !(FEWEST..=MOST).contains(&count) {
            self.sheet.refuse_with(
                &at.to("count"),
                format!("{count} orders cannot be planted"),
                format!("from {FEWEST} to {MOST}"),
            );
        }
        if self.load.symbols.iter().any(|share| share.name == symbol) {
            self.sheet.refuse_with(
                &at.to("symbol"),
                format!(
                    "`{symbol}` is a symbol of the load, whose trades would set off what is planted"
                ),
                "choose one that is not among load.symbols.names",
            );
        }
        let mut instruments = self.described.instruments.iter();
        let Some((_, instrument)) = instruments.find(|(name, _)| name == symbol) else {
            let known = self.described.instruments.iter();
            let known: Vec<String> = known.map(|(name, _)| name.clone()).collect();
            self.sheet.refuse_with(
                &at.to("symbol"),
                format!(
                    "the profile of `{}` has no instrument `{symbol}`",
                    self.described.system.name
                ),
                instead(symbol, &known, "it has"),
            );
            return None;
        };
        Some(PlantedOrders {
            symbol: symbol.to_string(),
            instrument: instrument.clone(),
            count,
            spread_ns,
        })
    }
}

/// Why it cannot be told what becomes of stop orders.
pub(super) fn stops_refusal(facts: Facts) -> Option<Refusal> {
    let planted = facts.planted.and_then(|planted| planted.stops.as_ref());
    unplanted(planted.is_some(), "stops: { symbol: SOLUSD, count: 30 }")
}

/// Why it cannot be told whether orders end at their time.
pub(super) fn expiry_refusal(within_ns: u64, facts: Facts) -> Option<Refusal> {
    if within_ns == 0 {
        return Some((
            "within",
            "nothing takes no time".to_string(),
            "write a time above 0, such as 2s".to_string(),
        ));
    }
    let planted = facts.planted.and_then(|planted| planted.expiring.as_ref());
    unplanted(
        planted.is_some(),
        "expiring: { symbol: ETHUSD, count: 60, spread: 30s }",
    )
}

fn unplanted(is_planted: bool, such_as: &str) -> Option<Refusal> {
    (!is_planted).then(|| {
        (
            "",
            "the scenario plants no such orders".to_string(),
            format!("add planted: {{ {such_as} }}"),
        )
    })
}
