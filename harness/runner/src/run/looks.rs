//! Looks at what the system says of itself when a phase begins or ends.

use std::sync::Arc;
use std::time::Duration;

use super::driver::Faults;
use crate::probes::Scraper;
use crate::probes::metrics::scrape_all;

/// How long a fault waits for them.
const SCRAPE_WITHIN: Duration = Duration::from_millis(800);

impl Faults {
    /// The same, with looks at the system's own series.
    pub fn scraping(mut self, scraper: Option<Arc<Scraper>>) -> Self {
        self.scraper = scraper;
        self
    }

    /// Looks at the system's own series now, where that is wanted.
    pub async fn look_now(&self) {
        if let Some(scraper) = &self.scraper {
            scraper.look_now().await;
        }
    }

    /// The last looks before a fault: at the engine's latency, and at the series.
    pub(super) async fn scrape_now(&self) {
        let scraped = tokio::time::timeout(SCRAPE_WITHIN, scrape_all(&self.target));
        let looked = tokio::time::timeout(SCRAPE_WITHIN, self.look_now());
        let (scraped, _looked_or_late) = tokio::join!(scraped, looked);
        for event in scraped.unwrap_or_default() {
            self.events.emit(event);
        }
    }
}
