//! The kill switch of an account: what is open of it is cancelled, and nothing of it is let in any more.

use crate::command::{Answer, OrderState};
use crate::state::{Exchange, Order};

impl Exchange {
    /// Pulls it. Pulled again, it is answered with what was, and changes nothing.
    pub(super) fn kill(&mut self, account: &str) -> Answer {
        let number = self.accounts.number(account);
        if let Some(sequence) = self.accounts.killed_at(number) {
            let orders = Vec::new();
            return Answer::Killed { sequence, orders };
        }
        self.sequence += 1;
        let sequence = self.sequence;
        self.accounts.kill(number, sequence);
        let is_open = |order: &&Order| order.account == number && order.state == OrderState::Open;
        let open = self.orders.after(0).filter(is_open);
        let mut orders: Vec<u64> = open.map(|order| order.order_id).collect();
        orders.retain(|order_id| self.end_order(*order_id));
        Answer::Killed { sequence, orders }
    }
}
