//! The files around the generated code, read by the tools that their readers would use.

#![expect(clippy::unwrap_used, reason = "in a test a step that fails is the failure to show")]

use std::{
    collections::{HashMap, hash_map::Entry},
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use formwork::{
    answers::{self, Answers, Choices, ProjectName},
    catalog::{Catalog, Plan, Source},
    preset,
    render::{self, Render},
};

const TOOLS: &str = "check-jsonschema==0.39.0\nhadolint-bin==2.15.1\nzizmor==1.32.0\n";

/// Runs `command` to its end; what it printed is shown where it fails.
#[track_caller]
fn run(command: &mut Command) {
    let done = command.output().unwrap_or_else(|error| {
        panic!("{command:?} cannot be started ({error}): apt-get install python3 python3-venv")
    });
    let printed = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(done.status.success(), "{command:?}\n{}{}", printed(&done.stdout), printed(&done.stderr));
}

/// The folder of the tools' programs; they are installed once for each set of versions.
fn tools() -> &'static Path {
    static INSTALLED: OnceLock<PathBuf> = OnceLock::new();
    INSTALLED.get_or_init(install)
}

fn install() -> PathBuf {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("linters");
    let installed = home.join("installed.txt");
    if fs::read_to_string(&installed).ok().as_deref() != Some(TOOLS) {
        let wanted = home.join("requirements.txt");
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&home));
        fs::write(&wanted, TOOLS).unwrap();
        let mut pip = Command::new(home.join("bin/pip"));
        run(pip.args(["install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(&wanted));
        fs::rename(&wanted, &installed).unwrap();
    }
    home.join("bin")
}

/// How tests get another client than the service's.
const CLIENT: &str = "PIP_BREAK_SYSTEM_PACKAGES=1 python3 -m pip install other==1.0.0";

/// Renders the default project with a server's recipe in one of its parts.
fn pour_with_server(folder: &Path) -> PathBuf {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let templates = folder.join("templates");
    for entry in walkdir::WalkDir::new(home.join("templates")).into_iter().map(Result::unwrap) {
        let target = templates.join(entry.path().strip_prefix(home.join("templates")).unwrap());
        match entry.file_type().is_dir() {
            true => fs::create_dir_all(target).unwrap(),
            false => fs::copy(entry.path(), target).map(drop).unwrap(),
        }
    }
    let part = templates.join("cache/memory/part.toml");
    let recipe = fs::read_to_string(home.join("tests/fixtures/servers/redis.toml")).unwrap();
    let recipe = format!(
        "{recipe}\n[server.client]\ntitle = \"another client\"\nthere = \"true\"\ninstall = \"{CLIENT}\"\n"
    );
    let variables = ["APP__CACHE__URL", "APP__CACHE__PREFIX"];
    let variables =
        variables.map(|name| format!("\n[[env]]\nname = \"{name}\"\ntype = \"text\"\ndoc = \"x\"\n"));
    let text = fs::read_to_string(&part).unwrap() + "\n" + &recipe.replace("[[server]]", "[server]");
    fs::write(&part, text + &variables.concat()).unwrap();
    let catalog = Catalog::load(Source::folder(&templates).unwrap()).unwrap();
    let answers =
        Answers::recommended(&catalog, ProjectName::new("orders").unwrap(), &Choices::default()).unwrap();
    let render = render::render(&Plan::new(&catalog, &answers).unwrap()).unwrap();
    let project = folder.join("with-server");
    write(&render, &project);
    project
}

fn write(render: &Render, folder: &Path) {
    for (path, entry) in render.tree.iter() {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, &entry.bytes).unwrap();
    }
}

#[test]
fn dockerfile_workflow_compose_and_dependabot_are_what_their_tools_expect() {
    let folder = tempfile::tempdir().unwrap();
    let tools = tools();
    let pour = |preset: String| {
        run(Command::new(env!("CARGO_BIN_EXE_formwork"))
            .args(["new", &preset, "--preset", &preset, "--yes", "--no-git", "--no-check"])
            .current_dir(folder.path()));
        folder.path().join(preset)
    };
    // Together they have every server.
    let shipped = preset::shipped().into_iter().map(pour);
    for project in shipped.chain([pour_with_server(folder.path())]) {
        let tool = |name: &str| {
            let mut command = Command::new(tools.join(name));
            command.current_dir(&project);
            command
        };
        run(tool("hadolint").arg("Dockerfile"));
        run(tool("zizmor").args(["--offline", "--pedantic", ".github"]));
        for (schema, file) in [
            ("vendor.github-workflows", ".github/workflows/ci.yml"),
            ("vendor.dependabot", ".github/dependabot.yml"),
            ("vendor.compose-spec", "compose.yaml"),
        ] {
            run(tool("check-jsonschema").args(["--builtin-schema", schema, file]));
        }
    }
}

/// The files that servers are told of in, with every set of servers that a project can have.
#[test]
fn every_set_of_servers_is_told_as_the_tools_expect() {
    let folder = tempfile::tempdir().unwrap();
    let catalog = Catalog::embedded().unwrap();
    let name = ProjectName::new("orders").unwrap();
    let mut folders = HashMap::new();
    for choices in answers::all(&catalog, &Choices::default()) {
        let answers = Answers::new(&catalog, name.clone(), &choices).unwrap();
        let plan = Plan::new(&catalog, &answers).unwrap();
        let with_server = plan.parts.iter().filter(|part| part.server.is_some());
        let servers: Vec<_> = with_server.map(|part| part.id.clone()).collect();
        let project = folder.path().join(folders.len().to_string());
        if let Entry::Vacant(place) = folders.entry(servers) {
            write(&render::render(&plan).unwrap(), &project);
            place.insert(project);
        }
    }
    let all = |tool: &str, arguments: &[&str], file: &str| {
        let files = folders.values().map(|project| project.join(file));
        run(Command::new(tools().join(tool)).args(arguments).args(files));
    };
    let schema = |name: &str, file: &str| all("check-jsonschema", &["--builtin-schema", name], file);
    schema("vendor.compose-spec", "compose.yaml");
    schema("vendor.github-workflows", ".github/workflows/ci.yml");
    all("zizmor", &["--offline", "--pedantic"], ".github/workflows/ci.yml");
    all("hadolint", &[], "Dockerfile");
}

#[test]
fn what_is_told_of_a_server_is_the_same_everywhere() {
    let folder = tempfile::tempdir().unwrap();
    let project = pour_with_server(folder.path());
    let holds = |file: &str, texts: &[&str]| {
        let text = fs::read_to_string(project.join(file)).unwrap();
        texts.iter().for_each(|part| assert!(text.contains(part), "{part:?} is not in {file}:\n{text}"));
    };
    holds(
        "compose.yaml",
        &[
            "      APP__CACHE__URL: redis://redis:6379/0\n",
            "    depends_on:\n      redis:\n        condition: service_healthy\n",
            "  redis:\n    image: redis:8.2-alpine\n    ports:\n      - 127.0.0.1:6379:6379\n",
            "      test: [\"CMD\",\"redis-cli\",\"ping\"]\n",
        ],
    );
    holds(
        ".github/workflows/ci.yml",
        &[
            "      - run: docker compose up --detach --wait redis\n",
            &format!("      - run: {CLIENT}\n      - run: cargo test --locked\n"),
            "          REQUIRE_SERVICES: \"1\"\n          TEST_REDIS_URL: redis://127.0.0.1:6379/0\n",
        ],
    );
    holds(".env.example", &["# APP__CACHE__URL=redis://127.0.0.1:6379/0\n", "# APP__CACHE__PREFIX=orders\n"]);
    holds(
        "README.md",
        &[
            "    export APP__CACHE__URL=redis://127.0.0.1:6379/0\n",
            "`sudo apt-get install redis-server`",
            &format!("`{CLIENT}`"),
        ],
    );
    holds("tests/it/support/servers/recipes.rs", &[&format!("REDIS_CLIENT: &str =\n    \"{CLIENT}\";\n")]);
}

/// What stands in `docs/presets.md` behind a fence of this kind, and starts with `first`.
fn documented(kind: &str, first: &str) -> String {
    let page = include_str!("../docs/presets.md");
    let fence = format!("```{kind}\n");
    let blocks = page.split(&fence).skip(1).filter_map(|rest| rest.split_once("```"));
    let found = blocks.map(|(block, _)| block).find(|block| block.starts_with(first));
    found.unwrap_or_else(|| panic!("docs/presets.md has no {kind} that starts with {first:?}")).to_owned()
}

#[test]
fn the_workflow_for_a_repository_of_presets_is_what_its_tools_expect() {
    let folder = tempfile::tempdir().unwrap();
    let workflows = folder.path().join(".github/workflows");
    fs::create_dir_all(&workflows).unwrap();
    fs::write(workflows.join("presets.yml"), documented("yaml", "name: Presets")).unwrap();
    let tool = |name: &str| {
        let mut command = Command::new(tools().join(name));
        command.current_dir(folder.path());
        command
    };
    run(tool("zizmor").args(["--offline", "--pedantic", ".github"]));
    run(tool("check-jsonschema").args([
        "--builtin-schema",
        "vendor.github-workflows",
        ".github/workflows/presets.yml",
    ]));
}

#[test]
fn presets_and_their_schema_agree() {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    let check = |file: &Path| {
        let mut command = Command::new(tools().join("check-jsonschema"));
        command.arg("--schemafile").arg(home.join("docs/preset.schema.json")).arg(file);
        command
    };
    for file in fs::read_dir(home.join("presets")).unwrap() {
        run(&mut check(&file.unwrap().path()));
    }
    let ours = folder.path().join("ours.toml");
    fs::write(&ours, documented("toml", "schema = 1")).unwrap();
    run(&mut check(&ours));
    for wrong in [
        "",
        "schema = 2\n",
        "schema = 1\nhooks = []\n",
        "schema = 1\n[answers]\ncahce = \"none\"\n",
        "schema = 1\n[answers]\ncache = 1\n",
        "schema = 1\n[allow]\ncache = []\n",
        "schema = 1\n[lock]\ncache = \"\"\n",
        "schema = 1\n[vars.team]\n",
        "schema = 1\n[vars.Team]\nask = \"?\"\n",
        "schema = 1\n[overlay]\ndir = \"overlay\"\nrun = \"id\"\n",
    ] {
        fs::write(&ours, wrong).unwrap();
        let done = check(&ours).output().unwrap();
        assert_eq!(
            done.status.code(),
            Some(1),
            "{wrong:?} passes: {}",
            String::from_utf8_lossy(&done.stdout)
        );
    }
}

#[test]
fn the_documented_preset_is_one() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("overlay")).unwrap();
    fs::write(folder.path().join("overlay/CODEOWNERS.jinja"), "* @acme/{{ vars.team }}\n").unwrap();
    fs::write(folder.path().join("service.toml"), documented("toml", "schema = 1")).unwrap();
    run(Command::new(env!("CARGO_BIN_EXE_formwork"))
        .args(["preset", "check", "service.toml", "--render"])
        .current_dir(folder.path()));
}
