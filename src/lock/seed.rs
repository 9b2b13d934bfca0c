//! What a lock starts from that cargo is to repair: the owner's packages, and what a render brings.

use semver::Version;

use super::{CargoLock, Locked};

/// Which of two versions that could stand in for each other a lock starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefer {
    /// The owner's, as long as it will do: another option is no reason to move a crate.
    Owners,
    /// The higher: newer templates were tested with what they bring.
    Higher,
}

/// The owner's packages, and those of the render for which the owner has none that could stand in.
pub fn seed(owners: &CargoLock, render: &CargoLock, prefer: Prefer) -> CargoLock {
    let mut packages = owners.packages.clone();
    let mut brought = Vec::new();
    let place: Vec<Option<usize>> = (render.packages.iter().enumerate())
        .map(|(number, package)| {
            package.source.as_ref()?;
            let is_kin = |other: &Locked| {
                other.name == package.name
                    && other.source == package.source
                    && series(&other.version) == series(&package.version)
            };
            match packages.iter().position(is_kin) {
                Some(at) if prefer == Prefer::Owners || packages[at].version >= package.version => Some(at),
                Some(at) => {
                    packages[at] = package.clone();
                    brought.push((at, number));
                    Some(at)
                }
                None => {
                    packages.push(package.clone());
                    brought.push((packages.len() - 1, number));
                    Some(packages.len() - 1)
                }
            }
        })
        .collect();
    for (at, number) in brought {
        let edges = render.packages[number].dependencies.iter();
        packages[at].dependencies = edges.filter_map(|edge| place.get(*edge).copied().flatten()).collect();
    }
    CargoLock { packages }
}

/// What cargo takes for compatible.
fn series(version: &Version) -> (u64, u64, u64, &str) {
    match (version.major, version.minor) {
        (0, 0) => (0, 0, version.patch, version.pre.as_str()),
        (0, minor) => (0, minor, 0, version.pre.as_str()),
        (major, _) => (major, 0, 0, version.pre.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

    fn lock(packages: &[(&str, &str, &[usize])]) -> CargoLock {
        let package = |(name, version, edges): &(&str, &str, &[usize])| Locked {
            name: (*name).to_owned(),
            version: Version::parse(version).unwrap(),
            source: (*name != "orders").then(|| REGISTRY.to_owned()),
            checksum: None,
            dependencies: edges.to_vec(),
        };
        CargoLock { packages: packages.iter().map(package).collect() }
    }

    fn seeded(prefer: Prefer) -> Vec<String> {
        let owners = lock(&[("orders", "0.1.0", &[1]), ("wire", "0.3.1", &[]), ("mine", "1.0.0", &[])]);
        let render = lock(&[
            ("net", "2.0.0", &[1]),
            ("wire", "0.3.4", &[2]),
            ("tls", "0.9.0", &[]),
            ("orders", "0.1.0", &[0]),
        ]);
        let seed = seed(&owners, &render, prefer);
        let edges = |package: &Locked| {
            let names = package.dependencies.iter().map(|at| seed.packages[*at].name.clone());
            names.collect::<Vec<_>>().join(",")
        };
        seed.packages
            .iter()
            .map(|package| format!("{} {} {}", package.name, package.version, edges(package)))
            .collect()
    }

    #[test]
    fn the_owners_versions_stay_where_they_will_do() {
        assert_eq!(
            seeded(Prefer::Owners),
            ["orders 0.1.0 wire", "wire 0.3.1 ", "mine 1.0.0 ", "net 2.0.0 wire", "tls 0.9.0 "]
        );
    }

    #[test]
    fn newer_templates_bring_the_versions_that_they_were_tested_with() {
        assert_eq!(
            seeded(Prefer::Higher),
            ["orders 0.1.0 wire", "wire 0.3.4 tls", "mine 1.0.0 ", "net 2.0.0 wire", "tls 0.9.0 "]
        );
    }
}
