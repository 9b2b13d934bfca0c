//! The servers of a project's own tests, by the files that it is rendered with; nothing of formwork runs there.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use formwork::{
    answers::{Answers, Choices, ProjectName},
    catalog::{Catalog, Plan, Source},
    render,
};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{
    fixture::{Fixture, Outcome, run},
    services::{Redis, Said, bare_path, install, is_alive, script, wait_for},
};

const RECIPE: &str = include_str!("../fixtures/servers/redis.toml");
const TESTS: &str = include_str!("../fixtures/servers/support.rs");
/// Where the files stand in a project, and where in the small one.
const FROM: &str = "tests/it/support/";
const TO: &str = "tests/support/";

/// The small project with a project's support for tests, which are its tests.
struct Project(Fixture);

impl Project {
    fn new(name: &str) -> Self {
        install();
        let fixture = Fixture::new(name);
        fs::write(fixture.path.join("tests/it.rs"), TESTS).expect("a file");
        for (path, text) in rendered() {
            let path = fixture.path.join(path.replace(FROM, TO));
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
        assert_eq!(fixture.check("build").code, Some(0), "its crates are taken from the cache");
        Self(fixture)
    }

    fn test(&self, name: &str, variables: &[(&str, &str)]) -> Command {
        let mut command = self.0.cargo(&["test", "--locked", "--test", "it", "--", name]);
        command.env_remove("TEST_REDIS_URL").env_remove("REQUIRE_SERVICES");
        command.envs(variables.iter().copied());
        command
    }

    fn said(&self, by: &str) -> Said {
        Said::read(&self.0.path.join(by)).expect("what the server said")
    }
}

/// What a project has for tests with servers, rendered with the recipe in a part of the real catalog.
fn rendered() -> Vec<(String, String)> {
    let folder = TempDir::new().expect("a folder");
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("templates"), folder.path());
    let part = folder.path().join("cache/memory/part.toml");
    let text = fs::read_to_string(&part).expect("a part");
    fs::write(&part, text + &part_of(RECIPE)).expect("a part");
    let catalog = Catalog::load(Source::folder(folder.path()).expect("a folder")).expect("a catalog");
    let name = ProjectName::new("orders").expect("a name");
    let answers = Answers::recommended(&catalog, name, &Choices::default()).expect("answers");
    let render = render::render(&Plan::new(&catalog, &answers).expect("a plan")).expect("a render");
    let files = render.tree.iter().filter(|(path, _)| path.starts_with("tests/it/support/servers"));
    files.map(|(path, entry)| (path.to_owned(), String::from_utf8_lossy(&entry.bytes).into_owned())).collect()
}

/// The recipe as a part has it, with the variables that it sets.
fn part_of(recipe: &str) -> String {
    let names = ["APP__CACHE__URL", "APP__CACHE__PREFIX"];
    let variables = names.map(|name| format!("\n[[env]]\nname = \"{name}\"\ntype = \"text\"\ndoc = \"x\"\n"));
    format!("\n{}{}", recipe.replace("[[server]]", "[server]"), variables.concat())
}

fn copy(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from).into_iter().map(|entry| entry.expect("an entry")) {
        let target = to.join(entry.path().strip_prefix(from).expect("below"));
        match entry.file_type().is_dir() {
            true => fs::create_dir_all(target).expect("a folder"),
            false => fs::copy(entry.path(), target).map(drop).expect("a copy"),
        }
    }
}

#[test]
fn one_server_is_started_for_all_tests_and_gone_after() {
    let project = Project::new("support");
    let outcome = run(project.test("uses_it", &[]));
    assert_eq!(outcome.code, Some(0), "{}{}", outcome.out, outcome.err);
    let (first, second) = (project.said("first"), project.said("second"));
    assert_eq!(first.server, second.server);
    first.is_left_clean("redis-");
}

#[test]
fn it_is_gone_after_tests_that_were_killed() {
    let project = Project::new("support-killed");
    let mut child =
        project.test("never_ends", &[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("cargo");
    let number = || fs::read_to_string(project.0.path.join("pid")).ok()?.parse::<i32>().ok();
    wait_for("the start of the test", || number().is_some());
    let said = project.said("endless");
    assert!(is_alive(said.server));
    kill_process(number().and_then(Pid::from_raw).expect("a process"), Signal::KILL).expect("a kill");
    child.wait().expect("an end");
    said.is_left_clean("redis-");
}

#[test]
fn one_whose_url_is_set_is_taken() {
    let project = Project::new("support-given");
    let own = Redis::start();
    let outcome = run(project.test("uses_it", &[("TEST_REDIS_URL", &own.url)]));
    assert_eq!(outcome.code, Some(0), "{}{}", outcome.out, outcome.err);
    assert_eq!(project.said("first").server, Pid::from_child(&own.child));
    assert!(is_alive(Pid::from_child(&own.child)));
}

/// As after a process of the same number that could not tidy up.
#[test]
fn a_folder_that_is_there_is_left_alone() {
    let project = Project::new("support-taken");
    let folder = TempDir::new().expect("a folder");
    // It becomes the test program, so it knows the number; the port is the first that is tried.
    let runner = "port=$((15000 + 2 * ($$ % 8000)))
mkdir \"$TMPDIR/redis-$$-$port\"
: >\"$TMPDIR/redis-$$-$port/kept\"
exec \"$@\"";
    script(folder.path(), "runner", runner);
    let runner = format!("target.'cfg(unix)'.runner = '{}'", folder.path().join("runner").display());
    let mut command = project.0.cargo(&["test", "--config", &runner, "--locked", "--test", "it", "uses_it"]);
    command.env_remove("TEST_REDIS_URL").env_remove("REQUIRE_SERVICES").env("TMPDIR", folder.path());
    let outcome = run(command);
    assert_eq!(outcome.code, Some(0), "{}{}", outcome.out, outcome.err);
    project.said("first").is_left_clean("redis-");
    let names = fs::read_dir(folder.path()).expect("a folder").map(|entry| entry.expect("an entry").path());
    let kept = names.filter(|path| path.join("kept").is_file()).count();
    assert_eq!(kept, 1);
}

#[test]
fn without_one_the_tests_are_skipped_with_the_reason_or_fail_where_that_is_asked_for() {
    let project = Project::new("support-missing");
    let path = bare_path();
    let path = path.path().to_str().expect("UTF-8");
    let has_said_why = |outcome: &Outcome| {
        let said = format!("{}{}", outcome.out, outcome.err);
        for text in [
            "the tests need Redis: TEST_REDIS_URL is not set, and redis-server is not installed",
            "sudo apt-get install redis-server, or brew install redis",
        ] {
            assert!(said.contains(text), "{text:?} is not in {said}");
        }
        said
    };
    let skipped = run(project.test("uses_it", &[("PATH", path)]));
    assert!(has_said_why(&skipped).contains("SKIPPED"));
    assert_eq!(skipped.code, Some(0));
    let red = run(project.test("uses_it", &[("PATH", path), ("REQUIRE_SERVICES", "1")]));
    assert!(!has_said_why(&red).contains("SKIPPED"));
    assert_eq!(red.code, Some(101));
}

#[test]
fn its_files_are_formatted_as_a_project_is() {
    let folder = TempDir::new().expect("a folder");
    for (path, text) in rendered() {
        let path = folder.path().join(path.strip_prefix(FROM).expect("a path"));
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    fs::write(folder.path().join("rustfmt.toml"), include_str!("../../templates/base/files/rustfmt.toml"))
        .expect("a file");
    let mut rustfmt = Command::new("rustfmt");
    let outcome = run({
        rustfmt.args(["--check", "--edition", "2024", "servers.rs"]).current_dir(&folder);
        rustfmt
    });
    assert_eq!(outcome.code, Some(0), "{}{}", outcome.out, outcome.err);
}
