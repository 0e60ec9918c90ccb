//! Quotes both sides of every symbol, 20 times a second.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::database::{Database, QuoteRow};
use super::market::{LISTED, Listed, Market, View};
use super::model::{Model, Opinion, baseline_bps, prices};
use super::stats::Stats;
use crate::defects::Defects;
use crate::maker::{Quote, Said};

/// 20 times a second.
const QUOTE_EVERY: Duration = Duration::from_millis(50);

/// An inference that takes longer is given up.
const INFERENCE_TIMEOUT: Duration = Duration::from_millis(3);

/// Prices that are older are stale.
const FRESH_FOR: Duration = Duration::from_millis(500);

/// What quotes.
pub(super) struct Quoter {
    pub(super) name: String,
    pub(super) market: Market,
    pub(super) stats: Arc<Stats>,
    pub(super) database: Database,
    pub(super) defects: Defects,
    pub(super) venue: mpsc::Sender<Said>,
    /// Ids do not come again after a restart.
    pub(super) epoch: u64,
}

impl Quoter {
    /// Quotes until it is dropped.
    pub(super) async fn run(self) {
        let model = Model::new();
        let (mut seen, mut number) = (HashMap::new(), 0);
        let mut ticks = interval(QUOTE_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            ticks.tick().await;
            let left = self.stats.quality().expire(Instant::now());
            left.into_iter()
                .for_each(|quote| self.say(Said::Cancel(quote)));
            for listed in LISTED {
                let Some(view) = self.look(&mut seen, listed) else {
                    continue;
                };
                let opinion = self.infer(&model, &view, listed).await;
                self.quote(listed, &view, opinion, &mut number);
            }
        }
    }

    /// The market as it is now, or, with a defect, as it was when it was looked at last.
    fn look(
        &self,
        seen: &mut HashMap<&'static str, (Instant, View)>,
        listed: Listed,
    ) -> Option<View> {
        let (every, now) = (self.defects.market_look_every(), Instant::now());
        let known = seen.get(listed.symbol);
        match known.filter(|(looked, _)| now.saturating_duration_since(*looked) < every) {
            Some((_, view)) => Some(*view),
            None => {
                let view = self.market.view(listed.symbol)?;
                seen.insert(listed.symbol, (now, view));
                Some(view)
            }
        }
    }

    /// What the model thinks; the baseline where that takes too long.
    async fn infer(&self, model: &Model, view: &View, listed: Listed) -> Opinion {
        let began = Instant::now();
        let held = self.stats.quality().inventory(listed.symbol);
        let inference = async {
            if let Some(hold) = self.defects.inference_hold() {
                tokio::time::sleep(hold).await;
            }
            model.infer(view, held)
        };
        let inferred = timeout(INFERENCE_TIMEOUT, inference).await;
        let took = began.elapsed();
        self.stats.inference.observed(took);
        match inferred {
            Ok(opinion) if took <= INFERENCE_TIMEOUT => opinion,
            Ok(_) | Err(_) => {
                self.stats
                    .inference_timeouts
                    .fetch_add(1, Ordering::Relaxed);
                Opinion::BASELINE
            }
        }
    }

    fn quote(&self, listed: Listed, view: &View, opinion: Opinion, number: &mut u64) {
        let baseline_bps = baseline_bps(view);
        let opinion = Opinion {
            share: self.defects.spread_share(opinion.share),
            ..opinion
        };
        let (bid, ask) = prices(view.mid, baseline_bps, opinion);
        let now = Instant::now();
        let age = now.saturating_duration_since(view.at);
        self.stats.quoted_by(age);
        self.stats
            .quality()
            .spread((ask - bid) / view.mid * 10_000.0, baseline_bps);
        for (side, price) in [("buy", bid), ("sell", ask)] {
            *number += 1;
            let quote = Quote {
                id: format!("{}-{:x}-{number}", self.name, self.epoch),
                symbol: listed.symbol.to_owned(),
                side: side.to_owned(),
                price: format!("{price:.*}", listed.decimals),
                quantity: listed.quantity.to_owned(),
            };
            self.stats.quotes.fetch_add(1, Ordering::Relaxed);
            if age > FRESH_FOR {
                self.stats.stale_quotes.fetch_add(1, Ordering::Relaxed);
            }
            self.stats.quality().quoted(&quote, now);
            self.database.keep_quote(QuoteRow::of(&quote, &self.name));
            self.say(Said::Quote(quote.clone()));
            if self.defects.takes_back(*number) {
                self.say(Said::Cancel(quote));
            }
        }
    }

    fn say(&self, said: Said) {
        if self.venue.try_send(said).is_err() {
            self.stats.error();
        }
    }
}
