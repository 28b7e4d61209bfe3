//! The maps that workers share, behind small functions.
//!
//! Only this room names `DashMap`. No guard leaves it: every function returns a
//! copy. Per-account state is not here: it is owned by its partition.

mod bloom;
mod stop_list;

pub use stop_list::{Removal, StopHit, StopList, StopLook};

/// All that the workers of a process share.
#[derive(Debug, Default)]
pub struct Shared {
    /// Cards and accounts that must stop paying.
    pub stop_list: StopList,
}
