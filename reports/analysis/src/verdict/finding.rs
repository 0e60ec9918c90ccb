//! What holding one limit against its measurement came to, before the evidence is weighed.

use shakedown_record::run_record::Quantity;

/// One limit, one observation, and how they compare.
#[derive(Debug, Clone)]
pub(crate) struct Finding {
    pub limit: Quantity,
    pub observed: Quantity,
    pub holds: Holds,
    /// What was compared.
    pub why: String,
}

/// How an observation compares with its limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Holds {
    Yes,
    No,
    /// Broken, with proof that no missing evidence can excuse.
    NoWithProof,
    /// The measurement itself is missing; why.
    Unknown(String),
}

impl Holds {
    /// A plain comparison, both numbers known.
    pub fn when(holds: bool) -> Self {
        match holds {
            true => Holds::Yes,
            false => Holds::No,
        }
    }
}

/// A number with its unit and its sentence.
pub(crate) fn quantity(value: Option<f64>, unit: &str, text: impl Into<String>) -> Quantity {
    Quantity {
        value,
        unit: unit.to_string(),
        text: text.into(),
    }
}

/// A quantity that was not measured.
pub(crate) fn unmeasured(unit: &str) -> Quantity {
    quantity(None, unit, "not measured")
}
