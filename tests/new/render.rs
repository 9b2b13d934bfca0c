//! What a render of the fixture holds.

use formwork::{catalog::Plan, render};

use crate::support::{answers, fixture};

fn rendered(pairs: &[&str]) -> render::Render {
    let catalog = fixture();
    let answers = answers(&catalog, "orders", pairs).unwrap();
    render::render(&Plan::new(&catalog, &answers).unwrap()).unwrap()
}

fn text(render: &render::Render, path: &str) -> String {
    String::from_utf8(render.tree.get(path).unwrap().bytes.to_vec()).unwrap()
}

fn paths(render: &render::Render) -> Vec<&str> {
    render.tree.iter().map(|(path, _)| path).collect()
}

#[test]
fn files_follow_the_parts_and_their_conditions() {
    let common = ["Cargo.lock", "Cargo.toml", "ci.yml", "notes.md", "run.sh", "src/main.rs", "src/queue.rs"];
    let with = |more: &[&'static str]| {
        let mut all = [&common, more].concat();
        all.sort_unstable();
        all
    };
    assert_eq!(paths(&rendered(&[])), with(&["src/storage.rs"]));
    assert_eq!(
        paths(&rendered(&["search=index"])),
        with(&["servers.yml", "src/search.rs", "src/storage.rs"])
    );
    let broker = rendered(&["search=index", "queue=broker"]);
    assert_eq!(paths(&broker), with(&["servers.yml", "src/reindex.rs", "src/search.rs", "src/storage.rs"]));
    assert_eq!(text(&broker, "src/queue.rs"), "// broker\n");
}

#[test]
fn the_executable_bit_is_kept() {
    let render = rendered(&[]);
    let executable: Vec<_> =
        render.tree.iter().filter(|(_, entry)| entry.executable).map(|(path, _)| path).collect();
    assert_eq!(executable, ["run.sh"]);
}

#[test]
fn templates_have_the_documented_names() {
    let notes = text(&rendered(&["queue=broker"]), "notes.md");
    let version = env!("CARGO_PKG_VERSION");
    let toolchain = formwork::TOOLCHAIN;
    assert_eq!(
        notes,
        format!(
            "orders on Server (server), Rust {toolchain}, formwork {version}\n\
             base/base answer 1ms;storage/server;search/none;queue/broker;\n"
        )
    );
}

#[test]
fn files_with_braces_of_their_own_have_other_delimiters() {
    let workflow = text(&rendered(&[]), "ci.yml");
    assert!(workflow.starts_with("on: push\nname: orders ${{ github.ref }}\n"), "{workflow}");
    assert!(workflow.contains("# APP__ADDRESS address base\n"), "{workflow}");
}

#[test]
fn an_option_feature_is_there_only_with_its_option() {
    let line = |pairs: &[&str]| text(&rendered(pairs), "Cargo.toml").lines().last().unwrap().to_owned();
    let sql = |feature| {
        format!("sql = {{ version = \"1\", default-features = false, features = [\"core\", \"{feature}\"] }}")
    };
    assert_eq!(line(&[]), sql("disk"));
    assert_eq!(line(&["storage=server"]), sql("net"));
    assert_eq!(line(&["queue=broker"]), "wire = \"0.3\"");
}

#[test]
fn the_lock_holds_what_the_parts_need() {
    let crates = |pairs: &[&str]| {
        let render = rendered(pairs);
        render.crates().map(|locked| locked.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(crates(&[]), ["disk", "sql"]);
    assert_eq!(crates(&["storage=server"]), ["net", "sql"]);
    assert_eq!(crates(&["queue=broker"]), ["net", "sql", "wire"]);
    let lock = text(&rendered(&[]), "Cargo.lock");
    assert!(
        lock.contains("name = \"orders\"\nversion = \"0.1.0\"\ndependencies = [\n \"sql\",\n]\n"),
        "{lock}"
    );
}

#[test]
fn a_parts_commands_are_rendered() {
    let commands = rendered(&[]).commands;
    assert_eq!(commands.run.as_deref(), Some("cargo run --bin orders"));
    assert_eq!(commands.test, None);
}

#[test]
fn files_may_depend_on_whether_a_server_is_needed_and_tell_of_it() {
    assert!(rendered(&[]).servers.is_empty());
    assert!(rendered(&[]).tree.get("servers.yml").is_none());
    let render = rendered(&["storage=server"]);
    assert_eq!(render.servers.iter().map(|server| server.name.as_str()).collect::<Vec<_>>(), ["store"]);
    assert_eq!(
        text(&render, "servers.yml"),
        "store (TEST_STORE_URL) store://127.0.0.1:4000/all\n\
         service: APP__STORAGE__URL=store://store:4000/orders\n\
         here: APP__STORAGE__URL=store://127.0.0.1:4000/orders\n\
         container: NAME=\"orders\" PRICE=\"$$1\" [\"CMD\",\"store\",\"ping\"]\n\
         example: store://127.0.0.1:4000/orders\n"
    );
}
