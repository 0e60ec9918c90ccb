//! Orders that are sent outside the load, one at a time: retries, sentinels, cancels of the clean-up, the probe. And kill switches.

use std::borrow::Cow;
use std::time::Duration;

use shakedown_load::http::{Vars, answers, classify, take};
use shakedown_record::Outcome;
use shakedown_scenarios::plan::{KillSwitch, OrderAction, Take};

use super::client::Reply;
use super::target::{OrderWords, Target};

/// How an order was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    pub outcome: Outcome,
    /// Cancel and replace: the order was already done.
    pub too_late: bool,
    pub server_id: Option<String>,
    pub sequence: Option<u64>,
    pub served_by: Option<String>,
    pub term: Option<u64>,
    /// The answer, or why there is none, in words and without secrets.
    pub said: String,
}

impl Answered {
    /// True when the engine said something definite about this order.
    pub fn is_definite(&self) -> bool {
        self.outcome.is_served()
    }
}

impl Target {
    /// Sends one order message by the `number`-th way in, below the ceiling on orders.
    ///
    /// `id` is the id by which the engine knows the order: the client's, or its own where it makes the ids.
    pub async fn order(
        &self,
        action: &OrderAction,
        words: &OrderWords,
        id: &str,
        number: usize,
    ) -> Answered {
        let vars = Vars {
            id: Some(id),
            session: Some(&words.session),
            account: Some(&words.account),
            symbol: Some(&words.symbol),
            side: Some(&words.side),
            price: Some(&words.price),
            quantity: Some(&words.quantity),
            ..Vars::default()
        };
        self.send_order(action, &vars, number).await
    }

    /// The same in words of one's own.
    pub async fn send_order(
        &self,
        action: &OrderAction,
        vars: &Vars<'_>,
        number: usize,
    ) -> Answered {
        self.order_turns.turn().await;
        let base = self.way_in(number);
        let sent = self
            .orders
            .send(&base, &action.send, vars, self.order_timeout());
        match sent.await {
            Ok(reply) => self.read(action, &reply),
            Err(error) => Answered {
                outcome: error.outcome(),
                too_late: false,
                server_id: None,
                sequence: None,
                served_by: None,
                term: None,
                said: error.to_string(),
            },
        }
    }

    fn read(&self, action: &OrderAction, reply: &Reply) -> Answered {
        let classified = classify(action, reply.status, &reply.body);
        let header = |name: &str| header_of(reply, name);
        let taken = take(&self.plan.system.orders.take, header, &reply.body);
        Answered {
            outcome: classified.outcome,
            too_late: classified.too_late,
            server_id: taken.server_id.map(Cow::into_owned),
            sequence: taken.sequence,
            served_by: taken.served_by.map(Cow::into_owned),
            term: taken.term,
            said: self.client.excerpt(reply),
        }
    }

    /// Pulls the kill switch of an account through the `number`-th entry: the engine's sequence number, where it tells one.
    ///
    /// # Errors
    /// In words, when it is not acknowledged.
    pub async fn kill(
        &self,
        how: &KillSwitch,
        account: &str,
        number: usize,
    ) -> Result<Option<u64>, String> {
        self.order_turns.turn().await;
        let vars = Vars {
            account: Some(account),
            ..Vars::default()
        };
        let base = self.way_in(number);
        let sent = self
            .orders
            .send(&base, &how.send, &vars, self.order_timeout());
        let reply = sent.await.map_err(|error| error.to_string())?;
        if !answers(&how.acked, reply.status, &reply.body) {
            return Err(self.client.excerpt(&reply));
        }
        let told = Take {
            sequence: how.sequence.clone(),
            ..Take::default()
        };
        let taken = take(&told, |name| header_of(&reply, name), &reply.body);
        Ok(taken.sequence)
    }

    /// Outside the load a slow answer is better than none: at least two seconds.
    fn order_timeout(&self) -> Duration {
        Duration::from_nanos(self.plan.load.timeout_ns).max(Duration::from_secs(2))
    }
}

fn header_of<'a>(reply: &'a Reply, name: &str) -> Option<&'a str> {
    let mut headers = reply.headers.iter();
    let found = headers.find(|(header, _)| header.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str())
}
