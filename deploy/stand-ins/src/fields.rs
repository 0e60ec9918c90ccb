//! What names, sides and numbers of a request may be.

use shakedown_engine::decimal::Decimal;

/// The longest name, in bytes.
const MAX_NAME_BYTES: usize = 64;

/// A name: of an order, an account, a symbol.
///
/// # Errors
/// What is wrong with it, for people.
pub fn name(field: &str, text: &str) -> Result<(), String> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    if text.is_empty() || text.len() > MAX_NAME_BYTES || !is_plain {
        return Err(format!(
            "{field} must have 1 to {MAX_NAME_BYTES} visible ASCII characters"
        ));
    }
    Ok(())
}

/// `buy` or `sell`.
///
/// # Errors
/// What is wrong with it, for people.
pub fn side(text: &str) -> Result<(), String> {
    if matches!(text, "buy" | "sell") {
        return Ok(());
    }
    Err(format!("side `{text}` is neither buy nor sell"))
}

/// A number above 0, as text.
///
/// # Errors
/// What is wrong with it, for people.
pub fn positive(field: &str, text: &str) -> Result<(), String> {
    Decimal::parse(text).map_err(|error| format!("{field}: {error}"))?;
    if text.starts_with('-') || !text.bytes().any(|byte| matches!(byte, b'1'..=b'9')) {
        return Err(format!("{field} must be above 0"));
    }
    Ok(())
}
