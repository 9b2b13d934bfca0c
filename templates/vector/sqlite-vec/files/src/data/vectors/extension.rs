//! Gives SQLite the functions of sqlite-vec. The only unsafe code of the service: an extension that is linked
//! into the binary is handed over as a pointer to a function, and sqlx has no safe way to do it.

use std::{
    ffi::{c_char, c_int},
    sync::OnceLock,
};

use anyhow::ensure;
use libsqlite3_sys::{SQLITE_OK, sqlite3, sqlite3_api_routines, sqlite3_auto_extension};

type Entry =
    unsafe extern "C" fn(*mut sqlite3, *mut *mut c_char, *const sqlite3_api_routines) -> c_int;

/// Every connection that is opened after this has the functions.
pub fn register() -> anyhow::Result<()> {
    static ANSWER: OnceLock<c_int> = OnceLock::new();
    let answer = *ANSWER.get_or_init(install);
    ensure!(
        answer == SQLITE_OK,
        "SQLite does not take the extension sqlite-vec: code {answer}"
    );
    Ok(())
}

#[expect(
    unsafe_code,
    reason = "SQLite takes an extension as a pointer to a C function"
)]
fn install() -> c_int {
    // SAFETY: `sqlite3_vec_init` is an entry point of an extension, which SQLite defines to have the type `Entry`; the
    // crate declares it without arguments because it does not know whose bindings will call it. It is linked
    // statically against the same SQLite as sqlx, so it stays valid as long as the process lives.
    unsafe {
        let entry =
            std::mem::transmute::<unsafe extern "C" fn(), Entry>(sqlite_vec::sqlite3_vec_init);
        sqlite3_auto_extension(Some(entry))
    }
}
