//! Reading a catalog: what is refused, where, and the way out.

use std::fs;

use formwork::{
    answers::{Answers, Choices, ProjectName},
    catalog::{Catalog, Plan, Source},
    error::Error,
    render,
};
use walkdir::WalkDir;

use crate::support::{answers, fixture, fixture_folder, temp};

/// The fixture with one file changed.
struct Changed(tempfile::TempDir);

fn changed(path: &str, change: impl Fn(&str) -> String) -> Changed {
    let folder = temp();
    for entry in WalkDir::new(fixture_folder()).into_iter().map(Result::unwrap) {
        let to = folder.path().join(entry.path().strip_prefix(fixture_folder()).unwrap());
        match entry.file_type().is_dir() {
            true => fs::create_dir_all(to).unwrap(),
            false => fs::copy(entry.path(), to).map(drop).unwrap(),
        }
    }
    let file = folder.path().join(path);
    let before = fs::read_to_string(&file).unwrap_or_default();
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, change(&before)).unwrap();
    Changed(folder)
}

impl Changed {
    fn load(&self) -> Result<Catalog, Error> {
        Catalog::load(Source::folder(self.0.path())?)
    }

    /// Loading fails in `file`, on `line`, with `message` and with `help` among the ways out.
    #[track_caller]
    fn refuses(&self, file: &str, line: Option<usize>, message: &str, help: &str) {
        self.is(&self.load().unwrap_err(), file, line, message, help);
    }

    #[track_caller]
    fn is(&self, error: &Error, file: &str, line: Option<usize>, message: &str, help: &str) {
        let at = error.at.as_ref().unwrap();
        assert_eq!(at.file.strip_prefix(self.0.path()).unwrap().to_str(), Some(file), "{error}");
        assert_eq!(at.line, line, "{error}");
        assert!(error.message.contains(message), "{error}");
        assert!(help.is_empty() || error.help.iter().any(|line| line.contains(help)), "{error}");
    }
}

#[test]
fn an_unknown_key_names_its_line_and_what_was_meant() {
    changed("storage/disk/part.toml", |text| text.replace("tradeoff", "tradeof")).refuses(
        "storage/disk/part.toml",
        Some(3),
        "unknown field `tradeof`",
        "did you mean `tradeoff`?",
    );
    changed("slots.toml", |text| text.replace("layer = \"async\"", "layer = \"asinc\"")).refuses(
        "slots.toml",
        Some(21),
        "unknown variant `asinc`",
        "did you mean `async`?",
    );
    changed("base/part.toml", |text| text.replace("type = \"address\"", "type = \"adress\"")).refuses(
        "base/part.toml",
        Some(13),
        "unknown variant `adress`",
        "did you mean `address`?",
    );
}

#[test]
fn a_condition_on_what_is_not_there_names_its_line() {
    let part = "search/index/part.toml";
    changed(part, |text| text.replace("storage=server\"", "storage=servr\"")).refuses(
        part,
        Some(6),
        "slot `storage` has no option `servr`",
        "did you mean `server`?",
    );
    changed(part, |text| text.replace("queue!=table", "que!=table")).refuses(
        part,
        Some(14),
        "there is no slot `que`",
        "did you mean `queue`?",
    );
    changed(part, |text| text.replace("\"files-queue\"", "\"files-que\"")).refuses(
        part,
        Some(13),
        "there is no file in `files-que`",
        "",
    );
}

#[test]
fn slots_and_folders_fit_together() {
    changed("storge/tape/part.toml", |_| String::new()).refuses(
        "storge",
        None,
        "no slot is called `storge`",
        "did you mean `storage`?",
    );
    changed("slots.toml", |text| text.replace("default = \"disk\"", "default = \"disc\"")).refuses(
        "slots.toml",
        Some(8),
        "slot `storage` has no option `disc`",
        "did you mean `disk`?",
    );
    changed("slots.toml", |text| text.replace("name = \"search\"", "name = \"storage\"")).refuses(
        "slots.toml",
        Some(3),
        "slot `storage` is there twice",
        "",
    );
    changed("slots.toml", |text| text.replace("name = \"search\"", "name = \"Search it\"")).refuses(
        "slots.toml",
        Some(10),
        "`Search it` cannot be a slot's name",
        "a-z",
    );
    changed("storage/tape/files/x", |_| String::new()).refuses(
        "storage/tape/part.toml",
        None,
        "a file is missing",
        "",
    );
}

#[test]
fn a_variable_that_makes_no_sense_is_refused() {
    for (line, problem) in [
        ("type = \"choice\"", "is a choice and lists no `choices`"),
        ("type = \"text\"\nchoices = [\"a\"]", "lists `choices` and is not a choice"),
        ("type = \"choice\"\nchoices = [\"a\"]", "has a default that is not one of its choices"),
    ] {
        changed("base/part.toml", |text| text.replace("type = \"address\"", line)).refuses(
            "base/part.toml",
            Some(11),
            problem,
            "",
        );
    }
    changed("base/part.toml", |text| text.replace("APP__ADDRESS", "app.address")).refuses(
        "base/part.toml",
        Some(11),
        "may have only A-Z",
        "",
    );
}

#[test]
fn two_parts_that_write_one_path_are_an_error() {
    let changed = changed("queue/table/files/src/storage.rs", |_| "// mine\n".to_owned());
    let catalog = changed.load().unwrap();
    let answers = answers(&catalog, "orders", &[]).unwrap();
    let error = render::render(&Plan::new(&catalog, &answers).unwrap()).unwrap_err();
    let message = "two parts write `src/storage.rs`: storage/disk and queue/table";
    changed.is(&error, "queue/table/part.toml", None, message, "belongs to one part");
}

#[test]
fn a_template_that_uses_an_unknown_name_is_an_error_with_its_line() {
    let changed = changed("base/files/notes.md.jinja", |text| format!("{text}\n{{{{ project.nam }}}}\n"));
    let catalog = changed.load().unwrap();
    let answers = answers(&catalog, "orders", &[]).unwrap();
    let error = render::render(&Plan::new(&catalog, &answers).unwrap()).unwrap_err();
    changed.is(&error, "base/files/notes.md.jinja", Some(4), "undefined value", "");
}

#[test]
fn a_crate_that_is_not_locked_is_an_error_that_says_how_to_lock_it() {
    let changed = changed("queue/table/part.toml", |text| format!("{text}\n[dependencies]\nrope = {{}}\n"));
    let catalog = changed.load().unwrap();
    let answers = answers(&catalog, "orders", &[]).unwrap();
    let error = render::render(&Plan::new(&catalog, &answers).unwrap()).unwrap_err();
    changed.is(&error, "queue/table/part.toml", None, "no lock knows the crate `rope`", "cargo xtask lock");
}

#[test]
fn rules_decide_what_goes_together() {
    let catalog = fixture();
    for (pairs, help) in [
        (&["storage=disk", "search=index"][..], "the index lives in the server"),
        (&["storage=disk", "queue=broker"], "a broker with a storage on disk is of no use"),
    ] {
        let error = answers(&catalog, "orders", pairs).unwrap_err();
        assert!(error.help.iter().any(|line| line.contains(help)), "{error}");
    }
    let both = answers(&catalog, "orders", &["storage=disk", "search=index", "queue=broker"]).unwrap_err();
    assert_eq!(both.help.len(), 2, "every broken rule is named: {both}");
}

#[test]
fn what_is_open_follows_what_is_given() {
    let catalog = fixture();
    let chosen = |pairs: &[&str]| {
        let answers = answers(&catalog, "orders", pairs).unwrap();
        answers.chosen().map(|(_, option)| option.to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(chosen(&[]), ["disk", "none", "table"]);
    // The recommended storage would contradict what was asked for, so the next one is taken.
    assert_eq!(chosen(&["search=index"]), ["server", "index", "table"]);
    assert_eq!(chosen(&["queue=broker"]), ["server", "none", "broker"]);
}

#[test]
fn answers_need_every_slot() {
    let catalog = fixture();
    let error = Answers::new(&catalog, ProjectName::new("orders").unwrap(), &Choices::default()).unwrap_err();
    assert_eq!(error.help, ["--set storage=disk|server"]);
}

#[test]
fn a_server_that_could_not_be_started_names_its_line() {
    let part = "storage/server/part.toml";
    for (line, from, to, problem) in [
        (15, "name = \"store\"", "name = \"Store\"", "its name has only a-z, 0-9 and -"),
        (15, "name = \"store\"", "name = \"data\"", "this name is the service's own"),
        (17, "TEST_STORE_URL", "APP__STORE_URL", "APP__ is the service's"),
        (18, "{host}:", "host:", "a URL has ://, {host} and {port}"),
        (19, "\"make-store\"", "\"/bin/make-store\"", "programs are listed by their names"),
        (20, "--port \"$port\"", "", "it is started on $port"),
        (20, "exec store", "store", "takes the shell's place with `exec`"),
        (24, "ready = \"ready\"", "ready = \" \"", "what does it say once it is ready?"),
        (24, "ready = \"ready\"", "ready = 'a \"b\"'", "has a quote"),
        (27, "[\"sudo apt-get install store\"]", "[]", "how is it installed?"),
        (29, "\"{url/name}\"", "\"store\"", "a setting has {url}, {url/name} or {name}"),
        (
            32,
            "[server.image]",
            "[server.client]\ntitle = \"x\"\nthere = \"\"\ninstall = \"x\"\n[server.image]",
            "how is the client looked for",
        ),
        (
            32,
            "[server.image]",
            "[server.client]\ntitle = \"x\"\nthere = \"x\"\ninstall = 'x \"y\"'\n[server.image]",
            "has a quote",
        ),
        (34, "port = 4000", "port = 0", "a container listens on some port"),
    ] {
        changed(part, |text| text.replacen(from, to, 1)).refuses(part, Some(line), problem, "");
    }
    changed(part, |text| text.replace("\"APP__STORAGE__URL\"", "\"APP__STORAGE__ADDRESS\"")).refuses(
        part,
        Some(14),
        "sets `APP__STORAGE__URL`, which is no variable of this part",
        "[[env]]",
    );
    let patience = "[server.patience]\nAPP__STORAGE__WAIT = \"4s\"\n\n[server.image]";
    changed(part, |text| text.replace("[server.image]", patience)).refuses(
        part,
        Some(14),
        "sets `APP__STORAGE__WAIT`, which is no variable of this part",
        "[[env]]",
    );
    changed(part, |text| text.replace("stop = \"INT\"", "stop = \"HUP\"")).refuses(
        part,
        Some(26),
        "unknown variant `HUP`",
        "",
    );
    changed(part, |text| text.replace("healthy = ", "healthi = ")).refuses(
        part,
        Some(35),
        "unknown field `healthi`",
        "did you mean `healthy`?",
    );
}

#[test]
fn what_a_file_set_leaves_to_take_back_are_migrations_that_are_there() {
    let part = "search/index/part.toml";
    let line = fs::read_to_string(fixture_folder().join(part)).unwrap().lines().count() + 4;
    for (left, problem) in [
        ("files-queue", "`files-queue/src/reindex.rs` is no migration"),
        ("filse", "there is no file in `filse`"),
    ] {
        let set = format!("\n[[files]]\ndir = \"files\"\nleft = \"{left}\"\n");
        changed(part, |text| format!("{text}{set}")).refuses(part, Some(line), problem, "");
    }
}

/// As an extension is that a server must have.
const EXTENDED: &str = r#"
[[env]]
name = "APP__SEARCH__URL"
type = "url"
doc = "Where it is."

[[env]]
name = "APP__SEARCH__TIMEOUT"
type = "duration"
default = "1s"
doc = "How long it may take."

[server]
name = "store"
title = "Store with index"
variable = "TEST_STORE_URL"
url = "store://{host}:{port}/all"
programs = ["store"]
fits = "store --has-index"
start = 'exec store --port "$port"'
ready = "ready"
install = ["sudo apt-get install store-index"]

[server.settings]
APP__SEARCH__URL = "{url}"

[server.patience]
APP__SEARCH__TIMEOUT = "9s"

[server.image]
name = "store-index:1"
port = 4000
healthy = ["store", "ping"]
"#;

#[test]
fn a_server_that_two_parts_name_is_had_as_the_later_says_and_told_of_as_both_do() {
    let catalog = changed("search/index/part.toml", |text| format!("{text}{EXTENDED}")).load().unwrap();
    let mut choices = Choices::default();
    choices.set_pair(&catalog, "search=index").unwrap();
    let answers = Answers::recommended(&catalog, ProjectName::new("orders").unwrap(), &choices).unwrap();
    let servers = Plan::new(&catalog, &answers).unwrap().servers();
    let [server] = &servers[..] else { panic!("{servers:?}") };
    assert_eq!((server.title.as_str(), server.image.name.as_str()), ("Store with index", "store-index:1"));
    assert_eq!(server.settings.keys().collect::<Vec<_>>(), ["APP__SEARCH__URL", "APP__STORAGE__URL"]);
    assert_eq!(server.patience.keys().collect::<Vec<_>>(), ["APP__SEARCH__TIMEOUT"]);
}

#[test]
fn only_a_file_set_may_ask_for_servers() {
    let part = "queue/broker/part.toml";
    changed(part, |text| text.replace("condition = \"", "condition = \"server=some & ")).refuses(
        part,
        Some(6),
        "there is no slot `server`",
        "",
    );
    changed("slots.toml", |text| text.replace("name = \"search\"", "name = \"server\"")).refuses(
        "slots.toml",
        Some(10),
        "`server` cannot be a slot's name",
        "`server` and `preset` are taken",
    );
}
