//! Each kind of mistake, told where it stands.

use super::*;

#[test]
fn each_kind_of_mistake_is_told_where_it_stands() {
    for (from, to, line, pointed_at, said, hint) in [
        (
            "  timeout: 1s",
            "  timeuot: 1s",
            14,
            "timeuot:",
            "there is no field `timeuot`",
            "did you mean `timeout`?",
        ),
        (
            "timeout: 1s",
            "timeout: 1",
            14,
            "1",
            "`1` is not a duration: it has no unit",
            "20s, 500ms",
        ),
        (
            "timeout: 1s",
            "timeout: 1sec",
            14,
            "1sec",
            "there is no unit `sec`",
            "1m30s",
        ),
        (
            "rate: 1000/s",
            "rate: 1000",
            10,
            "1000 }",
            "`1000` is not a rate",
            "1500/s",
        ),
        (
            "quantile: 99%",
            "quantile: 99",
            23,
            "99, at",
            "percent sign is missing",
            "99%",
        ),
        (
            "in: steady } }\n  steady-rate",
            "in: stedy } }\n  steady-rate",
            23,
            "stedy }",
            "`stedy` is not known here",
            "did you mean `steady`?",
        ),
        (
            "poisson",
            "poison",
            10,
            "poison:",
            "`poison` is not known here",
            "did you mean `poisson`?",
        ),
        (
            "sessions: 64",
            "sessions: many",
            13,
            "many",
            "expected a whole number from 0 to 4294967295, found `many`",
            "",
        ),
        ("sessions: 64", "sessions: -1", 13, "-1", "found `-1`", ""),
        (
            "  sessions: 64\n",
            "",
            9,
            "load:",
            "`sessions` is missing",
            "",
        ),
        (
            "{ kill: { signal: KILL } }",
            "{ kill: { signal: KIL } }",
            18,
            "KIL }",
            "`KIL` is not known here",
            "did you mean `KILL`?",
        ),
        (
            "{ kill: { signal: KILL } }",
            "{ freeze: { by: cgroups } }",
            18,
            "cgroups",
            "`cgroups` is not known here",
            "did you mean `cgroup`?",
        ),
        (
            "{ kill: { signal: KILL } }",
            "kill",
            18,
            "kill",
            "`kill` needs a value",
            "{ kill: { … } }",
        ),
        (
            "{ kill: { signal: KILL } }",
            "{ kill: {}, freeze: {} }",
            18,
            "{ kill",
            "expected exactly one of",
            "",
        ),
        (
            "tags: [ci]",
            "tags: ci",
            6,
            "ci",
            "expected a list, found `ci`",
            "[ci]",
        ),
        (
            "at-most: 0 } }\n  divergent",
            "at-most: few } }\n  divergent",
            27,
            "few }",
            "found `few`",
            "",
        ),
        (
            "scenario: quickstart",
            "scenario: quick start",
            3,
            "quick start",
            "`quick start` is no name",
            "letters",
        ),
        (
            "seed: 7",
            "sede: 7",
            8,
            "sede:",
            "no field `sede`",
            "did you mean `seed`?",
        ),
        (
            "environment: local",
            "environment: locall",
            7,
            "locall",
            "`locall` is not known",
            "did you mean `local`?",
        ),
    ] {
        let told = quickstart(from, to);
        assert_eq!(
            (told.file.as_str(), told.line),
            ("q.yaml", Some(line)),
            "{told}"
        );
        let text = told.text.clone().expect("the line itself is shown");
        let behind: String = text.chars().skip(told.column.unwrap() - 1).collect();
        assert!(behind.starts_with(pointed_at), "{told}");
        assert!(told.message.contains(said), "{told}");
        assert!(
            told.hint.as_deref().unwrap_or_default().contains(hint),
            "{told}"
        );
    }
}

#[test]
fn mistakes_of_a_profile_are_told_too() {
    for (from, to, said, hint) in [
        (
            "{{account}}\",\"symbol",
            "{{acount}}\",\"symbol",
            "no variable `acount`",
            "did you mean `{{account}}`?",
        ),
        (
            "after={{cursor}}&limit",
            "after={{id}}&limit",
            "no variable `id` here",
            "`cursor` or `now`",
        ),
        (
            "{{quantity}}\"}'\n    acked: { status: [201]",
            "{{quantity|rot13}}\"}'\n    acked: { status: [201]",
            "no filter `rot13`",
            "base64",
        ),
        (
            "path: /orders\n",
            "path: orders\n",
            "begins with a slash",
            "/v1/orders",
        ),
        (
            "{ /state: accepted }",
            "{ state: accepted }",
            "not a JSON Pointer",
            "/order/id",
        ),
        (
            "/role: leader }, term",
            "/role: [] }, term",
            "can never be met",
            "",
        ),
        (
            "where: { /role: leader }, ",
            "where: {}, ",
            "every reply would do",
            "where:",
        ),
        (
            "status: [201]",
            "status: [2001]",
            "2001 is no HTTP status",
            "599",
        ),
        (
            "tick: 0.01, lot: 0.001",
            "tick: 0, lot: 0.001",
            "a tick of 0",
            "0.01",
        ),
        (
            "tick: 0.01, lot: 0.001",
            "tick: x, lot: 0.001",
            "not a decimal number",
            "",
        ),
        (
            "around: 50000,",
            "around: 50000.001,",
            "no whole number of ticks",
            "",
        ),
        (
            "band: 2% } }\n  ETHUSD",
            "band: 0% } }\n  ETHUSD",
            "narrower than one tick",
            "",
        ),
        ("max: 100,", "max: 100.0001,", "no whole number of lots", ""),
        ("quorum: 2", "quorum: 4", "a quorum of 4", ""),
        ("replicas: 3", "replicas: 0", "0 replicas", ""),
        (
            "protocol: http",
            "protocol: htpp",
            "`htpp` is not known",
            "did you mean `http`?",
        ),
        (
            "protocol: http",
            "protocol: fix",
            "the profile's `gateway` is another one",
            "gateway: { fix:",
        ),
        (
            "protocol: http",
            "protocol: binary",
            "the profile's `gateway` is another one",
            "gateway: { binary: { port: 7410 } }",
        ),
        (
            "session: {",
            "gateway: { binary: { port: 7410 } }\nsession: {",
            "the profile's `gateway` is another one",
            "leave `protocol` out",
        ),
        (
            "session: { protocol: http,",
            "gateway: { binary: { port: 7410, batch: 8 } }\nsession: {",
            "a batch of 8 never comes together: 1 may be in flight",
            "in-flight: 8",
        ),
        (
            "session: { protocol: http,",
            "gateway: { binary: { port: 7410, batch: 257 } }\nsession: {",
            "257 messages cannot be written at once",
            "256",
        ),
        (
            "session: { protocol: http,",
            "gateway: { binary: { port: 0 } }\nsession: {",
            "there is no port 0",
            "65535",
        ),
        (
            "session: { protocol: http,",
            "gateway: { websocket: { path: ws, id: /id, new: { send: '{\"id\":\"{{id}}\"}', acked: { /state: accepted } }, cancel: { send: '{{id}}', acked: { /s: c } }, replace: { send: '{{id}}', acked: { /s: r } } } }\nsession: {",
            "a path begins with a slash",
            "/ws",
        ),
        (
            "session: { protocol: http,",
            "gateway: { websocket: { path: /ws, id: /id, new: { send: '{\"id\":\"{{id}}\"}', acked: { /state: accepted } }, replace: { send: '{{id}}', acked: { /s: r } } } }\nsession: {",
            "nothing says how it is done over WebSocket",
            "add `cancel`",
        ),
        (
            "session: { protocol: http,",
            "gateway: { websocket: { path: /ws, id: /id, new: { send: '{\"id\":\"{{symbol}}\"}', acked: { /state: accepted } }, cancel: { send: '{{id}}', acked: { /s: c } }, replace: { send: '{{id}}', acked: { /s: r } } } }\nsession: {",
            "does not say which order it means",
            "{{id}}",
        ),
        (
            "session: { protocol: http,",
            "gateway: { websocket: { path: /ws, id: /id, new: { send: '{\"id\":\"{{id}}\"}', acked: {} }, cancel: { send: '{{id}}', acked: { /s: c } }, replace: { send: '{{id}}', acked: { /s: r } } } }\nsession: {",
            "no answer is an acknowledgement",
            "/state: accepted",
        ),
        (
            "session: { protocol: http,",
            "gateway: { websocket: { path: /ws, id: /id, take: { sequence: { header: x-seq } }, new: { send: '{\"id\":\"{{id}}\"}', acked: { /state: accepted } }, cancel: { send: '{{id}}', acked: { /s: c } }, replace: { send: '{{id}}', acked: { /s: r } } } }\nsession: {",
            "answers over WebSocket have no headers",
            "/sequence",
        ),
        (
            "session: { protocol: http,",
            "gateway: { websocket: { path: /ws, id: /id, new: { send: '{\"id\":\"{{id}}\"', acked: { /state: accepted } }, cancel: { send: '{{id}}', acked: { /s: c } }, replace: { send: '{{id}}', acked: { /s: r } } } }\nsession: {",
            "not valid JSON",
            "",
        ),
        (
            "session: { protocol: http, in-flight: 1, reconnect-every: 10ms, retry: same-id-after-heal }",
            "gateway: { reported: { path: /r, id: /id, new: { acked: { /state: accepted } }, replace: { acked: { /s: r } } } }\nsession: { in-flight: 1, reconnect-every: 10ms, retry: never }",
            "nothing says how it is reported",
            "add `cancel`",
        ),
        (
            "session: { protocol: http, in-flight: 1, reconnect-every: 10ms, retry: same-id-after-heal }",
            "gateway: { reported: { path: /r, id: /id, new: { acked: {} }, cancel: { acked: { /s: c } }, replace: { acked: { /s: r } } } }\nsession: { in-flight: 1, reconnect-every: 10ms, retry: never }",
            "no answer is an acknowledgement",
            "/state: accepted",
        ),
        (
            "session: { protocol: http,",
            "gateway: { reported: { path: /r, id: /id, new: { acked: { /state: accepted } }, cancel: { acked: { /s: c } }, replace: { acked: { /s: r } } } }\nsession: {",
            "a retry says only that it came",
            "retry: never",
        ),
        (
            "session: { protocol: http,",
            "gateway: { fix: { port: 0, sender: A, target: B } }\nsession: {",
            "there is no port 0",
            "1 to 65535",
        ),
        (
            "session: { protocol: http,",
            "gateway: { fix: { port: 1, sender: \"A {{session}}\", target: B } }\nsession: {",
            "a CompID has",
            "SHK-{{session}}",
        ),
        (
            "session: { protocol: http,",
            "gateway: { fix: { port: 1, sender: A, target: B, heartbeat: 1500ms } }\nsession: {",
            "whole seconds",
            "600s",
        ),
        (
            "session: { protocol: http,",
            "gateway: { fix: { port: 1, sender: A, target: B, drop-copy: { sender: A, target: B } } }\nsession: {",
            "the names of another one",
            "of its own",
        ),
        (
            "\"id\":\"{{id}}\",",
            "",
            "the request does not send them",
            "{{id}}",
        ),
        (
            "\"type\":\"limit\",",
            "\"type\":\"limit\"",
            "not valid JSON",
            "",
        ),
        (
            "rejected: { status: [404] }",
            "rejected: { status: [409] }",
            "status 409 means `rejected` already",
            "where:",
        ),
        ("    next: /next\n", "", "`next` is missing", "/next"),
        (
            "    mark: /watermark\n",
            "",
            "depth and orders may be of two moments",
            "mark: /watermark",
        ),
        (
            "/depth/{{symbol}}",
            "/depth",
            "which symbol it means",
            "{{symbol}}",
        ),
        (
            " remaining: /remaining, sequence",
            " sequence",
            "of which a depth is the sum",
            "remaining: /remaining",
        ),
        ("&limit=5000", "&limit= 5000", "no spaces", ""),
        (
            "after={{cursor}}&",
            "",
            "every page would be the first",
            "{{cursor}}",
        ),
        (
            "fields: { id: /id, ",
            "fields: { ",
            "`id` is missing",
            "/id",
        ),
        (
            "accounts: [SHK-TEST-1, SHK-TEST-2,",
            "accounts: [SHK-TEST-2, SHK-TEST-2,",
            "there twice",
            "",
        ),
        (
            "latency: order_latency_seconds",
            "latency: order-latency",
            "no name of a Prometheus series",
            "_bucket",
        ),
        (
            "reconnect-every: 10ms",
            "reconnect-every: 1us",
            "no sensible time",
            "",
        ),
        (
            "data: replicated",
            "data: { store: { part: postgres } }",
            "no part `postgres`",
            "engine",
        ),
        (
            "cancel-on-disconnect: none",
            "cancel-on-disconnect: { flag: { field: cod, within: 2s } }",
            "not supported",
            "",
        ),
        ("sla: {}", "sla: { p99: {} }", "limits nothing", "latency"),
    ] {
        let told = reference(from, to);
        assert!(told.message.contains(said), "{from} -> {to}:\n{told}");
        assert!(
            told.hint.as_deref().unwrap_or_default().contains(hint),
            "{told}"
        );
        assert!(told.line.is_some() && told.text.is_some(), "{told}");
    }
}
