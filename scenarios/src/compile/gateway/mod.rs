//! How orders go: by what gateway, and how their connections are secured. Stores, whose requests are statements, have theirs here too.

mod fix;
mod orders;
mod reported;
mod statements;
mod stores;
mod tls;

pub(super) use fix::comp_id;
pub(super) use orders::gateway;
pub(super) use statements::is_store;
pub(super) use stores::{refusal, servers};
pub(super) use tls::tls;
