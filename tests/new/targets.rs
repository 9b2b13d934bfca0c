//! Folders that cannot be taken: each a clear error with a way out, and nothing left behind.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    process::Command,
};

use crate::support::{names, new, temp};

#[test]
fn a_folder_that_is_not_empty_is_refused() {
    let folder = temp();
    fs::create_dir(folder.path().join("orders")).unwrap();
    fs::write(folder.path().join("orders/notes.txt"), "mine").unwrap();
    new("orders --yes").within(folder.path()).fails(2, &["exists and is not empty", "choose another folder"]);
    assert_eq!(names(&folder.path().join("orders")), ["notes.txt"]);
    assert_eq!(names(folder.path()), ["orders"]);
}

#[test]
fn a_project_that_is_there_already_is_named_as_one() {
    let folder = temp();
    new("orders --yes --no-git").within(folder.path()).succeeds();
    new("orders --yes").within(folder.path()).fails(2, &["holds a project already", "formwork check"]);
}

#[test]
fn an_empty_folder_is_taken() {
    let folder = temp();
    fs::create_dir(folder.path().join("orders")).unwrap();
    new("orders --yes").within(folder.path()).succeeds();
    assert!(folder.path().join("orders/Cargo.toml").is_file());
    assert_eq!(names(folder.path()), ["orders"]);
}

#[test]
fn folders_on_the_way_are_made_with_the_project_or_not_at_all() {
    let folder = temp();
    new("teams/billing/orders --yes").within(folder.path()).succeeds();
    assert!(folder.path().join("teams/billing/orders/Cargo.toml").is_file());
    assert!(folder.path().join("teams/billing/orders/.git").is_dir());
    assert_eq!(names(folder.path()), ["teams"]);
}

#[test]
fn a_file_in_the_way_is_refused() {
    let folder = temp();
    fs::write(folder.path().join("orders"), "").unwrap();
    new("orders --yes").within(folder.path()).fails(2, &["a file of this name is in the way"]);
    new("orders/deeper --yes").within(folder.path()).fails(2, &["a part of the path is a file"]);
    symlink("nowhere", folder.path().join("link")).unwrap();
    new("link --yes").within(folder.path()).fails(2, &["a link that leads nowhere"]);
    assert_eq!(names(folder.path()), ["link", "orders"]);
}

#[test]
fn a_folder_that_cannot_be_written_to_is_refused() {
    let folder = temp();
    let closed = folder.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
    // Permissions do not stop root; the kernel's own folders do.
    let closed = match fs::create_dir(closed.join("probe")) {
        Ok(()) => Path::new("/sys/kernel").to_owned(),
        Err(_) => closed,
    };
    let texts = ["cannot be written to", "nothing was left behind"];
    new("--yes").arg(closed.join("orders")).within(folder.path()).fails(1, &texts);
}

#[test]
fn a_full_disk_leaves_nothing() {
    let folder = temp();
    let disk = folder.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=128k", "tmpfs"])
        .arg(&disk)
        .output()
        .is_ok_and(|output| output.status.success());
    if !mounted {
        eprintln!("SKIPPED a_full_disk_leaves_nothing: mounting a small disk needs root");
        return;
    }
    let _mount = Mounted(&disk);
    let texts = ["the disk is full", "nothing was left behind"];
    new("orders --yes").within(&disk).fails(1, &texts);
    assert!(names(&disk).is_empty(), "{:?}", names(&disk));
}

pub(crate) struct Mounted<'a>(pub(crate) &'a Path);

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).status();
    }
}
