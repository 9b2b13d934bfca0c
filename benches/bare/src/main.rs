//! What a service does, and nothing beside it: `bare ADDRESS DATABASE [PROVIDER]`. GET /v1/documents/{id} reads one row of
//! the database that a generated service made; POST /v1/answers passes the provider's events on as they come.

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Path, State},
    http::{StatusCode, header::CONTENT_TYPE},
    response::IntoResponse,
    routing::{get, post},
};
use serde::Serialize;
use sqlx::{
    Row as _, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions},
};
use uuid::Uuid;

#[derive(Clone)]
struct App {
    pool: SqlitePool,
    client: reqwest::Client,
    chat: String,
}

#[derive(Serialize)]
struct Document {
    id: Uuid,
    title: String,
    body: String,
    version: i64,
    created_at: i64,
    updated_at: i64,
}

async fn document(State(app): State<App>, Path(id): Path<Uuid>) -> Result<Json<Document>, StatusCode> {
    let row = sqlx::query(
        "SELECT id, title, body, version, created_at, updated_at FROM documents WHERE tenant = $1 AND id = $2",
    )
    .bind("bench")
    .bind(id)
    .fetch_optional(&app.pool)
    .await
    .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?
    .ok_or(StatusCode::NOT_FOUND)?;
    Ok(Json(Document {
        id: row.get("id"),
        title: row.get("title"),
        body: row.get("body"),
        version: row.get("version"),
        created_at: row.get("created_at"),
        updated_at: row.get("updated_at"),
    }))
}

async fn answer(State(app): State<App>, question: Bytes) -> Result<impl IntoResponse, StatusCode> {
    let request = app.client.post(&app.chat).header(CONTENT_TYPE, "application/json").body(question);
    let answer = request.send().await.map_err(|_| StatusCode::BAD_GATEWAY)?;
    Ok(([(CONTENT_TYPE, "text/event-stream")], Body::from_stream(answer.bytes_stream())))
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let (address, database) = (arguments.next().expect("ADDRESS"), arguments.next().expect("DATABASE"));
    let provider = arguments.next().unwrap_or_default();
    let options = SqliteConnectOptions::new().filename(database).journal_mode(SqliteJournalMode::Wal);
    let pool = SqlitePoolOptions::new().max_connections(8).connect_with(options).await.expect("a database");
    let app =
        App { pool, client: reqwest::Client::new(), chat: format!("http://{provider}/v1/chat/completions") };
    let router = Router::new().route("/v1/documents/{id}", get(document)).route("/v1/answers", post(answer));
    let listener = tokio::net::TcpListener::bind(address).await.expect("a port");
    axum::serve(listener, router.with_state(app)).await.expect("a server");
}
