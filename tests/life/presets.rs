//! Projects that follow a preset.

use std::{
    fs,
    path::{Path, PathBuf},
};

use formwork::{
    answers::Answers,
    answers::ProjectName,
    catalog::Plan,
    interrupt::Interrupt,
    life::{AsOf, Owned, Repository, Standard, drift::Drift},
    preset::Preset,
    project::{self, Pouring, Project, Site},
    render,
};

use crate::support::{Templates, git, temp, write};

/// A project under `acme.toml`, which stands beside it.
fn pour(templates: &Templates, folder: &Path) -> PathBuf {
    let preset = Preset::load(folder.join("acme.toml").to_str().unwrap(), &templates.catalog()).unwrap();
    let path = folder.join("orders");
    let site = Site::find(&path, project::Wish::None).unwrap();
    let answers =
        Answers::recommended(&preset.catalog, ProjectName::new("orders").unwrap(), &preset.choices).unwrap();
    let answers = answers.with_vars(&preset.catalog, preset.vars()).unwrap();
    let answers = answers.under(Some(preset.pinned_in(&site.target.path).unwrap()));
    let render = render::render(&Plan::new(&preset.catalog, &answers).unwrap()).unwrap();
    let project = Project::compose(render.tree, &render.servers, &answers, &site.place).unwrap();
    let interrupt = Interrupt::default();
    project.pour(&site, &answers, Pouring { with_git: true, offline: false, interrupt: &interrupt }).unwrap();
    path
}

fn drift(templates: &Templates, project: &Path) -> Drift {
    let owned = Owned::find(project).unwrap();
    let mut repository = Repository::of(project).unwrap();
    repository.quarantine().unwrap();
    let standard = Standard::of(&owned, &templates.catalog(), AsOf::Today, &[]).unwrap();
    Drift::of(&standard, &owned, &repository).unwrap()
}

const PRESET: &str = "schema = 1\n[lock]\nqueue = \"brokers are run by nobody\"\n[answers]\nqueue = \"table\"\n\
                      [overlay]\ndir = \"overlay\"\n";

#[test]
fn a_preset_that_moved_a_lock_takes_its_projects_along_and_keeps_their_edits() {
    let templates = Templates::new();
    let folder = temp();
    write(folder.path(), "acme.toml", PRESET);
    write(folder.path(), "overlay/OWNERS", "the platform team\n");
    let project = pour(&templates, folder.path());
    assert!(drift(&templates, &project).conforms);
    let error = templates.try_set(&project, &["queue=broker"]).err().unwrap();
    assert!(error.to_string().contains("brokers are run by nobody"), "{error}");
    write(&project, "OWNERS", "the platform team\nand us\n");
    git(&project, &["commit", "--quiet", "--all", "--message", "by the owner"]);
    let moved = PRESET.replace("by nobody", "by the platform team").replace("\"table\"", "\"broker\"");
    write(folder.path(), "acme.toml", &moved);
    let drifted = drift(&templates, &project);
    assert!(!drifted.conforms && drifted.findings[0].about == "answers", "{drifted:?}");
    let said = "the preset locks `queue` to `broker` (brokers are run by the platform team), and the project has `table`";
    assert_eq!(drifted.findings[0].message, said);
    assert!(drifted.behind.files.is_some_and(|files| files > 0), "{drifted:?}");
    let change = templates.update(&project);
    assert_eq!(change.along[0].locked.as_deref(), Some("brokers are run by the platform team"));
    assert!(fs::read_to_string(project.join("src/queue.rs")).unwrap().contains("broker"));
    assert!(fs::read_to_string(project.join("OWNERS")).unwrap().contains("and us"));
    assert!(drift(&templates, &project).conforms);
    templates.try_update(&project).unwrap().nothing();
}
