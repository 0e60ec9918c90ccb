//! The Hawkes process against what is known of it: its mean, its clusters, and its compensator.

use shakedown_load::pacing::Schedule;

use crate::common::{digest, load};

const RATE_PER_S: f64 = 2_000.0;

fn section(branching: f64, decays: &str) -> String {
    format!(
        "  arrival: {{ hawkes: {{ rate: 2000/s, branching: {branching}, decays: {decays} }} }}\n  sessions: 8\n  timeout: 1s"
    )
}

/// Times of the slots of the first seconds, in seconds; the slot at zero is none of the process.
fn times_s(section: &str, seed: u64, seconds: f64) -> Vec<f64> {
    Schedule::new(load(section).arrival, seed)
        .skip(1)
        .map(|slot| slot.at_ns as f64 / 1e9)
        .take_while(|at_s| *at_s < seconds)
        .collect()
}

/// Numbers of slots in windows of this length.
fn counts(times_s: &[f64], window_s: f64, windows: usize) -> Vec<f64> {
    let mut counts = vec![0.0; windows];
    for at_s in times_s {
        if let Some(count) = counts.get_mut((at_s / window_s) as usize) {
            *count += 1.0;
        }
    }
    counts
}

/// The variance of the number of slots in a long time is its mean over (1 - n)^2.
#[test]
fn the_mean_rate_is_the_asked_one_from_the_begin() {
    for (branching, decays) in [(0.5, "[10ms]"), (0.9, "[1ms, 10ms, 100ms, 1s]")] {
        for seconds in [5.0, 100.0] {
            let found = times_s(&section(branching, decays), 7, seconds).len() as f64;
            let expected = RATE_PER_S * seconds;
            let deviation = expected.sqrt() / (1.0 - branching);
            assert!(
                (found - expected).abs() <= 4.0 * deviation,
                "{found} of {expected} in {seconds} s, n = {branching}"
            );
        }
    }
}

/// The variance of counts in windows of length `w`, over their mean, is
/// `k^2 + (1 - k^2) (1 - e^(-g w)) / (g w)` with `k = 1 / (1 - n)` and `g = (1 - n) / decay` for one exponential (Da Fonseca
/// and Zaatour, "Hawkes process: fast calibration, application to trade clustering, and diffusive limit", 2014). Solved for n.
#[test]
fn the_branching_ratio_is_found_again_in_the_variance_of_counts() {
    let (window_s, windows) = (0.25, 1_600);
    for branching in [0.3, 0.6, 0.8] {
        let times = times_s(&section(branching, "[5ms]"), 3, window_s * windows as f64);
        let counts = counts(&times, window_s, windows);
        let mean = counts.iter().sum::<f64>() / windows as f64;
        let variance = counts
            .iter()
            .map(|count| (count - mean).powi(2))
            .sum::<f64>()
            / (windows - 1) as f64;
        let dispersion = variance / mean;
        let expected = |n: f64| {
            let (k, g) = (1.0 / (1.0 - n), (1.0 - n) / 0.005 * window_s);
            k * k + (1.0 - k * k) * (1.0 - (-g).exp()) / g
        };
        // Counts of so many clusters are nearly normal: the deviation of a variance is sqrt(2 / (windows - 1)) of it.
        let error = 4.0 * (2.0 / (windows - 1) as f64).sqrt();
        let (low, high) = (dispersion / (1.0 + error), dispersion / (1.0 - error));
        assert!(
            expected(branching) >= low && expected(branching) <= high,
            "{dispersion} and not {} for n = {branching}",
            expected(branching)
        );
        // The same in words of n: no neighbour by 0.1 would do.
        for wrong in [branching - 0.1, branching + 0.1] {
            assert!(
                !(low..=high).contains(&expected(wrong)),
                "n = {wrong} would do"
            );
        }
    }
}

/// By the theorem of time change, the areas below the intensity between slots are independent and exponential with mean 1,
/// and only if the intensity is the right one. The intensity is computed here from all slots before, step by step.
#[test]
fn the_areas_below_the_intensity_are_exponential() {
    for (branching, decays_s, decays) in [
        (0.8, vec![0.005], "[5ms]"),
        (0.9, vec![0.001, 0.01, 0.1, 1.0], "[1ms, 10ms, 100ms, 1s]"),
    ] {
        let times = times_s(&section(branching, decays), 5, 30.0);
        let share = branching / decays_s.len() as f64;
        let mut excess = vec![share * RATE_PER_S; decays_s.len()];
        // The schedule has a slot at zero, after which the process is as if it had always been running.
        let mut before_s = 0.0;
        let mut areas = Vec::new();
        for at_s in times {
            let gap_s = at_s - before_s;
            let mut area = RATE_PER_S * (1.0 - branching) * gap_s;
            for (excess, decay_s) in excess.iter_mut().zip(&decays_s) {
                let left = (-gap_s / decay_s).exp();
                area += *excess * decay_s * (1.0 - left);
                *excess = *excess * left + share / decay_s;
            }
            areas.push(area);
            before_s = at_s;
        }
        exponential(&mut areas, branching);
    }
}

/// Kolmogorov and Smirnov: the largest distance to the distribution is above 1.95 / sqrt(n) once in a thousand times.
fn exponential(areas: &mut [f64], branching: f64) {
    let count = areas.len() as f64;
    let mean = areas.iter().sum::<f64>() / count;
    assert!(
        (mean - 1.0).abs() <= 4.0 / count.sqrt(),
        "{mean}, n = {branching}"
    );
    areas.sort_by(f64::total_cmp);
    let distance = areas.iter().enumerate().map(|(rank, area)| {
        let expected = 1.0 - (-area).exp();
        let (below, above) = (rank as f64 / count, (rank + 1) as f64 / count);
        (expected - below).abs().max((expected - above).abs())
    });
    let largest = distance.fold(0.0, f64::max);
    assert!(largest <= 1.95 / count.sqrt(), "{largest}, n = {branching}");
}

/// Changing one of these breaks the replay of every recorded run: do it knowingly and say so in the changelog.
#[test]
fn one_seed_is_one_stream_for_ever() {
    let found: Vec<[String; 2]> = [(0.5, "[10ms]"), (0.9, "[1ms, 10ms, 100ms, 1s]")]
        .into_iter()
        .map(|(branching, decays)| {
            let load = load(&section(branching, decays));
            [digest(&load, 7, 20_000), digest(&load, 8, 20_000)]
        })
        .collect();
    assert_eq!(found, GOLDEN);
}

const GOLDEN: [[&str; 2]; 2] = [
    [
        "06060b63b3eb50bf9e50d5e41dcd65428d046d324facedbbec4889da72e8a4a1",
        "a6e1be115f097ae9b9004d3c086ad61e82d1f82239d3c65eb3dc0f70d58eef48",
    ],
    [
        "21c21eaf9567643d607dd1d0f94a82cc44fed98d7e1470aed51526b1b8b985bc",
        "0eca3193b9ad14553d49f9338c53755dfb422c9c25fc5bf0203527eaa9b19ffb",
    ],
];
