//! Whether a request's client is still there. A change goes on when its client leaves; work that nobody wants any
//! more then, and that costs money until it ends, runs in `while_there`.

use axum::{
    extract::{FromRequestParts, Request},
    response::{IntoResponse, Response},
};
use http::{StatusCode, request::Parts};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::problem::Problem;
use crate::threads;

#[derive(Clone, Debug)]
pub struct Presence(CancellationToken);

impl Presence {
    /// Lets the handler of `request` know its client's presence, which ends when the guard is dropped.
    pub(super) fn watch(mut request: Request) -> (Request, DropGuard) {
        let left = CancellationToken::new();
        request.extensions_mut().insert(Self(left.clone()));
        (request, left.drop_guard())
    }

    /// Does the work, which is stopped at its next wait once the client has left. Nobody reads the problem that this is
    /// then.
    pub fn while_there<T>(&self, work: impl FnOnce() -> Result<T, Problem>) -> Result<T, Problem> {
        threads::until(&self.0, work).unwrap_or_else(|| Err(left()))
    }
}

fn left() -> Problem {
    Problem::new(StatusCode::REQUEST_TIMEOUT, "client-left")
}

impl<S: Send + Sync> FromRequestParts<S> for Presence {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let presence = parts.extensions.get::<Self>().cloned();
        presence.ok_or_else(|| Problem::internal(&"a request without a presence").into_response())
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;
    use crate::threads::{on_a_thread, wait};

    #[tokio::test]
    async fn work_ends_when_its_client_leaves() {
        let left = CancellationToken::new();
        let (presence, guard) = (Presence(left.clone()), left.drop_guard());
        let given_up = on_a_thread(move || {
            let done = presence.while_there(|| Ok(1));
            assert!(matches!(done, Ok(1)));
            drop(guard);
            presence.while_there(|| {
                wait(pending::<()>());
                Ok(())
            })
        });
        assert!(given_up.await.is_err());
    }
}
