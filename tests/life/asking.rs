//! What `set` asks whoever sits at a terminal, and what it says where nobody does.

use std::{fs, path::PathBuf};

use portable_pty::CommandBuilder;
use tempfile::TempDir;

use crate::{
    support::{all_files, formwork, git, temp},
    terminal::{COLUMNS, CTRL_C, DOWN, ENTER, Terminal},
};

/// The three ways from no model to one: each slot that needs it must be asked something.
const WAYS: [&str; 3] = ["uses none → both", "uses none → answers", "uses none → jobs"];

fn poured(flags: &str) -> (TempDir, PathBuf) {
    let folder = temp();
    formwork(folder.path(), &format!("new orders --yes --no-check {flags}")).expect(0, &[]);
    let project = folder.path().join("orders");
    (folder, project)
}

fn set(project: &std::path::Path, arguments: &str) -> Terminal {
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_formwork"));
    command.args(["set", "--no-check"]);
    command.args(arguments.split_whitespace());
    command.cwd(project);
    command.env("TERM", "xterm");
    Terminal::open(command, COLUMNS)
}

fn commits(project: &std::path::Path) -> String {
    git(project, &["rev-list", "--count", "HEAD"])
}

#[test]
fn what_moves_along_is_asked_and_a_no_changes_nothing() {
    let (_folder, project) = poured("");
    let before = all_files(&project);
    for answer in ["n\r", CTRL_C] {
        let mut terminal = set(&project, "llm=none");
        terminal.sees("uses both → none").sees("too. Go on?").types(answer);
        let (status, screen) = terminal.ends();
        assert_eq!(status.exit_code(), 130, "{screen}");
        assert!(screen.contains("nothing was changed"), "{screen}");
        assert_eq!((all_files(&project), commits(&project).as_str()), (before.clone(), "1"));
    }
    let mut terminal = set(&project, "llm=none");
    terminal
        .sees("too. Go on?")
        .types(ENTER)
        .sees("uses moves along: both → none")
        .sees("left for you to do");
    assert!(terminal.ends().0.success());
    assert_eq!(commits(&project), "2");
}

#[test]
fn nothing_is_asked_where_nothing_moves_along_or_yes_is_said() {
    let (_folder, project) = poured("");
    let (status, screen) = set(&project, "cache=none").ends();
    assert!(status.success() && !screen.contains('?'), "{screen}");
    let (status, screen) = set(&project, "llm=none --yes").ends();
    assert!(status.success() && !screen.contains("Go on?"), "{screen}");
    assert_eq!(commits(&project), "3");
}

#[test]
fn which_of_equally_near_ways_is_asked_once_and_without_a_terminal_all_are_named() {
    let (_folder, project) = poured("--set llm=none");
    let commands =
        WAYS.map(|way| format!("formwork set llm=openai uses={}", way.rsplit_once(' ').unwrap().1));
    let commands = commands.each_ref().map(String::as_str);
    formwork(&project, "set llm=openai --no-check")
        .expect(2, &[&["there is more than one way"], &commands[..]].concat());
    formwork(&project, "set llm=openai --no-check --yes").expect(2, &commands);
    assert_eq!(commits(&project), "1");
    let mut terminal = set(&project, "llm=openai");
    terminal.sees("What moves along?");
    for way in WAYS {
        terminal.sees(way);
    }
    terminal.types(DOWN).types(ENTER).sees("uses moves along: none → answers");
    let (status, screen) = terminal.ends();
    assert!(status.success() && !screen.contains("Go on?"), "{screen}");
    let state = fs::read_to_string(project.join("formwork.toml")).unwrap();
    assert!(state.contains("uses = \"answers\""), "{state}");
    assert_eq!(commits(&project), "2");
}
