//! The script of the docs that updates many repositories in one go.

use std::{env, fs, path::Path, process::Command};

use crate::support::{all_files, commit, edit, formwork, git, temp, write};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/fleet.sh");

/// The exit code, and the rows of the report.
fn fleet(folder: &Path) -> (Option<i32>, Vec<String>) {
    let tool = Path::new(env!("CARGO_BIN_EXE_formwork")).parent().unwrap();
    let path = format!("{}:{}", tool.display(), env::var("PATH").unwrap());
    let mut script = Command::new("sh");
    script.arg(SCRIPT).arg(folder).arg("--no-check").env("PATH", path);
    let output = script.output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    let rows = said.lines().filter(|line| line.contains('\t')).map(str::to_owned).collect();
    (output.status.code(), rows)
}

fn standard(folder: &Path, cache: &str) {
    let preset = format!(
        "schema = 1\nextends = \"embedded\"\n[answers]\ncache = \"{cache}\"\n[lock]\ncache = \"so\"\n"
    );
    write(folder, "ours.toml", &preset);
}

#[test]
fn each_is_updated_on_a_branch_of_its_own_or_left_as_it_was_and_reported() {
    let folder = temp();
    standard(folder.path(), "memory");
    let services = folder.path().join("services");
    for name in ["bills", "mails", "orders", "parts", "stock"] {
        let preset = if name == "stock" { "" } else { "--preset ours.toml" };
        formwork(folder.path(), &format!("new services/{name} --yes --no-check {preset}")).expect(0, &[]);
    }
    let cache = "src/data/cache.rs";
    write(&services.join("bills"), cache, "//! Ours.\n");
    commit(&services.join("bills"));
    edit(&services.join("mails"), "README.md", "# mails", "# Mails");
    edit(&services.join("orders"), "README.md", "# orders", "# Orders");
    commit(&services.join("orders"));
    git(&services.join("parts"), &["checkout", "--quiet", "--detach"]);
    let left = ["bills", "mails", "parts", "stock"].map(|name| (name, all_files(&services.join(name))));
    standard(folder.path(), "none");

    let (code, rows) = fleet(&services);
    let report = services.join("fleet");
    assert_eq!(rows[0], format!("bills\tconflicts\t{}", report.join("bills.json").display()));
    assert!(rows[1].starts_with("mails\trefused\t") && rows[1].contains("not committed"), "{rows:?}");
    assert_eq!(
        rows[2..],
        [
            "orders\tupdated\tformwork-update",
            "parts\trefused\tno branch is checked out",
            "stock\tup to date\t"
        ]
    );
    assert_eq!(code, Some(1));
    let kept = fs::read_to_string(report.join("report.tsv")).unwrap();
    assert_eq!(kept.lines().collect::<Vec<_>>(), rows);
    let json = fs::read_to_string(report.join("bills.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["conflicts"][0]["path"], cache);

    for (name, before) in left {
        assert_eq!(all_files(&services.join(name)), before, "{name}");
        assert_eq!(git(&services.join(name), &["branch", "--list", "formwork-update"]), "", "{name}");
    }
    let orders = services.join("orders");
    assert_eq!(git(&orders, &["symbolic-ref", "--short", "HEAD"]), "formwork-update");
    assert!(fs::read_to_string(orders.join("README.md")).unwrap().starts_with("# Orders"));
    assert!(fs::read_to_string(orders.join("formwork.toml")).unwrap().contains("cache = \"none\""));

    // Once more, where nothing is in the way any more.
    for name in ["bills", "mails", "parts"] {
        fs::remove_dir_all(services.join(name)).unwrap();
    }
    git(&orders, &["checkout", "--quiet", "main"]);
    git(&orders, &["merge", "--quiet", "formwork-update"]);
    git(&orders, &["branch", "--quiet", "-D", "formwork-update"]);
    assert_eq!(
        fleet(&services),
        (Some(0), vec!["orders\tup to date\t".to_owned(), "stock\tup to date\t".to_owned()])
    );
}
