//! What was measured, held against what was asked.

use std::collections::BTreeMap;

use shakedown_record::fault::EffectFigure;

use crate::environment::End;

/// A thread wakes up so much late, and a share of that time is the measurement's own.
const LATE_NS: f64 = 1_000_000.0;
const ERROR_SHARE: f64 = 0.05;
/// Headers count where the kernel limits, a burst may go at once, and the window does not begin with a packet.
const RATE_ERROR: f64 = 0.1;

/// A figure, and the sentence for it: seen, or not.
pub(super) type Told = (EffectFigure, Result<String, String>);

/// What was asked of a delay, in nanoseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Delay {
    pub(super) by_ns: u64,
    pub(super) jitter_ns: u64,
}

/// What one sender sent until a moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) bytes: u64,
    /// Pieces that had to wait for their turn, or wait now, or were dropped for want of room.
    pub(super) waited: u64,
}

/// The delay of what went through, as the links measured it.
pub(super) fn added(asked: Delay, median_ns: u64, pieces: u64) -> Told {
    let figure = EffectFigure {
        name: "delay, median".into(),
        asked: Some(asked.by_ns as f64),
        measured: (pieces > 0).then_some(median_ns as f64),
        unit: "ns".into(),
        error: Some(asked.by_ns as f64 * ERROR_SHARE + LATE_NS + asked.jitter_ns as f64),
    };
    let told = match figure.within_error() {
        None => Err("nothing went through the links that the fault is on".to_string()),
        Some(within) => {
            let text = format!(
                "{pieces} pieces went through, {} late each way for {} asked",
                ms(median_ns as f64),
                ms(asked.by_ns as f64)
            );
            match within {
                true => Ok(text),
                false => Err(format!("{text}: not as asked")),
            }
        }
    };
    (figure, told)
}

/// By how much a round trip takes longer, as somebody at the first end sees it. `calm_ns` and `now_ns` are medians
/// for each pair of ends; the pairs' median difference counts.
pub(super) fn round_trip(asked: Delay, passes: u64, calm_ns: &[u64], now_ns: &[u64]) -> Told {
    let mut longer: Vec<f64> = calm_ns
        .iter()
        .zip(now_ns)
        .map(|(calm, now)| *now as f64 - *calm as f64)
        .collect();
    longer.sort_by(f64::total_cmp);
    let asked_ns = (asked.by_ns * passes) as f64;
    let jitter_ns = (asked.jitter_ns * passes) as f64;
    let figure = EffectFigure {
        name: "round trip, longer by".into(),
        asked: Some(asked_ns),
        measured: longer.get(longer.len() / 2).copied(),
        unit: "ns".into(),
        error: Some(2.0 * (asked_ns * ERROR_SHARE + LATE_NS) + jitter_ns),
    };
    let told = match (figure.measured, figure.within_error()) {
        (Some(measured), Some(true)) => Ok(format!("a round trip takes {} longer", ms(measured))),
        (Some(measured), _) => Err(format!(
            "a round trip takes {} longer, and {} were asked",
            ms(measured),
            ms(asked_ns)
        )),
        (None, _) => Err("no round trip could be made".to_string()),
    };
    (figure, told)
}

/// How much the busiest of the senders that had to wait sent in a second. One that had nothing to wait for shows no
/// limit; one that sent more shows that there is none.
pub(super) fn rate(
    asked_per_s: u64,
    before: &BTreeMap<End, Sent>,
    now: &BTreeMap<End, Sent>,
    seconds: f64,
) -> Told {
    let since = |(end, sent): (&End, &Sent)| {
        let earlier = before.get(end).copied().unwrap_or_default();
        let waited = sent.waited.saturating_sub(earlier.waited);
        let per_s = sent.bytes.saturating_sub(earlier.bytes) as f64 / seconds;
        (per_s, waited)
    };
    let all = now.iter().map(since);
    let busiest = all.max_by(|one, other| one.0.total_cmp(&other.0));
    let (per_s, waited) = busiest.unwrap_or_default();
    let asked = asked_per_s as f64;
    let figure = EffectFigure {
        name: "bandwidth".into(),
        asked: Some(asked),
        measured: Some(per_s),
        unit: "B/s".into(),
        error: Some(asked * RATE_ERROR),
    };
    let text = format!("{per_s:.0} bytes in a second for {asked_per_s} asked");
    let told = match figure.within_error() {
        Some(true) if waited > 0 => Ok(format!("{text}; {waited} pieces had to wait")),
        _ if per_s > asked * (1.0 + RATE_ERROR) => Err(format!("{text}: it is not kept to")),
        _ => Err(format!("{text}: too little was sent for the limit to show")),
    };
    (figure, told)
}

/// A figure without anything asked.
pub(super) fn counter(name: &str, unit: &str, count: u64) -> EffectFigure {
    EffectFigure {
        name: name.into(),
        measured: Some(count as f64),
        unit: unit.into(),
        ..EffectFigure::default()
    }
}

fn ms(ns: f64) -> String {
    format!("{:.2} ms", ns / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: Delay = Delay {
        by_ns: 20_000_000,
        jitter_ns: 0,
    };

    #[test]
    fn a_delay_is_believed_within_its_error_and_only_where_something_went_through() {
        assert!(added(ASKED, 20_300_000, 50).1.is_ok());
        assert!(added(ASKED, 300_000, 50).1.is_err());
        assert!(added(ASKED, 25_000_000, 50).1.is_err());
        let (figure, told) = added(ASKED, 0, 0);
        assert!(told.unwrap_err().contains("nothing went through"));
        assert_eq!(figure.measured, None);
        let varied = Delay {
            jitter_ns: 5_000_000,
            ..ASKED
        };
        assert!(added(varied, 25_000_000, 50).1.is_ok());
    }

    #[test]
    fn a_round_trip_passes_a_link_once_or_twice() {
        let calm = [1_000_000, 2_000_000, 900_000];
        let now = [41_500_000, 42_100_000, 41_000_000];
        assert!(round_trip(ASKED, 2, &calm, &now).1.is_ok());
        assert!(round_trip(ASKED, 1, &calm, &now).1.is_err());
        assert!(round_trip(ASKED, 2, &calm, &calm).1.is_err());
        assert!(round_trip(ASKED, 2, &[], &[]).1.is_err());
    }

    #[test]
    fn a_rate_shows_only_where_something_had_to_wait() {
        let sent = |bytes, waited| BTreeMap::from([(End::Clients, Sent { bytes, waited })]);
        let told = |bytes, waited| rate(50_000, &sent(1_000, 7), &sent(bytes, waited), 2.0).1;
        assert!(told(101_000, 12).is_ok());
        assert!(told(101_000, 7).unwrap_err().contains("too little"));
        assert!(told(31_000, 12).unwrap_err().contains("too little"));
        assert!(told(401_000, 12).unwrap_err().contains("not kept to"));
        assert!(rate(1, &BTreeMap::new(), &BTreeMap::new(), 1.0).1.is_err());
    }
}
