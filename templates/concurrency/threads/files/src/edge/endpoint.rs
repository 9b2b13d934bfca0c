//! How endpoints are mounted. A handler is a plain `fn`: what it takes is extracted by the edge, which may wait for a
//! body as long as it comes; then the handler runs on a thread of its request's class.

use std::{panic::resume_unwind, pin::Pin};

use axum::{
    extract::{FromRequest, FromRequestParts, Request},
    handler::Handler,
    response::{IntoResponse, Response},
    routing::MethodRouter,
};

use super::{
    overload::{Place, RETRY_AFTER},
    problem::Problem,
};
use crate::{app::state::App, telemetry::metrics, threads::Broken};

/// Routes a handler that answers `GET`.
pub fn get<T, F>(handler: F) -> MethodRouter<App>
where
    T: 'static,
    OnThread<F>: Handler<T, App>,
{
    axum::routing::get(on_a_thread(handler))
}

/// Makes a handler of a function that may block.
pub fn on_a_thread<F>(handler: F) -> OnThread<F> {
    OnThread(handler)
}

/// As `utoipa_axum::routes`, for handlers that may block: what an `OpenApiRouter` takes.
macro_rules! routes {
    ($($handler:path),+ $(,)?) => {{
        use ::utoipa_axum::PathItemExt as _;

        let mut schemas = Vec::new();
        let mut paths = ::utoipa::openapi::path::Paths::new();
        let mut methods = ::axum::routing::MethodRouter::new();
        $(
            let (path, item, types) =
                ::utoipa_axum::routes!(@resolve_types $handler : schemas);
            for of_type in &types {
                let handler = $crate::edge::endpoint::on_a_thread($handler);
                methods = methods.on(of_type.to_method_filter(), handler);
            }
            paths.add_path_operation(&path, types, item);
        )+
        (schemas, paths, methods)
    }};
}

pub(crate) use routes;

/// A handler that runs on a thread.
#[derive(Clone, Copy, Debug)]
pub struct OnThread<F>(F);

type Answer = Pin<Box<dyn Future<Output = Response> + Send>>;

/// For as many parameters, the last of which may take the body.
macro_rules! handler {
    ($($part:ident)* ; $last:ident) => {
        #[expect(non_snake_case, reason = "a value is named as its type")]
        impl<F, Kind, Res, $($part,)* $last> Handler<(Kind, Res, $($part,)* $last,), App>
            for OnThread<F>
        where
            F: FnOnce($($part,)* $last) -> Res + Clone + Send + Sync + 'static,
            Res: IntoResponse,
            $($part: FromRequestParts<App> + Send + 'static,)*
            $last: FromRequest<App, Kind> + Send + 'static,
        {
            type Future = Answer;

            fn call(self, request: Request, app: App) -> Answer {
                Box::pin(async move {
                    let (mut parts, body) = request.into_parts();
                    let place = parts.extensions.remove::<Place>();
                    $(
                        let $part = match $part::from_request_parts(&mut parts, &app).await {
                            Ok(part) => part,
                            Err(refusal) => return refusal.into_response(),
                        };
                    )*
                    let request = Request::from_parts(parts, body);
                    let $last = match $last::from_request(request, &app).await {
                        Ok(last) => last,
                        Err(refusal) => return refusal.into_response(),
                    };
                    let handler = self.0;
                    run(place, move || handler($($part,)* $last).into_response()).await
                })
            }
        }
    };
}

handler!(; A);
handler!(A; B);
handler!(A B; C);
handler!(A B C; D);
handler!(A B C D; E);
handler!(A B C D E; G);

/// For a handler that takes nothing.
impl<F, Res> Handler<((), Res), App> for OnThread<F>
where
    F: FnOnce() -> Res + Clone + Send + Sync + 'static,
    Res: IntoResponse,
{
    type Future = Answer;

    fn call(self, mut request: Request, _: App) -> Answer {
        let place = request.extensions_mut().remove();
        Box::pin(run(place, move || self.0().into_response()))
    }
}

async fn run(
    place: Option<Place>,
    handler: impl FnOnce() -> Response + Send + 'static,
) -> Response {
    let Some(Place(place)) = place else {
        return Problem::internal(&"a request without a place").into_response();
    };
    match place.begin(handler).await {
        Ok(answer) => answer,
        // As if it had been here: the layer that contains panics answers.
        Err(Broken::Panicked(payload)) => resume_unwind(payload),
        Err(Broken::NoThread(error)) => {
            tracing::error!(%error, "no thread could be made: {error}");
            metrics::shed("thread");
            Problem::overloaded("overloaded", RETRY_AFTER).into_response()
        }
        Err(Broken::Stopped) => Problem::deadline().into_response(),
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn functions_of_several_parameters_are_handlers() {
        fn is_handler<T>(_: impl Handler<T, App>) {}

        is_handler(on_a_thread(|| thread::sleep(std::time::Duration::ZERO)));
        is_handler(on_a_thread(|_: http::HeaderMap| "answer"));
        is_handler(on_a_thread(|_: http::Method, _: http::Uri, _: String| {
            Err::<(), _>(Problem::not_found())
        }));
    }
}
