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
pub(super) use redis::{REDIS_LINES, redis_servers, sentinels};
pub(super) use stores::{
    POSTGRESQL_LINES, not_too_many, promote_after, servers, settings, store_urls,
};
pub(super) use tls::tls;
