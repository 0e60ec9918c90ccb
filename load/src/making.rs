//! What a thread's sessions ask, and how they say it.

use std::sync::Arc;

use shakedown_scenarios::plan::{Auth, GatewayPlan, Orders, WebSocketGateway};

use crate::config::{GeneratorConfig, Work};
use crate::engine::{
    BinaryOrders, Desk, FixOrders, FixParts, Gateway, Http2Orders, HttpOrders, Names, OrderDesk,
    OrderDeskParts, OrderTexts, Part, PlainParts, PlainRequests, PlainStreams, PostgreSqlOrders,
    RedisOrders, ReportedOrders, WebSocketOrders, WebSocketParts,
};
use crate::error::LoadError;
use crate::http::BaseUrl;
use crate::postgresql::Login;
use crate::redis;
use crate::secret::Secrets;

/// One thread's part of a run.
pub(crate) struct Making<'a> {
    pub config: &'a GeneratorConfig,
    pub entry: &'a [BaseUrl],
    /// Where what enters at each entry is reported; nowhere where answers say all.
    pub reports: &'a [BaseUrl],
    pub names: &'a Names,
    pub part: Part,
}

/// How orders are written, whatever the gateway.
struct Written<'a> {
    orders: &'a Orders,
    auth: &'a Auth,
    secrets: &'a Secrets,
}

impl Making<'_> {
    /// The thread's desk and gateway.
    ///
    /// # Errors
    /// When the plan holds what they cannot carry, or a side file cannot be made.
    pub fn work(&self) -> Result<(Desk, Gateway), LoadError> {
        let config = self.config;
        match &config.work {
            Work::Orders {
                orders,
                gateway,
                auth,
                secrets,
            } => {
                let desk = OrderDesk::new(OrderDeskParts {
                    plan: &config.plan,
                    seed: config.seed,
                    orders,
                    secrets: Arc::new(secrets.clone()),
                    ledger: &config.ledger,
                    thread: self.part.thread as usize,
                    sessions: self.part.count(),
                })?;
                let written = Written {
                    orders,
                    auth,
                    secrets,
                };
                let gateway = self.gateway(gateway, &written)?;
                Ok((Desk::Orders(Box::new(desk)), gateway))
            }
            Work::Requests {
                request,
                http2,
                secrets,
            } => {
                let parts = PlainParts {
                    request,
                    secrets,
                    entry: self.entry,
                    prefix: &config.prefix,
                    sessions: self.sessions().collect(),
                };
                let gateway = match http2 {
                    true => Gateway::Streams(Box::new(PlainStreams::new(&parts))),
                    false => Gateway::Plain(Box::new(PlainRequests::new(&parts))),
                };
                Ok((Desk::Requests, gateway))
            }
        }
    }

    fn sessions(&self) -> impl Iterator<Item = u16> {
        (0..self.part.count()).map(|local| self.part.session(local))
    }

    fn gateway(&self, plan: &GatewayPlan, written: &Written<'_>) -> Result<Gateway, LoadError> {
        Ok(match plan {
            GatewayPlan::Http => Gateway::Http(Box::new(self.http(written)?)),
            GatewayPlan::Http2 => {
                let (orders, texts, names) = self.said(written)?;
                let (auth, secrets) = (written.auth, written.secrets);
                let http2 = Http2Orders::new(orders, auth, secrets, self.entry, texts, names);
                Gateway::Http2(Box::new(http2))
            }
            GatewayPlan::Reported(plan) => {
                let reports = self.websocket(plan, self.reports, written)?;
                let sessions = self.part.count();
                let reported = ReportedOrders::new(self.http(written)?, reports, sessions);
                Gateway::Reported(Box::new(reported))
            }
            GatewayPlan::Binary(plan) => {
                let (texts, names) = (self.texts(written)?, self.names.clone());
                let identity = written.orders.identity;
                let binary = BinaryOrders::new(identity, plan.batch, texts, names)?;
                Gateway::Binary(Box::new(binary))
            }
            GatewayPlan::WebSocket(plan) => {
                let websocket = self.websocket(plan, self.entry, written)?;
                Gateway::WebSocket(Box::new(websocket))
            }
            GatewayPlan::Fix(plan) => Gateway::Fix(Box::new(FixOrders::new(FixParts {
                plan,
                identity: written.orders.identity,
                auth: written.auth,
                secrets: written.secrets,
                entries: self.entry.iter().map(|url| url.addresses.len()).sum(),
                texts: self.texts(written)?,
                names: self.names.clone(),
            })?)),
            GatewayPlan::PostgreSql(plan) => {
                let (orders, texts, names) = self.said(written)?;
                let login = Login::of(written.auth, written.secrets, &plan.database);
                let store =
                    PostgreSqlOrders::new(plan, orders, login, written.secrets, texts, names);
                Gateway::PostgreSql(Box::new(store))
            }
            GatewayPlan::Redis(plan) => {
                let (orders, texts, names) = self.said(written)?;
                let login = redis::Login::of(written.auth, written.secrets);
                let store = RedisOrders::new(plan, orders, login, written.secrets, texts, names);
                Gateway::Redis(Box::new(store))
            }
        })
    }

    fn texts(&self, written: &Written<'_>) -> Result<OrderTexts, LoadError> {
        let sessions = self.sessions();
        let (plan, prefix) = (&self.config.plan, &self.config.prefix);
        OrderTexts::new(plan, &written.orders.side_names, prefix, sessions)
    }

    fn http(&self, written: &Written<'_>) -> Result<HttpOrders, LoadError> {
        let (orders, texts, names) = self.said(written)?;
        let (auth, secrets) = (written.auth, written.secrets);
        let http = HttpOrders::new(orders, auth, secrets, self.entry, texts, names);
        Ok(http)
    }

    /// What every gateway by the requests of a profile has of its own.
    fn said(&self, written: &Written<'_>) -> Result<(Arc<Orders>, OrderTexts, Names), LoadError> {
        let orders = Arc::new(written.orders.clone());
        Ok((orders, self.texts(written)?, self.names.clone()))
    }

    fn websocket(
        &self,
        plan: &WebSocketGateway,
        entry: &[BaseUrl],
        written: &Written<'_>,
    ) -> Result<WebSocketOrders, LoadError> {
        Ok(WebSocketOrders::new(WebSocketParts {
            plan,
            auth: written.auth,
            secrets: written.secrets,
            entry,
            seed: self.config.seed.wrapping_add(self.part.thread),
            texts: self.texts(written)?,
            names: self.names.clone(),
        }))
    }
}
