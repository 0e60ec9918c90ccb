//! What happened to a fault, as written into the events: shared words, no mechanisms.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A target as it was resolved when the fault fired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FaultTarget {
    /// Name of the replica, node or link, such as `engine-1`.
    pub name: String,
    /// The role it had, such as `leader`; `None` when the profile knows no roles.
    pub role: Option<String>,
    /// The handle that the mechanism acted on, such as `pid 4711`.
    pub handle: String,
}

/// Proof that a fault bit, seen from the target's side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Effect {
    /// True when the effect was seen.
    pub confirmed: bool,
    /// What was seen, or what was looked for and not seen, in words.
    pub text: String,
    /// Asked against measured, and counters; absent where the kind has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub figures: Vec<EffectFigure>,
}

impl Effect {
    /// An effect that was seen.
    pub fn seen(text: impl Into<String>) -> Effect {
        Effect {
            confirmed: true,
            text: text.into(),
            figures: Vec::new(),
        }
    }

    /// An effect that was looked for and not seen.
    pub fn not_seen(text: impl Into<String>) -> Effect {
        Effect {
            confirmed: false,
            ..Effect::seen(text)
        }
    }
}

/// One figure of an effect: what was asked for, what was measured at the target.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EffectFigure {
    /// What it is, such as `delay, median` or `packets dropped`.
    pub name: String,
    /// `None`: nothing was asked for, as with a counter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<f64>,
    /// `None`: it could not be measured; never 0 for that.
    #[serde(default)]
    pub measured: Option<f64>,
    /// `ns`, `s`, `/s`, `fraction`, or a noun such as `packets`; empty for a bare number.
    #[serde(default)]
    pub unit: String,
    /// How far `measured` may be from `asked`, in the same unit, for the method of measuring to be believed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<f64>,
}

impl EffectFigure {
    /// The unit of a number that the engine gave to a request, such as a kill switch.
    pub const SEQUENCE: &str = "sequence";

    /// The name of the moment as of which data was brought back, by the runner's monotonic clock, in [`EffectFigure::MOMENT`].
    pub const RESTORED_TO: &str = "restored to";

    /// The unit of a moment.
    pub const MOMENT: &str = "ns, monotonic";

    /// Whether the measurement is within the stated error of what was asked; `None` where one of the three is missing.
    pub fn within_error(&self) -> Option<bool> {
        let apart = (self.measured? - self.asked?).abs();
        // A distance that is no number is outside.
        Some(apart <= self.error?.abs())
    }
}

/// Identifies one firing of a fault: `repeat` fires the same fault several times.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Firing {
    /// Id of the fault in the scenario.
    pub fault: String,
    /// 0 for the first firing.
    pub occurrence: u32,
}

impl Firing {
    /// The name used in reports: `leader-dies`, and `leader-dies#2` for the second firing.
    pub fn label(&self) -> String {
        match self.occurrence {
            0 => self.fault.clone(),
            n => format!("{}#{}", self.fault, n + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_effect_without_figures_reads_and_writes_as_before() {
        let old = r#"{"confirmed":true,"text":"process gone"}"#;
        let effect: Effect = serde_json::from_str(old).unwrap();
        assert_eq!(effect, Effect::seen("process gone"));
        assert_eq!(serde_json::to_string(&effect).unwrap(), old);
        assert!(!Effect::not_seen("nothing changed").confirmed);
    }

    #[test]
    fn a_figure_is_within_its_error_outside_of_it_or_not_to_be_told() {
        let figure = |asked, measured, error| EffectFigure {
            name: "delay, median".into(),
            asked,
            measured,
            unit: "ns".into(),
            error,
        };
        let told = |asked, measured, error| figure(asked, measured, error).within_error();
        assert_eq!(told(Some(100.0), Some(104.0), Some(5.0)), Some(true));
        assert_eq!(told(Some(100.0), Some(94.0), Some(5.0)), Some(false));
        assert_eq!(told(Some(100.0), Some(f64::NAN), Some(5.0)), Some(false));
        assert_eq!(told(None, Some(94.0), Some(5.0)), None);
        assert_eq!(told(Some(100.0), None, Some(5.0)), None);
        assert_eq!(told(Some(100.0), Some(94.0), None), None);
        let counter = figure(None, Some(3.0), None);
        let json = serde_json::to_value(&counter).unwrap();
        assert!(json.get("asked").is_none() && json.get("error").is_none());
        assert_eq!(
            serde_json::from_value::<EffectFigure>(json).unwrap(),
            counter
        );
        let unmeasured = serde_json::to_value(figure(Some(1.0), None, None)).unwrap();
        assert!(unmeasured["measured"].is_null(), "{unmeasured}");
    }
}
