//! Embeds `templates/` and `presets/` as two sorted tables, and names the toolchain that was proven.

use std::{env, fmt::Write as _, fs, io, path::Path};

fn main() -> io::Result<()> {
    let home = env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?;
    let home = Path::new(&home);
    let mut code = String::new();
    for (table, folder) in [("TEMPLATES", "templates"), ("PRESETS", "presets")] {
        println!("cargo:rerun-if-changed={folder}");
        let mut files = Vec::new();
        list(&home.join(folder), "", &mut files)?;
        files.sort();
        writeln!(code, "static {table}: &[File] = &[").map_err(io::Error::other)?;
        for (path, executable) in files {
            let bytes = home.join(folder).join(&path);
            writeln!(code, "    File::embedded({path:?}, include_bytes!({bytes:?}), {executable}),")
                .map_err(io::Error::other)?;
        }
        code.push_str("];\n");
    }
    let out = env::var("OUT_DIR").map_err(io::Error::other)?;
    fs::write(Path::new(&out).join("embedded.rs"), code)?;
    println!("cargo:rerun-if-changed=rust-toolchain.toml");
    println!("cargo:rustc-env=FORMWORK_TOOLCHAIN={}", toolchain(&home.join("rust-toolchain.toml"))?);
    Ok(())
}

fn list(folder: &Path, prefix: &str, files: &mut Vec<(String, bool)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let metadata = entry.metadata()?;
        match metadata.is_dir() {
            true => list(&entry.path(), &format!("{path}/"), files)?,
            false => files.push((path, is_executable(&metadata))),
        }
    }
    Ok(())
}

#[cfg(unix)]
fn is_executable(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &fs::Metadata) -> bool {
    false
}

fn toolchain(file: &Path) -> io::Result<String> {
    fs::read_to_string(file)?
        .lines()
        .find_map(|line| line.strip_prefix("channel = \"")?.strip_suffix('"').map(str::to_owned))
        .ok_or_else(|| io::Error::other("rust-toolchain.toml names no channel"))
}
