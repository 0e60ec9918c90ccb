//! Is the order on every copy, with the values that were sent?

use std::time::{Duration, Instant};

use shakedown_record::Decimal;
use shakedown_record::readback::Row;
use shakedown_scenarios::plan::{FieldMap, ReadBack};

use super::steps::Steps;
use crate::probes::{Copy, OrderWords};
use crate::readback::by_id::{self, Told};
use crate::readback::list;
use crate::readback::{OrderIds, ReadSpec};
use crate::sentinel::SentinelOrder;

impl Steps<'_> {
    /// The order must be on every copy, with the values that were sent.
    pub(super) async fn read_back(&mut self, first: &SentinelOrder) {
        let Some(read_back) = self.target.plan.system.read_back.clone() else {
            return self.not_in_profile("read-back");
        };
        let (each, fields) = layout(&read_back);
        for copy in self.copies(each) {
            let deadline = Instant::now() + self.shown_within;
            let found = loop {
                let found = self.find(&read_back, &copy, first).await;
                if matches!(found, Ok(Some(_))) || Instant::now() >= deadline {
                    break found;
                }
                tokio::time::sleep(Duration::from_millis(150)).await;
            };
            let came = match found {
                Err(why) => Err(why),
                Ok(None) => Err("the copy does not have it".to_string()),
                Ok(Some(row)) => compare(&row, &first.words, fields),
            };
            let line = format!("read-back at {}", copy.name);
            self.add(&line, "the order, with the values that were sent", came);
        }
    }

    /// Those that must have what goes in by the first way.
    fn copies(&self, each: bool) -> Vec<Copy> {
        let mut copies = self.target.copies(each);
        if self.target.plan.system.books_are_apart() {
            copies.truncate(1);
        }
        copies
    }

    async fn find(
        &self,
        read_back: &ReadBack,
        copy: &Copy,
        order: &SentinelOrder,
    ) -> Result<Option<Row>, String> {
        let ours = self.ours()?;
        match ReadSpec::of(read_back) {
            ReadSpec::List(spec) => {
                let mut found = None;
                let deadline = Instant::now() + self.shown_within;
                let keep = |row: &Row| {
                    if row.id == order.words.id {
                        found = Some(row.clone());
                    }
                    Ok(())
                };
                let base = &copy.base_url;
                list::dump(self.target, &spec, base, &ours, deadline, keep).await?;
                Ok(found)
            }
            ReadSpec::ById(spec) => {
                let ids = OrderIds {
                    client: order.words.id.clone(),
                    engine: self.engine_id(order),
                };
                let base = &copy.base_url;
                match by_id::ask(self.target, &spec, base, &ids, Some(&order.words)).await {
                    Told::Found { row, .. } => Ok(Some(*row)),
                    Told::Absent => Ok(None),
                    Told::Unclear(why) => Err(why),
                }
            }
        }
    }

    /// An order that was never sent must be told absent: without that, silence would look like loss.
    pub(super) async fn absent(&mut self) {
        let read_back = self.target.plan.system.read_back.clone();
        let Some(ReadBack::ById { .. }) = &read_back else {
            return;
        };
        let Some(read_back) = read_back else { return };
        let never = SentinelOrder {
            words: OrderWords {
                id: format!("{}-never", self.target.prefix),
                ..OrderWords::default()
            },
            server_id: Some(format!("{}-never", self.target.prefix)),
            sequence: None,
            acked: false,
            copy: None,
        };
        let (each, _) = layout(&read_back);
        for copy in self.copies(each) {
            let came = match self.find(&read_back, &copy, &never).await {
                Ok(None) => Ok("told absent".to_string()),
                Ok(Some(_)) => Err("the copy has an order that was never sent".to_string()),
                Err(why) => Err(why),
            };
            let line = format!("read-back.absent at {}", copy.name);
            self.add(
                &line,
                "a definite no for an order that was never sent",
                came,
            );
        }
    }
}

fn layout(read_back: &ReadBack) -> (bool, &FieldMap) {
    match read_back {
        ReadBack::List {
            at_each_replica,
            fields,
            ..
        }
        | ReadBack::ById {
            at_each_replica,
            fields,
            ..
        } => (*at_each_replica, fields),
    }
}

/// Does a copy show what was sent? Numbers are compared as numbers, whatever their spelling.
fn compare(row: &Row, sent: &OrderWords, fields: &FieldMap) -> Result<String, String> {
    let number = |text: &str| text.parse::<Decimal>().ok();
    let values = [
        ("price", &fields.price, &row.price, &sent.price),
        ("quantity", &fields.quantity, &row.quantity, &sent.quantity),
    ];
    let mut same = Vec::new();
    for (name, wanted, shown, sent) in values {
        if wanted.is_none() {
            continue;
        }
        let Some(shown) = shown else {
            return Err(format!("it has no {name} where the profile says it is"));
        };
        if number(shown).is_none() || number(shown) != number(sent) {
            return Err(format!("{name} {sent} was sent and {shown} is shown"));
        }
        same.push(format!("{name} {shown}"));
    }
    let same = match same.is_empty() {
        true => "found, its values are not in the profile".to_string(),
        false => format!("found, with {}", same.join(" and ")),
    };
    Ok(same)
}

#[cfg(test)]
mod tests {
    use shakedown_scenarios::plan::JsonPointer;

    use super::*;

    fn fields() -> FieldMap {
        FieldMap {
            price: Some(JsonPointer("/px".into())),
            quantity: Some(JsonPointer("/qty".into())),
            ..FieldMap::default()
        }
    }

    fn row(price: Option<&str>, quantity: &str) -> Row {
        Row {
            price: price.map(str::to_string),
            quantity: Some(quantity.to_string()),
            ..Row::default()
        }
    }

    #[test]
    fn values_are_compared_as_numbers() {
        let sent = OrderWords {
            price: "49000.00".into(),
            quantity: "0.001".into(),
            ..OrderWords::default()
        };
        assert!(compare(&row(Some("49e3"), "0.0010"), &sent, &fields()).is_ok());
        let wrong = compare(&row(Some("49000.00"), "0.002"), &sent, &fields());
        assert_eq!(
            wrong.unwrap_err(),
            "quantity 0.001 was sent and 0.002 is shown"
        );
        assert!(
            compare(&row(None, "0.001"), &sent, &fields())
                .unwrap_err()
                .contains("no price")
        );
        assert!(compare(&row(Some("NaN"), "0.001"), &sent, &fields()).is_err());
        assert!(compare(&Row::default(), &sent, &FieldMap::default()).is_ok());
    }
}
