//! Orders, in batches: limits are held in Redis, what passes them is committed as one insert, and only then answered.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::mpsc::Receiver;
use tokio_postgres::types::Type;

use super::numbers::Numbers;
use super::order::{Job, Order, PARTS_OF_UNIT, Taken};
use super::outbox::Outbox;
use crate::defects::Defect;
use crate::service::Service;
use crate::stores::{Postgresql, Redis, StoreError, params};

/// Orders that may wait for their turn.
pub(super) const MOST_WAITING: usize = 8_192;

/// Orders of one insert at most.
const BATCH: usize = 512;

const INSERT: &str = "insert into orders (id, account, symbol, side, price, quantity, replica) \
    select i, a, s, d, p::numeric, q::numeric, $7 \
    from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[]) as t (i, a, s, d, p, q) \
    on conflict (id) do nothing returning id, sequence";

const KNOWN: &str = "select id, account, symbol, side, price::text, quantity::text, sequence from orders where id = any($1)";

/// Who takes orders.
#[derive(Debug)]
pub(super) struct Desk {
    pub service: Arc<Service>,
    pub numbers: Arc<Numbers>,
    pub postgresql: Arc<Postgresql>,
    pub redis: Option<Arc<Redis>>,
    pub outbox: Outbox,
    /// In thousandths of a unit.
    pub position_limit: i64,
    pub quantity_limit: f64,
}

impl Desk {
    /// Takes orders until nobody can send any more.
    pub(super) async fn run(self, mut jobs: Receiver<Job>) {
        let mut batch = Vec::with_capacity(BATCH);
        let mut number = 0;
        while jobs.recv_many(&mut batch, BATCH).await > 0 {
            if self.service.defects.has(Defect::LosesOrders) {
                for job in &mut batch {
                    number += 1;
                    self.answer(job, Taken::Accepted(number));
                }
                let mut nth = number as u64 - batch.len() as u64;
                batch.retain(|_| {
                    nth += 1;
                    !self.service.defects.loses_order(nth)
                });
            }
            let orders: Vec<&Order> = batch.iter().map(|job| &job.order).collect();
            let taken = self.take(&orders).await;
            for (mut job, taken) in batch.drain(..).zip(taken) {
                self.answer(&mut job, taken);
            }
            self.outbox.wake();
        }
    }

    fn answer(&self, job: &mut Job, taken: Taken) {
        let counter = match &taken {
            Taken::Accepted(_) | Taken::Known(_) => &self.numbers.accepted,
            Taken::OtherWords | Taken::Refused(_) => &self.numbers.rejected,
            Taken::Unavailable(_) => &self.numbers.unavailable,
            Taken::Unknown(_) => &self.numbers.unknown,
        };
        counter.add(1);
        if let Some(answer) = job.answer.take() {
            let _gone = answer.send(taken);
        }
    }

    /// What becomes of each order, in their order.
    async fn take(&self, orders: &[&Order]) -> Vec<Taken> {
        let refused = match self.reserve(orders).await {
            Ok(refused) => refused,
            Err(error) => return orders.iter().map(|_| told(&error)).collect(),
        };
        let passed: Vec<&Order> = passed(orders, &refused);
        let stored = self.store(&passed).await;
        let mut stored = stored.into_iter();
        let taken: Vec<Taken> = refused
            .into_iter()
            .map(|why| match why {
                Some(why) => Taken::Refused(why),
                None => stored
                    .next()
                    .unwrap_or(Taken::Unknown("no answer".to_owned())),
            })
            .collect();
        // What changed no position gives back what was reserved for it. Who does not know keeps it reserved.
        let back = orders.iter().zip(&taken).filter(|(_, taken)| {
            matches!(
                taken,
                Taken::Known(_)
                    | Taken::OtherWords
                    | Taken::Unavailable(_)
                    | Taken::Refused(POSITION)
            )
        });
        let back: Vec<Vec<String>> = back
            .map(|(order, _)| change(order, -order.change()))
            .collect();
        self.give_back(&back).await;
        taken
    }

    /// Reserves the positions; for each order why it is refused, if it is.
    async fn reserve(&self, orders: &[&Order]) -> Result<Vec<Option<&'static str>>, StoreError> {
        let too_large = |order: &&Order| order.units() > self.quantity_limit;
        let mut refused: Vec<Option<&'static str>> = orders
            .iter()
            .map(|order| too_large(order).then_some("quantity-limit"))
            .collect();
        let Some(redis) = &self.redis else {
            return Ok(refused);
        };
        let asked = passed(orders, &refused);
        if asked.is_empty() {
            return Ok(refused);
        }
        let commands: Vec<Vec<String>> = asked
            .iter()
            .map(|order| change(order, order.change()))
            .collect();
        let replies = redis.ask(&commands).await?;
        let mut replies = replies.into_iter();
        for (order, refused) in orders.iter().zip(&mut refused) {
            if refused.is_some() {
                continue;
            }
            let position = replies.next().and_then(|reply| reply.number());
            let position = position.ok_or_else(|| {
                StoreError::Unavailable("Redis has no number for a position".to_owned())
            })?;
            let grows = position.signum() == order.change().signum();
            let is_beyond = grows && position.abs() > self.position_limit;
            if is_beyond && !self.service.defects.has(Defect::IgnoresPositionLimit) {
                *refused = Some(POSITION);
            }
        }
        Ok(refused)
    }

    async fn give_back(&self, commands: &[Vec<String>]) {
        let Some(redis) = self.redis.as_ref().filter(|_| !commands.is_empty()) else {
            return;
        };
        if let Err(error) = redis.ask(commands).await {
            tracing::warn!(%error, "positions stay reserved");
        }
    }

    /// Commits the orders.
    async fn store(&self, orders: &[&Order]) -> Vec<Taken> {
        if orders.is_empty() {
            return Vec::new();
        }
        match self.insert(orders).await {
            Ok(taken) => taken,
            Err(error) => orders.iter().map(|_| told(&error)).collect(),
        }
    }

    async fn insert(&self, orders: &[&Order]) -> Result<Vec<Taken>, StoreError> {
        let column = |of: fn(&Order) -> &String| -> Vec<String> {
            orders.iter().map(|order| of(order).clone()).collect()
        };
        let ids = column(|order| &order.id);
        let (accounts, symbols) = (
            column(|order| &order.account),
            column(|order| &order.symbol),
        );
        let (sides, prices) = (column(|order| &order.side), column(|order| &order.price));
        let quantities = column(|order| &order.quantity);
        let mut all = params([&ids, &accounts, &symbols, &sides, &prices, &quantities]).to_vec();
        all.push((&self.service.name, Type::TEXT));
        let rows = self.postgresql.query(INSERT, &all).await?;
        let mut fresh: BTreeMap<String, i64> =
            rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        let known = if fresh.len() < orders.len() {
            self.known(&ids).await
        } else {
            Ok(BTreeMap::new())
        };
        let taken = orders.iter().map(|order| {
            if let Some(sequence) = fresh.remove(&order.id) {
                return Taken::Accepted(sequence);
            }
            match &known {
                Ok(known) => match known.get(&order.id) {
                    Some((other, sequence)) if order.is_like(other) => Taken::Known(*sequence),
                    Some(_) => Taken::OtherWords,
                    None => Taken::Unknown("it is neither new nor known".to_owned()),
                },
                Err(error) => Taken::Unknown(error.to_string()),
            }
        });
        Ok(taken.collect())
    }

    /// The orders that have one of these ids.
    async fn known(&self, ids: &Vec<String>) -> Result<BTreeMap<String, (Order, i64)>, StoreError> {
        let rows = self.postgresql.query(KNOWN, &params([ids])).await?;
        let known = rows.iter().map(|row| {
            let [id, account, symbol, side, price, quantity] =
                [0, 1, 2, 3, 4, 5].map(|at| row.get(at));
            let order = Order {
                id,
                account,
                symbol,
                side,
                price,
                quantity,
            };
            (order.id.clone(), (order, row.get(6)))
        });
        Ok(known.collect())
    }
}

const POSITION: &str = "position-limit";

/// Those of the orders for which nothing speaks against them.
fn passed<'a>(orders: &[&'a Order], refused: &[Option<&'static str>]) -> Vec<&'a Order> {
    let both = orders.iter().zip(refused);
    both.filter(|(_, refused)| refused.is_none())
        .map(|(order, _)| *order)
        .collect()
}

/// The command that changes the position of an order's account in its symbol.
fn change(order: &Order, by: i64) -> Vec<String> {
    let key = format!("session:{}", order.account);
    vec![
        "HINCRBY".to_owned(),
        key,
        order.symbol.clone(),
        by.to_string(),
    ]
}

/// What an error of a store says of the orders that it was asked to keep.
fn told(error: &StoreError) -> Taken {
    match error {
        StoreError::Unknown(_) => Taken::Unknown(error.to_string()),
        StoreError::Unavailable(_) | StoreError::Refused { .. } => {
            Taken::Unavailable(error.to_string())
        }
    }
}

/// A limit of so many units, as positions are counted.
pub(super) fn parts(units: u32) -> i64 {
    (f64::from(units) * PARTS_OF_UNIT) as i64
}
