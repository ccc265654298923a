//! Large pages: a try reads eight places at random, and with small pages each costs a walk through the page tables too.

use std::{os::unix::process::CommandExt as _, process::Command};

const VARIABLE: &str = "GLIBC_TUNABLES";
const LARGE: &str = "glibc.malloc.hugetlb=1";

/// Starts this program anew, in the same process, with an allocator that asks the kernel for large pages
/// (transparent huge pages by `madvise`); unless somebody set the allocator up himself.
pub fn ask_for_large() {
    if std::env::var_os(VARIABLE).is_some() {
        return;
    }
    let Ok(program) = std::env::current_exe() else { return };
    // Comes back only if it failed: small pages do too.
    let _ = Command::new(program).args(std::env::args_os().skip(1)).env(VARIABLE, LARGE).exec();
}
