//! What one request may use. A held connection and an open transaction borrow the context, and other
//! people's services are reached only through it, so nothing is held across a call to one: it does not
//! compile.
//!
//! ```compile_fail,E0499
//! # use service::{app::context::Context, edge::problem::Problem};
//! async fn handler(mut context: Context) -> Result<(), Problem> {
//!     let transaction = context.begin().await?;
//!     let http = context.external(); // the transaction still borrows the context
//!     transaction.commit().await?;
//!     Ok(())
//! }
//! ```
//!
//! ```compile_fail,E0499
//! # use service::{app::context::Context, edge::problem::Problem};
//! async fn handler(mut context: Context) -> Result<(), Problem> {
//!     let held = context.read().await?;
//!     let http = context.external(); // as does a connection, even one that is not used again
//!     Ok(())
//! }
//! ```
//!
//! ```
//! # use service::{app::context::Context, edge::problem::Problem};
//! async fn handler(mut context: Context) -> Result<(), Problem> {
//!     context.begin().await?.commit().await?;
//!     let http = context.external(); // nothing is held any more
//!     Ok(())
//! }
//! ```

use std::sync::Arc;

use axum::{extract::FromRequestParts, response::IntoResponse};
use http::{StatusCode, request::Parts};
use uuid::Uuid;

use super::{caller::Caller, state::App};
use crate::{
    config::Config,
    data::{
        cache::Cache,
        connection::{Held, Transaction},
        error::Error,
        meter::Meter,
    },
    edge::{deadline::Deadline, problem::Problem, request_id::RequestId},
    external::http::Http,
};

pub struct Context {
    app: App,
    caller: Caller,
    deadline: Deadline,
    request_id: RequestId,
    meter: Meter,
}

impl Context {
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    pub fn config(&self) -> &Config {
        &self.app.config
    }

    pub fn deadline(&self) -> Deadline {
        self.deadline
    }

    pub fn request_id(&self) -> &RequestId {
        &self.request_id
    }

    pub fn app(&self) -> &App {
        &self.app
    }

    pub fn cache(&self) -> Cache {
        self.app.cache.clone()
    }

    /// What a job's handler works with: its caller is the job's tenant, and may do nothing by itself.
    pub fn of_job(app: &App, tenant: &str, id: Uuid, deadline: Deadline) -> Self {
        let caller = Caller {
            subject: "job".to_owned(),
            tenant: tenant.to_owned(),
            scopes: Arc::default(),
        };
        Self {
            app: app.clone(),
            caller,
            deadline,
            request_id: RequestId(id.to_string()),
            meter: Meter::default(),
        }
    }

    /// The same with a deadline of its own, for an answer that outlives the request's.
    #[must_use]
    pub fn until(mut self, deadline: Deadline) -> Self {
        self.deadline = deadline;
        self
    }

    /// A connection that reads.
    pub async fn read(&mut self) -> Result<Held<'_>, Error> {
        let connection = self.app.database.read(self.deadline, &self.meter).await?;
        Ok(Held::new(connection, &mut self.meter))
    }

    /// A connection whose statements commit one by one.
    pub async fn write(&mut self) -> Result<Held<'_>, Error> {
        let connection = self.app.database.write(self.deadline, &self.meter).await?;
        Ok(Held::new(connection, &mut self.meter))
    }

    /// A transaction that writes.
    pub async fn begin(&mut self) -> Result<Transaction<'_>, Error> {
        let connection = self.app.database.begin(self.deadline, &self.meter).await?;
        Ok(Transaction::new(connection, &mut self.meter))
    }

    /// The way to other people's services.
    pub fn external(&mut self) -> External<'_> {
        External {
            http: &self.app.outward.0,
            deadline: self.deadline,
            _context: &mut self.meter,
        }
    }
}

/// The way out as the application keeps it. Only this file can look inside, so there is no other way than through a
/// context.
#[derive(Clone)]
pub struct Outward(Http);

impl Outward {
    pub fn new(http: Http) -> Self {
        Self(http)
    }
}

/// Clients of other people's services, for as long as nothing is held.
pub struct External<'context> {
    http: &'context Http,
    deadline: Deadline,
    _context: &'context mut Meter,
}

impl External<'_> {
    /// Sends a request within what is left of this one's deadline.
    pub async fn send(
        &self,
        request: reqwest::RequestBuilder,
    ) -> reqwest::Result<reqwest::Response> {
        self.http.send(request, self.deadline).await
    }

    pub fn client(&self) -> &reqwest::Client {
        self.http.client()
    }
}

impl FromRequestParts<App> for Context {
    type Rejection = axum::response::Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        let extensions = &parts.extensions;
        let known = (
            extensions.get::<Caller>().cloned(),
            extensions.get::<Deadline>().copied(),
            extensions.get::<RequestId>().cloned(),
            extensions.get::<Meter>().cloned(),
        );
        match known {
            (Some(caller), Some(deadline), Some(request_id), Some(meter)) => Ok(Self {
                app: app.clone(),
                caller,
                deadline,
                request_id,
                meter,
            }),
            // A public route has no caller, so its handler cannot have a context.
            _ => Err(Problem::new(StatusCode::UNAUTHORIZED, "unauthenticated").into_response()),
        }
    }
}
