//! Presets in somebody's git repository, fetched by the user's own git: its credentials, its proxies, never a prompt.
//! Nothing is checked out, so no filter and no hook of anybody runs.

use std::{
    collections::BTreeMap,
    env, fmt,
    path::PathBuf,
    process::{Command, Output, Stdio},
    rc::Rc,
};

use tempfile::TempDir;

use super::folder::{Budget, decode, is_a_link};
use crate::{
    catalog::File,
    error::{Error, Result},
};

const PREFIX: &str = "git+";
/// What a preset may be fetched over. `ext::` would run a program that the preset names.
const PROTOCOLS: &str = "https:http:ssh:git:file";

/// `git+URL#REF:PATH`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Spec {
    pub(super) url: String,
    /// A branch, a tag or a whole commit; the repository's default branch if nothing is given.
    pub(super) reference: String,
    pub(super) path: String,
}

impl Spec {
    /// Nothing if it does not start with `git+`.
    pub(super) fn parse(text: &str) -> Option<Result<Self>> {
        text.strip_prefix(PREFIX).map(|rest| Self::parse_rest(text, rest))
    }

    fn parse_rest(text: &str, rest: &str) -> Result<Self> {
        let wrong = |why: &str| {
            Err(Error::usage(format!("`{text}` does not name a preset in git: {why}"))
                .help("git+URL#REF:PATH, such as git+https://git.example.org/presets#v1:service.toml"))
        };
        let Some((url, rest)) = rest.rsplit_once('#') else { return wrong("there is no `#`") };
        let Some((reference, path)) = rest.split_once(':') else { return wrong("there is no `:` after `#`") };
        let reference = if reference.is_empty() { "HEAD" } else { reference };
        let is_strange = |c: char| c.is_control() || c.is_whitespace() || "~^:?*[\\".contains(c);
        if url.is_empty() || url.starts_with('-') || url.contains(char::is_control) {
            return wrong("this is not the URL of a repository");
        }
        if url.contains("::") {
            return wrong("no program is run to fetch it");
        }
        if reference.starts_with('-') || reference.contains("..") || reference.contains(is_strange) {
            return wrong("this is not a branch, a tag or a commit");
        }
        let path = normal(path).filter(|path| path.ends_with(".toml"));
        let Some(path) = path else { return wrong("PATH is a .toml file in the repository") };
        Ok(Self { url: url.to_owned(), reference: reference.to_owned(), path })
    }

    pub(super) fn is_local(&self) -> bool {
        self.url.starts_with("file:") || !(self.url.contains("://") || self.url.contains(':'))
    }
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}#{}:{}", self.url, self.reference, self.path)
    }
}

/// A path within a repository, without `.` and `..`; nothing if it leads out of it.
pub(super) fn normal(path: &str) -> Option<String> {
    let mut names: Vec<&str> = Vec::new();
    for name in path.split('/') {
        match name {
            "" if names.is_empty() && !path.starts_with('/') => {}
            "" => return None,
            "." => {}
            ".." => drop(names.pop()?),
            name => names.push(name),
        }
    }
    (!names.is_empty() && !path.contains(['\\', '\0'])).then(|| names.join("/"))
}

/// One commit of a repository, without a work tree.
#[derive(Debug)]
pub(super) struct Checkout {
    folder: TempDir,
    url: String,
    reference: String,
    pub(super) commit: String,
    tree: BTreeMap<String, Node>,
}

#[derive(Clone, Debug)]
struct Node {
    mode: String,
    object: String,
    bytes: u64,
}

impl Checkout {
    /// Fetches `spec`'s reference, or the commit that was pinned for it.
    pub(super) fn fetch(spec: &Spec, pinned: Option<&str>) -> Result<Rc<Self>> {
        let folder = tempfile::tempdir()
            .map_err(|error| Error::failed("cannot make a temporary folder").cause(error))?;
        let mut checkout = Self {
            folder,
            url: spec.url.clone(),
            reference: spec.reference.clone(),
            commit: String::new(),
            tree: BTreeMap::new(),
        };
        checkout.expect(&["init", "--quiet", "--bare", "--template=", "."])?;
        let wanted = pinned.unwrap_or(&spec.reference);
        checkout.fetch_reference(wanted)?;
        checkout.commit = checkout.text(&["rev-parse", "--verify", "--quiet", "FETCH_HEAD^{commit}"])?;
        checkout.tree = checkout.list()?;
        Ok(Rc::new(checkout))
    }

    fn fetch_reference(&self, wanted: &str) -> Result<()> {
        let shallow =
            ["fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--depth=1", "--", &self.url];
        let output = self.run(&[&shallow[..], &[wanted]].concat())?;
        if output.status.success() {
            return Ok(());
        }
        let failed = |output: &Output| {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            Error::failed(format!("git cannot fetch {} of {}", wanted, self.url))
                .cause(said)
                .help("try it: GIT_TERMINAL_PROMPT=0 git ls-remote URL; formwork never asks for a password")
        };
        // Some servers give no commit by its name alone: then everything comes, and it may be among it.
        if !is_commit(wanted) {
            return Err(failed(&output));
        }
        let all = self.run(&[
            "fetch",
            "--quiet",
            "--no-recurse-submodules",
            "--",
            &self.url,
            "+refs/*:refs/remotes/all/*",
        ])?;
        let known = self.run(&["fetch", "--quiet", "--", ".", wanted])?;
        match all.status.success() && known.status.success() {
            true => Ok(()),
            false => Err(failed(&output)),
        }
    }

    fn list(&self) -> Result<BTreeMap<String, Node>> {
        let listed = self.text(&["ls-tree", "-r", "-l", "-z", &self.commit])?;
        let node = |line: &str| {
            let (facts, path) = line.split_once('\t')?;
            let mut facts = facts.split_whitespace();
            let (mode, _, object) = (facts.next()?, facts.next()?, facts.next()?);
            let bytes = facts.next()?.parse().unwrap_or_default();
            Some((path.to_owned(), Node { mode: mode.to_owned(), object: object.to_owned(), bytes }))
        };
        Ok(listed.split('\0').filter_map(node).collect())
    }

    /// How messages name a path of it.
    pub(super) fn label(&self, path: &str) -> PathBuf {
        format!("{PREFIX}{}#{}:{path}", self.url, self.reference).into()
    }

    pub(super) fn spec(&self, path: &str) -> Spec {
        Spec { url: self.url.clone(), reference: self.reference.clone(), path: path.to_owned() }
    }

    pub(super) fn key(&self) -> (String, String) {
        (self.url.clone(), self.reference.clone())
    }

    pub(super) fn file(&self, path: &str) -> Result<Option<String>> {
        let Some(node) = self.tree.get(path) else { return Ok(None) };
        let mut budget = Budget::default();
        let file = self.read(path, node, &mut budget)?;
        decode(&self.label(path), file.bytes.into_owned()).map(Some)
    }

    /// The files below `dir`, each with its path from there.
    pub(super) fn folder(&self, dir: &str) -> Result<Vec<File>> {
        let prefix = format!("{dir}/");
        let mut budget = Budget::default();
        let mut files = Vec::new();
        for (path, node) in self.tree.range(prefix.clone()..) {
            let Some(relative) = path.strip_prefix(&prefix) else { break };
            let file = self.read(path, node, &mut budget)?;
            files.push(File { path: relative.to_owned().into(), ..file });
        }
        match files.is_empty() {
            true => Err(Error::usage("there is no such folder").at(self.label(dir), None)),
            false => Ok(files),
        }
    }

    fn read(&self, path: &str, node: &Node, budget: &mut Budget) -> Result<File> {
        let executable = match node.mode.as_str() {
            "100644" => false,
            "100755" => true,
            "120000" => return Err(is_a_link(&self.label(path))),
            _ => {
                return Err(Error::usage("this is neither a file nor a folder")
                    .at(self.label(path), None)
                    .help("a preset takes no submodules: put the files themselves there"));
            }
        };
        budget.take(node.bytes).map_err(|error| error.at(self.label(path), None))?;
        let bytes = self.expect(&["cat-file", "blob", &node.object])?.stdout;
        Ok(File { path: path.to_owned().into(), bytes: bytes.into(), executable })
    }

    fn text(&self, arguments: &[&str]) -> Result<String> {
        let output = self.expect(arguments)?;
        String::from_utf8(output.stdout)
            .map(|text| text.trim_end_matches('\n').to_owned())
            .map_err(|_| Error::usage(format!("a name in {} is not UTF-8", self.url)))
    }

    fn expect(&self, arguments: &[&str]) -> Result<Output> {
        let output = self.run(arguments)?;
        match output.status.success() {
            true => Ok(output),
            false => Err(Error::failed(format!("git cannot read {}", self.url))
                .cause(String::from_utf8_lossy(&output.stderr).trim())),
        }
    }

    fn run(&self, arguments: &[&str]) -> Result<Output> {
        let mut command = Command::new("git");
        quiet(&mut command);
        command.current_dir(self.folder.path()).args(["-c", "gc.auto=0", "-c", "maintenance.auto=false"]);
        command.args(["-c", if cfg!(windows) { "core.hooksPath=NUL" } else { "core.hooksPath=/dev/null" }]);
        command.args(["-c", "http.lowSpeedLimit=1", "-c", "http.lowSpeedTime=60"]);
        command.args(arguments).output().map_err(|error| {
            Error::missing("git does not start").cause(error).help("install git; a preset in git needs it")
        })
    }
}

/// Whole, as `formwork.toml` pins it.
pub(super) fn is_commit(reference: &str) -> bool {
    [40, 64].contains(&reference.len()) && reference.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Never a question, nothing of another repository; the user's own settings and credentials otherwise.
fn quiet(command: &mut Command) {
    for name in [
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_COMMON_DIR",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_NAMESPACE",
        "GIT_PREFIX",
        "GIT_SHALLOW_FILE",
    ] {
        command.env_remove(name);
    }
    command
        .env("LC_ALL", "C")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GCM_INTERACTIVE", "never")
        .env("GIT_SSH_COMMAND", ssh())
        .stdin(Stdio::null());
    // Whoever allows fewer is right.
    if env::var_os("GIT_ALLOW_PROTOCOL").is_none() {
        command.env("GIT_ALLOW_PROTOCOL", PROTOCOLS);
    }
    // A program that gives a token is the user's own and stays; a window that asks for one must not open.
    if env::var_os("GIT_ASKPASS").is_none() {
        command.env("GIT_ASKPASS", "");
    }
}

/// The user's ssh, told not to ask.
fn ssh() -> String {
    let configured = || {
        let mut command = Command::new("git");
        let output =
            command.args(["config", "--get", "core.sshCommand"]).stdin(Stdio::null()).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
        (output.status.success() && !text.is_empty()).then_some(text)
    };
    let own = env::var("GIT_SSH_COMMAND").ok().or_else(|| env::var("GIT_SSH").ok()).or_else(configured);
    format!("{} -o BatchMode=yes -o ConnectTimeout=20", own.unwrap_or_else(|| "ssh".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spec_has_a_repository_a_reference_and_a_path() {
        for (text, url, reference, path) in [
            ("git+https://h.org/p.git#v1.2:acme.toml", "https://h.org/p.git", "v1.2", "acme.toml"),
            ("git+https://h.org/p#:a/./b/../acme.toml", "https://h.org/p", "HEAD", "a/acme.toml"),
            ("git+git@h.org:p.git#main:acme.toml", "git@h.org:p.git", "main", "acme.toml"),
            ("git+file:///srv/p#feature/x:acme.toml", "file:///srv/p", "feature/x", "acme.toml"),
        ] {
            let spec = Spec::parse(text).unwrap().unwrap();
            assert_eq!(
                (spec.url.as_str(), spec.reference.as_str(), spec.path.as_str()),
                (url, reference, path)
            );
        }
        assert!(Spec::parse("acme.toml").is_none());
    }

    #[test]
    fn a_spec_that_could_mean_an_option_a_program_or_another_place_is_refused() {
        for text in [
            "git+https://h.org/p",
            "git+https://h.org/p#main",
            "git+#main:acme.toml",
            "git+--upload-pack=touch x#main:acme.toml",
            "git+ext::sh -c id#main:acme.toml",
            "git+https://h.org/p#--all:acme.toml",
            "git+https://h.org/p#a..b:acme.toml",
            "git+https://h.org/p#main~1:acme.toml",
            "git+https://h.org/p#main:../acme.toml",
            "git+https://h.org/p#main:/etc/acme.toml",
            "git+https://h.org/p#main:acme.sh",
            "git+https://h.org/p#main:",
        ] {
            let error = Spec::parse(text).unwrap().unwrap_err();
            assert!(error.message.contains("does not name a preset in git"), "{text}: {error}");
        }
    }
}
