//! The servers that projects of the matrix need, from the packages that their recipes name.

use duct::cmd;
use formwork::{
    catalog::Catalog,
    check::services,
    error::{Error, Result},
};

/// What those tests take that PostgreSQL's projects leave out: no option needs it.
const POOLER: [&str; 2] = ["pgbouncer", "sudo apt-get install pgbouncer"];

/// Installs what is missing, where this may: as root.
pub(super) fn install(catalog: &Catalog) -> Result<()> {
    let servers = catalog.parts().filter_map(|part| part.server.as_ref());
    for server in servers {
        for command in services::missing(server) {
            get(&server.title, &command, || !services::missing(server).contains(&command))?;
        }
    }
    Ok(())
}

pub(super) fn install_pooler() -> Result<()> {
    let [program, command] = POOLER;
    let is_there =
        || cmd!("sh", "-c", format!("PATH=$PATH:/usr/sbin command -v {program}")).stdout_null().run().is_ok();
    if is_there() { Ok(()) } else { get("PgBouncer", command, is_there) }
}

/// Gets what is named `title`; as anybody but root says how.
fn get(title: &str, command: &str, is_there: impl Fn() -> bool) -> Result<()> {
    let lacking = || Error::missing(format!("{title} is not here")).help(command);
    if !rustix::process::geteuid().is_root() {
        return Err(lacking());
    }
    println!("{title}: {command}");
    // No Debian package starts its server where no init runs, and none asks anything.
    let quietly = cmd!("sh", "-c", at_once(command));
    let quietly = quietly.env("RUNLEVEL", "1").env("DEBIAN_FRONTEND", "noninteractive").stdin_null();
    quietly.stdout_to_stderr().run().map_err(|error| lacking().cause(error))?;
    if is_there() { Ok(()) } else { Err(lacking().cause("it was installed, and is not found")) }
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
