//! Numbers as people write them.

/// A time with the unit that fits.
pub(crate) fn time_text(ns: u64) -> String {
    const UNITS: [(&str, u64); 5] = [
        ("d", 86_400_000_000_000),
        ("h", 3_600_000_000_000),
        ("s", 1_000_000_000),
        ("ms", 1_000_000),
        ("us", 1_000),
    ];
    for (unit, size_ns) in UNITS {
        if ns >= size_ns && (ns.is_multiple_of(size_ns) || matches!(unit, "s" | "ms" | "us")) {
            return format!("{} {unit}", number_text(ns as f64 / size_ns as f64));
        }
    }
    format!("{ns} ns")
}

/// A share in percent.
pub(crate) fn share_text(fraction: f64) -> String {
    format!("{}%", number_text(fraction * 100.0))
}

/// A rate.
pub(crate) fn rate_text(per_s: f64) -> String {
    format!("{}/s", number_text(per_s))
}

/// Up to six digits after the point, without zeros at the end.
pub(super) fn number_text(value: f64) -> String {
    let text = format!("{value:.6}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text.is_empty() {
        "0".to_string()
    } else {
        text.to_string()
    }
}

/// `1 order`, `2 orders`, `2 addresses`.
pub(crate) fn counted(count: u64, what: &str) -> String {
    let plural = match count {
        1 => "",
        _ if what.ends_with('s') => "es",
        _ => "s",
    };
    format!("{count} {what}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_the_unit_that_fits() {
        for (ns, text) in [
            (0, "0 ns"),
            (10_000, "10 us"),
            (1_500_000, "1.5 ms"),
            (40_000_000_000, "40 s"),
            (90_000_000_000, "90 s"),
            (3_600_000_000_000, "1 h"),
        ] {
            assert_eq!(time_text(ns), text);
        }
        assert_eq!(share_text(0.9999), "99.99%");
        assert_eq!(rate_text(1500.0), "1500/s");
        assert_eq!(number_text(0.0), "0");
    }
}
