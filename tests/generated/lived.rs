//! A project that its owners went on from: the sample is deleted as the README says, and what is left passes; a change that
//! makes it red is taken back.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{
    Home, assert_steps_are_green,
    sample::{SAMPLE, without_imports, without_kinds, without_module, without_routes},
    steps, told,
};

/// The router's words for development's page.
const PAGE: [(&str, &str); 2] = [
    (
        "    let router = match app.config.stage {\n        Stage::Development => router.route(\"/\", get(start_page::show)),\n        \
         Stage::Production => router,\n    };\n",
        "",
    ),
    (
        "use crate::{\n    config::Stage,\n    edge::{\n        endpoint::{get, routes},\n        layers,\n    },\n};",
        "use crate::edge::{endpoint::routes, layers};",
    ),
];

/// What is claimed for the whole service, whoever's endpoints it has.
const CLAIMED: [&str; 3] = ["P10", "P11", "P12"];

pub(super) fn assert_it_passes_without_its_sample(home: &Home) {
    let project = Project::poured(home);
    let readme = project.read("README.md");
    let (_, section) = readme.split_once("## Remove the sample\n").expect("how the sample is removed");
    assert!(section.contains("`formwork set llm=none`"), "{section}");
    home.formwork(&["set", "llm=none", "--yes", "--no-check", "--json", "--project"], &project.path);
    // The set has changed the README too.
    let readme = project.read("README.md");
    let (_, section) = readme.split_once("## Remove the sample\n").expect("how the sample is removed");
    let deleted = project.delete(section);
    project.edit_lines(&deleted);
    project.delete_tests(section);
    project.finish();
    let report = home.check(&project.path, &[]);
    assert_steps_are_green(&report);
    let probe = steps(&report).iter().find(|step| step["step"] == "probe").expect("a probe");
    let kept = |name: &str| {
        let mut cases = probe["cases"].as_array().expect("promises").iter();
        cases.any(|case| {
            case["outcome"] == "kept"
                && case["name"].as_str().is_some_and(|case| case.split(' ').next() == Some(name))
        })
    };
    assert!(CLAIMED.into_iter().all(kept), "{probe:#}");
    let report = home.formwork(&["update", "--yes", "--no-check", "--json"], &project.path);
    assert_eq!(report["up_to_date"], true, "{report:#}");
    project.takes_back_what_is_red();
}

struct Project<'a> {
    home: &'a Home,
    path: PathBuf,
}

impl<'a> Project<'a> {
    fn poured(home: &'a Home) -> Self {
        let path = home.path.join("lived");
        home.pour(&path, &["--no-check"]);
        Self { home, path }
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path.join(file)).expect(file)
    }

    fn edit(&self, file: &str, edit: impl FnOnce(&str) -> String) {
        let before = self.read(file);
        let after = edit(&before);
        assert_ne!(before, after, "{file} does not name the sample");
        fs::write(self.path.join(file), after).expect(file);
    }

    /// The sources and the migration that the list names; gives the names of the modules.
    fn delete(&self, section: &str) -> Vec<String> {
        let list = section.split("\n\n").find(|paragraph| paragraph.starts_with("- ")).expect("a list");
        let items = list.split("\n- ").filter(|item| !item.starts_with("their lines in"));
        let named = items.flat_map(|item| item.split('`').skip(1).step_by(2));
        let files: Vec<&str> =
            named.filter(|name| name.starts_with("src/") || name.starts_with("migrations/")).collect();
        assert!(files.len() > 8, "{files:?}");
        for file in &files {
            fs::remove_file(self.path.join(file)).expect(file);
        }
        let modules = files.iter().filter_map(|file| Path::new(file).file_stem()?.to_str());
        modules.map(str::to_owned).collect()
    }

    /// In the files that the list names for it.
    fn edit_lines(&self, modules: &[String]) {
        let without_modules =
            |text: &str| modules.iter().fold(text.to_owned(), |text, module| without_module(&text, module));
        for file in ["src/app/mod.rs", "src/data/mod.rs"] {
            self.edit(file, without_modules);
        }
        self.edit("src/app/webhook_endpoints.rs", |text| {
            without_modules(text).replace("pub(super) use self::callback::callback;\n", "")
        });
        self.edit("src/app/router.rs", |text| {
            let text =
                without_imports(&without_routes(text, &SAMPLE), &[&SAMPLE[..], &["start_page"]].concat());
            PAGE.iter().fold(text, |text, (from, to)| {
                assert!(text.contains(from), "{from:?} is not in:\n{text}");
                text.replace(from, to)
            })
        });
        self.edit("src/jobs/kind.rs", |text| {
            without_imports(&without_kinds(text), &SAMPLE).replace("    app::{},\n", "")
        });
    }

    /// Those that the README's command finds, each with the folder of its name and the line that declares it.
    fn delete_tests(&self, section: &str) {
        let grep = section.lines().map(str::trim).find(|line| line.starts_with("grep ")).expect("a command");
        let output =
            self.home.command("sh").args(["-c", grep]).current_dir(&self.path).output().expect("a shell");
        let found = String::from_utf8(output.stdout).expect("text");
        let tests: Vec<&str> = found.lines().filter(|file| !file.starts_with("tests/it/support/")).collect();
        assert!(tests.len() > 10, "{found}");
        for test in tests {
            let file = self.path.join(test);
            // It may have gone with its folder.
            if file.exists() {
                fs::remove_file(&file).expect(test);
                let _ = fs::remove_dir_all(file.with_extension(""));
                let name = file.file_stem().and_then(|name| name.to_str()).expect("a name");
                let folder = test.rsplit_once('/').expect("a folder").0;
                let parent = match folder {
                    "tests/it" => "tests/it/main.rs".to_owned(),
                    folder => format!("{folder}.rs"),
                };
                if self.path.join(&parent).exists() {
                    self.edit(&parent, |text| without_module(text, name));
                }
            }
        }
        let quiet = "#![allow(dead_code, unused_imports)]";
        assert!(section.contains(quiet), "{section}");
        self.edit("tests/it/support/mod.rs", |text| text.replacen("\n\n", &format!("\n\n{quiet}\n\n"), 1));
    }

    fn finish(&self) {
        self.run("cargo", &["fmt"]);
        let document = self.run("cargo", &["run", "--quiet", "--locked", "--", "openapi"]);
        fs::write(self.path.join("docs/openapi.json"), document).expect("the document");
        self.commit("Without the sample");
    }

    fn commit(&self, message: &str) {
        self.run("git", &["add", "--all"]);
        let owner = ["-c", "user.name=owner", "-c", "user.email=owner@example.org"];
        self.run("git", &[&owner[..], &["commit", "--quiet", "--message", message]].concat());
    }

    fn run(&self, program: &str, arguments: &[&str]) -> String {
        let output =
            self.home.command(program).args(arguments).current_dir(&self.path).output().expect(program);
        assert!(output.status.success(), "{program} {arguments:?}: {}", told(&output));
        String::from_utf8(output.stdout).expect("text")
    }

    /// What makes it red is the owner's here, which a set finds out all the same.
    fn takes_back_what_is_red(&self) {
        self.edit("src/lib.rs", |text| format!("{text}\nfn ends() -> u8 {{}}\n"));
        self.commit("By the owner");
        let head = self.run("git", &["rev-parse", "HEAD"]);
        let mut set = self.home.command(env!("CARGO_BIN_EXE_formwork"));
        set.args(["set", "cache=none", "--yes", "--json", "--rollback-on-red", "--project"]).arg(&self.path);
        let output = set.output().expect("formwork starts");
        assert_eq!(output.status.code(), Some(1), "{}", told(&output));
        let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
        assert_eq!(
            (&report["rolled_back"], &report["check"]["passed"]),
            (&true.into(), &false.into()),
            "{report:#}"
        );
        assert_eq!(self.run("git", &["rev-parse", "HEAD"]), head);
        assert_eq!(self.run("git", &["status", "--porcelain"]), "");
        assert!(self.read("formwork.toml").contains("cache = \"memory\""));
    }
}
