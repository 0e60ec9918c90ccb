//! Thinning a series to what a screen can show, without losing a single peak or hole.

/// A value at a time; `None` where nothing was measured.
pub(super) type Point = (f64, Option<f64>);

/// At most `most` points that keep the lowest and the highest of every stretch.
///
/// A stretch without any value stays a hole. Averages would hide the one bad interval that the report is about.
pub(super) fn thin(points: &[Point], most: usize) -> Vec<Point> {
    if points.len() <= most {
        return points.to_vec();
    }
    let stretches = (most / 2).max(1);
    let mut out = Vec::with_capacity(stretches * 2);
    for index in 0..stretches {
        let from = index * points.len() / stretches;
        let to = (index + 1) * points.len() / stretches;
        push_extremes(&points[from..to], &mut out);
    }
    out
}

fn push_extremes(stretch: &[Point], out: &mut Vec<Point>) {
    let values = || {
        stretch
            .iter()
            .enumerate()
            .filter_map(|(index, (_, value))| value.map(|value| (index, value)))
    };
    let low = values().min_by(|a, b| a.1.total_cmp(&b.1));
    let high = values().max_by(|a, b| a.1.total_cmp(&b.1));
    match (low, high) {
        (Some((low, _)), Some((high, _))) if low == high => out.push(stretch[low]),
        (Some((low, _)), Some((high, _))) => {
            out.push(stretch[low.min(high)]);
            out.push(stretch[low.max(high)]);
        }
        _ => out.extend(stretch.first().copied()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bad_interval_in_an_hour_is_kept() {
        let mut points: Vec<Point> = (0..36_000).map(|i| (f64::from(i), Some(5.0))).collect();
        points[20_123].1 = Some(900.0);
        points[7_001].1 = Some(0.0);
        let thinned = thin(&points, 1_500);
        assert!(thinned.len() <= 1_500, "{}", thinned.len());
        assert!(thinned.contains(&(20_123.0, Some(900.0))));
        assert!(thinned.contains(&(7_001.0, Some(0.0))));
        assert!(thinned.is_sorted_by(|a, b| a.0 <= b.0));
    }

    #[test]
    fn a_hole_stays_a_hole_and_a_short_series_is_left_alone() {
        let mut points: Vec<Point> = (0..10_000).map(|i| (f64::from(i), Some(1.0))).collect();
        points[4_000..5_000]
            .iter_mut()
            .for_each(|point| point.1 = None);
        assert!(thin(&points, 400).iter().any(|point| point.1.is_none()));
        assert_eq!(thin(&points[..100], 400), points[..100]);
    }
}
