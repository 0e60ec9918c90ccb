//! What an account may do, and the least that it should be given.

mod grants;
mod needs;
mod right;
mod roles;

pub use grants::{Account, Need, NoAccount, grants};
pub use needs::{
    of_config_maps, of_delete_pod, of_drain, of_edit, of_evict, of_lease, of_log, of_own,
    of_reading, of_scope,
};
pub use right::{Right, missing};
pub use roles::roles;
