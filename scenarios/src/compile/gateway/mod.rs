//! How orders go: by what gateway, and how their connections are secured. Stores, whose requests are statements or commands, have
//! theirs here too.

mod commands;
mod fix;
mod language;
mod orders;
mod redis;
mod reported;
mod statements;
mod stores;
mod tls;

pub(super) use fix::comp_id;
pub(super) use language::Language;
pub(super) use orders::gateway;
pub(super) use redis::redis_servers;
pub(super) use stores::{refusal, servers, store_urls};
pub(super) use tls::tls;
