//! How much alike two documents are: the sample of work that computes for long.

use std::collections::HashSet;

use axum::Json;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{
    context::Context,
    parameters::{Id, Query},
};
use crate::{
    data::{connection::Connection, documents as rows},
    edge::{deadline::Deadline, problem::Problem},
};

/// So much is compared between two looks at the clock.
const STEP: usize = 1_000;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LikenessQuery {
    /// The other document.
    to: Uuid,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Likeness {
    /// 0 where they have nothing in common, 1 where they say the same in the same words.
    likeness: f64,
}

/// Compare two documents
///
/// The share of three characters in a row that both have, small and capital letters alike: what was copied and changed
/// a little is near 1.
#[utoipa::path(
    get, path = "/v1/documents/{id}/likeness", tag = "documents",
    params(("id" = Uuid, Path), LikenessQuery),
    responses(
        (status = 200, body = Likeness),
        (status = 400, body = Problem, description = "The other document is not named"),
        (status = 404, body = Problem),
        (status = 503, body = Problem, description = "Too much is computed already", headers(("Retry-After"))),
    ),
    security(("bearer" = ["documents:read"])),
)]
pub async fn get(
    mut context: Context,
    Id(id): Id,
    Query(query): Query<LikenessQuery>,
) -> Result<Json<Likeness>, Problem> {
    let tenant = context.caller().tenant.clone();
    let mut connection = context.read().await?;
    let one = text(&mut connection, &tenant, id).await?;
    let other = text(&mut connection, &tenant, query.to).await?;
    drop(connection);
    let deadline = context.deadline();
    let likeness = context
        .compute(move || likeness(&one, &other, deadline))
        .await??;
    Ok(Json(Likeness { likeness }))
}

async fn text(connection: &mut Connection, tenant: &str, id: Uuid) -> Result<String, Problem> {
    let row = rows::find(connection, tenant, id).await?;
    let row = row.ok_or_else(Problem::not_found)?;
    Ok(format!("\n{}\n{}\n", row.title, row.body))
}

/// Jaccard's index of their shingles.
fn likeness(one: &str, other: &str, deadline: Deadline) -> Result<f64, Problem> {
    let (one, other) = (shingles(one, deadline)?, shingles(other, deadline)?);
    let common = one.intersection(&other).count();
    let all = one.len() + other.len() - common;
    Ok(common as f64 / all.max(1) as f64)
}

/// Three characters in a row, each such row once. Nobody stops what computes, so it looks at the clock by itself.
fn shingles(text: &str, deadline: Deadline) -> Result<HashSet<[char; 3]>, Problem> {
    let characters: Vec<char> = text.chars().flat_map(char::to_lowercase).collect();
    let mut shingles = HashSet::new();
    for (number, row) in characters.windows(3).enumerate() {
        if number % STEP == 0 && deadline.has_passed() {
            return Err(Problem::deadline());
        }
        shingles.insert([row[0], row[1], row[2]]);
    }
    Ok(shingles)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn of(one: &str, other: &str) -> f64 {
        let deadline = Deadline::after(Duration::from_secs(60));
        likeness(one, other, deadline).expect("in time")
    }

    #[test]
    fn it_is_the_share_of_what_both_have() {
        assert_eq!(of("abcd", "ABCD"), 1.0);
        assert_eq!(of("abcd", "efgh"), 0.0);
        // abc, bcd of abc, bcd, cde.
        assert_eq!(of("abcd", "abcde"), 2.0 / 3.0);
        assert_eq!(of("abcabc", "abc"), 1.0 / 3.0);
        assert_eq!(of("", ""), 0.0);
    }

    #[test]
    fn the_order_of_the_two_is_the_same() {
        assert_eq!(
            of("concrete sets", "mortar sets"),
            of("mortar sets", "concrete sets")
        );
    }

    #[test]
    fn it_ends_at_the_deadline() {
        let passed = Deadline::after(Duration::ZERO);
        let refused = likeness("abcd", "abcd", passed).expect_err("late");
        assert_eq!(refused.status, 504);
    }
}
