//! How orders go: by what gateway, and how their connections are secured.

mod fix;
mod orders;
mod reported;
mod tls;

pub(super) use fix::comp_id;
pub(super) use orders::gateway;
pub(super) use tls::tls;
