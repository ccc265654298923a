//! The mirrored logs: verified copies in files, their entries in memory.

mod copy;
mod files;
mod mirrors;
mod region;
mod serve;
mod view;

pub use copy::{Log, Standing};
pub use files::{Error as FileError, replace};
pub use mirrors::{Error, Mirrors, Settings, Shown, anchored};
pub use region::Region;
pub use view::View;
