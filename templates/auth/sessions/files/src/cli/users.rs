//! What an operator does to those who may log in. A change ends the user's sessions, everywhere.

use std::{
    fs,
    io::{self, stdin},
    path::PathBuf,
};

use anyhow::{Context as _, bail, ensure};
use clap::{Args, Subcommand, builder::NonEmptyStringValueParser};
use uuid::Uuid;

use super::print;
use crate::{
    app::{
        auth::{Authenticator, DEFAULT_SCOPES, password},
        session::LONGEST_NAME,
        time::rfc3339_of_millis,
    },
    config::{Config, Secret},
    data::{
        connection::Connection,
        database::Database,
        error::Error,
        meter::Meter,
        users::{self as rows, NewUser, User},
    },
    edge::deadline::Deadline,
};

/// Users that are read at once.
const PAGE: u32 = 200;

#[derive(Debug, Subcommand)]
pub(super) enum Users {
    /// Add a user; the password is read from standard input
    Add {
        name: String,
        /// Whose data it sees; nobody is given somebody else's by leaving it out
        #[arg(long, value_parser = NonEmptyStringValueParser::new())]
        tenant: String,
        /// What it may do, separated by spaces
        #[arg(long, default_value = DEFAULT_SCOPES)]
        scope: String,
        #[command(flatten)]
        password: Password,
    },
    /// Give a user another password
    SetPassword {
        name: String,
        #[command(flatten)]
        password: Password,
    },
    /// Say what a user may do, in place of what it may now
    SetScope {
        name: String,
        /// Separated by spaces
        scope: String,
    },
    /// Let a user log in no more
    Disable { name: String },
    /// Let a user log in again
    Enable { name: String },
    /// List all users
    List,
}

#[derive(Debug, Args)]
pub(super) struct Password {
    /// Read it from this file, and not from standard input; a newline at the end is none of it
    #[arg(long)]
    password_file: Option<PathBuf>,
}

impl Users {
    pub(super) async fn run(&self, config: &Config) -> anyhow::Result<()> {
        let database = Database::open(&config.database, &config.data.directory).await?;
        let done = self.act(config, &database).await;
        database.close().await;
        done
    }

    async fn act(&self, config: &Config, database: &Database) -> anyhow::Result<()> {
        let desk = Desk { config, database };
        match self {
            Self::Add {
                name,
                tenant,
                scope,
                password,
            } => desk.add(name, tenant, scope, password).await,
            Self::SetPassword { name, password } => {
                let hash = password.hash()?;
                let set = async |connection: &mut Connection, user: &User| {
                    rows::set_password(connection, user, &hash).await
                };
                let user = desk.change(name, set).await?;
                desk.forget_attempts(&user).await
            }
            Self::SetScope { name, scope } => {
                let scope = known(scope)?;
                let set = async |connection: &mut Connection, user: &User| {
                    rows::set_scopes(connection, user, &scope).await
                };
                desk.change(name, set).await.map(drop)
            }
            Self::Disable { name } => desk.change(name, rows::disable).await.map(drop),
            Self::Enable { name } => {
                let user = desk.change(name, rows::enable).await?;
                desk.forget_attempts(&user).await
            }
            Self::List => desk.list().await,
        }
    }
}

struct Desk<'a> {
    config: &'a Config,
    database: &'a Database,
}

impl Desk<'_> {
    async fn connection(&self) -> Result<Connection, Error> {
        let deadline = Deadline::after(self.config.server.request_timeout);
        self.database.write(deadline, &Meter::default()).await
    }

    async fn add(
        &self,
        name: &str,
        tenant: &str,
        scope: &str,
        password: &Password,
    ) -> anyhow::Result<()> {
        let name = name.to_lowercase();
        let length = name.chars().count();
        ensure!(
            (1..=LONGEST_NAME).contains(&length) && !name.contains(char::is_control),
            "a name has 1 to {LONGEST_NAME} characters"
        );
        let user = NewUser {
            id: Uuid::now_v7(),
            name: &name,
            tenant,
            scopes: &known(scope)?,
            password: &password.hash()?,
        };
        let mut connection = self.connection().await?;
        ensure!(
            rows::insert(&mut connection, &user).await?,
            "there is a user {name} already"
        );
        print(&format!("{name} may log in, as {}", user.id))
    }

    /// Changes the row first and ends the sessions then: a login in between is refused by the one or ended by the other.
    async fn change(
        &self,
        name: &str,
        change: impl AsyncFnOnce(&mut Connection, &User) -> Result<bool, Error>,
    ) -> anyhow::Result<User> {
        let name = name.to_lowercase();
        let mut connection = self.connection().await?;
        let user = rows::find_by_name(&mut connection, &name).await?;
        let user = user.with_context(|| format!("there is no user {name}"))?;
        if !change(&mut connection, &user).await? {
            bail!("{name} was changed by somebody else at the same time: run it once more");
        }
        drop(connection);
        let authenticator = Authenticator::for_nobody(self.config);
        let ended = authenticator.end_all(user.id).await;
        ended.with_context(|| {
            format!(
                "{name} is changed, but Redis (APP__CACHE__URL) did not end the sessions that are there: \
                 run it once more"
            )
        })?;
        print(&format!("{name} is changed, and has no session any more"))?;
        Ok(user)
    }

    /// Whoever is let in again is not kept out by those who tried before.
    async fn forget_attempts(&self, user: &User) -> anyhow::Result<()> {
        let name = &user.name;
        let authenticator = Authenticator::for_nobody(self.config);
        let forgotten = authenticator.forget_all_attempts(name, user.id).await;
        forgotten.with_context(|| {
            format!(
                "Redis (APP__CACHE__URL) still counts who tried to log in as {name} before: run it once more"
            )
        })
    }

    async fn list(&self) -> anyhow::Result<()> {
        let mut connection = self.connection().await?;
        let mut after = String::new();
        loop {
            let page = rows::page(&mut connection, &after, PAGE).await?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after.clone_from(&last.name);
            for user in &page {
                print(&line(user))?;
            }
        }
    }
}

impl Password {
    fn hash(&self) -> anyhow::Result<Secret> {
        let text = match &self.password_file {
            Some(path) => fs::read_to_string(path)
                .with_context(|| format!("the password in {}", path.display()))?,
            None => io::read_to_string(stdin()).context("the password on standard input")?,
        };
        let text = text.trim_end_matches(['\r', '\n']);
        let length = text.chars().count();
        ensure!(
            (password::SHORTEST..=password::LONGEST).contains(&length),
            "a password has {} to {} characters, this one {length}",
            password::SHORTEST,
            password::LONGEST
        );
        password::hash(text)
    }
}

/// The scopes, each of which somebody asks for: a misspelt one would be missed where it is needed.
fn known(scope: &str) -> anyhow::Result<String> {
    let scopes: Vec<&str> = scope.split_whitespace().collect();
    let all = DEFAULT_SCOPES.split(' ');
    for scope in &scopes {
        ensure!(
            all.clone().any(|known| known == *scope),
            "there is no scope {scope}: expected some of {DEFAULT_SCOPES}"
        );
    }
    Ok(scopes.join(" "))
}

fn line(user: &User) -> String {
    let User {
        id,
        name,
        tenant,
        scopes,
        ..
    } = user;
    let created = rfc3339_of_millis(user.created_at);
    let state = match user.disabled_at {
        Some(at) => format!("disabled {}", rfc3339_of_millis(at)),
        None => "enabled".to_owned(),
    };
    format!("{id}  {name}  {tenant}  {created}  {state}  {scopes}")
}
