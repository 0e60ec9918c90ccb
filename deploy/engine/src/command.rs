//! What clients ask for and what they are answered: the contents of the replicated log.
//!
//! Commands carry the numbers as written, so that every judgement about them (symbol, tick, limits) is made in
//! one place, at the same point of the log, on every replica.

use bytes::{BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize};

use crate::decimal::Decimal;
use crate::instruments::InstrumentId;

/// The longest client order id or account name, in bytes.
pub const MAX_NAME_BYTES: usize = 64;

/// Which side of the book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Bids.
    Buy,
    /// Asks.
    Sell,
}

impl Side {
    /// The side that an order of this side trades with.
    pub fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }
}

/// How an order may trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OrderType {
    /// At its price or better; what is left rests in the book.
    Limit,
    /// At any price; what is left is cancelled.
    Market,
}

/// One client command, borrowed from its encoded form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command<'a> {
    /// A new order.
    New(NewOrder<'a>),
    /// Cancel the order with this client id.
    Cancel {
        /// The client id of the order to cancel.
        id: &'a str,
    },
    /// Change price and total quantity of an order; it keeps its id.
    Replace {
        /// The client id of the order to change.
        id: &'a str,
        /// The new limit price.
        price: Decimal,
        /// The new total quantity, of which what was filled stays filled.
        quantity: Decimal,
    },
    /// A client's connection has ended: what is open of its bound orders is cancelled.
    Hangup {
        /// The connection.
        line: Line,
    },
    /// A node was lost, or came back: all its connections up to an epoch have ended.
    Lost {
        /// Its number.
        node: u64,
        /// Up to this one; none for whichever it is in.
        epoch: Option<u64>,
    },
    /// The kill switch of an account: what is open of it is cancelled, and nothing of it is let in any more.
    Kill {
        /// Whose.
        account: &'a str,
    },
    /// It is so late: orders whose time is over end. The leader's clock is the engine's.
    Expire {
        /// Milliseconds since 1970.
        now_ms: u64,
    },
}

/// A client's connection to a node, as the log knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Line {
    /// The node that it is to.
    pub node: u64,
    /// The node's epoch: how often it has lost all its connections.
    pub epoch: u64,
    /// Unique within the epoch.
    pub number: u64,
}

/// The terms of a new order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewOrder<'a> {
    /// The client's id: a second order with it is a retry of the first.
    pub id: &'a str,
    /// Whose order it is.
    pub account: &'a str,
    /// What is traded.
    pub symbol: &'a str,
    /// Which side.
    pub side: Side,
    /// Limit or market.
    pub order_type: OrderType,
    /// The limit price; none for market orders.
    pub price: Option<Decimal>,
    /// How much.
    pub quantity: Decimal,
    /// The connection with which it ends, if its client wants that.
    pub line: Option<Line>,
    /// Whose risk it is, if a session has a limit.
    pub risk: Option<Risk<'a>>,
    /// What it waits for, and until when it is good.
    pub timed: Timed,
}

/// What an order waits for, and until when it is good; neither by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timed {
    /// It enters the book when its symbol has traded at or through this price: a buy at or above it, a sell at or below.
    pub stop: Option<Decimal>,
    /// Then what is open of it ends, by the engine's clock, in milliseconds since 1970.
    pub expires_ms: Option<u64>,
}

/// What a session may risk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Risk<'a> {
    /// The client's name of the session.
    pub session: &'a str,
    /// The most that it may have open and filled in one instrument. What its first order says there holds for all.
    pub limit: Decimal,
}

/// A command could not be read back: the bytes are not what an engine of this version writes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a command in the log cannot be decoded: {0}; was the data written by another version of the engine?"
)]
pub struct DecodeError(String);

impl<'a> Command<'a> {
    /// The form in which a command travels between nodes and rests in the log.
    pub fn encode(&self) -> Bytes {
        Bytes::from(postcard::to_stdvec(self).expect("a command of plain fields always encodes"))
    }

    /// Reads what [`Self::encode`] wrote.
    ///
    /// # Errors
    /// [`DecodeError`] for anything else.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        postcard::from_bytes(bytes).map_err(|error| DecodeError(error.to_string()))
    }

    /// The client id that the command is about; empty for those about connections, accounts and the time.
    pub fn id(&self) -> &'a str {
        match self {
            Self::New(order) => order.id,
            Self::Cancel { id } | Self::Replace { id, .. } => id,
            Self::Hangup { .. } | Self::Lost { .. } | Self::Kill { .. } | Self::Expire { .. } => "",
        }
    }
}

/// All commands of one log entry, each preceded by its length. Cloning is cheap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch(Bytes);

impl Batch {
    /// Packs encoded commands, in this order.
    pub fn pack<'b>(commands: impl IntoIterator<Item = &'b Bytes>) -> Self {
        let mut packed = BytesMut::new();
        for command in commands {
            Self::pack_into(&mut packed, command);
        }
        Self(packed.freeze())
    }

    /// What was packed elsewhere.
    pub fn from_bytes(bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// Adds an encoded command to what is being packed.
    pub fn pack_into(packed: &mut BytesMut, command: &[u8]) {
        let length =
            u32::try_from(command.len()).expect("a command is at most a few hundred bytes");
        packed.put_u32_le(length);
        packed.put_slice(command);
    }

    /// The commands, in order.
    ///
    /// # Errors
    /// [`DecodeError`] when the packing or a command cannot be read.
    pub fn unpack(&self) -> Result<Vec<Command<'_>>, DecodeError> {
        let mut rest: &[u8] = &self.0;
        let mut commands = Vec::new();
        while !rest.is_empty() {
            let (length, tail) = rest
                .split_first_chunk::<4>()
                .ok_or_else(|| DecodeError("a length is cut off".to_owned()))?;
            let length = u32::from_le_bytes(*length) as usize;
            let (body, tail) = tail
                .split_at_checked(length)
                .ok_or_else(|| DecodeError("a command is cut off".to_owned()))?;
            commands.push(Command::decode(body)?);
            rest = tail;
        }
        Ok(commands)
    }

    /// Size in bytes.
    pub fn len_bytes(&self) -> usize {
        self.0.len()
    }
}

/// One execution as told to the client whose order caused it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fill {
    /// The trade's id, unique and ascending over all instruments.
    pub trade_id: u64,
    /// The price: that of the order that was in the book first.
    pub price_ticks: u64,
    /// How much.
    pub lots: u64,
}

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OrderState {
    /// In the book, or waiting for its stop price.
    Open,
    /// Traded in full.
    Filled,
    /// Taken out by its client, with its connection or at its time, or a market order's remainder that found no counterpart.
    Cancelled,
}

/// Why an order was refused. Part of the replicated answer: variants are only ever added at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RejectReason {
    /// The symbol is not traded here.
    UnknownSymbol,
    /// Zero or less.
    PriceNotPositive,
    /// Between two ticks.
    PriceOffTick,
    /// Above what the engine counts.
    PriceTooLarge,
    /// A limit order without a price.
    PriceMissing,
    /// Zero or less.
    QuantityNotPositive,
    /// Between two lots.
    QuantityOffLot,
    /// Above the instrument's limit.
    MaxOrderQuantity,
    /// The account has too many open orders.
    MaxOpenOrders,
    /// A replace to no more than what is already filled.
    QuantityNotAboveFilled,
    /// The order is bound to a connection that has ended.
    ConnectionEnded,
    /// The session would have more open and filled than it may.
    ExposureLimit,
    /// The kill switch of the account has been pulled.
    KillSwitch,
    /// A replace of a stop order that still waits for its price.
    StopWaits,
}

impl RejectReason {
    /// The reason as it stands in the reply.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownSymbol => "unknown-symbol",
            Self::PriceNotPositive => "price-not-positive",
            Self::PriceOffTick => "price-off-tick",
            Self::PriceTooLarge => "price-too-large",
            Self::PriceMissing => "price-missing",
            Self::QuantityNotPositive => "quantity-not-positive",
            Self::QuantityOffLot => "quantity-off-lot",
            Self::MaxOrderQuantity => "max-order-quantity",
            Self::MaxOpenOrders => "max-open-orders",
            Self::QuantityNotAboveFilled => "quantity-not-above-filled",
            Self::ConnectionEnded => "connection-ended",
            Self::ExposureLimit => "exposure-limit",
            Self::KillSwitch => "kill-switch",
            Self::StopWaits => "stop-waits",
        }
    }
}

/// What a replica answered when it applied a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// A new order was accepted, now or (for a retry) earlier.
    Accepted {
        /// The engine's id of the order.
        order_id: u64,
        /// The engine sequence number of the acceptance.
        sequence: u64,
        /// The consensus term in which it was accepted.
        term: u64,
        /// What is traded: says how ticks and lots are written.
        instrument: InstrumentId,
        /// Filled on entry, in lots.
        filled_lots: u64,
        /// Left to trade after entry, in lots.
        remaining_lots: u64,
        /// The executions on entry.
        fills: Vec<Fill>,
    },
    /// Refused by a rule; nothing was changed.
    Rejected {
        /// The rule.
        reason: RejectReason,
    },
    /// Cancelled, now or (for a retry) earlier.
    Cancelled {
        /// The engine sequence number of the cancel.
        sequence: u64,
    },
    /// Replaced, now or (for a retry) earlier.
    Replaced {
        /// The engine sequence number of the replace.
        sequence: u64,
        /// What is traded.
        instrument: InstrumentId,
        /// Left to trade after the replace, in lots.
        remaining_lots: u64,
        /// Executions that the new terms caused.
        fills: Vec<Fill>,
    },
    /// The order is no longer open.
    TooLate {
        /// What it is instead.
        status: OrderState,
    },
    /// No order has this client id.
    UnknownOrder,
    /// Connections have ended, or the time of orders is over. Only nodes are told this.
    Ended {
        /// The engine's ids of the orders that were cancelled so.
        orders: Vec<u64>,
        /// In which epoch the node of the connections is now; 0 where it is about none.
        epoch: u64,
    },
    /// The kill switch of an account has been pulled, now or earlier.
    Killed {
        /// The engine sequence number from which on nothing of the account is let in.
        sequence: u64,
        /// The engine's ids of the orders that were cancelled with it now.
        orders: Vec<u64>,
    },
}

/// The answers to one log entry, one for each of its commands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answers(pub Vec<Answer>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_gives_back_its_commands_in_order() {
        let first = Command::Cancel { id: "a" };
        let second = Command::New(NewOrder {
            id: "b",
            account: "acct",
            symbol: "BTCUSD",
            side: Side::Sell,
            order_type: OrderType::Limit,
            price: Some(Decimal::parse("50000.01").unwrap()),
            quantity: Decimal::parse("0.010").unwrap(),
            line: None,
            risk: None,
            timed: Timed::default(),
        });
        let batch = Batch::pack([first.encode(), second.encode()].iter());
        assert_eq!(batch.unpack().unwrap(), vec![first, second]);
    }

    #[test]
    fn a_cut_batch_is_an_error_not_fewer_commands() {
        let batch = Batch::pack([Command::Cancel { id: "abc" }.encode()].iter());
        for length in 1..batch.len_bytes() {
            assert!(
                Batch(batch.0.slice(..length)).unpack().is_err(),
                "cut at {length}"
            );
        }
    }
}
