//! How long orders live, and what ends their lives.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use shakedown_record::ledger::OrderKind;
use shakedown_scenarios::plan::{Lifetimes, LoadPlan};

use super::random::Random;
use crate::portable::{exponential, natural_log};

/// Most lives of all sessions that are waited for: about 24 MB. Orders beyond them rest.
const MOST_LIVES: usize = 1 << 20;

/// A life that begins with a new order or a replace, and ends with a cancel or the next replace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    pub lasts_ns: u64,
    /// [`OrderKind::Cancel`] or [`OrderKind::Replace`].
    pub ends: OrderKind,
}

/// The law of lives.
///
/// An order is replaced with chance `R / (1 + R)` when its life is over and cancelled with chance `C / (1 + R)`, where `R`
/// and `C` are the mix's replaces and cancels for each new order; then another life begins, or none. So there are `R` replaces
/// and `C` cancels for each new order in the mean, as the mix asks.
#[derive(Debug, Clone)]
pub(super) struct Lives {
    seed: u64,
    cancelled: f64,
    replaced: f64,
    lasts: Lasts,
    /// Most lives of one session that are waited for.
    most: usize,
}

#[derive(Debug, Clone)]
enum Lasts {
    Exponential { mean_ns: f64 },
    Table(Vec<Point>),
}

/// A point of a table: by this logarithm of nanoseconds, this share of lives is over.
#[derive(Debug, Clone, Copy)]
struct Point {
    log_ns: f64,
    share: f64,
}

impl Lives {
    /// The lives of a plan; `None` when it says nothing of them.
    pub(super) fn new(plan: &LoadPlan, seed: u64) -> Option<Lives> {
        let lasts = match plan.shape.lifetimes.as_ref()? {
            Lifetimes::Exponential { mean_ns } => Lasts::Exponential {
                mean_ns: *mean_ns as f64,
            },
            Lifetimes::Table(points) => Lasts::Table(
                points
                    .iter()
                    .map(|point| Point {
                        log_ns: natural_log(point.within_ns.max(1) as f64),
                        share: point.share,
                    })
                    .collect(),
            ),
        };
        let for_each_new = |weight: u32| f64::from(weight) / f64::from(plan.mix.new.max(1));
        let replaces = for_each_new(plan.mix.replace);
        Some(Lives {
            seed,
            cancelled: for_each_new(plan.mix.cancel) / (1.0 + replaces),
            replaced: replaces / (1.0 + replaces),
            lasts,
            most: (MOST_LIVES / plan.sessions.max(1) as usize).max(128),
        })
    }

    /// The life that begins with a slot's new order or replace; `None` when the order then rests for good.
    pub(super) fn of(&self, slot: u64) -> Option<Life> {
        let mut random = Random::for_slot(self.seed, slot, Random::LIVES);
        let fate = random.unit();
        let ends = if fate <= self.cancelled {
            OrderKind::Cancel
        } else if fate <= self.cancelled + self.replaced {
            OrderKind::Replace
        } else {
            return None;
        };
        Some(Life {
            lasts_ns: self.lasts.drawn_ns(random.unit()),
            ends,
        })
    }
}

impl Lasts {
    fn drawn_ns(&self, even: f64) -> u64 {
        match self {
            Lasts::Exponential { mean_ns } => (-natural_log(even) * mean_ns).round() as u64,
            Lasts::Table(points) => {
                let after = points.partition_point(|point| point.share < even);
                let Some((before, after)) = after
                    .checked_sub(1)
                    .and_then(|before| Some((points.get(before)?, points.get(after)?)))
                else {
                    return 0;
                };
                let share = (even - before.share) / (after.share - before.share);
                let log_ns = before.log_ns + (after.log_ns - before.log_ns) * share;
                exponential(log_ns).round() as u64
            }
        }
    }
}

/// What the slots of one session are to ask, as lives come to their ends.
///
/// It depends on the slots and their intended times alone, not on what the engine answers.
#[derive(Debug, Clone, Default)]
pub struct Course {
    due: BinaryHeap<Reverse<Due>>,
    /// The last slot that was asked for: it may be asked for again when it could not be written.
    last: Option<(u64, Option<(OrderKind, u64)>)>,
}

/// An order whose life ends; earliest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    at_ns: u64,
    /// Slot of the new order.
    order: u64,
    is_replaced: bool,
}

impl Course {
    /// Lives that have not ended yet.
    pub fn waiting(&self) -> usize {
        self.due.len()
    }

    /// What a slot is to do to which order, when a life has ended; to be asked for each slot of the session in order.
    /// `is_new`: otherwise the slot sends a new order, whose life begins.
    pub(super) fn ended(
        &mut self,
        lives: &Lives,
        slot: u64,
        at_ns: u64,
        is_new: bool,
    ) -> Option<(OrderKind, u64)> {
        if let Some((last, asked)) = self.last
            && last == slot
        {
            return asked;
        }
        let due = match self.due.peek() {
            Some(Reverse(due)) if due.at_ns <= at_ns => self.due.pop(),
            Some(_) | None => None,
        };
        let asked = due.map(|Reverse(due)| {
            let kind = match due.is_replaced {
                true => OrderKind::Replace,
                false => OrderKind::Cancel,
            };
            (kind, due.order)
        });
        self.last = Some((slot, asked));
        match asked {
            Some((OrderKind::Replace, order)) => self.begin(lives, slot, at_ns, order),
            None if is_new => self.begin(lives, slot, at_ns, slot),
            Some(_) | None => {}
        }
        asked
    }

    /// A life of an order begins with a slot.
    fn begin(&mut self, lives: &Lives, slot: u64, at_ns: u64, order: u64) {
        if self.due.len() >= lives.most {
            return;
        }
        if let Some(life) = lives.of(slot) {
            self.due.push(Reverse(Due {
                at_ns: at_ns.saturating_add(life.lasts_ns),
                order,
                is_replaced: life.ends == OrderKind::Replace,
            }));
        }
    }
}
