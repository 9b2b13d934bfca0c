//! What an owner deletes of files that name the sample, when its own are deleted.

/// The sample's modules in `app/`.
pub(crate) const SAMPLE: [&str; 5] = ["documents", "likeness", "reports", "usage", "hooks"];
/// The kinds of its jobs.
const KINDS: [&str; 2] = ["Report", "Hook"];

/// Without its declaration, whoever may see it.
pub(crate) fn without_module(text: &str, module: &str) -> String {
    let is_kept = |line: &&str| !line.trim_end().ends_with(&format!("mod {module};"));
    text.split_inclusive('\n').filter(is_kept).collect()
}

/// Without the arms and the names of the sample's kinds.
pub(crate) fn without_kinds(text: &str) -> String {
    let text = KINDS.iter().fold(text.to_owned(), |text, kind| text.replace(&format!("Self::{kind} | "), ""));
    let is_gone = |line: &str| {
        KINDS.iter().any(|kind| {
            let (line, name) = (line.trim(), format!("Self::{kind}"));
            line.starts_with(&format!("{name} ")) || line == format!("{name},") || line == format!("{kind},")
        })
    };
    let kept: String = text.split_inclusive('\n').filter(|line| !is_gone(line)).collect();
    KINDS.iter().fold(kept, |text, kind| text.replace(&format!(" | Self::{kind}"), ""))
}

/// Without the calls that mount operations of these modules.
pub(crate) fn without_routes(text: &str, modules: &[&str]) -> String {
    const CALL: &str = ".routes(routes!(";
    let mut parts = text.split(CALL);
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (operations, rest) = part.split_once("))").expect("the call's end");
        if modules.iter().any(|module| operations.trim_start().starts_with(&format!("{module}::"))) {
            kept.push_str(rest.trim_start());
        } else {
            kept.push_str(&format!("{CALL}{operations})){rest}"));
        }
    }
    kept
}

/// Without these modules in the first list of imports that has each.
pub(crate) fn without_imports(text: &str, modules: &[&str]) -> String {
    modules.iter().fold(text.to_owned(), |text, module| {
        let forms = [
            (format!("app::{module}, "), ""),
            (format!(" {module}, "), " "),
            (format!("{{{module}, "), "{"),
            (format!(", {module},"), ","),
            (format!(", {module}}}"), "}"),
            (format!("{{{module}}}"), "{}"),
        ];
        let found = forms.iter().find(|(form, _)| text.contains(form));
        found.map_or(text.clone(), |(form, to)| text.replacen(form, to, 1))
    })
}
