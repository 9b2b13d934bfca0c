//! Templates: minijinja with strict names and two sets of delimiters, chosen by file name.

use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior, Value, syntax::SyntaxConfig};

use crate::{
    catalog::Source,
    error::{Error, Result},
};

/// What marks a file as a template; it is not part of the rendered path.
pub(super) const SUFFIX: &str = ".jinja";

/// Steps of one template, and pieces of 64 bytes that it makes: enough for files of several MiB, and the end of a
/// loop of loops after some milliseconds.
const FUEL: u64 = 200_000;

pub(super) struct Templates {
    braces: Environment<'static>,
    brackets: Environment<'static>,
}

impl Templates {
    pub(super) fn new() -> Result<Self> {
        let braces = SyntaxConfig::builder().keep_trailing_newline(true).build();
        let brackets = SyntaxConfig::builder()
            .variable_delimiters("[[", "]]")
            .block_delimiters("[%", "%]")
            .comment_delimiters("[#", "#]")
            .keep_trailing_newline(true)
            .build();
        Ok(Self { braces: environment(braces)?, brackets: environment(brackets)? })
    }

    /// Renders the template that stands at `path` of `source`.
    pub(super) fn render(&self, source: &Source, path: &str, context: &Value) -> Result<String> {
        let environment = if has_braces_of_its_own(path) { &self.brackets } else { &self.braces };
        environment.render_named_str(path, source.text(path)?, context).map_err(|error| {
            let what = match error.kind() {
                ErrorKind::OutOfFuel => "it does or writes too much".to_owned(),
                kind => error.detail().map_or_else(|| kind.to_string(), str::to_owned),
            };
            Error::usage(format!("the template does not render: {what}"))
                .at(source.locate(path), error.line())
        })
    }

    /// Renders one line of a manifest.
    pub(super) fn render_line(&self, text: &str, context: &Value) -> Result<String> {
        self.braces
            .render_str(text, context)
            .map_err(|error| Error::usage(format!("`{text}` does not render")).cause(error))
    }
}

fn environment(syntax: Result<SyntaxConfig, minijinja::Error>) -> Result<Environment<'static>> {
    let mut environment = Environment::new();
    environment
        .set_syntax(syntax.map_err(|error| Error::failed("the delimiters are not usable").cause(error))?);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    Ok(environment)
}

/// Workflows, dashboards and the like.
fn has_braces_of_its_own(path: &str) -> bool {
    let name = path.strip_suffix(SUFFIX).unwrap_or(path);
    [".yml", ".yaml", ".json"].iter().any(|extension| name.ends_with(extension))
}
