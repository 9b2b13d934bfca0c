//! Keys that development makes for itself, so that it starts without settings. Production is given its own.

use std::{fs, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path};

use anyhow::Context as _;
use ring::rand::{SecureRandom as _, SystemRandom};

/// Reads the key of this name in the data folder, or makes it. Of two processes that start at once, the first to
/// link its file wins.
pub fn read_or_make(directory: &Path, name: &str) -> anyhow::Result<Vec<u8>> {
    let path = directory.join(name);
    if !path.exists() {
        fs::create_dir_all(directory).with_context(|| {
            format!(
                "the data folder {} (APP__DATA__DIRECTORY) cannot be made",
                directory.display()
            )
        })?;
        let mut key = [0; 32];
        SystemRandom::new()
            .fill(&mut key)
            .map_err(|_| anyhow::anyhow!("the system gave no random bytes"))?;
        let own = directory.join(format!("{name}.{}", std::process::id()));
        let mut file = fs::File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&own)
            .with_context(|| format!("{} cannot be made", own.display()))?;
        file.write_all(&key)?;
        file.sync_all()?;
        fs::hard_link(&own, &path).ok();
        fs::remove_file(&own)?;
    }
    fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))
}
