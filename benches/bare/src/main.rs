//! GET /v1/documents/{id} on the database that a generated service made: `bare ADDRESS DATABASE`.

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::get,
};
use serde::Serialize;
use sqlx::{Row as _, SqlitePool, sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions}};
use uuid::Uuid;

#[derive(Serialize)]
struct Document {
    id: Uuid,
    title: String,
    body: String,
    version: i64,
    created_at: i64,
    updated_at: i64,
}

async fn document(State(pool): State<SqlitePool>, Path(id): Path<Uuid>) -> Result<Json<Document>, StatusCode> {
    let row = sqlx::query(
        "SELECT id, title, body, version, created_at, updated_at FROM documents WHERE tenant = $1 AND id = $2",
    )
    .bind("bench")
    .bind(id)
    .fetch_optional(&pool)
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

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let (address, database) = (arguments.next().expect("ADDRESS"), arguments.next().expect("DATABASE"));
    let options = SqliteConnectOptions::new().filename(database).journal_mode(SqliteJournalMode::Wal);
    let pool = SqlitePoolOptions::new().max_connections(8).connect_with(options).await.expect("a database");
    let router = Router::new().route("/v1/documents/{id}", get(document)).with_state(pool);
    let listener = tokio::net::TcpListener::bind(address).await.expect("a port");
    axum::serve(listener, router).await.expect("a server");
}
