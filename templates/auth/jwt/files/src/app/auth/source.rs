//! Where the key set is: at the issuer, or in a file that something else keeps fresh.

use std::{
    fmt, fs,
    io::Read as _,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, ensure};
use reqwest::Url;
use tokio::task::spawn_blocking;

use crate::{edge::deadline::Deadline, external::http::Http};

/// A key set of a hundred keys is a tenth of this.
const LARGEST: usize = 256 * 1024;

const TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Clone, Debug)]
pub(super) enum Source {
    Url(Url),
    File(PathBuf),
}

impl Source {
    /// `jwks` as it is configured.
    pub(super) fn parse(jwks: &str) -> anyhow::Result<Self> {
        if jwks.contains("://") {
            let url = jwks
                .parse()
                .with_context(|| format!("APP__AUTH__JWKS={jwks}"))?;
            return Ok(Self::Url(url));
        }
        Ok(Self::File(PathBuf::from(jwks)))
    }

    /// The document that is there now.
    pub(super) async fn load(&self, http: &Http) -> anyhow::Result<Vec<u8>> {
        match self {
            Self::Url(url) => download(http, url.clone()).await,
            Self::File(path) => read(path.clone()).await,
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => url.fmt(f),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

async fn download(http: &Http, url: Url) -> anyhow::Result<Vec<u8>> {
    let request = http.client().get(url);
    let mut response = http.send(request, Deadline::after(TIMEOUT)).await?;
    ensure!(
        response.status().is_success(),
        "the answer is {}",
        response.status()
    );
    let mut document = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        ensure!(
            document.len() + chunk.len() <= LARGEST,
            "it is larger than 256 KiB"
        );
        document.extend_from_slice(&chunk);
    }
    Ok(document)
}

async fn read(path: PathBuf) -> anyhow::Result<Vec<u8>> {
    spawn_blocking(move || read_bounded(&path)).await?
}

fn read_bounded(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut document = Vec::new();
    fs::File::open(path)?
        .take(LARGEST as u64 + 1)
        .read_to_end(&mut document)?;
    ensure!(document.len() <= LARGEST, "it is larger than 256 KiB");
    Ok(document)
}
