//! What an operator does to webhook endpoints, whosever they are.

use anyhow::{anyhow, bail};
use clap::Subcommand;
use uuid::Uuid;

use super::print;
use crate::{
    config::Config,
    data::{
        connection::Connection,
        database::Database,
        error::Error,
        meter::Meter,
        webhooks::sealed::{self, Sealed},
    },
    edge::deadline::Deadline,
    jobs::webhooks::vault::Vault,
};

/// Endpoints that are read at once.
const PAGE: u32 = 200;

#[derive(Debug, Subcommand)]
pub(super) enum Webhooks {
    /// Seal with the key what the other key has sealed, which is then needed no more
    Reseal,
}

/// What became of the endpoints' secrets.
#[derive(Debug, Default)]
struct Resealed {
    done: u32,
    /// Rotated or removed in this moment.
    changed: u32,
    /// Neither key is theirs.
    unopened: Vec<Uuid>,
}

impl Webhooks {
    pub(super) async fn run(&self, config: &Config) -> anyhow::Result<()> {
        let Self::Reseal = self;
        let vault = Vault::start(config)?;
        let database = Database::open(&config.database, &config.data.directory).await?;
        let resealed = reseal(config, &database, &vault).await;
        database.close().await;
        let Resealed {
            done,
            changed,
            unopened,
        } = resealed?;
        print(&format!("{done} sealed anew"))?;
        if changed > 0 {
            bail!("{changed} changed meanwhile: run it once more");
        }
        match unopened.as_slice() {
            [] => Ok(()),
            [first, ..] => Err(anyhow!(
                "{} are sealed with a key that is neither of those configured, among them {first}",
                unopened.len()
            )),
        }
    }
}

/// A connection is held for a page only: requests write meanwhile.
async fn reseal(config: &Config, database: &Database, vault: &Vault) -> anyhow::Result<Resealed> {
    let (mut after, mut resealed) = (Uuid::nil(), Resealed::default());
    loop {
        let deadline = Deadline::after(config.server.request_timeout);
        let mut connection = database.write(deadline, &Meter::default()).await?;
        let page = sealed::page(&mut connection, after, PAGE).await?;
        let Some(last) = page.last() else {
            return Ok(resealed);
        };
        after = last.endpoint;
        for old in &page {
            resealed.add(&mut connection, vault, old).await?;
        }
    }
}

impl Resealed {
    async fn add(
        &mut self,
        connection: &mut Connection,
        vault: &Vault,
        old: &Sealed,
    ) -> Result<(), Error> {
        let Some(new) = anew(vault, old) else {
            self.unopened.push(old.endpoint);
            return Ok(());
        };
        if new != *old {
            match sealed::replace(connection, old, &new).await? {
                true => self.done += 1,
                false => self.changed += 1,
            }
        }
        Ok(())
    }
}

/// As the key seals it; none where neither opens it.
fn anew(vault: &Vault, old: &Sealed) -> Option<Sealed> {
    let with_key = |sealed: &Vec<u8>| {
        let anew = vault.reseal(old.endpoint, sealed).ok()?;
        Some(anew.unwrap_or_else(|| sealed.clone()))
    };
    Some(Sealed {
        endpoint: old.endpoint,
        secret: with_key(&old.secret)?,
        previous_secret: match &old.previous_secret {
            Some(sealed) => Some(with_key(sealed)?),
            None => None,
        },
    })
}
