//! Presets that nobody should have written: refused, with the file, the line where there is one, and the reason.

use std::{
    collections::BTreeMap,
    fs,
    time::{Duration, Instant},
};

use serde::Deserialize;

use crate::{
    support::files,
    team::{Team, team},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    says: Vec<String>,
    preset: String,
    #[serde(default)]
    files: BTreeMap<String, String>,
    #[serde(default)]
    bytes: BTreeMap<String, Vec<u8>>,
    #[serde(default)]
    links: BTreeMap<String, String>,
}

/// A machine may be busy; none of them has a reason to take a second.
const PATIENCE: Duration = Duration::from_secs(20);

/// `⟦3×ab⟧` becomes `ababab`.
fn expanded(text: &str) -> String {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('⟦') {
        let (count, after) = after.split_once('×').unwrap();
        let (what, after) = after.split_once('⟧').unwrap();
        expanded.push_str(before);
        expanded.push_str(&what.repeat(count.parse().unwrap()));
        rest = after;
    }
    expanded + rest
}

impl Case {
    fn lay(&self) -> Team {
        let team = team().has("ours.toml", &expanded(&self.preset));
        for (path, text) in &self.files {
            team.write(&expanded(path), &expanded(text));
        }
        for (path, bytes) in &self.bytes {
            team.write(path, "");
            fs::write(team.path().join(path), bytes).unwrap();
        }
        for (path, target) in &self.links {
            let link = team.path().join(path);
            fs::create_dir_all(link.parent().unwrap()).unwrap();
            std::os::unix::fs::symlink(target, link).unwrap();
        }
        team
    }

    /// What is wrong with how it is refused; nothing if it is as it should be.
    fn complaint(&self) -> Option<String> {
        let team = self.lay();
        let before = files(team.path());
        let begun = Instant::now();
        let outcome = team.pour("orders --yes --preset ours.toml").run();
        let wrong = |what: &str| Some(format!("{}: {what}\n{}{}", self.name, outcome.stdout, outcome.stderr));
        if outcome.code != Some(2) {
            return wrong(&format!("exit code {:?}", outcome.code));
        }
        if let Some(text) = self.says.iter().find(|text| !outcome.stderr.contains(expanded(text).as_str())) {
            return wrong(&format!("it does not say {text:?}"));
        }
        if begun.elapsed() > PATIENCE {
            return wrong(&format!("it takes {:?}", begun.elapsed()));
        }
        if files(team.path()) != before {
            return wrong("something was written");
        }
        None
    }
}

#[cfg(unix)]
#[test]
fn each_is_refused_in_time_with_its_reason_and_nothing_is_written() {
    let cases: Cases = toml::from_str(include_str!("hostile.toml")).unwrap();
    assert!(cases.case.len() >= 60);
    let complaints: Vec<String> = cases.case.iter().filter_map(Case::complaint).collect();
    assert!(
        complaints.is_empty(),
        "{} of {}\n\n{}",
        complaints.len(),
        cases.case.len(),
        complaints.join("\n\n")
    );
}
