//! The sample: documents that a tenant's callers create, read, list, replace and delete.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{
    body::{Body, Fields, FromFields},
    context::Context,
    etag::{self, ETag},
    idempotency::{self, Answer, Key},
    parameters::{Id, Query},
    state::App,
    time,
};
use crate::{
    data::documents::{self as rows, Document as Row},
    edge::problem::Problem,
};

const LONGEST_TITLE: usize = 200;
const LONGEST_BODY: usize = 100_000;
const LARGEST_PAGE: u32 = 250;
const USUAL_PAGE: u32 = 50;

/// A document to be.
#[derive(Debug, ToSchema)]
pub struct NewDocument {
    #[schema(min_length = 1, max_length = 200)]
    title: String,
    #[schema(max_length = 100_000)]
    body: String,
}

impl FromFields for NewDocument {
    fn from_fields(fields: &mut Fields) -> Self {
        Self {
            title: fields.text("title", 1, LONGEST_TITLE),
            body: fields.text("body", 0, LONGEST_BODY),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Document {
    id: Uuid,
    title: String,
    body: String,
    version: i64,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

impl From<Row> for Document {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            title: row.title,
            body: row.body,
            version: row.version,
            created_at: time::rfc3339(row.created_at),
            updated_at: time::rfc3339(row.updated_at),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Summary {
    id: Uuid,
    title: String,
    version: i64,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

impl From<rows::Summary> for Summary {
    fn from(row: rows::Summary) -> Self {
        Self {
            id: row.id,
            title: row.title,
            version: row.version,
            created_at: time::rfc3339(row.created_at),
            updated_at: time::rfc3339(row.updated_at),
        }
    }
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page {
    items: Vec<Summary>,
    /// Give it as `cursor` to get the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// How many items at most; 50 unless told.
    #[param(minimum = 1, maximum = 250)]
    limit: Option<u32>,
    /// The `next` of the page before.
    cursor: Option<String>,
}

/// Create a document
#[utoipa::path(
    post, path = "/v1/documents", tag = "documents",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes the request safe to send again for 24 hours")),
    request_body = NewDocument,
    responses(
        (status = 201, body = Document, headers(("Location"), ("ETag"))),
        (status = 409, body = Problem, description = "A request with this key is still running"),
        (status = 422, body = Problem, description = "Fields do not hold, or the key was used with another request"),
    ),
    security(("bearer" = ["documents:write"])),
    extensions(("x-formwork" = json!({
        "promises": ["P1", "P2", "P3", "P9"],
        "example": { "title": "Concrete", "body": "Sets in a form." },
        "variant": { "title": "Mortar", "body": "Sets between bricks." },
    }))),
)]
pub async fn create(
    mut context: Context,
    key: Key,
    body: Body<NewDocument>,
) -> Result<Response, Problem> {
    let tenant = context.caller().tenant.clone();
    let now = time::now();
    let NewDocument { title, body: text } = body.value;
    let row = Row {
        id: Uuid::now_v7(),
        title,
        body: text,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    idempotency::once(&mut context, key, body.fingerprint, async |transaction| {
        rows::insert(transaction, &tenant, &row).await?;
        let answer = Answer::json(StatusCode::CREATED, &Document::from(row.clone()))?
            .header(header::LOCATION, format!("/v1/documents/{}", row.id))
            .header(header::ETAG, ETag::of_version(row.version).text());
        Ok(answer)
    })
    .await
}

/// Read a document
#[utoipa::path(
    get, path = "/v1/documents/{id}", tag = "documents",
    params(("id" = Uuid, Path), ("If-None-Match" = Option<String>, Header)),
    responses(
        (status = 200, body = Document, headers(("ETag"))),
        (status = 304, description = "The client has this version"),
        (status = 404, body = Problem),
    ),
    security(("bearer" = ["documents:read"])),
)]
pub async fn get(
    mut context: Context,
    Id(id): Id,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let tenant = context.caller().tenant.clone();
    let row = rows::find(&mut *context.read().await?, &tenant, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    let tag = ETag::of_version(row.version);
    if tag.is_known_to(&headers) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag.header())]).into_response());
    }
    Ok(([(header::ETAG, tag.header())], Json(Document::from(row))).into_response())
}

/// List documents, oldest first
#[utoipa::path(
    get, path = "/v1/documents", tag = "documents",
    params(PageQuery),
    responses((status = 200, body = Page), (status = 400, body = Problem, description = "The cursor or the limit does not hold")),
    security(("bearer" = ["documents:read"])),
)]
pub async fn list(
    mut context: Context,
    State(app): State<App>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page>, Problem> {
    let limit = query.limit.unwrap_or(USUAL_PAGE);
    if !(1..=LARGEST_PAGE).contains(&limit) {
        return Err(Problem::bad_request(format!(
            "limit must be 1 to {LARGEST_PAGE}"
        )));
    }
    let caller = context.caller().clone();
    let after = match &query.cursor {
        Some(cursor) => app.cursors.read(cursor, &caller)?,
        None => Uuid::nil(),
    };
    // One more than asked for tells whether there is another page.
    let mut page = rows::page(
        &mut *context.read().await?,
        &caller.tenant,
        after,
        limit + 1,
    )
    .await?;
    let has_more = page.len() > limit as usize;
    page.truncate(limit as usize);
    let last = page.last().filter(|_| has_more);
    let next = last.map(|last| app.cursors.after(last.id, &caller));
    Ok(Json(Page {
        items: page.into_iter().map(Summary::from).collect(),
        next,
    }))
}

/// Replace a document
#[utoipa::path(
    put, path = "/v1/documents/{id}", tag = "documents",
    params(("id" = Uuid, Path), ("If-Match" = String, Header, description = "The ETag of the version to replace")),
    request_body = NewDocument,
    responses(
        (status = 200, body = Document, headers(("ETag"))),
        (status = 404, body = Problem),
        (status = 412, body = Problem, description = "It was changed meanwhile"),
        (status = 422, body = Problem),
        (status = 428, body = Problem, description = "If-Match is missing"),
    ),
    security(("bearer" = ["documents:write"])),
)]
pub async fn replace(
    mut context: Context,
    Id(id): Id,
    headers: HeaderMap,
    body: Body<NewDocument>,
) -> Result<Response, Problem> {
    let tenant = context.caller().tenant.clone();
    let mut transaction = context.begin().await?;
    let row = rows::find(&mut transaction, &tenant, id)
        .await?
        .ok_or_else(Problem::not_found)?;
    ETag::of_version(row.version).require_match(&headers)?;
    let NewDocument { title, body: text } = body.value;
    let row = Row {
        title,
        body: text,
        version: row.version + 1,
        updated_at: time::now(),
        ..row
    };
    if !rows::replace(&mut transaction, &tenant, &row).await? {
        return Err(etag::changed_meanwhile());
    }
    transaction.commit().await?;
    let tag = ETag::of_version(row.version);
    Ok(([(header::ETAG, tag.header())], Json(Document::from(row))).into_response())
}

/// Delete a document
#[utoipa::path(
    delete, path = "/v1/documents/{id}", tag = "documents",
    params(("id" = Uuid, Path), ("If-Match" = Option<String>, Header, description = "The ETag of the version that is meant; without it, any")),
    responses(
        (status = 204),
        (status = 404, body = Problem),
        (status = 412, body = Problem, description = "It was changed meanwhile"),
    ),
    security(("bearer" = ["documents:write"])),
)]
pub async fn remove(
    mut context: Context,
    Id(id): Id,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    let tenant = context.caller().tenant.clone();
    let mut transaction = context.begin().await?;
    if headers.contains_key(header::IF_MATCH) {
        let row = rows::find(&mut transaction, &tenant, id).await?;
        let row = row.ok_or_else(Problem::not_found)?;
        ETag::of_version(row.version).require_match(&headers)?;
    }
    if !rows::remove(&mut transaction, &tenant, id).await? {
        return Err(Problem::not_found());
    }
    transaction.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
