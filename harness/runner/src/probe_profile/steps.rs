//! The steps of a probe: each tries one line of the profile and writes down what came.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use shakedown_load::http::{price_text, quantity_text};
use shakedown_record::ledger::Side;
use shakedown_record::run_dir::RunDir;
use shakedown_record::{Decimal, Outcome};
use shakedown_scenarios::plan::{CleanUp, Identity, Instrument, OrderAction, RetryPolicy};

use super::report::{CLEAN_UP, LineState, ProbeLine};
use crate::cleanup::clean_up;
use crate::probes::{Answered, OrderWords, Target};
use crate::readback::{OrderIds, Ours};
use crate::sentinel::{SentinelOrder, Sentinels};

/// Name of the line for cancels of orders that are done.
const TOO_LATE: &str = "orders.cancel.too-late";

/// The steps, and what they found so far.
pub(super) struct Steps<'a> {
    pub target: &'a Arc<Target>,
    run_dir: &'a RunDir,
    /// Orders that were sent: they are found and cancelled as sentinels are.
    sent: Vec<SentinelOrder>,
    /// How long a copy may take to show an order.
    pub shown_within: Duration,
    pub lines: Vec<ProbeLine>,
}

impl<'a> Steps<'a> {
    pub fn new(target: &'a Arc<Target>, run_dir: &'a RunDir, shown_within: Duration) -> Self {
        Self {
            shown_within,
            target,
            run_dir,
            sent: Vec::new(),
            lines: Vec::new(),
        }
    }

    /// The guard has proven it before the first step.
    pub fn guarded(&mut self) {
        let (expected, came) = ("every proof to hold", "proven at every address");
        self.add("not-production", expected, Ok(came.to_string()));
    }

    pub fn out_of_time(&mut self, within: Duration) {
        let came = format!("not done after {} s", within.as_secs());
        self.add(CLEAN_UP, "an end within the time of a probe", Err(came));
    }

    pub async fn all(&mut self) {
        self.seen_running().await;
        self.roles().await;
        self.metrics().await;
        let first = self.new_order("orders.new", 0).await;
        if let Some(first) = &first {
            self.same_id_again(first).await;
            self.read_back(first).await;
        }
        self.replace().await;
        if let Some(first) = &first {
            self.cancel(first).await;
        }
        self.oversized().await;
        self.absent().await;
        self.clean_up().await;
    }

    pub fn add(&mut self, line: &str, expected: &str, came: Result<String, String>) {
        let (state, came) = match came {
            Ok(came) => (LineState::Ok, came),
            Err(came) => (LineState::Failed, came),
        };
        self.lines.push(ProbeLine {
            line: line.to_string(),
            state,
            expected: expected.to_string(),
            came: self.target.client.clean(&came),
        });
    }

    pub fn not_in_profile(&mut self, line: &str) {
        self.lines.push(ProbeLine {
            line: line.to_string(),
            state: LineState::NotInProfile,
            expected: String::new(),
            came: String::new(),
        });
    }

    /// Sends a new order that rests; `None` when it was not acknowledged.
    async fn new_order(&mut self, line: &str, ticks_up: i64) -> Option<SentinelOrder> {
        let words = self.words(ticks_up, |_| 1)?;
        let action = &self.target.plan.system.orders.new;
        let id = words.id.clone();
        let answer = self.target.order(action, &words, &id, 0).await;
        let acked = answer.outcome == Outcome::Acked;
        let order = SentinelOrder {
            words,
            server_id: answer.server_id.clone(),
            sequence: answer.sequence,
            acked,
            copy: None,
        };
        self.sent.push(order.clone());
        self.add(line, "an acknowledgement", expect(&answer, Outcome::Acked));
        if acked && ticks_up == 0 {
            self.taken(&answer);
        }
        acked.then_some(order)
    }

    fn taken(&mut self, answer: &Answered) {
        let take = &self.target.plan.system.orders.take;
        let sequence = answer.sequence.map(|sequence| sequence.to_string());
        let term = answer.term.map(|term| term.to_string());
        let taken = [
            (
                "server-id",
                take.server_id.is_some(),
                answer.server_id.clone(),
            ),
            ("sequence", take.sequence.is_some(), sequence),
            (
                "served-by",
                take.served_by.is_some(),
                answer.served_by.clone(),
            ),
            ("term", take.term.is_some(), term),
        ];
        for (name, wanted, found) in taken {
            let line = format!("orders.new.take.{name}");
            match wanted {
                false => self.not_in_profile(&line),
                true => {
                    let found = found.ok_or_else(|| answer.said.clone());
                    self.add(&line, "a value in the acknowledgement", found);
                }
            }
        }
    }

    async fn same_id_again(&mut self, first: &SentinelOrder) {
        match self.target.plan.system.session.retry {
            RetryPolicy::Never => return self.not_in_profile("session.retry same-id-after-heal"),
            RetryPolicy::SameIdAfterHeal => {}
        }
        let action = &self.target.plan.system.orders.new;
        let words = &first.words;
        let answer = self.target.order(action, words, &words.id, 0).await;
        let same = answer.outcome == Outcome::Acked
            && answer.server_id == first.server_id
            && answer.sequence == first.sequence;
        let came = match same {
            true => Ok("the same answer".to_string()),
            false => Err(answer.said),
        };
        let line = "session.retry same-id-after-heal";
        self.add(line, "the same acknowledgement, and no second order", came);
    }

    async fn replace(&mut self) {
        let Some(action) = self.target.plan.system.orders.replace.clone() else {
            return self.not_in_profile("orders.replace");
        };
        let Some(order) = self.new_order("orders.new, to be replaced", 1).await else {
            return;
        };
        let Some(words) = self.words(2, |_| 1) else {
            return;
        };
        let words = OrderWords {
            id: order.words.id.clone(),
            ..words
        };
        let id = self.engine_id(&order);
        let answer = self.target.order(&action, &words, &id, 0).await;
        let came = expect(&answer, Outcome::Acked);
        self.add("orders.replace", "an acknowledgement", came);
    }

    async fn cancel(&mut self, first: &SentinelOrder) {
        let Some(action) = self.target.plan.system.orders.cancel.clone() else {
            return self.not_in_profile("orders.cancel");
        };
        let id = self.engine_id(first);
        let answer = self.target.order(&action, &first.words, &id, 0).await;
        let came = expect(&answer, Outcome::Acked);
        self.add("orders.cancel", "an acknowledgement", came);
        self.cancel_again(&action, first, &id).await;
    }

    /// A second cancel comes too late, unless the engine answers it like the first; then an order that is filled
    /// must be too late to cancel.
    async fn cancel_again(&mut self, action: &OrderAction, first: &SentinelOrder, id: &str) {
        if action.too_late.is_none() {
            return self.not_in_profile(TOO_LATE);
        }
        let again = self.target.order(action, &first.words, id, 0).await;
        if again.outcome != Outcome::Acked {
            return self.expect_too_late(again, "an order that is cancelled");
        }
        match self.filled_order().await {
            Ok(filled) => {
                let id = self.engine_id(&filled);
                let answer = self.target.order(action, &filled.words, &id, 0).await;
                self.expect_too_late(answer, "an order that is filled");
            }
            Err(why) => self.lines.push(ProbeLine {
                line: TOO_LATE.to_string(),
                state: LineState::NotTried,
                expected: String::new(),
                came: self.target.client.clean(&why),
            }),
        }
    }

    fn expect_too_late(&mut self, answer: Answered, of: &str) {
        let came = match answer.too_late {
            true => Ok(format!("told for {of}")),
            false => Err(answer.said),
        };
        self.add(TOO_LATE, &format!("too late, for {of}"), came);
    }

    /// A sell of one lot into a buy of ours, from another account where there is one: it is filled at once, by our
    /// buy or a better one.
    async fn filled_order(&mut self) -> Result<SentinelOrder, String> {
        let cannot = |why: &str| format!("no order could be filled: {why}");
        let new = self.target.plan.system.orders.new.clone();
        let mut last = None;
        for side in [Side::Buy, Side::Sell] {
            let words = self
                .words(4, |_| 1)
                .ok_or_else(|| cannot("no instrument"))?;
            let accounts = &self.target.plan.load.accounts;
            let account = match side {
                Side::Buy => accounts.first(),
                Side::Sell => accounts.last(),
            };
            let words = OrderWords {
                side: self.target.side_name(side),
                account: account.cloned().unwrap_or_default(),
                ..words
            };
            let answer = self.target.order(&new, &words, &words.id, 0).await;
            let acked = answer.outcome == Outcome::Acked;
            let order = SentinelOrder {
                words,
                server_id: answer.server_id,
                sequence: answer.sequence,
                acked,
                copy: None,
            };
            self.sent.push(order.clone());
            if !acked {
                return Err(cannot(&answer.said));
            }
            last = Some(order);
        }
        last.ok_or_else(|| cannot("none was sent"))
    }

    async fn oversized(&mut self) {
        let line = "orders.new.rejected";
        let has_answer = self.target.plan.system.orders.new.rejected.is_some();
        let words = self.words(3, |instrument| instrument.oversized_lots.unwrap_or(0));
        let Some(words) = words.filter(|words| has_answer && !is_zero(&words.quantity)) else {
            return self.not_in_profile(line);
        };
        let action = &self.target.plan.system.orders.new;
        let id = words.id.clone();
        let answer = self.target.order(action, &words, &id, 0).await;
        let rejected = answer.outcome == Outcome::Rejected;
        self.sent.push(SentinelOrder {
            words,
            server_id: answer.server_id.clone(),
            sequence: None,
            acked: false,
            copy: None,
        });
        let came = match rejected {
            true => Ok("an oversized order was rejected".to_string()),
            false => Err(answer.said),
        };
        self.add(
            line,
            "a reject of an order above the largest quantity",
            came,
        );
    }

    async fn clean_up(&mut self) {
        if self.target.plan.system.clean_up == CleanUp::Nothing {
            return self.not_in_profile(CLEAN_UP);
        }
        let ours = match self.ours() {
            Ok(ours) => Arc::new(ours),
            Err(why) => return self.add(CLEAN_UP, "our orders", Err(why)),
        };
        let identity = self.target.plan.system.orders.identity;
        let may_be_open: BTreeSet<OrderIds> = ours.sentinels.ids(identity).into_iter().collect();
        let done = clean_up(self.target, &ours, Some(may_be_open)).await;
        let came = match (done.orders_open, done.reason) {
            (Some(0), _) => Ok(format!("{} cancelled, none open", done.cancelled)),
            (Some(open), why) => Err(format!("{open} open: {}", why.unwrap_or_default())),
            (None, why) => Err(why.unwrap_or_else(|| "cannot be told".to_string())),
        };
        self.add(CLEAN_UP, "no order of ours to be open", came);
    }

    pub fn ours(&self) -> Result<Ours, String> {
        let sentinels = Sentinels {
            orders: self.sent.clone(),
            ..Sentinels::default()
        };
        let ours = Ours::open(self.target, self.run_dir, sentinels);
        ours.map_err(|error| error.to_string())
    }

    pub fn engine_id(&self, order: &SentinelOrder) -> String {
        match self.target.plan.system.orders.identity {
            Identity::Client => order.words.id.clone(),
            Identity::Server => order.server_id.clone().unwrap_or_default(),
        }
    }

    /// A buy near the lower end of the band, where it rests; `None` without instruments.
    fn words(&self, ticks_up: i64, lots: impl Fn(&Instrument) -> u32) -> Option<OrderWords> {
        let symbol = self.target.plan.load.symbols.first()?;
        let instrument = &symbol.instrument;
        let lowest = (instrument.around_ticks - instrument.band_ticks).max(1);
        let accounts = &self.target.plan.load.accounts;
        Some(OrderWords {
            id: format!("{}-s{}", self.target.prefix, self.sent.len()),
            session: "0".to_string(),
            account: accounts.first().cloned().unwrap_or_default(),
            symbol: symbol.name.clone(),
            side: self.target.side_name(Side::Buy),
            price: price_text(instrument, lowest + ticks_up),
            quantity: quantity_text(instrument, lots(instrument)),
        })
    }
}

fn expect(answer: &Answered, wanted: Outcome) -> Result<String, String> {
    if answer.outcome == wanted {
        Ok(wanted.name().to_string())
    } else {
        Err(format!("{}: {}", answer.outcome.name(), answer.said))
    }
}

fn is_zero(quantity: &str) -> bool {
    let quantity: Option<Decimal> = quantity.parse().ok();
    quantity.is_none_or(|quantity| !quantity.is_positive())
}
