//! Orders as statements of PostgreSQL: prepared once for each connection, executed with the order's words as parameters.
//!
//! Answers come in the order of the questions. One is complete when the server is ready again, after the commit: what came
//! before that, CommandComplete too, can still be taken back. A server that ends the connection instead has said nothing of
//! what was in flight.

use std::collections::VecDeque;
use std::sync::Arc;

use shakedown_record::ledger::OrderKind;
use shakedown_scenarios::plan::{Orders, PostgreSqlGateway};

use super::http::judge;
use super::said::{Heard, Letter};
use super::texts::OrderTexts;
use crate::engine::names::Names;
use crate::engine::session::Flight;
use crate::http::Answer;
use crate::postgresql::{
    Collector, Ended, Framed, Frames, Greeted, Greeting, Login, Statement, append_sync,
};
use crate::secret::Secrets;

/// SQLSTATE of a write to a standby.
const READ_ONLY: &str = "25006";

/// Orders as statements of PostgreSQL.
#[derive(Debug)]
pub(crate) struct PostgreSqlOrders {
    orders: Arc<Orders>,
    statements: Statements,
    login: Login,
    elsewhere: Vec<String>,
    texts: OrderTexts,
    names: Names,
    links: Vec<Link>,
}

/// New orders, cancels, replaces.
#[derive(Debug)]
struct Statements([Option<(&'static str, Statement)>; 3]);

/// What is known of a session's present connection.
#[derive(Debug, Default)]
struct Link {
    frames: Frames,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Greeting(Greeting),
    /// The statements are being prepared.
    Preparing(Collector),
    Up(Collector),
}

impl Default for Stage {
    fn default() -> Stage {
        Stage::Greeting(Greeting::default())
    }
}

impl Statements {
    fn new(orders: &Orders, secrets: &Secrets) -> Statements {
        let actions = [
            Some(&orders.new),
            orders.cancel.as_ref(),
            orders.replace.as_ref(),
        ];
        let mut names = ["new", "cancel", "replace"].into_iter();
        Statements(actions.map(|action| {
            let name = names.next()?;
            let body = action?.send.body.as_ref()?;
            Some((name, Statement::new(body, secrets)))
        }))
    }

    fn of(&self, kind: OrderKind) -> &(&'static str, Statement) {
        let place = match kind {
            OrderKind::New | OrderKind::Oversized | OrderKind::Request => 0,
            OrderKind::Cancel => 1,
            OrderKind::Replace => 2,
        };
        self.0[place]
            .as_ref()
            .expect("a desk is only made for mixes that the profile can carry")
    }

    fn append_parse(&self, out: &mut Vec<u8>) {
        for (name, statement) in self.0.iter().flatten() {
            statement.append_parse(name, out);
        }
        append_sync(out);
    }
}

impl PostgreSqlOrders {
    /// For the sessions that the texts are of.
    pub fn new(
        plan: &PostgreSqlGateway,
        orders: Arc<Orders>,
        login: Login,
        secrets: &Secrets,
        texts: OrderTexts,
        names: Names,
    ) -> PostgreSqlOrders {
        PostgreSqlOrders {
            statements: Statements::new(&orders, secrets),
            orders,
            login,
            elsewhere: plan.elsewhere.clone(),
            links: (0..texts.sessions()).map(|_| Link::default()).collect(),
            texts,
            names,
        }
    }

    /// The startup message of a new connection, appended to `out`.
    pub(super) fn begin(&mut self, session: usize, out: &mut Vec<u8>) {
        let link = &mut self.links[session];
        link.frames.reset();
        link.stage = Stage::default();
        self.login.append_startup(out);
    }

    pub(super) fn encode(&mut self, letter: &Letter<'_>, out: &mut Vec<u8>) {
        let (name, statement) = self.statements.of(letter.job.kind);
        statement.append_execute(name, &self.texts.of(letter), out);
    }

    pub(super) fn hear(
        &mut self,
        session: usize,
        flight: &VecDeque<Flight>,
        bytes: &[u8],
        reply: &mut Vec<u8>,
    ) -> Heard {
        let mut all_used = 0;
        loop {
            let Link { frames, stage } = &mut self.links[session];
            let (tag, body) = match frames.take(&bytes[all_used..]) {
                Framed::More => return Heard::More,
                Framed::Malformed => return Heard::Malformed,
                Framed::Message { used, tag, body } => {
                    all_used += used;
                    (tag, body)
                }
            };
            match stage {
                Stage::Greeting(greeting) => match greeting.hear(tag, body, &self.login, reply) {
                    Greeted::More => {}
                    // Left before an order is sent: somebody else is the one who takes them.
                    Greeted::Open
                        if greeting.is_standby()
                            && self.elsewhere.iter().any(|it| it == READ_ONLY) =>
                    {
                        return Heard::Bye;
                    }
                    Greeted::Open => {
                        self.statements.append_parse(reply);
                        *stage = Stage::Preparing(Collector::default());
                    }
                    Greeted::Refused(why) | Greeted::Malformed(why) => {
                        tracing::debug!(%why, "a server lets nobody in");
                        return Heard::Bye;
                    }
                },
                Stage::Preparing(collector) => match collector.hear(tag, body) {
                    Ok(None) => {}
                    Ok(Some(ended)) if ended.sqlstate == "00000" => {
                        *stage = Stage::Up(Collector::default());
                        return Heard::Open { used: all_used };
                    }
                    Ok(Some(ended)) => {
                        let told = String::from_utf8_lossy(&ended.body);
                        tracing::warn!("the statements of the profile cannot be prepared: {told}");
                        return Heard::Bye;
                    }
                    Err(why) => return garbled(&why),
                },
                Stage::Up(collector) => match collector.hear(tag, body) {
                    Ok(None) => {}
                    Ok(Some(ended)) if ended.is_fatal => return Heard::Bye,
                    Ok(Some(ended)) => return self.answer(flight, all_used, &ended),
                    Err(why) => return garbled(&why),
                },
            }
            if all_used == bytes.len() {
                return Heard::More;
            }
        }
    }

    /// What the answer to the oldest statement in flight means.
    fn answer(&mut self, flight: &VecDeque<Flight>, used: usize, ended: &Ended) -> Heard {
        let Some(asked) = flight.front() else {
            return Heard::Unasked;
        };
        if self.elsewhere.contains(&ended.sqlstate) {
            return Heard::Declined {
                used,
                places: 0..1,
                close: true,
            };
        }
        let answer = Answer {
            status: ended.status,
            head: &[],
            body: &ended.body,
            close: false,
        };
        Heard::Answer {
            used,
            place: 0,
            judged: judge(&self.orders, &mut self.names, &asked.job, &answer),
            close: false,
        }
    }
}

fn garbled(why: &str) -> Heard {
    tracing::debug!(%why, "a connection is closed");
    Heard::Malformed
}
