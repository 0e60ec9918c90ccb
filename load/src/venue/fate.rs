//! What becomes of an order. Pure.

use shakedown_record::Decimal;
use shakedown_scenarios::plan::{Delay, VenuePlan};

use crate::flow::random::Random;
use crate::portable::natural_log;

/// What becomes of an order; times are nanoseconds after it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    Rejected { after_ns: u64 },
    Accepted { after_ns: u64, fills: Vec<Fill> },
}

/// One fill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fill {
    pub after_ns: u64,
    pub quantity: Decimal,
    /// What can still be filled after it.
    pub remaining: Decimal,
}

/// What becomes of the order with this id: the same, whenever it comes.
pub fn fate(plan: &VenuePlan, seed: u64, id: &str, quantity: Decimal) -> Fate {
    let mut random = Random::for_slot(seed, fingerprint(id), Random::VENUE);
    let after_ns = delay_ns(&plan.latency, random.unit());
    if random.unit() <= plan.rejects {
        return Fate::Rejected { after_ns };
    }
    let (is_filled, is_partial) = (random.unit() <= plan.fills, random.unit() <= plan.partial);
    let first_ns = after_ns + delay_ns(&plan.fill_after, random.unit());
    let second_ns = first_ns + delay_ns(&plan.fill_after, random.unit());
    let nothing = Decimal::new(0, quantity.scale());
    let units = quantity.in_units_of(Decimal::new(1, quantity.scale()));
    let (units, half) = units.map_or((0, 0), |units| (units, units / 2));
    let fills = match (is_filled, is_partial && half > 0) {
        (false, _) => Vec::new(),
        (true, false) => vec![Fill {
            after_ns: first_ns,
            quantity,
            remaining: nothing,
        }],
        (true, true) => {
            let first = Decimal::new(i128::from(half), quantity.scale());
            let rest = Decimal::new(i128::from(units - half), quantity.scale());
            let fill = |after_ns, quantity, remaining| Fill {
                after_ns,
                quantity,
                remaining,
            };
            vec![fill(first_ns, first, rest), fill(second_ns, rest, nothing)]
        }
    };
    Fate::Accepted { after_ns, fills }
}

/// A time of a distribution, for an even number in (0, 1].
fn delay_ns(delay: &Delay, even: f64) -> u64 {
    match *delay {
        Delay::Constant { ns } => ns,
        Delay::Uniform { from_ns, to_ns } => {
            from_ns + (to_ns.saturating_sub(from_ns) as f64 * even) as u64
        }
        Delay::Exponential {
            mean_ns,
            at_most_ns,
        } => ((-natural_log(even) * mean_ns as f64) as u64).min(at_most_ns),
    }
}

/// FNV-1a: of an id, 64 bits that are the same on every machine.
fn fingerprint(id: &str) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325_u64;
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    id.bytes().fold(start, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn plan() -> VenuePlan {
        VenuePlan {
            latency: Delay::Exponential {
                mean_ns: 2 * MS,
                at_most_ns: 20 * MS,
            },
            rejects: 0.05,
            fills: 0.8,
            partial: 0.25,
            fill_after: Delay::Uniform {
                from_ns: 5 * MS,
                to_ns: 15 * MS,
            },
        }
    }

    fn fates(seed: u64) -> Vec<Fate> {
        let quantity: Decimal = "0.125".parse().unwrap();
        (0..20_000)
            .map(|number| fate(&plan(), seed, &format!("q-{number}"), quantity))
            .collect()
    }

    #[test]
    fn shares_and_times_are_as_programmed() {
        let fates = fates(7);
        let (mut rejected, mut filled, mut in_two, mut after_ns) = (0.0, 0.0, 0.0, 0u64);
        for fate in &fates {
            match fate {
                Fate::Rejected { after_ns: after } => {
                    rejected += 1.0;
                    after_ns += after;
                }
                Fate::Accepted {
                    after_ns: after,
                    fills,
                } => {
                    after_ns += after;
                    filled += f64::from(u8::from(!fills.is_empty()));
                    in_two += f64::from(u8::from(fills.len() == 2));
                    let gap = fills.first().map_or(10 * MS, |fill| fill.after_ns - after);
                    assert!((5 * MS..=15 * MS).contains(&gap));
                }
            }
        }
        let all = fates.len() as f64;
        assert!((rejected / all - 0.05).abs() < 0.01, "{rejected}");
        assert!((filled / (all - rejected) - 0.8).abs() < 0.01, "{filled}");
        assert!((in_two / filled - 0.25).abs() < 0.02, "{in_two}");
        let mean = after_ns as f64 / all;
        assert!((mean / (2.0 * MS as f64) - 1.0).abs() < 0.03, "{mean}");
    }

    #[test]
    fn fills_add_up_to_the_order() {
        let unit: Decimal = "0.001".parse().unwrap();
        for fate in fates(7) {
            let Fate::Accepted { fills, .. } = fate else {
                continue;
            };
            let units = |it: Decimal| it.in_units_of(unit).unwrap();
            let sum: i64 = fills.iter().map(|fill| units(fill.quantity)).sum();
            let last = fills.last().map(|fill| units(fill.remaining));
            assert!(fills.is_empty() || (sum == 125 && last == Some(0)));
        }
    }

    #[test]
    fn an_order_meets_its_fate_and_another_seed_is_another_fate() {
        assert_eq!(fates(7), fates(7));
        assert_ne!(fates(7), fates(8));
        let one: Decimal = "1".parse().unwrap();
        for number in 0..100 {
            let Fate::Accepted { fills, .. } = fate(&plan(), 7, &number.to_string(), one) else {
                continue;
            };
            assert!(fills.len() < 2, "a single unit cannot be divided");
        }
    }
}
