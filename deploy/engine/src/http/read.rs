//! What this replica holds: orders, trades, books.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::reply;
use crate::command::{OrderState, OrderType, Side};
use crate::defects::Defects;
use crate::instruments::{self, Instrument};
use crate::state::{DepthOrder, End, Exchange, OrderView, PriceLevel, SharedReplica, Stop, Trade};

const DEFAULT_ROWS: usize = 5_000;
const MAX_ROWS: usize = 10_000;

/// What is shown, and what of it defects hide.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The orders, trades and books.
    pub replica: SharedReplica,
    /// What is wrong with them on purpose.
    pub defects: Defects,
    /// This node leads.
    pub is_leader: bool,
    /// Its colour is green.
    pub is_green: bool,
}

impl Shown {
    fn hides(&self, order_id: u64) -> bool {
        let lost = self.is_green && self.defects.loses_before_switch(order_id);
        lost || self.defects.hide_order(order_id, self.is_leader)
    }
}

/// `?after=CURSOR&limit=N`
#[derive(Deserialize)]
pub struct PageQuery {
    #[serde(default)]
    after: String,
    limit: Option<usize>,
}

#[derive(Serialize)]
struct OrderRow {
    id: Arc<str>,
    order_id: String,
    account: Arc<str>,
    symbol: &'static str,
    side: Side,
    #[serde(rename = "type")]
    order_type: OrderType,
    price: Option<String>,
    quantity: String,
    filled: String,
    remaining: String,
    state: OrderState,
    sequence: u64,
    /// Of its last replace, if there was any.
    replaced_sequence: Option<u64>,
    /// Of its cancel, if its client cancelled it, or of the end of its connection or of its time.
    cancelled_sequence: Option<u64>,
    /// Of an order with a stop price.
    #[serde(skip_serializing_if = "Option::is_none")]
    stop: Option<StopRow>,
    /// Of an order that is good until a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    expiry: Option<ExpiryRow>,
}

#[derive(Serialize)]
struct StopRow {
    price: String,
    /// `waiting` or `triggered`.
    state: &'static str,
    /// How often it was triggered.
    count: u32,
    /// Of the command whose trade triggered it.
    sequence: Option<u64>,
}

#[derive(Serialize)]
struct ExpiryRow {
    /// In milliseconds since 1970.
    at: u64,
    /// `waiting` or `expired`; an order that ends otherwise waits for ever.
    state: &'static str,
    /// How often it expired.
    count: u32,
    /// With which it ended.
    sequence: Option<u64>,
    /// The engine's time then.
    expired_at: Option<u64>,
}

#[derive(Serialize)]
struct OrderPage {
    orders: Vec<OrderRow>,
    next: Option<String>,
    watermark: u64,
    count: u64,
}

#[derive(Serialize)]
struct TradeRow {
    trade_id: String,
    symbol: &'static str,
    price: String,
    quantity: String,
    maker_order_id: String,
    /// The clients' ids of both orders; empty for one that is not on record.
    maker: Arc<str>,
    taker_order_id: String,
    taker: Arc<str>,
    taker_side: Side,
    sequence: u64,
}

#[derive(Serialize)]
struct TradePage {
    trades: Vec<TradeRow>,
    next: Option<String>,
    watermark: u64,
    count: u64,
}

#[derive(Serialize)]
struct LevelRow {
    price: String,
    quantity: String,
    orders: u64,
}

#[derive(Serialize)]
struct DepthRow {
    id: Arc<str>,
    order_id: String,
    price: String,
    quantity: String,
}

/// `GET /orders`: all orders ever accepted, in the order of their engine ids.
pub async fn orders(State(shown): State<Shown>, Query(query): Query<PageQuery>) -> Response {
    let Some((after, limit)) = query.read() else {
        return reply::malformed("`after` must be a cursor that this endpoint gave out");
    };
    let page = shown.replica.read().exchange.orders_after(after, limit);
    let next = page
        .rows
        .last()
        .filter(|_| page.more)
        .map(|row| row.order.order_id.to_string());
    let rows = page.rows.into_iter();
    let rows = rows.filter(|row| !shown.hides(row.order.order_id));
    reply::body(
        StatusCode::OK,
        OrderPage {
            orders: rows.map(order_row).collect(),
            next,
            watermark: page.watermark,
            count: page.total,
        },
    )
}

/// `GET /orders/{id}`, by the client's id.
pub async fn order(State(shown): State<Shown>, Path(id): Path<String>) -> Response {
    let found = shown.replica.read().exchange.order(&id);
    match found {
        Some(view) => reply::body(StatusCode::OK, order_row(view)),
        None => reply::body(
            StatusCode::NOT_FOUND,
            json!({ "state": "unknown-order", "id": id }),
        ),
    }
}

/// `GET /trades`
pub async fn trades(State(shown): State<Shown>, Query(query): Query<PageQuery>) -> Response {
    let Some((after, limit)) = query.read() else {
        return reply::malformed("`after` must be a cursor that this endpoint gave out");
    };
    let (page, trades) = {
        let replica = shown.replica.read();
        let page = replica.exchange.trades_after(after, limit);
        let row = |trade: &Trade| trade_row(&replica.exchange, trade);
        let trades: Vec<TradeRow> = page.rows.iter().map(row).collect();
        (page, trades)
    };
    let next = page
        .rows
        .last()
        .filter(|_| page.more)
        .map(|row| row.trade_id.to_string());
    reply::body(
        StatusCode::OK,
        TradePage {
            trades,
            next,
            watermark: page.watermark,
            count: page.total,
        },
    )
}

/// `GET /debug/orderbook/{symbol}`: every resting order, best price first, earliest first within a price.
pub async fn order_book(State(shown): State<Shown>, Path(symbol): Path<String>) -> Response {
    let Some(instrument) = instruments::find(&symbol) else {
        return reply::not_found("that symbol is not traded here");
    };
    let depth = shown.replica.read().exchange.depth(instrument);
    reply::body(
        StatusCode::OK,
        json!({
            "symbol": symbol,
            "bids": depth_rows(&shown.defects, instrument.get(), depth.bids),
            "asks": depth_rows(&shown.defects, instrument.get(), depth.asks),
            "sequence": depth.sequence,
        }),
    )
}

/// `GET /depth/{symbol}`: how much rests at each price, best price first.
pub async fn depth(State(shown): State<Shown>, Path(symbol): Path<String>) -> Response {
    let Some(instrument) = instruments::find(&symbol) else {
        return reply::not_found("that symbol is not traded here");
    };
    let (bids, asks, sequence) = {
        let replica = shown.replica.read();
        let levels = |side| replica.exchange.levels(instrument, side);
        let (bids, asks) = (levels(Side::Buy), levels(Side::Sell));
        (bids, asks, replica.exchange.sequence())
    };
    let rows = |levels: Vec<PriceLevel>| -> Vec<LevelRow> {
        let levels = levels.into_iter();
        levels.map(|it| level_row(instrument.get(), it)).collect()
    };
    reply::body(
        StatusCode::OK,
        json!({
            "symbol": symbol,
            "bids": rows(bids),
            "asks": rows(asks),
            "sequence": sequence,
        }),
    )
}

impl PageQuery {
    fn read(&self) -> Option<(u64, usize)> {
        let after = if self.after.is_empty() {
            0
        } else {
            self.after.parse().ok()?
        };
        Some((after, self.limit.unwrap_or(DEFAULT_ROWS).clamp(1, MAX_ROWS)))
    }
}

fn order_row(view: OrderView) -> OrderRow {
    let OrderView { order, account } = view;
    let instrument = order.instrument.get();
    let timing = order.timing.as_deref().copied().unwrap_or_default();
    OrderRow {
        order_id: order.order_id.to_string(),
        account,
        symbol: instrument.symbol,
        side: order.side,
        order_type: order.order_type,
        price: match order.order_type {
            OrderType::Limit => Some(instrument.price_text(order.price_ticks)),
            OrderType::Market => None,
        },
        quantity: instrument.quantity_text(order.lots),
        filled: instrument.quantity_text(order.filled_lots),
        remaining: instrument.quantity_text(order.remaining_lots()),
        state: order.state,
        sequence: order.sequence,
        replaced_sequence: order.replaced.as_ref().map(|replaced| replaced.sequence),
        cancelled_sequence: order.cancelled_at(),
        stop: timing.stop.map(|stop| stop_row(instrument, stop)),
        expiry: timing.end.map(expiry_row),
        id: order.id,
    }
}

fn stop_row(instrument: &Instrument, stop: Stop) -> StopRow {
    StopRow {
        price: instrument.price_text(stop.price_ticks),
        state: match stop.triggered {
            None => "waiting",
            Some(_) => "triggered",
        },
        count: stop.count,
        sequence: stop.triggered,
    }
}

fn expiry_row(end: End) -> ExpiryRow {
    ExpiryRow {
        at: end.at_ms,
        state: match end.ended {
            None => "waiting",
            Some(_) => "expired",
        },
        count: end.count,
        sequence: end.ended.map(|(sequence, _)| sequence),
        expired_at: end.ended.map(|(_, at_ms)| at_ms),
    }
}

fn trade_row(exchange: &Exchange, trade: &Trade) -> TradeRow {
    let instrument = trade.instrument.get();
    let client_id = |order_id| exchange.client_id(order_id).unwrap_or_default();
    TradeRow {
        trade_id: trade.trade_id.to_string(),
        symbol: instrument.symbol,
        price: instrument.price_text(trade.price_ticks),
        quantity: instrument.quantity_text(trade.lots),
        maker_order_id: trade.maker_order_id.to_string(),
        maker: client_id(trade.maker_order_id),
        taker_order_id: trade.taker_order_id.to_string(),
        taker: client_id(trade.taker_order_id),
        taker_side: trade.taker_side,
        sequence: trade.sequence,
    }
}

fn level_row(instrument: &Instrument, level: PriceLevel) -> LevelRow {
    LevelRow {
        price: instrument.price_text(level.price_ticks),
        quantity: instrument.quantity_text(level.lots),
        orders: level.orders,
    }
}

fn depth_rows(defects: &Defects, instrument: &Instrument, rows: Vec<DepthOrder>) -> Vec<DepthRow> {
    rows.into_iter()
        .map(|row| DepthRow {
            id: row.id,
            order_id: row.order_id.to_string(),
            price: instrument.price_text(row.price_ticks),
            quantity: instrument.quantity_text(row.lots + defects.misshown_lots(row.order_id)),
        })
        .collect()
}
