//! The servers that projects of the matrix need, from the packages that their recipes name.

use duct::cmd;
use formwork::{
    catalog::Catalog,
    check::services,
    error::{Error, Result},
};

/// Installs what is missing, where this may: as root.
pub(super) fn install(catalog: &Catalog) -> Result<()> {
    let servers = catalog.parts().filter_map(|part| part.server.as_ref());
    for server in servers {
        for command in services::missing(server) {
            let lacking = || Error::missing(format!("{} is not here", server.title)).help(command.clone());
            if !rustix::process::geteuid().is_root() {
                return Err(lacking());
            }
            println!("{}: {command}", server.title);
            // No Debian package starts its server where no init runs, and none asks anything.
            let at_once = command.replace("sudo ", "").replace("apt-get install", "apt-get install --yes");
            let quietly = cmd!("sh", "-c", at_once);
            let quietly = quietly.env("RUNLEVEL", "1").env("DEBIAN_FRONTEND", "noninteractive").stdin_null();
            quietly.stdout_to_stderr().run().map_err(|error| lacking().cause(error))?;
            if services::missing(server).contains(&command) {
                return Err(lacking().cause("it was installed, and is not found"));
            }
        }
    }
    Ok(())
}
