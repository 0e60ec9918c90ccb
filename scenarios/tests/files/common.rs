//! What the tests of this crate share: texts, and short ways to compile them.

use shakedown_scenarios::{
    CompileInput, Compiled, Diagnostics, FileKind, Override, SourceFile, compile, compile_profile,
    library, system_reference,
};

pub const REFERENCE: &str = "reference";
pub const QUICKSTART: &str = "quickstart";

/// An engine of another shape: ids of its own, read back one by one, a token, sides in capitals.
pub const FOREIGN: &str = r#"
system: foreign
data: replicated
parts:
  gateway: { replicas: 1 }
environments:
  external: { entry: [http://127.0.0.1:9100] }
secrets: { token: { env: FOREIGN_TOKEN } }
auth: { header: { name: Authorization, value: "Bearer ${token}" } }
accounts: [A1]
instruments: { XAU: { tick: 0.5, lot: 1, price: { around: 2000, band: 5% } } }
orders:
  identity: server
  sides: { buy: B, sell: S }
  new:
    send: { method: POST, path: /api/v2/place, body: '{"ref":"{{id|base64}}","s":"{{side}}","p":{{price}},"q":{{quantity}}}' }
    acked: { status: [200], where: { /result/ok: true } }
    rejected: { status: [200], where: { /result/ok: false } }
    throttled: { status: [429] }
    level: accepted
    take: { server-id: /result/orderId }
read-back:
  by-id:
    get: { path: "/api/v2/order/{{id}}", headers: { X-Account: "{{account}}" } }
    found: { status: [200] }
    absent: { status: [404] }
    at: entry
    fields: { price: /p, quantity: /q }
metrics: { port: 9191, path: /prom }
clean-up: none
"#;

pub fn shipped(name: &str) -> SourceFile {
    let shipped = library::find(name).expect("it is shipped");
    match shipped.kind {
        // Its base may stand beside it.
        FileKind::Scenario => file(shipped.path, shipped.text),
        FileKind::Profile | FileKind::Calendar | FileKind::Suite => {
            file(&format!("{name}.yaml"), shipped.text)
        }
    }
}

pub fn file(name: &str, text: &str) -> SourceFile {
    SourceFile {
        name: name.to_string(),
        text: text.to_string(),
    }
}

pub fn set(key: &str, value: &str) -> Override {
    Override {
        key: key.to_string(),
        value: value.to_string(),
    }
}

/// A shipped scenario against its own system, with options.
pub fn with(scenario: &str, overrides: &[Override]) -> Result<Compiled, Diagnostics> {
    let scenario = shipped(scenario);
    let (system, _) = system_reference(&scenario)?;
    compile_both(&scenario, &shipped(&system), overrides)
}

pub fn compile_both(
    scenario: &SourceFile,
    profile: &SourceFile,
    overrides: &[Override],
) -> Result<Compiled, Diagnostics> {
    compile(&CompileInput {
        scenario: scenario.into(),
        profile: profile.into(),
        overrides,
        environment: None,
        seed: None,
    })
}

pub fn profile_alone(text: &str) -> Result<Compiled, Diagnostics> {
    compile_profile(&file("p.yaml", text), None)
}

/// A text in which one passage is another; the passage must be there exactly once.
pub fn swapped(text: &str, from: &str, to: &str) -> String {
    assert_eq!(text.matches(from).count(), 1, "{from:?} must be there once");
    text.replace(from, to)
}

/// The one mistake that was found.
pub fn only(result: Result<Compiled, Diagnostics>) -> shakedown_scenarios::Diagnostic {
    let told = result.expect_err("a mistake is expected");
    assert_eq!(told.0.len(), 1, "one mistake is expected:\n{told}");
    told.0.into_iter().next().expect("there is one")
}
