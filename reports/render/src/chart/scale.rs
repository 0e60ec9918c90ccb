//! Scales and their ticks.

/// Maps values onto positions, linearly or by their logarithm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    at: f64,
    until: f64,
    log: bool,
}

impl Scale {
    /// A linear scale from `low..high` onto `at..until`; an empty range is widened by one.
    pub(super) fn linear(low: f64, high: f64, at: f64, until: f64) -> Scale {
        let high = if high > low { high } else { low + 1.0 };
        Scale {
            low,
            high,
            at,
            until,
            log: false,
        }
    }

    /// A logarithmic scale; `low` must be above 0.
    pub(super) fn log(low: f64, high: f64, at: f64, until: f64) -> Scale {
        let high = if high > low { high } else { low * 10.0 };
        Scale {
            log: true,
            ..Scale::linear(low.log10(), high.log10(), at, until)
        }
    }

    /// Position of a value; values outside are held at the edges.
    pub(super) fn at(&self, value: f64) -> f64 {
        let value = if self.log {
            value.max(f64::MIN_POSITIVE).log10()
        } else {
            value
        };
        let part = ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0);
        self.at + part * (self.until - self.at)
    }
}

/// Round steps from 0 up to the first that is not below `max`: at most `count` of them, and at least one.
pub(super) fn linear_ticks(max: f64, count: usize) -> Vec<f64> {
    let max = if max.is_finite() && max > 0.0 {
        max
    } else {
        1.0
    };
    let rough = max / count.max(1) as f64;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0]
        .into_iter()
        .map(|m| m * power)
        .find(|step| *step >= rough * 0.999_999)
        .unwrap_or(10.0 * power);
    let steps = (max / step - 1e-9).ceil().max(1.0) as usize;
    (0..=steps).map(|n| n as f64 * step).collect()
}

/// Ticks within `0..=max` seconds of time at steps that people count in.
pub(super) fn time_ticks(max_s: f64, count: usize) -> Vec<f64> {
    const STEPS: [f64; 19] = [
        0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0,
        3_600.0, 7_200.0, 21_600.0, 86_400.0,
    ];
    let rough = max_s / count.max(1) as f64;
    let step = STEPS
        .into_iter()
        .find(|step| *step >= rough)
        .unwrap_or((rough / 86_400.0).ceil() * 86_400.0);
    let steps = (max_s / step + 1e-9).floor() as usize;
    (0..=steps).map(|n| n as f64 * step).collect()
}

/// The decades that hold `low..=high`, which must be above 0.
pub(super) fn decades(low: f64, high: f64) -> Vec<f64> {
    let from = low.log10().floor() as i32;
    let to = (high.log10().ceil() as i32).max(from + 1);
    (from..=to).map(|power| 10_f64.powi(power)).collect()
}

/// A time on an axis: `15 s`, `2:30`, `1:02:30`.
pub(super) fn clock(s: f64, longest_s: f64) -> String {
    if longest_s < 180.0 {
        return match s.fract().abs() < 1e-9 {
            true => format!("{s:.0} s"),
            false => format!("{s:.1} s"),
        };
    }
    let whole = s.round() as u64;
    match whole / 3_600 {
        0 => format!("{}:{:02}", whole / 60, whole % 60),
        hours => format!("{hours}:{:02}:{:02}", whole % 3_600 / 60, whole % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_hold_values_at_their_edges() {
        let scale = Scale::linear(0.0, 10.0, 100.0, 200.0);
        assert_eq!(
            [-1.0, 0.0, 5.0, 11.0].map(|v| scale.at(v)),
            [100.0, 100.0, 150.0, 200.0]
        );
        let log = Scale::log(1e6, 1e9, 300.0, 0.0);
        assert!((log.at(1e7) - 200.0).abs() < 1e-6);
        assert_eq!(log.at(0.0), 300.0);
    }

    #[test]
    fn ticks_are_round_and_reach_the_maximum() {
        assert_eq!(linear_ticks(1_470.0, 4), [0.0, 500.0, 1_000.0, 1_500.0]);
        assert_eq!(linear_ticks(0.0, 4).last(), Some(&1.0));
        assert_eq!(linear_ticks(f64::NAN, 4).last(), Some(&1.0));
        assert_eq!(time_ticks(42.0, 8), [0.0, 10.0, 20.0, 30.0, 40.0]);
        assert_eq!(time_ticks(3_600.0, 8).len(), 7);
        assert_eq!(decades(2e6, 3e9), [1e6, 1e7, 1e8, 1e9, 1e10]);
        assert_eq!(decades(1e6, 1e6), [1e6, 1e7]);
    }

    #[test]
    fn times_read_naturally() {
        assert_eq!(clock(15.0, 60.0), "15 s");
        assert_eq!(clock(0.5, 2.0), "0.5 s");
        assert_eq!(clock(150.0, 3_000.0), "2:30");
        assert_eq!(clock(3_750.0, 4_000.0), "1:02:30");
    }
}
