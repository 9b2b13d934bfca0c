//! What only a database in a file does.

use temp_dir::TempDir;

use crate::support::process::run;

#[tokio::test]
async fn a_start_that_fails_says_what_and_why() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("a-file");
    std::fs::write(&file, "in the way").expect("a file");
    let within = file.join("data");
    let within = within.to_str().expect("UTF-8");
    let refused = run(folder.path(), &[("APP__DATA__DIRECTORY", within)], &["all"]).await;
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let said = String::from_utf8(refused.stderr).expect("text");
    for part in ["error:", within, "APP__DATA__DIRECTORY", "Not a directory"] {
        assert!(said.contains(part), "{part} is missing in {said:?}");
    }
}
