//! Text that can be pasted into a shell.

use std::{env, path::Path};

/// A path as it can be typed here: relative where it lies below the current folder, quoted where it must be.
pub fn path(path: &Path) -> String {
    let here = env::current_dir().ok().and_then(|here| here.canonicalize().ok());
    let relative = here.as_deref().and_then(|here| path.strip_prefix(here).ok());
    match relative {
        Some(relative) if !relative.as_os_str().is_empty() => word(&relative.to_string_lossy()),
        _ => word(&path.to_string_lossy()),
    }
}

/// Quoted for a POSIX shell, if that is needed.
pub fn word(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./=:@%+,".contains(c);
    match !text.is_empty() && text.chars().all(plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_only_where_a_shell_would_split_or_expand_them() {
        for (text, shown) in [
            ("orders", "orders"),
            ("../a/b-1", "../a/b-1"),
            ("my orders", "'my orders'"),
            ("$HOME", "'$HOME'"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
        ] {
            assert_eq!(word(text), shown);
        }
    }
}
