//! Market data beside the orders: what is published into the engine, and what it tells.

use std::time::{Duration, Instant};

use shakedown_load::feed::{FeedConfig, FeedFiles, FeedListener, Joiner};
use shakedown_load::points::{PointsConfig, Publisher};
use shakedown_load::secret::Secrets;
use shakedown_record::RunZero;
use shakedown_record::event::Event;

use super::shell::Run;
use crate::environment::Environment;
use crate::error::RunError;
use crate::probes::Target;
use crate::readback::trades::read_trades;

/// How long the load waits for the market-data feed.
const FEED_WITHIN: Duration = Duration::from_secs(2);

/// How long a trading system may take to book what its venue told it.
const SETTLED_AFTER: Duration = Duration::from_secs(1);

/// Market data of a run whose load has begun.
#[derive(Debug, Default)]
pub(super) struct Market {
    /// Where a rule is about the feed.
    pub feed: Option<FeedListener>,
    /// Where a rule is about the books that it tells: who comes late.
    pub late: Option<FeedListener>,
    /// Where the scenario publishes any.
    pub publisher: Option<Publisher>,
}

impl Market {
    /// By which who comes late to the feed is told when.
    pub fn joiner(&self) -> Option<Joiner> {
        self.late.as_ref().map(FeedListener::joiner)
    }
}

impl Run {
    /// Listens to the market-data feed before there is anything to tell, where a rule is about it.
    async fn listen(
        &self,
        environment: &Environment,
        secrets: &Secrets,
    ) -> Result<Option<FeedListener>, RunError> {
        let book = self.plan().feed_book().map(|_| self.run_dir().feed_book());
        let files = FeedFiles::Whole {
            messages: self.run_dir().feed(),
            book,
        };
        let Some(config) = self.feed_config(environment, secrets, files) else {
            return Ok(None);
        };
        let listener = FeedListener::start(config)?;
        let deadline = Instant::now() + FEED_WITHIN;
        while !listener.is_open() && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(Some(listener))
    }

    /// Everybody who listens to the feed.
    pub(super) async fn hear(
        &self,
        environment: &Environment,
        secrets: &Secrets,
    ) -> Result<Market, RunError> {
        Ok(Market {
            feed: self.listen(environment, secrets).await?,
            late: self.listen_late(environment, secrets)?,
            publisher: None,
        })
    }

    /// Has somebody ready who comes to the feed late, where a rule is about the books and the profile says how.
    fn listen_late(
        &self,
        environment: &Environment,
        secrets: &Secrets,
    ) -> Result<Option<FeedListener>, RunError> {
        let book = self.plan().feed_book();
        if book.is_none_or(|book| book.snapshot.is_none()) {
            return Ok(None);
        }
        let files = FeedFiles::Late {
            book: self.run_dir().feed_late(),
        };
        let config = self.feed_config(environment, secrets, files);
        Ok(config.map(FeedListener::start).transpose()?)
    }

    fn feed_config(
        &self,
        environment: &Environment,
        secrets: &Secrets,
        files: FeedFiles,
    ) -> Option<FeedConfig> {
        let plan = self.plan();
        Some(FeedConfig {
            plan: plan.feed_heard()?.clone(),
            auth: plan.system.auth.clone(),
            secrets: secrets.clone(),
            entry: environment.entry(),
            prefix: self.prefix.clone(),
            sides: plan.system.orders.side_names.clone(),
            seed: plan.seed,
            files,
        })
    }

    /// Begins to publish market data, where the scenario does.
    pub(super) fn publish(
        &self,
        environment: &Environment,
        secrets: &Secrets,
        zero: RunZero,
    ) -> Result<Option<Publisher>, RunError> {
        let plan = self.plan();
        let publish = plan.system.market_data.publish.as_ref();
        let (Some(points), Some(publish)) = (plan.points, publish) else {
            return Ok(None);
        };
        let config = PointsConfig {
            plan: publish.clone(),
            rate_per_s: points.rate_per_s,
            symbols: plan.load.symbols.clone(),
            seed: plan.seed,
            auth: plan.system.auth.clone(),
            secrets: secrets.clone(),
            entry: environment.ingest(publish),
            timeout_ns: plan.load.timeout_ns,
            file: self.run_dir().points(),
        };
        Ok(Some(Publisher::start(&config, zero.mono_ns)?))
    }

    /// Ends the publisher; returns what is wrong with its account: a bug.
    pub(super) async fn end_publishing(&self, market: &mut Market) -> Option<String> {
        let publisher = market.publisher.take()?;
        match tokio::task::spawn_blocking(move || publisher.end()).await {
            Ok(Ok(report)) => {
                self.events.emit(Event::PointsPublished { report });
                None
            }
            Ok(Err(error)) => Some(error.to_string()),
            Err(error) => Some(error.to_string()),
        }
    }

    /// Reads the trading system's own trades, once the venue can have no more to say.
    pub(super) async fn read_trades(&self, target: &Target) -> Result<(), RunError> {
        let plan = self.plan();
        let side = plan.system.venue.as_ref();
        let trades = side.and_then(|side| side.trades.as_ref());
        let (Some(venue), Some(trades)) = (&plan.venue, trades) else {
            return Ok(());
        };
        tokio::time::sleep(Duration::from_nanos(venue.longest_ns()) + SETTLED_AFTER).await;
        let path = self.run_dir().trades();
        let read = read_trades(target, trades, &path).await;
        let done = read.map_err(|source| RunError::Write {
            what: path.display().to_string(),
            source,
        })?;
        self.events.emit(Event::TradesRead { done });
        Ok(())
    }

    /// Ends the listeners: what the feed has not told by now, it does not tell.
    pub(super) fn end_listening(&self, market: Market) {
        if let Some(feed) = market.feed {
            let report = feed.end();
            self.events.emit(Event::FeedHeard { report });
        }
        if let Some(late) = market.late {
            let report = late.end();
            self.events.emit(Event::LateFeedHeard { report });
        }
    }
}
