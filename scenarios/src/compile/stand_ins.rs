//! Values for required fields that are missing or wrong, so that everything else can still be examined.
//!
//! They are chosen so that nothing is refused because of them, and they never reach a plan: a file that needs one
//! is refused.

use crate::decode::StandIn;

/// For a scenario: the highest load that is sensible, so that no limit is too fine for it.
pub(super) const SCENARIO: [StandIn; 6] = [
    stand_in(&["scenario"], "x"),
    stand_in(&["system"], "x"),
    stand_in(
        &["load"],
        "{ arrival: { constant: { rate: 1000000/s } }, sessions: 20000, timeout: 5m }",
    ),
    stand_in(&["load", "arrival"], "{ constant: { rate: 1000000/s } }"),
    stand_in(&["load", "sessions"], "20000"),
    stand_in(&["load", "timeout"], "5m"),
];

/// For a profile: the smallest one.
pub(super) const PROFILE: [StandIn; 7] = [
    stand_in(&["system"], "x"),
    stand_in(&["data"], "replicated"),
    stand_in(&["parts"], "{ engine: { replicas: 1 } }"),
    stand_in(&["environments"], "{}"),
    stand_in(&["accounts"], "[x]"),
    stand_in(
        &["instruments"],
        "{ X: { tick: 1, lot: 1, max: 1000, price: { around: 1000, band: 10% } } }",
    ),
    stand_in(
        &["orders"],
        "{ identity: client, new: { send: { method: POST, path: '/{{id}}' }, acked: { status: [200] }, level: durable } }",
    ),
];

const fn stand_in(path: &'static [&'static str], yaml: &'static str) -> StandIn {
    StandIn { path, yaml }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::compile_profile;
    use crate::source::SourceFile;

    #[test]
    fn the_smallest_profile_is_one() {
        let lines = PROFILE.map(|stand_in| match stand_in.path {
            ["environments"] => "environments: { local: { stand-in: { engine: {} } } }".to_string(),
            path => format!("{}: {}", path.join("."), stand_in.yaml),
        });
        let file = SourceFile {
            name: "p".to_string(),
            text: lines.join("\n"),
        };
        compile_profile(&file, None).unwrap_or_else(|told| panic!("{told}"));
    }
}
