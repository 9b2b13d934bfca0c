//! The simulator as a process of its own, for benchmarks and for several instances of the service.

use std::{fs, io::Write as _, net::SocketAddr, path::PathBuf, sync::Arc};

use anyhow::Context as _;
use clap::Args;
use tokio::net::TcpListener;

use super::{Act, Rule, Script, Shared, for_eyes, serve};

/// Runs a stand-in for the provider of the language model.
#[derive(Debug, Args)]
pub struct Command {
    /// Where it listens
    #[arg(long, default_value = "127.0.0.1:8090")]
    address: SocketAddr,
    /// A file of rules, one a line, such as `model=big every=10 status=429 retry_after=3`
    #[arg(long)]
    script: Option<PathBuf>,
    /// Answer without any pause
    #[arg(long)]
    at_once: bool,
}

impl Command {
    pub async fn run(&self) -> anyhow::Result<()> {
        let rules = match &self.script {
            Some(path) => {
                let text = fs::read_to_string(path).context("the script cannot be read")?;
                Rule::parse_all(&text).map_err(anyhow::Error::msg)?
            }
            None => Vec::new(),
        };
        let usual = if self.at_once {
            Act::AT_ONCE
        } else {
            for_eyes()
        };
        let listener = TcpListener::bind(self.address).await?;
        let base_url = format!("http://{}/v1", listener.local_addr()?);
        writeln!(
            std::io::stdout(),
            "the simulator listens: APP__LLM__BASE_URL={base_url}"
        )?;
        let shared = Shared {
            script: Arc::new(Script::new(usual, rules)),
            counter: Arc::default(),
        };
        serve(listener, shared).await?;
        Ok(())
    }
}
