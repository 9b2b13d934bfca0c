//! Programs of Debian's packages, for tests that need them.

use std::process::Command;

/// Installs `packages`, where that needs nobody's word; elsewhere says how. `what` needs them.
#[track_caller]
pub(crate) fn install(what: &str, packages: &[&str]) {
    let apt = |arguments: &[&str]| {
        let mut apt = Command::new("apt-get");
        apt.args(["-o", "DPkg::Lock::Timeout=300"]).args(arguments);
        // No package starts its server where no init runs, and none asks anything.
        apt.env("RUNLEVEL", "1").env("DEBIAN_FRONTEND", "noninteractive");
        apt.output().is_ok_and(|done| done.status.success())
    };
    let done = rustix::process::geteuid().is_root()
        && apt(&["update"])
        && apt(&[&["install", "--yes", "--no-install-recommends"], packages].concat());
    assert!(done, "{what}: sudo apt-get install {}", packages.join(" "));
}
