//! What clients ask for, read from application messages.

use super::wire::Message;
use crate::command::{Command, MAX_NAME_BYTES, NewOrder, OrderType, Side, Timed};
use crate::decimal::Decimal;

/// Why a message asks for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfit {
    /// This type is not known here.
    Kind,
    /// A tag is missing.
    Missing(u32),
    /// A tag has a value that makes no sense.
    Wrong(u32),
}

/// What a message asks for. A cancel or replace names its order by ClOrdLinkID (583), the id of the new order, which stays
/// the same whatever replaces it; without that by OrigClOrdID (41).
///
/// # Errors
/// Why it cannot be read.
pub(super) fn command(message: &Message) -> Result<Command<'_>, Unfit> {
    match message.kind() {
        "D" => {
            name(message, 11)?;
            let order_type = match needed(message, 40)? {
                "1" => OrderType::Market,
                "2" => OrderType::Limit,
                _ => return Err(Unfit::Wrong(40)),
            };
            Ok(Command::New(NewOrder {
                id: name(message, 11)?,
                account: name(message, 1)?,
                symbol: name(message, 55)?,
                side: match needed(message, 54)? {
                    "1" => Side::Buy,
                    "2" => Side::Sell,
                    _ => return Err(Unfit::Wrong(54)),
                },
                order_type,
                price: match order_type {
                    OrderType::Limit => Some(decimal(message, 44)?),
                    OrderType::Market => None,
                },
                quantity: decimal(message, 38)?,
                line: None,
                risk: None,
                timed: Timed::default(),
            }))
        }
        "F" => {
            name(message, 11)?;
            Ok(Command::Cancel {
                id: order(message)?,
            })
        }
        "G" => {
            name(message, 11)?;
            Ok(Command::Replace {
                id: order(message)?,
                price: decimal(message, 44)?,
                quantity: decimal(message, 38)?,
            })
        }
        _ => Err(Unfit::Kind),
    }
}

fn order(message: &Message) -> Result<&str, Unfit> {
    name(message, 41)?;
    match message.get(583) {
        Some(_) => name(message, 583),
        None => name(message, 41),
    }
}

fn needed(message: &Message, tag: u32) -> Result<&str, Unfit> {
    message.get(tag).ok_or(Unfit::Missing(tag))
}

fn name(message: &Message, tag: u32) -> Result<&str, Unfit> {
    let name = needed(message, tag)?;
    match (1..=MAX_NAME_BYTES).contains(&name.len()) {
        true => Ok(name),
        false => Err(Unfit::Wrong(tag)),
    }
}

fn decimal(message: &Message, tag: u32) -> Result<Decimal, Unfit> {
    Decimal::parse(needed(message, tag)?).map_err(|_| Unfit::Wrong(tag))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fix::wire::sealed;

    fn read(body: &str) -> Result<String, Unfit> {
        let body = body.replace('|', "\x01");
        let message = Message::take(&mut sealed(&body)).unwrap().unwrap();
        command(&message).map(|command| format!("{command:?}"))
    }

    #[test]
    fn messages_are_commands() {
        let new = "35=D|11=a|1=x|55=BTCUSD|54=1|40=2|44=1.5|38=2|";
        assert!(read(new).unwrap().starts_with("New("));
        assert_eq!(
            read("35=F|11=c|41=b|583=a|").unwrap(),
            "Cancel { id: \"a\" }"
        );
        assert_eq!(read("35=F|11=c|41=b|").unwrap(), "Cancel { id: \"b\" }");
        assert!(
            read("35=G|11=c|41=b|44=1|38=2|")
                .unwrap()
                .contains("id: \"b\"")
        );
    }

    #[test]
    fn what_makes_no_sense_is_told_by_its_tag() {
        for (body, why) in [
            ("35=B|58=news|", Unfit::Kind),
            ("35=D|11=a|40=2|1=x|54=1|44=1|38=1|", Unfit::Missing(55)),
            ("35=D|11=a|40=2|1=x|55=y|54=3|44=1|38=1|", Unfit::Wrong(54)),
            ("35=D|11=a|40=9|", Unfit::Wrong(40)),
            ("35=F|11=c|", Unfit::Missing(41)),
            ("35=G|11=c|41=a|44=x|38=1|", Unfit::Wrong(44)),
            ("35=D|11=|40=2|", Unfit::Wrong(11)),
        ] {
            assert_eq!(read(body), Err(why), "{body}");
        }
    }
}
