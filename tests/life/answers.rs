//! `set`: what moves along, what is refused, what comes back.

use formwork::{
    answers::Choices,
    life::{Owned, Settled, followers},
};

use crate::support::{Service, Templates, choices};

fn settled(templates: &Templates, service: &Service, pairs: &[&str]) -> Vec<Settled> {
    let catalog = templates.catalog();
    followers::settle(&catalog, &Owned::find(&service.path).unwrap(), &choices(&catalog, pairs)).unwrap()
}

#[test]
fn an_answer_that_does_not_go_along_moves_to_the_nearest() {
    let templates = Templates::new();
    let service = templates.pour(&["cache=near"]);
    let settled = settled(&templates, &service, &["storage=server"]);
    assert_eq!(settled.len(), 1);
    let along: Vec<_> =
        settled[0].along.iter().map(|one| (&*one.slot, one.from.as_deref(), &*one.to)).collect();
    assert_eq!(along, [("vector", Some("flat"), "indexed")]);
    let change = templates.set(&service.path, &["storage=server"]);
    assert!(service.text("src/vector.rs").contains("indexed"));
    let notes = change.notes.join("\n");
    for expected in
        ["export it before", "Start a server", "Set APP__SERVER__URL in production", "APP__DISK__PATH"]
    {
        assert!(notes.contains(expected), "{notes}");
    }
    let subject = service.git(&["log", "-1", "--format=%s"]);
    assert!(subject.starts_with("Set storage=server vector=indexed in orders"), "{subject}");
}

#[test]
fn where_several_are_as_near_all_are_named() {
    let templates = Templates::new();
    let service = templates.pour(&["cache=local"]);
    let catalog = templates.catalog();
    let asked = choices(&catalog, &["storage=server"]);
    let settled = followers::settle(&catalog, &Owned::find(&service.path).unwrap(), &asked).unwrap();
    let commands: Vec<_> = settled.iter().map(|settled| followers::command(&asked, settled)).collect();
    assert_eq!(
        commands,
        [
            "formwork set storage=server cache=near vector=indexed",
            "formwork set storage=server cache=far vector=indexed"
        ]
    );
    assert_eq!(self::settled(&templates, &service, &["storage=server", "cache=far"]).len(), 1);
}

#[test]
fn answers_that_nothing_can_satisfy_say_why() {
    let templates = Templates::new();
    let service = templates.pour(&[]);
    let error = templates.try_set(&service.path, &["storage=server", "vector=flat"]).err().unwrap();
    assert!(error.to_string().contains("flat vectors are files"), "{error}");
    for (pairs, said) in [
        (&["queue"][..], "formwork set queue=table|broker"),
        (&["quue=table"], "did you mean `queue`?"),
        (&["queue=brker"], "did you mean `broker`?"),
        (&["queue=table", "queue=broker"], "both `table` and `broker`"),
    ] {
        let error = templates.try_set(&service.path, pairs).err().unwrap();
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[test]
fn a_swap_there_and_back_keeps_the_owners_edits() {
    let templates = Templates::new();
    let service = templates.pour(&[]);
    service.edit("README.md", "## Test it", "## Try it");
    service.commit();
    let before = crate::support::all_files(&service.path);
    templates.set(&service.path, &["queue=broker"]);
    assert!(service.text("src/queue.rs").contains("broker"));
    templates.set(&service.path, &["queue=table"]);
    assert_eq!(crate::support::all_files(&service.path), before);
}

#[test]
fn an_edit_in_what_is_swapped_is_a_question() {
    let templates = Templates::new();
    let service = templates.pour(&[]);
    service.edit("src/queue.rs", "    200\n", "    50\n");
    service.commit();
    let done = templates.try_set(&service.path, &["queue=broker"]).unwrap();
    done.in_conflict(&service.path, &["src/queue.rs"]);
}

#[test]
fn an_option_that_left_the_catalog_is_named_with_its_line_and_can_be_replaced() {
    let templates = Templates::new();
    let service = templates.pour(&["queue=broker"]);
    templates.remove("queue/broker");
    templates.edit("lock.toml", "\"queue/broker\", ", "");
    templates.edit("lock.toml", "needed-by = [\"queue/broker\"]\n", "needed-by = [\"cache/far\"]\n");
    let error = templates.try_update(&service.path).err().unwrap();
    let at = error.at.clone().unwrap();
    let line = service.text("formwork.toml").lines().position(|line| line.starts_with("queue")).unwrap() + 1;
    assert!(at.file.ends_with("formwork.toml") && at.line == Some(line), "{error}");
    assert!(error.to_string().contains("formwork set queue=table"), "{error}");
    templates.set(&service.path, &["queue=table"]);
    assert!(service.text("src/queue.rs").contains("table"));
    assert!(!service.text("Cargo.toml").contains("itoa"));
}

#[test]
fn a_slot_that_left_the_catalog_takes_its_files_along_and_one_that_came_takes_what_is_recommended() {
    let templates = Templates::new();
    let service = templates.pour(&["cache=near"]);
    templates.remove("cache");
    let slots = "\n[[slot]]\nname = \"cache\"\ntitle = \"Cache\"\nquestion = \"What is kept at hand?\"\nlayer = \"data\"\ndefault = \"near\"\n";
    let more = "\n[[slot]]\nname = \"edge\"\ntitle = \"Edge\"\nquestion = \"What is in front?\"\nlayer = \"edge\"\ndefault = \"plain\"\n";
    templates.edit("slots.toml", slots, more);
    templates.edit("lock.toml", "\"cache/local\", \"cache/near\", \"cache/far\"", "\"edge/plain\"");
    templates.edit("lock.toml", "needed-by = [\"cache/far\"]", "needed-by = [\"edge/plain\"]");
    templates
        .write("edge/plain/part.toml", "title = \"Plain\"\nsummary = \"Plain.\"\ntradeoff = \"None.\"\n");
    templates.write("edge/plain/files/src/edge.rs", "// plain\n");
    let change = templates.update(&service.path);
    assert!(!service.has("src/cache.rs") && service.has("src/edge.rs"));
    let record = service.text("formwork.toml");
    assert!(record.contains("edge = \"plain\"") && !record.contains("cache ="), "{record}");
    assert_eq!(change.along.len(), 1);
    assert_eq!(change.along[0].from, None);
}

#[test]
fn recorded_answers_that_do_not_go_together_any_more_are_not_moved_in_silence() {
    let templates = Templates::new();
    let service = templates.pour(&["vector=flat"]);
    templates.edit("vector/flat/part.toml", "storage=disk\"", "storage=disk & queue=broker\"");
    let catalog = templates.catalog();
    let settled =
        followers::settle(&catalog, &Owned::find(&service.path).unwrap(), &Choices::default()).unwrap();
    assert!(settled.iter().all(|settled| settled.along.iter().any(|one| one.from.is_some())), "{settled:?}");
}
