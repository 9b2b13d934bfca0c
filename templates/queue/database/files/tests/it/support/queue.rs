//! The queue as tests set it: it is where the jobs are, and needs nothing more.

use std::path::Path;

/// With these a process hears of the jobs of the folder, and of no others.
pub(crate) fn settings(_folder: &Path) -> Vec<(&'static str, String)> {
    Vec::new()
}
