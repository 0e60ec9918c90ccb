//! The order flow in words.

use crate::compile::{counted, rate_text, share_text, time_text};
use crate::plan::{Arrival, Bursts, Lifetimes, LoadPlan, Prices, Replay, Spacing, Spike};

/// One sentence on what is sent, how often, over how many sessions.
pub(crate) fn load_sentence(load: &LoadPlan) -> String {
    let symbols: Vec<&str> = load
        .symbols
        .iter()
        .map(|symbol| symbol.name.as_str())
        .collect();
    let workers = match load.workers {
        0 | 1 => String::new(),
        workers => format!(" of {workers} workers"),
    };
    format!(
        "{}, {} sessions{workers}, timeout {}, new {} cancel {} replace {} oversized {}, {}{}",
        arrival_words(&load.arrival),
        load.sessions,
        time_text(load.timeout_ns),
        load.mix.new,
        load.mix.cancel,
        load.mix.replace,
        load.mix.oversized,
        symbols.join(" "),
        shape_words(load)
    )
}

fn shape_words(load: &LoadPlan) -> String {
    let mut words = String::new();
    if let Prices::PowerLaw(law) = load.shape.prices {
        words += &format!(
            ", prices by a power law (exponent {}, scale {} ticks, {} crossing)",
            law.exponent,
            law.scale_ticks,
            share_text(law.crossing)
        );
    }
    match &load.shape.lifetimes {
        None => {}
        Some(Lifetimes::Exponential { mean_ns }) => {
            words += &format!(", orders live {} in the mean", time_text(*mean_ns));
        }
        Some(Lifetimes::Table(points)) => {
            let half = points.iter().find(|point| point.share >= 0.5);
            let within = half.map_or_else(String::new, |point| {
                format!(
                    ", {} of them at most {}",
                    share_text(point.share),
                    time_text(point.within_ns)
                )
            });
            words += &format!(", orders live by a table{within}");
        }
    }
    if let Some(busiest) = load.shape.account_shares.first() {
        words += &format!(", {} of it by {}", share_text(*busiest), load.accounts[0]);
    }
    words
}

fn arrival_words(arrival: &Arrival) -> String {
    match arrival {
        Arrival::Constant { rate_per_s } => format!("{}, evenly spaced", rate_text(*rate_per_s)),
        Arrival::Poisson { rate_per_s } => format!("{}, Poisson", rate_text(*rate_per_s)),
        Arrival::Ramp {
            from_per_s,
            to_per_s,
            begins_ns,
            over_ns,
            spacing,
        } => format!(
            "{} until {}, then within {} to {}, {}",
            rate_text(*from_per_s),
            time_text(*begins_ns),
            time_text(*over_ns),
            rate_text(*to_per_s),
            spacing_words(*spacing)
        ),
        Arrival::Steps {
            steps,
            last_per_s,
            spacing,
        } => {
            let mut words: Vec<String> = steps
                .iter()
                .map(|step| {
                    format!(
                        "{} for {}",
                        rate_text(step.rate_per_s),
                        time_text(step.for_ns)
                    )
                })
                .collect();
            words.push(rate_text(*last_per_s));
            format!("{}, {}", words.join(", then "), spacing_words(*spacing))
        }
        Arrival::Hawkes(hawkes) => format!(
            "{} in the mean, in clusters (Hawkes, branching ratio {})",
            rate_text(hawkes.rate_per_s),
            hawkes.branching
        ),
        Arrival::Replay(replay) => replay_words(replay),
        Arrival::Spike(spike) => spike_words(spike),
        Arrival::Bursts(bursts) => bursts_words(bursts),
    }
}

fn replay_words(replay: &Replay) -> String {
    let speed = match replay.speed == 1.0 {
        true => String::new(),
        false => format!(", {} times as fast", replay.speed),
    };
    let again = match replay.again {
        true => ", again and again",
        false => "",
    };
    format!(
        "a recording of {} in {}{speed}{again} (SHA-256 {})",
        counted(replay.recording.messages().len() as u64, "message"),
        time_text(replay.recording.round_ns()),
        replay.recording.sha256()
    )
}

fn spacing_words(spacing: Spacing) -> &'static str {
    match spacing {
        Spacing::Even => "evenly spaced",
        Spacing::Random => "at random",
    }
}

fn again(every_ns: Option<u64>) -> String {
    every_ns.map_or_else(String::new, |every_ns| {
        format!(", again every {}", time_text(every_ns))
    })
}

fn spike_words(spike: &Spike) -> String {
    format!(
        "{} with a spike to {} for {} at {}{}, {}",
        rate_text(spike.rate_per_s),
        rate_text(spike.peak_per_s),
        time_text(spike.for_ns),
        time_text(spike.at_ns),
        again(spike.every_ns),
        spacing_words(spike.spacing)
    )
}

fn bursts_words(bursts: &Bursts) -> String {
    let open = bursts.open.map(|open| {
        format!(
            ", {} falling for {} at the open",
            rate_text(open.peak_per_s),
            time_text(open.over_ns)
        )
    });
    let close = bursts.close.map(|close| {
        format!(
            ", climbing for {} to {} at the close at {}",
            time_text(close.over_ns),
            rate_text(close.peak_per_s),
            time_text(bursts.close_at_ns)
        )
    });
    format!(
        "{}{}{}{}, {}",
        rate_text(bursts.rate_per_s),
        open.unwrap_or_default(),
        close.unwrap_or_default(),
        again(bursts.every_ns),
        spacing_words(bursts.spacing)
    )
}
