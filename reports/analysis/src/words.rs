//! Figures as people read them: `7.41 ms`, `15,741`, `99.98 %`. One place, so that all reports agree.

/// A time of `ns` nanoseconds in three significant digits: `850 ns`, `12.4 us`, `7.41 ms`, `1.84 s`.
pub fn duration_ns(ns: f64) -> String {
    let (value, unit) = match ns.abs() {
        size if size < 999.5 => (ns, "ns"),
        size if size < 999.5e3 => (ns / 1e3, "us"),
        size if size < 999.5e6 => (ns / 1e6, "ms"),
        _ => (ns / 1e9, "s"),
    };
    if value == 0.0 {
        return "0 s".to_string();
    }
    format!("{} {unit}", significant(value))
}

/// A time in seconds, as [`duration_ns`].
pub fn duration_s(seconds: f64) -> String {
    duration_ns(seconds * 1e9)
}

/// A moment of run time: `12.301 s`.
pub fn moment_s(seconds: f64) -> String {
    format!("{seconds:.3} s")
}

/// A count with separators: `15,741`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A rate per second: `1,499.8/s`.
pub fn rate(per_s: f64) -> String {
    let whole = count(per_s.trunc() as u64);
    match (per_s.fract() * 10.0) as u64 {
        0 => format!("{whole}/s"),
        tenth => format!("{whole}.{tenth}/s"),
    }
}

/// A number in a unit that is not known here, with up to six significant digits: `0.00005`, `12.5`, `1,048,576`.
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return value.to_string();
    }
    let size = value.abs();
    if (1e6..1e18).contains(&size) {
        let sign = if value < 0.0 { "-" } else { "" };
        return format!("{sign}{}", count(size.round() as u64));
    }
    let digits = match size {
        0.0 => 0,
        size => (5 - size.log10().floor() as i32).clamp(0, 15) as usize,
    };
    trimmed(format!("{value:.digits$}"))
}

/// A fraction in percent with up to four decimals, rounded down: what is not 99.99 % never reads as 99.99 %.
pub fn percent_down(fraction: f64) -> String {
    percent((fraction * 1e6 + 1e-6).floor())
}

/// A fraction in percent with up to four decimals, rounded up: what is above 0.1 % never reads as 0.1 %.
pub fn percent_up(fraction: f64) -> String {
    percent((fraction * 1e6 - 1e-6).ceil())
}

/// The name of a quantile: `P99`, `P99.9`, `P50`.
pub fn quantile(quantile: f64) -> String {
    format!("P{}", trimmed(format!("{:.6}", quantile * 100.0)))
}

fn percent(millionths: f64) -> String {
    // Adding zero makes a negative zero, which would read as `-0 %`, a positive one.
    let percent = (millionths.max(0.0) + 0.0) / 1e4;
    format!("{} %", trimmed(format!("{percent:.4}")))
}

fn significant(value: f64) -> String {
    let decimals = match value.abs() {
        size if size < 9.995 => 2,
        size if size < 99.95 => 1,
        _ => 0,
    };
    trimmed(format!("{value:.decimals$}"))
}

fn trimmed(text: String) -> String {
    if !text.contains('.') {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_naturally() {
        let read: Vec<String> = [
            0.0, 850.0, 12_400.0, 7.41e6, 2e7, 999.6e6, 1.84e9, 6e10, 3.6e12,
        ]
        .map(duration_ns)
        .into();
        assert_eq!(
            read,
            [
                "0 s", "850 ns", "12.4 us", "7.41 ms", "20 ms", "1 s", "1.84 s", "60 s", "3600 s"
            ]
        );
    }

    #[test]
    fn counts_have_separators() {
        assert_eq!(
            [0, 999, 1_000, 15_741, 1_000_000].map(count),
            ["0", "999", "1,000", "15,741", "1,000,000"]
        );
    }

    #[test]
    fn percentages_never_flatter() {
        assert_eq!(percent_down(0.999899999), "99.9899 %");
        assert_eq!(percent_down(0.9999), "99.99 %");
        assert_eq!(percent_up(0.0010001), "0.1001 %");
        assert_eq!(percent_up(0.001), "0.1 %");
        assert_eq!([percent_up(0.0), percent_down(0.0)], ["0 %", "0 %"]);
        assert_eq!(percent_down(1.0), "100 %");
    }

    #[test]
    fn numbers_keep_six_digits() {
        assert_eq!(
            [0.0, 5.0, 0.00005, 12.5, 1_048_576.0, 0.123456789, -3.25].map(number),
            [
                "0",
                "5",
                "0.00005",
                "12.5",
                "1,048,576",
                "0.123457",
                "-3.25"
            ]
        );
    }

    #[test]
    fn quantiles_have_their_usual_names() {
        assert_eq!([0.5, 0.99, 0.999].map(quantile), ["P50", "P99", "P99.9"]);
    }
}
