//! The wizard end to end, through a real pseudo-terminal.

use std::{env, fs, io::Read as _, path::Path, process::Command, sync::mpsc, thread, time::Duration};

use formwork::{
    answers::{Choices, Draft},
    catalog::Catalog,
    wizard,
};
use portable_pty::{CommandBuilder, PtySize, native_pty_system};

use crate::{
    support::{fixture, git, names, new, temp},
    terminal::{COLUMNS, CTRL_C, DOWN, ENTER, ESCAPE, PATIENCE, Terminal},
};

/// The catalog's slots that have a choice where those before have what is suggested, with their questions, in the order in
/// which they are asked.
fn questions() -> Vec<(String, String)> {
    let catalog = Catalog::embedded().unwrap();
    let (mut before, mut open) = (Choices::default(), Vec::new());
    for slot in catalog.slots() {
        let free = slot.options.iter().filter(|part| before.ruled_out(&catalog, part).is_none());
        if free.count() > 1 {
            open.push((slot.name.clone(), slot.question.clone()));
        }
        before.set(&catalog, &slot.name, &slot.default).unwrap();
    }
    open
}

/// Answers each question with what is suggested, but the one about the cache with these keys. What is `given` is not
/// asked.
fn choose(terminal: &mut Terminal, given: &[&str], cache: &str) {
    terminal.sees("How should it be built?").types(DOWN).types(ENTER);
    for (slot, question) in questions().into_iter().filter(|(slot, _)| !given.contains(&slot.as_str())) {
        terminal.sees(&question).types(if slot == "cache" { cache } else { ENTER });
    }
}

/// `formwork new` on a terminal, in `folder`.
fn wizard_in(folder: &Path, arguments: &str) -> Terminal {
    wizard_on(COLUMNS, folder, arguments)
}

fn wizard_on(columns: u16, folder: &Path, arguments: &str) -> Terminal {
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_formwork"));
    command.args(["new", "--no-check"]);
    command.args(arguments.split_whitespace());
    command.cwd(folder);
    command.env("TERM", "xterm");
    Terminal::open(command, columns)
}

#[test]
fn the_short_path_is_a_name_and_three_times_enter() {
    let folder = temp();
    let mut terminal = wizard_in(folder.path(), "");
    terminal.sees("What is the service called?").types("orders").types(ENTER);
    terminal.sees("How should it be built?").sees("Recommended: concurrency Event loop").types(ENTER);
    terminal.sees("edge").sees("Event loop").sees("data").sees("SQLite");
    terminal.sees("formwork new orders --yes --no-check").sees("Pour orders?").types(ENTER);
    terminal.sees("poured orders: ").sees("cd orders && cargo run");
    let (status, _) = terminal.ends();
    assert!(status.success());
    assert!(folder.path().join("orders/Cargo.toml").is_file());
    assert_eq!(git(&folder.path().join("orders"), &["rev-list", "--count", "HEAD"]), "1");
}

#[test]
fn choosing_asks_one_question_a_slot_and_shows_what_each_option_costs() {
    let folder = temp();
    let mut terminal = wizard_in(folder.path(), "orders --no-git");
    choose(&mut terminal, &[], &format!("{DOWN}{ENTER}"));
    assert!(terminal.text().contains("every read costs a query"), "the trade-off is there");
    terminal.sees("formwork new orders --set cache=none --yes --no-check --no-git").types(ENTER);
    terminal.sees("poured orders: ");
    assert!(terminal.ends().0.success());
    let state = fs::read_to_string(folder.path().join("orders/formwork.toml")).unwrap();
    assert!(state.contains("cache = \"none\""), "{state}");
}

/// Lines that are too long for a terminal end between words, and the picture stays one.
#[test]
fn a_narrow_terminal_breaks_no_word_and_no_picture() {
    let catalog = Catalog::embedded().unwrap();
    let folder = temp();
    let mut terminal = wizard_on(80, folder.path(), "orders --no-git");
    terminal.sees("How should it be built?").types(DOWN).types(ENTER);
    for (slot, question) in questions() {
        terminal.sees(&question).sees("Ctrl-C leaves nothing behind");
        let screen = terminal.rows().join(" ");
        let words: Vec<_> = screen.split_whitespace().collect();
        for part in &catalog.slot(&slot).unwrap().options {
            let tradeoff: Vec<_> = part.tradeoff.split(' ').collect();
            let is_whole = words.windows(tradeoff.len()).any(|some| some == tradeoff);
            assert!(
                is_whole || screen.contains("(not possible)"),
                "{}: {}",
                part.tradeoff,
                terminal.screen()
            );
        }
        terminal.types(ENTER);
    }
    terminal.sees("Pour orders?");
    let rows = terminal.rows();
    let picture: Vec<_> = rows.iter().filter(|row| row.contains(['│', '─'])).collect();
    assert!(picture.len() >= 9, "{}", terminal.screen());
    for row in picture {
        let is_whole = row.starts_with("  ") && row.ends_with(['┐', '│', '┤', '┘']);
        assert!(is_whole, "{row:?}: {}", terminal.screen());
    }
    terminal.types(CTRL_C);
    terminal.ends();
}

#[test]
fn the_shown_command_line_gives_the_same_project() {
    let folder = temp();
    let mut terminal = wizard_in(folder.path(), "orders --set cache=none");
    terminal.sees("How should it be built?").types(ENTER).sees("Pour orders?").types(ENTER);
    let (status, screen) = terminal.ends();
    assert!(status.success());
    let shown = screen.lines().map(str::trim).find(|line| line.starts_with("formwork new ")).unwrap();
    fs::rename(folder.path().join("orders"), folder.path().join("first")).unwrap();
    let mut words = shown.split_whitespace();
    assert_eq!(words.next(), Some("formwork"));
    let status =
        Command::new(env!("CARGO_BIN_EXE_formwork")).args(words).current_dir(folder.path()).status().unwrap();
    assert!(status.success());
    let same = |file: &str| {
        let read = |project: &str| fs::read(folder.path().join(project).join(file)).unwrap();
        read("first") == read("orders")
    };
    assert!(same("formwork.toml") && same("Cargo.lock"));
}

#[test]
fn a_preset_tells_its_locks_and_asks_its_own_questions() {
    let folder = temp();
    fs::write(
        folder.path().join("ours.toml"),
        "schema = 1\nextends = \"embedded\"\n[lock]\nstorage = \"run by the platform team\"\n\
         [allow]\nllm = [\"anthropic\", \"openai\"]\n\
         [vars.team]\nask = \"Which team owns it?\"\npattern = \"[a-z]+\"\nhint = \"lower case\"\n",
    )
    .unwrap();
    let mut terminal = wizard_in(folder.path(), "orders --no-git --preset ours.toml");
    terminal.sees("SQLite (locked: run by the platform team)");
    terminal.sees("Which team owns it?").sees("[lower case]").types("Pay").types(ENTER);
    terminal.sees("it must match [a-z]+").types("\u{15}pay").types(ENTER);
    terminal.sees("How should it be built?").types(DOWN).types(ENTER);
    // Nothing else is open, and the first that is allowed is recommended.
    terminal.sees("Which language model is asked?").sees("Anthropic (recommended)").types(ENTER);
    terminal
        .sees("formwork new orders --var team=pay --yes --preset ours.toml --no-check --no-git")
        .types(ENTER);
    terminal.sees("poured orders: ");
    assert!(terminal.ends().0.success());
    let state = fs::read_to_string(folder.path().join("orders/formwork.toml")).unwrap();
    assert!(state.contains("llm = \"anthropic\"") && state.contains("team = \"pay\""), "{state}");
}

#[test]
fn what_is_given_is_not_asked() {
    let folder = temp();
    let catalog = Catalog::embedded().unwrap();
    let given = catalog.slots().iter().map(|slot| format!("--set {}={}", slot.name, slot.default));
    let all = format!("orders {}", given.collect::<Vec<_>>().join(" "));
    // Nothing is left to ask, so there is no wizard at all.
    let (status, screen) = wizard_in(folder.path(), &all).ends();
    assert!(status.success() && !screen.contains('?'), "{screen}");
    let mut terminal = wizard_in(folder.path(), "bills --set storage=sqlite");
    choose(&mut terminal, &["storage"], ENTER);
    terminal.sees("Pour bills?").types(ENTER);
    let (status, screen) = terminal.ends();
    assert!(status.success() && !screen.contains("Where does durable state live?"), "{screen}");
}

/// Sessions need Redis: without it there is one way left, which is told and not asked.
#[test]
fn what_an_answer_before_makes_possible_is_asked() {
    let folder = temp();
    let mut terminal =
        wizard_in(folder.path(), "orders --no-git --set concurrency=async --set storage=sqlite");
    terminal.sees("How should it be built?").types(DOWN).types(ENTER);
    terminal.sees("Where are hot reads kept?").sees("Ctrl-C").types(ENTER);
    terminal.sees("> How do callers prove who they are? JWT (sessions live in Redis: choose cache=redis");
    // The way back leads to the cache.
    terminal.sees("What brings workers the news of a job?").sees("Ctrl-C").types(ESCAPE);
    terminal.sees("Where are hot reads kept?").sees("Ctrl-C").types(DOWN).types(DOWN).types(ENTER);
    terminal.sees("? How do callers prove who they are?").sees("Sessions:").types(CTRL_C);
    terminal.ends();
}

/// Without a model, what it is asked for and how its answers are kept have one answer each.
#[test]
fn what_an_answer_before_has_decided_is_not_asked() {
    let folder = temp();
    let given = "--set concurrency=async --set storage=sqlite --set cache=none --set queue=database";
    let mut terminal = wizard_in(folder.path(), &format!("orders --no-git {given}"));
    terminal.sees("How should it be built?").types(DOWN).types(ENTER);
    let question = "Which language model is asked?";
    terminal.sees(question).types(DOWN).types(DOWN).types(ENTER).sees("Pour orders?").types(ESCAPE);
    // The way back leads to what was asked, not to what was decided.
    terminal.sees(question).types(ENTER).sees("Pour orders?").types(ENTER);
    assert!(terminal.ends().0.success());
    let state = fs::read_to_string(folder.path().join("orders/formwork.toml")).unwrap();
    assert!(state.contains("llm = \"none\"") && state.contains("cache = \"none\""), "{state}");
}

#[test]
fn escape_goes_back() {
    let folder = temp();
    let mut terminal = wizard_in(folder.path(), "--no-git");
    terminal.sees("What is the service called?").types("bills").types(ENTER);
    terminal.sees("How should it be built?").types(ESCAPE);
    // The answer is still there, to be changed.
    terminal.sees("What is the service called?").sees("bills").types("2").types(ENTER);
    choose(&mut terminal, &[], ENTER);
    terminal.sees("Pour bills2?").types(ESCAPE);
    for (_, question) in questions().iter().rev() {
        terminal.sees(question).types(ESCAPE);
    }
    terminal.sees("How should it be built?").types(ENTER);
    terminal.sees("Pour bills2?").types(ENTER);
    let (status, screen) = terminal.ends();
    assert!(status.success() && !screen.contains("cancel"), "{screen}");
    assert_eq!(names(folder.path()), ["bills2"]);
}

/// What was left is not on the screen any more: each question stands there once, with the answer that counts.
#[test]
fn going_back_leaves_no_trace() {
    let folder = temp();
    let mut terminal = wizard_in(folder.path(), "--no-git");
    terminal.sees("What is the service called?").types("bills").types(ENTER);
    terminal.sees("How should it be built?").types(ENTER).sees("Pour bills?").types(ESCAPE);
    terminal.sees("How should it be built?").types(ESCAPE);
    terminal.sees("What is the service called?").types(ENTER);
    terminal.sees("How should it be built?").types(ENTER).sees("Pour bills?").types(ENTER);
    let screen = terminal.sees("poured bills: ").screen();
    for question in
        ["What is the service called?", "How should it be built?", "The same without", "Pour bills?"]
    {
        assert_eq!(screen.matches(question).count(), 1, "{question}: {screen}");
    }
}

#[test]
fn the_name_is_edited_with_a_shells_keys() {
    let folder = temp();
    let mut terminal = wizard_in(folder.path(), "--no-git");
    terminal.sees("What is the service called?").types("parts-list\x17bin\x15rders\x01o").types(ENTER);
    terminal.sees("How should it be built?").types(ENTER).sees("Pour orders?").types(ENTER);
    assert!(terminal.ends().0.success());
    assert_eq!(names(folder.path()), ["orders"]);
}

#[test]
fn ctrl_c_leaves_nothing_behind() {
    for questions in 0..3 {
        let folder = temp();
        let mut terminal = wizard_in(folder.path(), "");
        terminal.sees("What is the service called?");
        if questions > 0 {
            terminal.types("orders").types(ENTER).sees("How should it be built?");
        }
        if questions > 1 {
            terminal.types(ENTER).sees("Pour orders?");
        }
        terminal.types(CTRL_C);
        let (status, screen) = terminal.ends();
        assert_eq!(status.exit_code(), 130, "{screen}");
        assert!(names(folder.path()).is_empty());
    }
}

/// A closed window, a lost connection, a multiplexer that was killed: the shell ends, and reading from its
/// terminal gives nothing for ever.
#[test]
fn a_terminal_that_vanishes_ends_it() {
    let folder = temp();
    let pty = native_pty_system().openpty(PtySize::default()).unwrap();
    let mut command = CommandBuilder::new("sh");
    // Whoever still runs holds the pipe open.
    command.args(["-c", "mkfifo alive && exec 3> alive && \"$FORMWORK\" new --no-check; :"]);
    command.cwd(folder.path());
    command.env("TERM", "xterm");
    command.env("FORMWORK", env!("CARGO_BIN_EXE_formwork"));
    let _shell = pty.slave.spawn_command(command).unwrap();
    drop(pty.slave);
    let pipe = folder.path().join("alive");
    while !pipe.exists() {
        thread::sleep(Duration::from_millis(5));
    }
    let mut alive = fs::File::open(&pipe).unwrap();
    let mut screen = pty.master.try_clone_reader().unwrap();
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains("What is the service called?") {
        let mut bytes = [0; 1024];
        let length = screen.read(&mut bytes).unwrap();
        seen.extend_from_slice(&bytes[..length]);
    }
    drop((screen, pty.master));
    let (told, ended) = mpsc::channel();
    thread::spawn(move || told.send(alive.read_to_end(&mut Vec::new()).is_ok()));
    assert_eq!(ended.recv_timeout(PATIENCE), Ok(true), "it goes on without a terminal");
    assert_eq!(names(folder.path()), ["alive"]);
}

#[test]
fn a_name_that_cannot_be_is_said_at_once() {
    let folder = temp();
    fs::create_dir(folder.path().join("taken")).unwrap();
    fs::write(folder.path().join("taken/file"), "").unwrap();
    let mut terminal = wizard_in(folder.path(), "");
    terminal.sees("What is the service called?").types("taken").types(ENTER);
    terminal.sees("exists and is not empty").types("\x7f\x7f\x7f\x7f\x7ftest").types(ENTER);
    terminal.sees("cannot be a project's name").types(CTRL_C);
    assert_eq!(terminal.ends().0.exit_code(), 130);
}

#[test]
fn a_target_that_cannot_be_is_said_before_any_question() {
    let folder = temp();
    new("orders --yes --no-git").within(folder.path()).succeeds();
    let (status, screen) = wizard_in(folder.path(), "orders").ends();
    assert_eq!(status.exit_code(), 2);
    assert!(screen.contains("exists and is not empty") && !screen.contains("How should it be"), "{screen}");
}

#[test]
fn a_workspace_around_is_said_before_any_question() {
    let folder = temp();
    fs::write(folder.path().join("Cargo.toml"), "[workspace]\n").unwrap();
    let (status, screen) = wizard_in(folder.path(), "").ends();
    assert_eq!(status.exit_code(), 2);
    assert!(screen.contains("--member") && !screen.contains("What is the service called?"), "{screen}");
}

/// Runs the wizard on the fixture catalog, whose rules the real one may not have. The test below starts it
/// on a terminal; by itself it is nothing.
#[test]
#[ignore = "the other half of ruled_out_options_are_shown_with_the_reason_and_cannot_be_taken"]
fn on_the_fixture() {
    let order = wizard::run(&fixture(), Draft::default(), &[]).unwrap();
    let chosen: Vec<_> = order.answers.chosen().map(|(slot, option)| format!("{slot}={option}")).collect();
    println!("took {} for {}", chosen.join(" "), order.answers.name());
}

#[test]
fn ruled_out_options_are_shown_with_the_reason_and_cannot_be_taken() {
    let folder = temp();
    let mut command = CommandBuilder::new(env::current_exe().unwrap());
    command.args(["--exact", "wizard::on_the_fixture", "--ignored", "--nocapture"]);
    command.cwd(folder.path());
    command.env("TERM", "xterm");
    let mut terminal = Terminal::open(command, COLUMNS);
    terminal.sees("What is the service called?").types("orders").types(ENTER);
    terminal.sees("How should it be built?").types(DOWN).types(ENTER);
    terminal.sees("Where does state live?").types(ENTER).sees("What finds things?").sees("List");
    terminal.sees("Index (not possible): the index lives in the server").types(DOWN).types(DOWN).types(ENTER);
    terminal.sees("Index cannot be taken: the index lives in the server");
    // Back, take the server, and it can be.
    terminal.types(ESCAPE).sees("Where does state live?").types(DOWN).types(ENTER);
    terminal.sees("What finds things?").sees("Index: Finds all").types(DOWN).types(DOWN).types(ENTER);
    terminal.sees("What carries work?").types(ENTER);
    terminal.sees("formwork new orders --set storage=server --set search=index --yes");
    terminal.sees("Pour orders?").types(ENTER);
    terminal.sees("took storage=server search=index queue=table for orders");
    assert!(terminal.ends().0.success());
}
