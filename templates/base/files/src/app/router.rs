//! Every endpoint. Who may call it stands in its OpenAPI operation; one that says nothing is refused.

use axum::{Router, middleware::from_fn_with_state, routing::get};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{access, documents, jobs, openapi, reports, start_page, state::App, usage};
use crate::{config::Stage, edge::layers};

/// To remove the sample, delete its lines here, its files in `app/` and `data/`, and its tests.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(openapi::frame())
        .routes(routes!(documents::create, documents::list))
        .routes(routes!(
            documents::get,
            documents::replace,
            documents::remove
        ))
        .routes(routes!(usage::get))
        .routes(routes!(reports::create))
        .routes(routes!(jobs::get, jobs::cancel))
        .routes(routes!(jobs::watch))
}

/// The application behind its edge.
pub fn router(app: &App) -> Router {
    let (router, document) = routes().split_for_parts();
    let policy = access::Policy::of(&document);
    let router = router.route_layer(from_fn_with_state(policy, access::authorize));
    let router = match app.config.stage {
        Stage::Development => router.route("/", get(start_page::show)),
        Stage::Production => router,
    };
    let router = router
        .fallback(layers::not_found)
        .method_not_allowed_fallback(layers::method_not_allowed)
        .with_state(app.clone());
    layers::around(router, app)
}
