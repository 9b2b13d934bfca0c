//! What a database has seen when a project's answers change, there and back: the migrations of the real catalog, each
//! applied when it comes. It ends as the database of a new project with the same answers.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use formwork::{
    catalog::{Catalog, Server},
    check::services::{self, Guard, local},
    interrupt::Interrupt,
};
use tempfile::TempDir;

use crate::{
    debian,
    support::{formwork, temp},
};

const QUEUES: [&str; 2] = ["database", "nats"];
const COLUMNS: &str = "tenant, kind, payload, state, priority, run_at, rank, max_attempts, created_at";
/// Filled by what the other option leaves, if anything is.
const COUNT: &str = "SELECT count(*) FROM outbox";
/// What the folder of a project is asked, whatever is in it.
const SQLITE: &str = "import sqlite3, sys
database = sqlite3.connect(sys.argv[1])
text = sys.stdin.read()
if text.startswith('SELECT'):
    for row in database.execute(text):
        print(*row, sep=' | ')
else:
    database.executescript(text)
    database.commit()
";

#[test]
fn sqlite_is_that_of_a_new_project_after_each_swap_of_the_queue() {
    let folder = temp();
    let file = |name: &str| folder.path().join(format!("{name}.db"));
    let ask =
        |name: &str, text: &str| said(Command::new("python3").args(["-c", SQLITE]).arg(file(name)), text);
    let schema = "SELECT type, name, sql FROM sqlite_master \
                  WHERE tbl_name NOT IN ('outbox', 'turns', 'sqlite_sequence') ORDER BY type, name";
    swap_there_and_back("sqlite", &ask, schema, "randomblob(16)");
}

#[test]
fn postgres_is_that_of_a_new_project_after_each_swap_of_the_queue() {
    let postgres = Postgres::start();
    let ask = |name: &str, text: &str| postgres.ask(name, text);
    let schema = "SELECT 'table' AS kind, tablename::text FROM pg_tables \
                  WHERE schemaname = 'public' AND tablename NOT IN ('outbox', 'turns') \
                  UNION ALL SELECT proname::text, pg_get_functiondef(oid) FROM pg_proc \
                  WHERE pronamespace = 'public'::regnamespace \
                  UNION ALL SELECT tgname::text, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal \
                  ORDER BY 1, 2";
    swap_there_and_back("postgres", &ask, schema, "gen_random_uuid()");
}

/// Brokers differ in who carries the news, not in what the database keeps for them.
#[test]
fn a_broker_takes_the_place_of_another_without_a_migration() {
    let folder = temp();
    let project = folder.path().join("orders");
    let new = "new orders --yes --no-check --set llm=none --set queue=nats";
    formwork(folder.path(), new).expect(0, &[]);
    let before = statements(&project, &mut BTreeSet::new());
    for queue in ["rabbitmq", "nats"] {
        let set = format!("set queue={queue} --yes --no-check");
        formwork(&project, &set).expect(0, &["committed as"]);
        assert_eq!(statements(&project, &mut BTreeSet::new()), before, "queue={queue}");
    }
}

/// `ask` runs statements in a database of this name, which is empty at first. `id` makes one of a job.
fn swap_there_and_back(storage: &str, ask: &dyn Fn(&str, &str) -> String, schema: &str, id: &str) {
    let folder = temp();
    let new = |name: &str, queue: &str| {
        let options = format!("--set llm=none --set storage={storage} --set queue={queue}");
        formwork(folder.path(), &format!("new {name} --yes --no-check {options}")).expect(0, &[]);
        folder.path().join(name)
    };
    let is_told = |database: &str| {
        let job = format!("VALUES ({id}, 'a', 'b', '{{}}', 'queued', 0, 0, 0, 1, 0)");
        ask(database, &format!("INSERT INTO jobs (id, {COLUMNS}) {job};"));
        ask(database, COUNT) != "0"
    };
    let schema_of_new = |queue: &str| {
        let database = format!("new_{queue}");
        ask(&database, &statements(&new(&format!("new-{queue}"), queue), &mut BTreeSet::new()));
        ask(&database, schema)
    };
    let news = QUEUES.map(|queue| (queue, schema_of_new(queue)));
    assert_ne!(news[0].1, news[1].1, "the options differ");
    let news = BTreeMap::from(news);
    let [one, other] = QUEUES;
    for [first, second] in [[one, other], [other, one]] {
        let project = new(&format!("from-{first}"), first);
        let (lived, mut seen) = (format!("lived_{first}"), BTreeSet::new());
        ask(&lived, &statements(&project, &mut seen));
        for queue in [second, first] {
            let set = format!("set queue={queue} --yes --no-check");
            formwork(&project, &set).expect(0, &["committed as"]);
            let began = format!("began_{first}_{queue}");
            ask(&lived, &statements(&project, &mut seen));
            ask(&began, &statements(&project, &mut BTreeSet::new()));
            for database in [&lived, &began] {
                assert_eq!(ask(database, schema), news[queue], "{database} with queue={queue}");
                if queue == "database" {
                    assert!(!is_told(database), "{database}: nobody removes what is in the outbox");
                }
            }
        }
    }
}

/// Of the migrations that are not in `seen` yet, in their order.
fn statements(project: &Path, seen: &mut BTreeSet<String>) -> String {
    let files = fs::read_dir(project.join("migrations")).unwrap().map(|entry| entry.unwrap().path());
    let named = files.map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), path));
    let files: BTreeMap<String, PathBuf> = named.collect();
    let fresh = files.into_iter().filter(|(name, _)| seen.insert(name.clone()));
    fresh.map(|(_, path)| fs::read_to_string(path).unwrap()).collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn said(command: &mut Command, input: &str) -> String {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}\n{input}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A throwaway server, by the catalog's recipe.
struct Postgres {
    url: String,
    psql: PathBuf,
    _guard: Guard,
    _logs: TempDir,
}

impl Postgres {
    fn start() -> Self {
        let catalog = Catalog::embedded().unwrap();
        let recipe = catalog.option("storage", "postgres").unwrap().server.clone().unwrap();
        let programs = installed(&recipe);
        let logs = temp();
        let log = logs.path().join("log");
        let (guard, url) = local::start(&recipe, &programs, &log, &Interrupt::default()).unwrap();
        let psql = programs.join("psql");
        let psql = if psql.is_file() { psql } else { PathBuf::from("psql") };
        Self { url, psql, _guard: guard, _logs: logs }
    }

    fn ask(&self, name: &str, text: &str) -> String {
        let psql = |url: &str, text: &str| {
            let mut command = Command::new(&self.psql);
            command.args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only"]);
            said(command.args(["--set", "ON_ERROR_STOP=1", "--dbname", url]), text)
        };
        let (server, _) = self.url.rsplit_once('/').unwrap();
        if psql(&self.url, &format!("SELECT 1 FROM pg_database WHERE datname = '{name}'")).is_empty() {
            psql(&self.url, &format!("CREATE DATABASE {name}"));
        }
        psql(&format!("{server}/{name}"), text)
    }
}

/// The folder of its programs.
fn installed(recipe: &Server) -> PathBuf {
    if services::programs(recipe).is_err() {
        debian::install("it takes PostgreSQL", &["postgresql"]);
    }
    services::programs(recipe).unwrap()
}
