//! Numbers as people read them. Figures are set by `shakedown_analysis::words`, so that a report never shows a
//! number in another way than the sentences of the record do.

use shakedown_analysis::words;

pub(crate) use words::count as grouped;

/// A count with its noun: `no order`, `1 order`, `3 orders`.
pub(crate) fn counted(n: u64, noun: &str) -> String {
    match n {
        0 => format!("no {noun}"),
        1 => format!("1 {noun}"),
        _ => format!("{} {noun}s", grouped(n)),
    }
}

/// A time in the unit that suits it, to three digits.
pub(crate) fn duration_ns(ns: u64) -> String {
    words::duration_ns(ns as f64)
}

/// A time in seconds, in the unit that suits it; from two minutes on in minutes and hours.
pub(crate) fn seconds(s: f64) -> String {
    if !s.is_finite() {
        return "not a time".into();
    }
    if s < 120.0 {
        return words::duration_s(s);
    }
    let whole = s.round() as u64;
    match (whole / 3_600, whole % 3_600 / 60, whole % 60) {
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// A rate: `1,470/s`.
pub(crate) fn rate(per_s: f64) -> String {
    match per_s.is_finite() && per_s >= 0.0 {
        true => words::rate(per_s),
        false => "not a rate".into(),
    }
}

/// A fraction of 1 as per cent, never rounded up: what is not 100 % never reads as 100 %.
pub(crate) fn fraction(value: f64) -> String {
    match value.is_finite() {
        true => words::percent_down(value),
        false => "not a share".into(),
    }
}

/// A part of a whole as per cent; a part that is there is never `0 %`, and what is not all is never `100 %`.
pub(crate) fn share(part: u64, whole: u64) -> String {
    let percent = part as f64 * 100.0 / whole as f64;
    match part {
        _ if whole == 0 => "-".into(),
        0 => "0 %".into(),
        _ if part == whole => "100 %".into(),
        _ if percent < 0.01 => "< 0.01 %".into(),
        _ if percent > 99.99 => "> 99.99 %".into(),
        _ => format!("{percent:.2} %"),
    }
}

/// A value in its unit, as `record.json` names units: `ns`, `s`, `/s`, `fraction`, or a noun.
pub(crate) fn amount(value: f64, unit: &str) -> String {
    let whole = value >= 0.0 && value.fract() == 0.0 && value < 1e15;
    match unit {
        _ if !value.is_finite() => "not a number".into(),
        "ns" => duration_ns(value.max(0.0).round() as u64),
        "s" => seconds(value),
        "/s" => rate(value),
        "fraction" | "1" => fraction(value),
        "orders" | "" if whole => grouped(value as u64),
        unit if whole => format!("{} {unit}", grouped(value as u64)),
        unit => format!("{} {unit}", (value * 1e3).round() / 1e3)
            .trim_end()
            .into(),
    }
}

/// A word as a shell takes it: quoted where it has to be.
pub(crate) fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_times() {
        assert_eq!(counted(0, "order"), "no order");
        assert_eq!(counted(1, "order"), "1 order");
        assert_eq!(counted(1_500, "order"), "1,500 orders");
        assert_eq!(duration_ns(7_400_000), "7.4 ms");
        assert_eq!(seconds(1.84), "1.84 s");
        assert_eq!(seconds(135.0), "2 min 15 s");
        assert_eq!(seconds(7_380.0), "2 h 3 min");
        assert_eq!(seconds(f64::NAN), "not a time");
        assert_eq!(rate(-1.0), "not a rate");
    }

    #[test]
    fn a_part_that_is_there_is_never_nothing() {
        assert_eq!(share(1, 1_000_000), "< 0.01 %");
        assert_eq!(share(999_999, 1_000_000), "> 99.99 %");
        assert_eq!(share(0, 10), "0 %");
        assert_eq!(share(5, 5), "100 %");
        assert_eq!(share(1, 3), "33.33 %");
        assert_eq!(share(0, 0), "-");
        assert_eq!(fraction(0.999_999_9), "99.9999 %");
    }

    #[test]
    fn amounts_are_said_in_their_unit() {
        assert_eq!(amount(5e7, "ns"), "50 ms");
        assert_eq!(amount(0.05, "fraction"), "5 %");
        assert_eq!(amount(12_345.0, "packets"), "12,345 packets");
        assert_eq!(amount(3.0, "orders"), "3");
        assert_eq!(amount(2.345_678, "MB"), "2.346 MB");
        assert_eq!(amount(0.5, ""), "0.5");
        assert_eq!(amount(f64::NAN, "ns"), "not a number");
    }

    #[test]
    fn shell_words_are_quoted_where_they_have_to_be() {
        assert_eq!(shell_word("run-1"), "run-1");
        assert_eq!(shell_word("it's; rm"), r"'it'\''s; rm'");
        assert_eq!(shell_word(""), "''");
    }
}
