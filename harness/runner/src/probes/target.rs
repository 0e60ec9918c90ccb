//! The system under test as the runner talks to it: its plan, its addresses, one client, its ceilings.

use std::sync::Arc;
use std::time::Duration;

use shakedown_load::http::{Vars, price_text, quantity_text};
use shakedown_load::secret::Secrets;
use shakedown_record::ledger::{Entry, Side};
use shakedown_scenarios::plan::{EnvironmentPlan, Part, Plan, Request};

use super::client::{Client, ClientError, Idle, https};
use super::limiter::Limiter;
use crate::environment::{AddressBook, Replica};

/// How long one probe may take.
pub const PROBE_TIMEOUT: Duration = Duration::from_millis(500);

/// How long one query of a read-back may take.
pub const QUERY_TIMEOUT: Duration = Duration::from_secs(10);

/// The name of the copy that is read through the entry, where copies cannot be told apart.
pub const ENTRY_COPY: &str = "entry";

/// Everything that is needed to ask the system something.
#[derive(Debug)]
pub struct Target {
    pub plan: Plan,
    /// For everything but orders.
    pub client: Client,
    /// For orders: an engine may end them with their connection, and would then do so while its copies are being read.
    pub orders: Client,
    pub replicas: Vec<Replica>,
    /// Base URLs for orders.
    pub entry: Vec<String>,
    /// Prefix of every client order id of this run.
    pub prefix: String,
    /// Ceiling on orders, for what is sent outside the load.
    pub order_turns: Limiter,
    /// Ceiling on queries.
    pub query_turns: Limiter,
}

/// A copy of the data that can be read on its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copy {
    /// Name of the replica, or [`ENTRY_COPY`].
    pub name: String,
    pub base_url: String,
}

/// The words of one order message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrderWords {
    /// The client's id.
    pub id: String,
    pub session: String,
    pub account: String,
    pub symbol: String,
    pub side: String,
    pub price: String,
    pub quantity: String,
}

impl Target {
    /// A target at these addresses.
    ///
    /// # Errors
    /// When the HTTP client cannot be made.
    pub fn new(
        plan: Plan,
        secrets: Arc<Secrets>,
        replicas: Vec<Replica>,
        entry: Vec<String>,
        prefix: String,
        book: AddressBook,
    ) -> Result<Self, ClientError> {
        let bases = replicas.iter().map(|replica| &replica.base_url);
        let https = https(&plan, bases.chain(&entry));
        let ceilings = plan.system.ceilings;
        let client = |idle| {
            let (auth, secrets) = (&plan.system.auth, Arc::clone(&secrets));
            let client = Client::with_book(auth, secrets, https.as_ref(), book.clone(), idle);
            // Users of an engine are none of the stores' behind it.
            client.map(|client| match plan.system.gateway.is_store() {
                true => client,
                false => client.unknown_to_stores(),
            })
        };
        Ok(Self {
            client: client(Idle::Closes)?,
            orders: client(Idle::Stays)?,
            order_turns: Limiter::per_second(ceilings.orders_per_s),
            query_turns: Limiter::per_second(ceilings.queries_per_s),
            plan,
            replicas,
            entry,
            prefix,
        })
    }

    /// The part that a replica belongs to.
    pub fn part_of(&self, replica: &Replica) -> Option<&Part> {
        let mut parts = self.plan.system.parts.iter();
        parts.find(|part| part.name == replica.part)
    }

    /// Replicas of the part that orders enter through.
    pub fn engine_replicas(&self) -> Vec<Replica> {
        let first = self.plan.system.parts.first().map(|part| &part.name);
        let replicas = self.replicas.iter();
        replicas
            .filter(|replica| Some(&replica.part) == first)
            .cloned()
            .collect()
    }

    /// Replicas of the part whose copies of the data are read.
    pub fn holders(&self) -> Vec<Replica> {
        let holder = self.plan.system.holder().map(|part| &part.name);
        let replicas = self.replicas.iter();
        replicas
            .filter(|replica| Some(&replica.part) == holder)
            .cloned()
            .collect()
    }

    /// The copies that a read-back looks at.
    pub fn copies(&self, at_each_replica: bool) -> Vec<Copy> {
        if !at_each_replica {
            let first = self.entry.first().cloned();
            return first
                .map(|base_url| Copy {
                    name: ENTRY_COPY.to_string(),
                    base_url,
                })
                .into_iter()
                .collect();
        }
        let replicas = self.holders().into_iter();
        replicas
            .map(|replica| Copy {
                name: replica.name,
                base_url: replica.base_url,
            })
            .collect()
    }

    /// Where a replica's health or metrics are. In the local environment replicas serve all on one port, but for those that
    /// stand for a system with others.
    pub fn control_base(&self, replica: &Replica, port: Option<u16>) -> String {
        match (&self.plan.environment, port) {
            (
                EnvironmentPlan::External(_)
                | EnvironmentPlan::Docker(_)
                | EnvironmentPlan::Kubernetes(_),
                Some(port),
            ) => with_port(&replica.base_url, port),
            (EnvironmentPlan::Local { stand_in }, Some(port))
                if stand_in.keeps_ports(&replica.part) =>
            {
                with_port(&replica.base_url, port)
            }
            (_, None) | (EnvironmentPlan::Local { .. }, _) => replica.base_url.clone(),
        }
    }

    /// Copies each of which has orders that no other has; none where an order is to be on all of them.
    pub fn copies_apart(&self) -> Vec<Copy> {
        match self.plan.system.books_are_apart() {
            true => self.copies(true),
            false => Vec::new(),
        }
    }

    /// Where orders can be sent outside the load: the entries, or each replica by itself where each has books of its own.
    pub fn ways_in(&self) -> Vec<String> {
        let apart = self.copies_apart();
        match apart.is_empty() {
            true => self.entry.clone(),
            false => apart.into_iter().map(|copy| copy.base_url).collect(),
        }
    }

    /// The way in that the n-th of several independent messages takes.
    pub fn way_in(&self, number: usize) -> String {
        let ways = self.ways_in();
        let way = ways.get(number % ways.len().max(1));
        way.cloned().unwrap_or_default()
    }

    /// The client order id of a slot.
    pub fn order_id(&self, slot: u64) -> String {
        format!("{}-{slot}", self.prefix)
    }

    /// The slot of a client order id of this run; `None` for sentinels and foreign orders.
    pub fn slot_of(&self, id: &str) -> Option<u64> {
        id.strip_prefix(&self.prefix)?
            .strip_prefix('-')?
            .parse()
            .ok()
    }

    /// The words that the load sent for the order of a slot.
    pub fn words(&self, slot: u64, entry: &Entry) -> OrderWords {
        let load = &self.plan.load;
        let symbol = load.symbols.get(usize::from(entry.symbol));
        let account = load.accounts.get(usize::from(entry.account));
        let instrument = symbol.map(|symbol| &symbol.instrument);
        let price = instrument.map(|it| price_text(it, entry.price_ticks));
        let quantity = instrument.map(|it| quantity_text(it, entry.quantity_lots));
        OrderWords {
            id: self.order_id(slot),
            session: entry.session.to_string(),
            account: account.cloned().unwrap_or_default(),
            symbol: symbol.map(|symbol| symbol.name.clone()).unwrap_or_default(),
            side: self.side_name(entry.side),
            price: price.unwrap_or_default(),
            quantity: quantity.unwrap_or_default(),
        }
    }

    /// How the profile writes a side.
    pub fn side_name(&self, side: Side) -> String {
        let [buy, sell] = &self.plan.system.orders.side_names;
        match side {
            Side::Buy => buy.clone(),
            Side::Sell => sell.clone(),
        }
    }

    /// One page of a list that is read back, in its turn.
    ///
    /// # Errors
    /// In words, when it was not told.
    pub async fn page(&self, get: &Request, base: &str, cursor: &str) -> Result<Vec<u8>, String> {
        let vars = Vars {
            cursor: Some(cursor),
            ..Vars::default()
        };
        self.asked(get, base, &vars).await
    }

    /// What a copy answers to a question, in its turn.
    ///
    /// # Errors
    /// In words, when it does not say.
    pub async fn asked(
        &self,
        get: &Request,
        base: &str,
        vars: &Vars<'_>,
    ) -> Result<Vec<u8>, String> {
        self.query_turns.turn().await;
        let sent = self.client.send(base, get, vars, QUERY_TIMEOUT);
        let reply = sent.await.map_err(|error| error.to_string())?;
        match reply.is_success() {
            true => Ok(reply.body),
            false => Err(self.client.excerpt(&reply)),
        }
    }
}

/// A base URL with another port.
pub fn with_port(base_url: &str, port: u16) -> String {
    let (scheme, rest) = base_url.split_once("://").unwrap_or(("http", base_url));
    let host = match rest.rfind(']') {
        Some(end) => &rest[..=end],
        None => rest.split([':', '/']).next().unwrap_or(rest),
    };
    format!("{scheme}://{host}:{port}")
}

#[cfg(test)]
mod tests {
    use shakedown_scenarios::plan::{DataLayout, ReadBack, Request};

    use super::{Target, with_port};
    use crate::testing::{plan, target};

    #[tokio::test]
    async fn a_store_that_is_asked_in_its_own_language_is_where_the_copies_are() {
        let bases = ["http://127.0.0.1:1".to_string()];
        let mut of_store = plan(&bases);
        let mut store = of_store.system.parts[0].clone();
        store.name = "postgres".to_string();
        store.replicas = 2;
        of_store.system.parts.push(store);
        of_store.system.data = DataLayout::Store {
            part: "postgres".to_string(),
        };
        let through_the_engine = target(of_store.clone(), &bases);
        assert_eq!(names(&through_the_engine), ["engine-1"]);
        if let Some(ReadBack::List { get, .. }) = &mut of_store.system.read_back {
            get.method = Request::SQL.to_string();
        }
        let asked = target(of_store, &bases);
        assert_eq!(names(&asked), Vec::<String>::new());
        let mut whole = std::sync::Arc::into_inner(asked).unwrap();
        whole.replicas.push(crate::environment::Replica {
            name: "postgres-2".to_string(),
            part: "postgres".to_string(),
            base_url: "postgresql://127.0.0.1:5432/trading".to_string(),
        });
        assert_eq!(names(&whole), ["postgres-2"]);
    }

    fn names(target: &Target) -> Vec<String> {
        let copies = target.copies(true).into_iter();
        copies.map(|copy| copy.name).collect()
    }

    #[test]
    fn another_port_keeps_scheme_and_host() {
        assert_eq!(
            with_port("http://127.0.0.1:8080", 9090),
            "http://127.0.0.1:9090"
        );
        assert_eq!(with_port("https://host/api", 1), "https://host:1");
        assert_eq!(with_port("http://[::1]:80", 2), "http://[::1]:2");
    }
}
