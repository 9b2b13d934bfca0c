//! An operation that asks a model, on instances behind a provider that the probe plays.

use std::{net::SocketAddr, time::Duration};

use super::{
    Finding,
    claims::Operation,
    client::{Request, Response},
    events::{Answer, Stream},
    expect,
    service::Launch,
    subject::{Caller, Instance, Subject},
    upstream::{Scene, Upstream},
};

/// How long what comes at once may take on a busy machine.
pub const SOON: Duration = Duration::from_secs(8);

pub struct Asking<'a> {
    pub upstream: Upstream,
    pub instance: Instance<'a>,
    pub operation: &'a Operation,
}

impl<'a> Asking<'a> {
    pub fn start(
        subject: &'a Subject<'a>,
        operation: &'a Operation,
        name: &str,
        variables: &[(&str, &str)],
    ) -> Finding<Self> {
        let (upstream, launch) = prepare(subject, name, variables)?;
        Self::behind(upstream, subject, operation, &launch)
    }

    pub fn behind(
        upstream: Upstream,
        subject: &'a Subject<'a>,
        operation: &'a Operation,
        launch: &Launch,
    ) -> Finding<Self> {
        Ok(Self { upstream, instance: subject.start(launch)?, operation })
    }

    pub fn address(&self) -> SocketAddr {
        self.instance.service.public
    }

    /// A request of somebody who has not asked before, so that nothing but the model can know the answer.
    pub fn question(&self) -> Finding<Request> {
        question(&self.instance, self.operation, Caller::stranger())
    }

    /// Asks for a whole answer.
    pub fn ask(&self) -> Finding<Response> {
        self.question()?.without("idempotency-key").send(self.address())
    }

    /// Asks for events.
    pub fn stream(&self) -> Finding<Stream> {
        let request = streamed(self.question()?).without("idempotency-key");
        Answer::to(&request, self.address())?.stream(&request.name())
    }
}

/// A provider, and the launch of a service that asks it.
pub fn prepare(subject: &Subject, name: &str, variables: &[(&str, &str)]) -> Finding<(Upstream, Launch)> {
    let upstream = Upstream::start(Scene::says(&["Yes."]))?;
    let launch = upstream.wire(subject, subject.launch(name)?);
    let launch = variables.iter().fold(launch, |launch, (name, value)| subject.set(launch, name, value));
    Ok((upstream, launch))
}

pub fn question(instance: &Instance, operation: &Operation, caller: Caller) -> Finding<Request> {
    instance.with_credential(caller, instance.example(operation)?)
}

pub fn streamed(request: Request) -> Request {
    request.header("accept", "text/event-stream")
}

/// The provider is not well: that is told with a status of its own, before anything else is said.
pub fn upstream_problem(what: &str, answer: &Response) -> Finding {
    expect::that((502..=504).contains(&answer.status), || {
        format!("{what}: saw {}, expected a problem of 502, 503 or 504", answer.summary())
    })?;
    expect::problem(what, answer, answer.status)
}
