//! How the orders of the load get in.

use crate::plan::{
    BinaryGateway, GatewayPlan, MessageAction, Take, Template, Variable, WebSocketGateway,
};
use crate::spec::profile::{
    BinarySpec, ExtractSpec, GatewaySpec, IdentitySpec, MessageSpec, ProfileSpec, ProtocolSpec,
    ReachSpec, TakeSpec, WebSocketSpec, WhereSpec,
};

use super::fix::fix;
use super::redis::redis;
use super::reported::reported;
use super::stores::postgresql;
use crate::compile::exchange::{Exchanges, extract, pointer};
use crate::compile::sheet::{At, Sheet};

/// Most messages that are written at once.
const LARGEST_BATCH: u32 = 256;

/// The gateway; `None` when it cannot be had.
pub(in crate::compile) fn gateway(
    spec: &ProfileSpec,
    in_flight: u32,
    exchanges: &Exchanges,
) -> Option<GatewayPlan> {
    let sheet = exchanges.sheet;
    let at = At::of(&["gateway"]);
    let found = match &spec.gateway {
        None | Some(GatewaySpec::Http) => GatewayPlan::Http,
        Some(GatewaySpec::Http2) => GatewayPlan::Http2,
        Some(GatewaySpec::Reported(spec_of)) => {
            let at = at.to("reported");
            let reports = reported(&at, spec_of, spec, exchanges);
            GatewayPlan::Reported(Box::new(reports))
        }
        Some(GatewaySpec::Binary(binary)) => {
            GatewayPlan::Binary(frames(&at.to("binary"), binary, in_flight, sheet))
        }
        Some(GatewaySpec::Websocket(websocket)) => {
            let found = texts(&at.to("websocket"), websocket, spec, exchanges)?;
            GatewayPlan::WebSocket(Box::new(found))
        }
        Some(GatewaySpec::Fix(fix_spec)) => {
            let at = at.to("fix");
            if spec.orders.identity == IdentitySpec::Server && fix_spec.take.server_id.is_none() {
                sheet.refuse_entry(
                    &at,
                    "the engine makes the ids, and nothing says where an execution report has them",
                    "add take: { server-id: 37 }",
                );
            }
            GatewayPlan::Fix(Box::new(fix(&at, fix_spec, sheet)))
        }
        Some(GatewaySpec::Postgresql(store)) => {
            GatewayPlan::PostgreSql(postgresql(&at.to("postgresql"), store, spec, sheet))
        }
        Some(GatewaySpec::Redis(store)) => GatewayPlan::Redis(redis(store, spec, sheet)),
    };
    protocol(spec, &found, sheet);
    own_port(&at, spec, &found, sheet);
    Some(found)
}

fn frames(at: &At, spec: &BinarySpec, in_flight: u32, sheet: &Sheet) -> BinaryGateway {
    if spec.port == 0 {
        sheet.refuse_with(&at.to("port"), "there is no port 0", "from 1 to 65535");
    }
    let batch = spec.batch.unwrap_or(1);
    if !(1..=LARGEST_BATCH).contains(&batch) {
        sheet.refuse_with(
            &at.to("batch"),
            format!("{batch} messages cannot be written at once"),
            format!("from 1 to {LARGEST_BATCH}"),
        );
    } else if batch > in_flight {
        sheet.refuse_with(
            &at.to("batch"),
            format!("a batch of {batch} never comes together: {in_flight} may be in flight"),
            format!("write session: {{ in-flight: {batch} }}, or a smaller batch"),
        );
    }
    BinaryGateway {
        port: spec.port,
        batch,
    }
}

fn texts(
    at: &At,
    spec: &WebSocketSpec,
    profile: &ProfileSpec,
    exchanges: &Exchanges,
) -> Option<WebSocketGateway> {
    let way = Way {
        port: spec.port,
        path: &spec.path,
        such_as: "such as /ws",
        has: [spec.cancel.is_some(), spec.replace.is_some()],
        unsaid: "done over WebSocket",
    };
    way.refuse_unfit(at, profile, exchanges.sheet);
    let new = message(&at.to("new"), &spec.new, exchanges);
    let optional = |field: &str, spec: &Option<MessageSpec>| match spec {
        None => Some(None),
        Some(spec) => message(&at.to(field), spec, exchanges).map(Some),
    };
    let (cancel, replace) = (
        optional("cancel", &spec.cancel),
        optional("replace", &spec.replace),
    );
    Some(WebSocketGateway {
        port: spec.port,
        path: spec.path.clone(),
        id: pointer(&spec.id),
        new: new?,
        cancel: cancel?,
        replace: replace?,
        take: taken(&at.to("take"), &spec.take, exchanges.sheet),
    })
}

/// What can be told of a way over WebSocket before the messages are looked at.
pub(super) struct Way<'a> {
    pub(super) port: Option<u16>,
    pub(super) path: &'a str,
    /// A good path.
    pub(super) such_as: &'static str,
    /// There is a cancel, and a replace.
    pub(super) has: [bool; 2],
    /// What the other ones would be.
    pub(super) unsaid: &'static str,
}

impl Way<'_> {
    pub(super) fn refuse_unfit(&self, at: &At, profile: &ProfileSpec, sheet: &Sheet) {
        if profile.orders.identity == IdentitySpec::Server {
            sheet.refuse_with(
            at,
            "answers over WebSocket name their order by the client's id, and the engine makes the ids",
            "write orders.identity: client, or leave `gateway` out",
        );
        }
        if self.port == Some(0) {
            sheet.refuse_with(&at.to("port"), "there is no port 0", "from 1 to 65535");
        }
        let unfit = |c: char| c.is_whitespace() || c.is_control();
        if !self.path.starts_with('/') || self.path.contains(unfit) {
            sheet.refuse_with(
                &at.to("path"),
                "a path begins with a slash and holds no spaces",
                self.such_as,
            );
        }
        for (field, is_said) in ["cancel", "replace"].into_iter().zip(self.has) {
            if !is_said && sheet.has(&At::of(&["orders", field])) {
                let unsaid = self.unsaid;
                sheet.refuse_entry(
                    at,
                    format!("`orders.{field}` is there, and nothing says how it is {unsaid}"),
                    format!("add `{field}` beside `new`, or leave `orders.{field}` out"),
                );
            }
        }
    }
}

pub(super) fn taken(at: &At, spec: &TakeSpec, sheet: &Sheet) -> Take {
    let from_text = |name: &str, from: &Option<ExtractSpec>| match from {
        Some(ExtractSpec::Header(_)) => {
            sheet.refuse_with(
                &at.to(name),
                "answers over WebSocket have no headers",
                "a JSON Pointer into the text, such as /sequence",
            );
            None
        }
        Some(from) => Some(extract(from)),
        None => None,
    };
    Take {
        server_id: from_text("server-id", &spec.server_id),
        sequence: from_text("sequence", &spec.sequence),
        served_by: from_text("served-by", &spec.served_by),
        term: from_text("term", &spec.term),
    }
}

fn message(at: &At, spec: &MessageSpec, exchanges: &Exchanges) -> Option<MessageAction> {
    let send = exchanges.message(&at.to("send"), &spec.send);
    if let Some(send) = &send
        && !send.variables().any(|variable| *variable == Variable::Id)
    {
        exchanges.sheet.refuse_with(
            &at.to("send"),
            "the message does not say which order it means",
            "put {{id}} where the engine expects the client's order id",
        );
    }
    let read = [&spec.acked, &spec.rejected, &spec.throttled];
    let read = action(at, read, exchanges);
    Some(MessageAction {
        send: send?,
        ..read
    })
}

/// How what is said of a message is read: when it is acknowledged, rejected, throttled. Nothing is sent.
pub(super) fn action(
    at: &At,
    [acked, rejected, throttled]: [&WhereSpec; 3],
    exchanges: &Exchanges,
) -> MessageAction {
    if acked.is_empty() {
        exchanges.sheet.refuse_entry(
            &at.to("acked"),
            "`acked` says nothing, so that no answer is an acknowledgement",
            "name what the answer must say: acked: { /state: accepted }",
        );
    }
    let conditions = |name: &str, spec: &WhereSpec| exchanges.conditions(&at.to(name), spec);
    MessageAction {
        send: Template::literal(""),
        acked: conditions("acked", acked),
        rejected: conditions("rejected", rejected),
        throttled: conditions("throttled", throttled),
    }
}

/// `session.protocol` names the same gateway, where it is written.
fn protocol(spec: &ProfileSpec, found: &GatewayPlan, sheet: &Sheet) {
    let at = At::of(&["session", "protocol"]);
    let (agrees, hint) = match spec.session.protocol {
        None => return,
        Some(ProtocolSpec::Fix) => (
            matches!(found, GatewayPlan::Fix(_)),
            "say where it is: gateway: { fix: { port: 7420, … } }",
        ),
        Some(ProtocolSpec::Http) => (
            matches!(
                found,
                GatewayPlan::Http | GatewayPlan::Http2 | GatewayPlan::Reported(_)
            ),
            "leave `protocol` out: `gateway` says it",
        ),
        Some(ProtocolSpec::Binary) => (
            matches!(found, GatewayPlan::Binary(_)),
            "say where it is: gateway: { binary: { port: 7410 } }",
        ),
        Some(ProtocolSpec::Websocket) => (
            matches!(found, GatewayPlan::WebSocket(_)),
            "say how: gateway: { websocket: { path: /ws, … } }",
        ),
    };
    if !agrees {
        sheet.refuse_with(&at, "the profile's `gateway` is another one", hint);
    }
}

/// A port of its own is looked for at the host of each entry: published ports are anywhere on this machine.
fn own_port(at: &At, spec: &ProfileSpec, found: &GatewayPlan, sheet: &Sheet) {
    let docker = spec.environments.docker.as_ref();
    let published = docker.is_some_and(|docker| docker.reach == Some(ReachSpec::Published));
    let reports = found.reports().and_then(|reports| reports.port);
    if published && (found.port().is_some() || reports.is_some()) {
        sheet.refuse_with(
            at,
            "a gateway with a port of its own cannot be found behind published ports",
            "write environments.docker.reach: container",
        );
    }
}
