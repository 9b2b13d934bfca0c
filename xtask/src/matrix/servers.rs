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
            let quietly = cmd!("sh", "-c", at_once(&command));
            let quietly = quietly.env("RUNLEVEL", "1").env("DEBIAN_FRONTEND", "noninteractive").stdin_null();
            quietly.stdout_to_stderr().run().map_err(|error| lacking().cause(error))?;
            if services::missing(server).contains(&command) {
                return Err(lacking().cause("it was installed, and is not found"));
            }
        }
    }
    Ok(())
}

/// As root, who is asked nothing, on a machine that may know no packages yet.
fn at_once(command: &str) -> String {
    let apt = "apt-get update && apt-get -o DPkg::Lock::Timeout=300 install --yes";
    command.replace("sudo ", "").replace("apt-get install", apt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_looked_up_before_they_are_installed() {
        let apt = at_once("sudo apt-get install rabbitmq-server");
        let expected = "apt-get update && apt-get -o DPkg::Lock::Timeout=300 install --yes rabbitmq-server";
        assert_eq!(apt, expected);
        assert_eq!(at_once("pip install nats-py==2.16.0"), "pip install nats-py==2.16.0");
    }
}
