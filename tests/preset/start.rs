//! `formwork preset new` and `list`.

use formwork::{
    catalog::Catalog,
    preset::{self, Preset},
};

use crate::team::team;

#[test]
fn a_new_preset_holds_what_it_was_started_from() {
    let team = team();
    let said = team.preset("new presets/ours.toml --extends embedded --set cache=none").succeeds();
    assert!(said.contains("formwork new orders --preset presets/ours.toml"), "{said}");
    let shown = team.show("presets/ours.toml");
    let slots = shown["slots"].as_array().unwrap();
    let cache = slots.iter().find(|slot| slot["slot"] == "cache").unwrap();
    assert_eq!((cache["answer"].as_str(), cache["from"]["line"].as_u64()), (Some("none"), Some(7)));
    assert_eq!(shown["extends"], serde_json::json!(["presets/embedded.toml"]));
    assert!(!team.text("presets/ours.toml").contains("storage = \"sqlite\""), "the base says it");
    team.preset("new presets/ours.toml").fails(2, &["there is a file already"]);
    team.preset("new presets/ours").fails(2, &["a preset is a .toml file"]);
    team.preset("new a.toml --set cahce=none").fails(2, &["did you mean `cache`?"]);
}

#[test]
fn a_project_becomes_a_preset() {
    let team = team().has("ours.toml", "schema = 1\nextends = \"embedded\"\n[vars.team]\nask = \"Team?\"\n");
    team.pour("orders --yes --set cache=none").succeeds();
    team.preset("new presets/from.toml --from orders").succeeds();
    assert_eq!(team.dry("--preset presets/from.toml")["answers"]["cache"], "none");
    team.pour("bills --yes --preset ours.toml --var team=pay --set cache=none").succeeds();
    team.preset("new presets/pay.toml --from bills").succeeds();
    let text = team.text("presets/pay.toml");
    assert!(text.contains("extends = \"../ours.toml\"") && text.contains("team = \"pay\""), "{text}");
    let json = team.dry("--preset presets/pay.toml");
    assert_eq!(
        (json["answers"]["cache"].as_str(), json["vars"]["team"].as_str()),
        (Some("none"), Some("pay"))
    );
    team.preset("new b.toml --from nowhere").fails(2, &["this is not a project of formwork"]);
}

/// Whoever takes one is asked nothing, also when there are more questions than today.
#[test]
fn what_ships_answers_every_question_and_fits_together() {
    let catalog = Catalog::embedded().unwrap();
    let slots: Vec<&str> = catalog.slots().iter().map(|slot| slot.name.as_str()).collect();
    for name in ["ai-service", "crud", "embedded"] {
        assert!(preset::shipped().iter().any(|shipped| shipped == name), "{name}");
    }
    for name in preset::shipped() {
        let preset = Preset::load(&name, &catalog).unwrap_or_else(|error| panic!("{name}: {error}"));
        let answered: Vec<&str> =
            slots.iter().copied().filter(|slot| preset.answers.contains_key(*slot)).collect();
        assert_eq!(answered, slots, "{name}");
        assert!(!preset.description.is_empty(), "{name}");
    }
}

#[test]
fn the_list_has_what_ships_and_what_a_folder_holds() {
    let team = team()
        .has("presets/ours.toml", "schema = 1\ndescription = \"Ours\"\n")
        .has("presets/other/Cargo.toml", "[package]\nname = \"x\"\n");
    let said = team.preset("list").succeeds();
    assert!(said.contains("\nembedded") && said.contains("One process and one file"), "{said}");
    let json: serde_json::Value =
        serde_json::from_str(&team.preset("list presets --json").succeeds()).unwrap();
    let names: Vec<_> =
        json["presets"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    let shipped = preset::shipped();
    assert_eq!(names, shipped.iter().map(String::as_str).chain(["presets/ours.toml"]).collect::<Vec<_>>());
    team.write("presets/broken.toml", "schema = 1\n[anwsers]\n");
    let outcome = team.preset("list presets").fails(2, &["did you mean `answers`?"]);
    assert!(outcome.stdout.contains("presets/broken.toml  does not hold"), "{}", outcome.stdout);
}
