//! What owners do to files, and what a change of the templates makes of it.

use std::{fs, os::unix::fs::symlink};

use crate::support::Templates;

const TIMEOUT: (&str, &str) = ("    20\n", "    30\n");

/// Templates in which the router's timeout is another.
fn newer(templates: &Templates) {
    templates.edit("base/files/src/router.rs", TIMEOUT.0, TIMEOUT.1);
}

#[test]
fn what_the_templates_changed_and_what_the_owner_changed_are_both_there_in_one_commit() {
    let templates = Templates::new();
    let service = templates.pour(&[]);
    service.edit("src/router.rs", "let each = 16", "let each = 32");
    service.write("src/mine.rs", "// mine\n");
    service.commit();
    newer(&templates);
    templates.write("base/files/src/added.rs", "// new in the templates\n");
    let change = templates.update(&service.path);
    assert_eq!(service.commits(), 3);
    let router = service.text("src/router.rs");
    assert!(router.contains("    30\n") && router.contains("let each = 32"), "{router}");
    assert!(service.has("src/added.rs") && service.has("src/mine.rs"));
    let (log, version) = (service.git(&["log", "-1", "--format=%an|%s%n%b"]), env!("CARGO_PKG_VERSION"));
    assert!(log.starts_with(&format!("formwork|Update orders to formwork {version}\n")), "{log}");
    assert!(log.contains(&format!("Formwork-Tree: {}", change.hash)), "{log}");
    assert!(service.text("formwork.toml").contains(&change.hash));
    templates.try_update(&service.path).unwrap().nothing();
}

#[test]
fn a_change_follows_a_file_that_the_owner_renamed() {
    let templates = Templates::new();
    let service = templates.pour(&[]);
    service.git(&["mv", "src/router.rs", "src/paths.rs"]);
    service.commit();
    newer(&templates);
    let change = templates.update(&service.path);
    assert!(service.text("src/paths.rs").contains("    30\n"));
    assert!(!service.has("src/router.rs"));
    assert_eq!(change.followed, ["src/paths.rs"]);
}

#[test]
fn a_change_follows_a_file_that_the_templates_renamed() {
    let templates = Templates::new();
    let service = templates.pour(&[]);
    service.edit("src/documents.rs", "    50\n", "    25\n");
    service.commit();
    templates
        .write("base/files/src/papers.rs", &service.text("src/documents.rs").replace("    25\n", "    50\n"));
    templates.remove("base/files/src/documents.rs");
    templates.update(&service.path);
    assert!(service.text("src/papers.rs").contains("    25\n"));
    assert!(!service.has("src/documents.rs"));
}

#[test]
fn a_sample_that_was_deleted_stays_deleted_update_after_update() {
    let templates = Templates::new();
    let service = templates.pour(&[]);
    service.git(&["rm", "--quiet", "src/reports.rs", "src/documents.rs"]);
    service.commit();
    for size in ["    60\n", "    70\n"] {
        let old = if size == "    60\n" { "    50\n" } else { "    60\n" };
        templates.edit("base/files/src/documents.rs", old, size);
        templates.edit("base/files/src/router.rs", "let each = 1", "let each = 11");
        let change = templates.update(&service.path);
        assert_eq!(change.left_out, ["src/documents.rs"]);
        assert!(!service.has("src/documents.rs") && !service.has("src/reports.rs"));
    }
    assert!(service.text("src/router.rs").contains("let each = 1116"));
}

#[test]
fn two_edits_of_one_line_are_a_conflict_of_gits_own_which_it_can_undo() {
    let templates = Templates::new();
    let service = templates.pour(&[]);
    service.edit("src/router.rs", "    20\n", "    25\n");
    service.edit("README.md", "## Test it\n", "## Try it\n");
    service.commit();
    let before = crate::support::all_files(&service.path);
    newer(&templates);
    templates.edit("base/files/README.md.jinja", "A service on", "A fine service on");
    templates.update_conflicts(&service.path, &["src/router.rs"]);
    let router = service.text("src/router.rs");
    let version = env!("CARGO_PKG_VERSION");
    let expected = format!("<<<<<<< HEAD\n    25\n=======\n    30\n>>>>>>> formwork {version}\n");
    assert!(router.contains(&expected), "{router}");
    let readme = service.text("README.md");
    assert!(readme.contains("A fine service on") && readme.contains("## Try it"), "{readme}");
    assert!(service.git(&["status"]).contains("cherry-pick --abort"));
    service.git(&["cherry-pick", "--abort"]);
    assert_eq!(crate::support::all_files(&service.path), before);
    assert_eq!(service.git(&["status", "--porcelain"]), "");
    templates.update_conflicts(&service.path, &["src/router.rs"]);
}

#[test]
fn an_edit_on_the_line_beside_the_projects_name_is_a_conflict_and_one_a_line_further_is_none() {
    let templates = Templates::new();
    let service = templates.pour(&[]);
    service.edit("README.md", "A service on Disk", "Our service on Disk");
    service.commit();
    templates.edit("base/files/README.md.jinja", "# {{ project.name }}", "# The service {{ project.name }}");
    templates.update(&service.path);
    let readme = service.text("README.md");
    assert!(readme.starts_with("# The service orders\n\nOur service on Disk"), "{readme}");
    service.edit("README.md", "\n\nOur service", "\nOurs, by hand.\nOur service");
    service.commit();
    templates.edit("base/files/README.md.jinja", "# The service", "# This is");
    templates.update_conflicts(&service.path, &["README.md"]);
}

#[test]
fn a_conflict_that_was_resolved_is_done_with() {
    let templates = Templates::new();
    let service = templates.pour(&[]);
    service.edit("src/router.rs", "    20\n", "    25\n");
    service.commit();
    newer(&templates);
    templates.update_conflicts(&service.path, &["src/router.rs"]);
    service.git(&["checkout", "--ours", "src/router.rs"]);
    service.git(&["add", "src/router.rs"]);
    service.git(&["cherry-pick", "--continue"]);
    assert_eq!(service.git(&["status", "--porcelain"]), "");
    assert!(service.git(&["log", "-1", "--format=%s"]).starts_with("Update orders to formwork"));
    templates.try_update(&service.path).unwrap().nothing();
    templates.edit("base/files/src/router.rs", "let each = 16", "let each = 8");
    templates.update(&service.path);
    let router = service.text("src/router.rs");
    assert!(router.contains("    25\n") && router.contains("let each = 8"), "{router}");
    // The same line once more is a question once more.
    templates.edit("base/files/src/router.rs", "    30\n", "    40\n");
    templates.update_conflicts(&service.path, &["src/router.rs"]);
}

#[test]
fn a_project_in_a_format_of_its_own_gets_changes_in_that_format() {
    let templates = Templates::new();
    let service = templates.pour(&[]);
    service.write("rustfmt.toml", "hard_tabs = true\nmax_width = 60\n");
    let sources = ["lib", "router", "documents", "reports", "queue", "storage"];
    for source in sources {
        let mut rustfmt = std::process::Command::new("rustfmt");
        let file = service.path.join(format!("src/{source}.rs"));
        assert!(rustfmt.args(["--edition", "2024", "--quiet"]).arg(file).status().unwrap().success());
    }
    service.edit("src/router.rs", "let each = 16", "let each = 32");
    service.commit();
    newer(&templates);
    templates.update(&service.path);
    let router = service.text("src/router.rs");
    assert!(router.contains("\n\t30\n") && router.contains("\tlet each = 32"), "{router}");
    assert!(!router.contains("\n    "), "{router}");
}

#[test]
fn a_file_that_comes_where_the_owner_has_one_is_a_conflict_and_an_uncommitted_one_is_safe() {
    let templates = Templates::new();
    let service = templates.pour(&[]);
    templates.write("base/files/src/extra.rs", "// from the templates\n");
    service.write("src/extra.rs", "// not committed\n");
    let error = templates.try_update(&service.path).err().unwrap();
    assert!(error.to_string().contains("src/extra.rs"), "{error}");
    assert_eq!(service.text("src/extra.rs"), "// not committed\n");
    service.write(".env", "SECRET=1\n");
    templates.write("base/files/.env", "SECRET=\n");
    service.commit();
    let error = templates.try_update(&service.path).err().unwrap();
    assert!(error.to_string().contains(".env") && !error.to_string().contains("extra"), "{error}");
    templates.remove("base/files/.env");
    templates.update_conflicts(&service.path, &["src/extra.rs"]);
}

#[test]
fn a_file_that_comes_into_a_renamed_folder_is_not_told_as_deleted() {
    let templates = Templates::new();
    templates.write("base/files/src/deep/one.rs", "// one\n");
    templates.write("base/files/src/deep/two.rs", "// two\n");
    let service = templates.pour(&[]);
    service.git(&["mv", "src/deep", "src/deeper"]);
    service.commit();
    templates.write("base/files/src/deep/three.rs", "// three\n");
    let change = templates.update_conflicts(&service.path, &["src/deeper/three.rs"]);
    assert!(change.left_out.is_empty(), "{:?}", change.left_out);
    assert_eq!(service.text("src/deeper/three.rs"), "// three\n");
}

#[test]
fn what_git_does_not_know_is_safe_where_a_folder_has_to_come() {
    let templates = Templates::new();
    let service = templates.pour(&[]);
    templates.write("base/files/ops/deep/file.txt", "from the templates\n");
    service.write("mine.txt", "mine\n");
    service.write(".git/info/exclude", "/ops\n/mine.txt\n");
    let blocked = || {
        let error = templates.try_update(&service.path).err().unwrap();
        assert!(error.to_string().contains("ops/deep/file.txt"), "{error}");
        assert_eq!(service.text("ops"), "mine\n");
        fs::remove_file(service.path.join("ops")).unwrap();
    };
    service.write("ops", "mine\n");
    blocked();
    symlink("mine.txt", service.path.join("ops")).unwrap();
    blocked();
    templates.update(&service.path);
    assert_eq!(service.text("ops/deep/file.txt"), "from the templates\n");
}

#[test]
fn migrations_are_only_ever_added() {
    let templates = Templates::new();
    let service = templates.pour(&["storage=server", "vector=indexed"]);
    let (one, two) =
        ("migrations/20260101000000_base_documents.sql", "migrations/20260101000600_vector_chunks.sql");
    let before = (service.text(one), service.text(two));
    templates.write(&format!("base/files/{one}"), "CREATE TABLE other (id TEXT);\n");
    templates.write("base/files/migrations/20260301000000_base_more.sql", "CREATE TABLE more (id TEXT);\n");
    let change = templates.set(&service.path, &["vector=none"]);
    assert_eq!((service.text(one), service.text(two)), before);
    assert!(service.has("migrations/20260301000000_base_more.sql"));
    assert!(change.notes.iter().any(|note| note.contains(one)), "{:?}", change.notes);
    templates.set(&service.path, &["vector=indexed"]);
    assert_eq!((service.text(one), service.text(two)), before);
}

#[test]
fn another_database_begins_with_its_own_migrations() {
    let templates = Templates::new();
    for (storage, statement) in
        [("disk", "CREATE TABLE blobs (id BLOB);\n"), ("server", "CREATE TABLE blobs (id UUID);\n")]
    {
        let folder = format!("storage/{storage}/files/migrations");
        templates.write(&format!("{folder}/20260101000100_blobs.sql"), statement);
        templates.write(&format!("{folder}/20260101000200_{storage}.sql"), "SELECT 1;\n");
    }
    let service = templates.pour(&["storage=disk", "vector=none"]);
    service.write("migrations/20260101000900_mine.sql", "CREATE TABLE mine (id BLOB);\n");
    service.commit();
    let blobs = "migrations/20260101000100_blobs.sql";
    for (storage, other, kind) in [("server", "disk", "UUID"), ("disk", "server", "BLOB")] {
        let change = templates.set(&service.path, &[&format!("storage={storage}")]);
        assert!(service.text(blobs).contains(kind));
        assert!(service.has(&format!("migrations/20260101000200_{storage}.sql")));
        assert!(!service.has(&format!("migrations/20260101000200_{other}.sql")));
        assert!(service.text("migrations/20260101000900_mine.sql").contains("mine"));
        let one = "migrations/20260101000900_mine.sql was written for another database";
        assert!(change.notes.iter().any(|note| note.contains(one)), "{:?}", change.notes);
    }
}

#[test]
fn a_migration_whose_number_is_taken_comes_with_the_next() {
    let templates = Templates::new();
    let service = templates.pour(&["storage=server", "vector=none"]);
    service.write("migrations/20260101000600_mine.sql", "CREATE TABLE mine (id TEXT);\n");
    service.commit();
    let change = templates.set(&service.path, &["vector=indexed"]);
    assert!(service.text("migrations/20260101000600_mine.sql").contains("mine"));
    assert!(service.text("migrations/20260101000601_vector_chunks.sql").contains("chunks"));
    assert!(!service.has("migrations/20260101000600_vector_chunks.sql"));
    assert!(change.notes.iter().any(|note| note.contains("20260101000601")), "{:?}", change.notes);
    // There and back, it is still that one.
    newer(&templates);
    templates.update(&service.path);
    templates.set(&service.path, &["vector=none"]);
    templates.set(&service.path, &["vector=indexed"]);
    assert!(service.has("migrations/20260101000601_vector_chunks.sql"));
    assert_eq!(std::fs::read_dir(service.path.join("migrations")).unwrap().count(), 3);
}

#[test]
fn a_file_that_becomes_a_folder_and_back_is_taken_along() {
    let templates = Templates::new();
    let service = templates.pour(&[]);
    templates.write("base/files/src/reports/mod.rs", &service.text("src/reports.rs"));
    templates.remove("base/files/src/reports.rs");
    templates.update(&service.path);
    assert!(service.has("src/reports/mod.rs") && !service.has("src/reports.rs"));
    templates.write("base/files/src/reports.rs", &service.text("src/reports/mod.rs"));
    templates.remove("base/files/src/reports");
    templates.update(&service.path);
    assert!(service.has("src/reports.rs") && !service.has("src/reports"));
}

#[test]
fn nothing_that_was_made_locally_changes() {
    let templates = Templates::new();
    let service = templates.pour(&[]);
    service.write(".env", "APP__SECRET=1\n");
    service.write("target/debug/orders", "a binary");
    service.write("notes.txt", "not committed\n");
    newer(&templates);
    templates.update(&service.path);
    assert_eq!(service.text(".env"), "APP__SECRET=1\n");
    assert_eq!(service.text("target/debug/orders"), "a binary");
    assert_eq!(service.git(&["status", "--porcelain"]), "?? notes.txt");
}

#[test]
fn comments_in_the_record_stay() {
    let templates = Templates::new();
    let service = templates.pour(&[]);
    service.edit("formwork.toml", "queue = \"table\"", "queue = \"table\" # a broker is too much for us");
    service.commit();
    newer(&templates);
    templates.update(&service.path);
    assert!(service.text("formwork.toml").contains("queue = \"table\" # a broker is too much for us"));
}
