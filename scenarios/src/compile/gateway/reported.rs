//! Orders whose acknowledgements come on another connection.

use crate::plan::WebSocketGateway;
use crate::spec::profile::{ProfileSpec, ReportSpec, ReportedSpec, RetrySpec};

use super::orders::{Way, action, taken};
use crate::compile::exchange::{Exchanges, pointer};
use crate::compile::sheet::At;

/// What reports on the orders. Nothing is said to it: its templates are empty.
pub(super) fn reported(
    at: &At,
    spec: &ReportedSpec,
    profile: &ProfileSpec,
    exchanges: &Exchanges,
) -> WebSocketGateway {
    let sheet = exchanges.sheet;
    let way = Way {
        port: spec.port,
        path: &spec.path,
        such_as: "such as /reports/{{session}}",
        has: [spec.cancel.is_some(), spec.replace.is_some()],
        unsaid: "reported",
    };
    way.refuse_unfit(at, profile, sheet);
    if profile.session.retry == Some(RetrySpec::SameIdAfterHeal) {
        sheet.refuse_with(
            &At::of(&["session", "retry"]),
            "the answer to a retry says only that it came, and nobody listens for its report",
            "write retry: never",
        );
    }
    let read = |field: &str, spec: &ReportSpec| {
        let read = [&spec.acked, &spec.rejected, &spec.throttled];
        action(&at.to(field), read, exchanges)
    };
    let optional = |field: &str, spec: &Option<ReportSpec>| {
        let spec = spec.as_ref();
        spec.map(|spec| read(field, spec))
    };
    WebSocketGateway {
        port: spec.port,
        path: spec.path.clone(),
        id: pointer(&spec.id),
        new: read("new", &spec.new),
        cancel: optional("cancel", &spec.cancel),
        replace: optional("replace", &spec.replace),
        take: taken(&at.to("take"), &spec.take, sheet),
    }
}
