//! What callers spend on other people's services, as rows. Before a call the most that it can cost is reserved,
//! after it what it did cost is settled; a reservation whose process died counts no longer once its time is
//! over. Amounts are whole nano-dollars. A day begins and ends by the database's clock, in UTC.

use std::time::Duration;

use sqlx::{FromRow, Row as _};
use uuid::Uuid;

use super::{
    connection::{Connection, Transaction},
    database::Row,
    dialect::{now_ms, skip_locked},
    error::Error,
    millis,
};

macro_rules! day_ms {
    () => {
        "86400000"
    };
}

/// What is about to be spent, at most.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    pub tenant: &'a str,
    pub subject: &'a str,
    /// What it is spent for.
    pub route: &'a str,
    pub amount: i64,
    /// Of the caller for one day; none where it may spend without end.
    pub limit: Option<i64>,
    /// Longer than the call: what was not settled by then is taken for a dead process's.
    pub lifetime: Duration,
}

/// An amount that is set aside until it is settled or released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reservation(Uuid);

/// What became of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reserved {
    Granted(Reservation),
    /// It would pass the limit.
    Refused {
        /// Until the day is over.
        turns_in: Duration,
    },
}

/// What was spent.
#[derive(Clone, Copy, Debug)]
pub struct Settlement<'a> {
    pub amount: i64,
    pub model: &'a str,
    pub input_tokens: i64,
    pub output_tokens: i64,
    /// Of the input tokens, those that the provider had in a cache of its own.
    pub cached_input_tokens: i64,
    pub is_estimated: bool,
}

/// A caller's day so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Today {
    /// Since 1970.
    pub day: i64,
    pub settled: i64,
    pub reserved: i64,
}

/// What a caller settled on one day with one model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfModel {
    pub model: String,
    pub calls: i64,
    pub amount: i64,
    pub input_tokens: i64,
    pub output_tokens: i64,
    pub cached_input_tokens: i64,
}

impl FromRow<'_, Row> for Today {
    fn from_row(row: &Row) -> sqlx::Result<Self> {
        Ok(Self {
            day: row.try_get("day")?,
            settled: row.try_get("settled")?,
            reserved: row.try_get("reserved")?,
        })
    }
}

impl FromRow<'_, Row> for OfModel {
    fn from_row(row: &Row) -> sqlx::Result<Self> {
        Ok(Self {
            model: row.try_get("model")?,
            calls: row.try_get("calls")?,
            amount: row.try_get("amount")?,
            input_tokens: row.try_get("input_tokens")?,
            output_tokens: row.try_get("output_tokens")?,
            cached_input_tokens: row.try_get("cached_input_tokens")?,
        })
    }
}

/// Sets the amount aside if the caller's day has room for it. The first statement is the lock that lets only one
/// claim of a caller be decided at a time.
pub async fn reserve(
    transaction: &mut Transaction<'_>,
    claim: &Claim<'_>,
) -> Result<Reserved, Error> {
    let lock = sqlx::query_as(concat!(
        "INSERT INTO spend_days (tenant, subject, day, settled) VALUES ($1, $2, ",
        now_ms!(),
        " / ",
        day_ms!(),
        ", 0)
         ON CONFLICT (tenant, subject, day) DO UPDATE SET settled = spend_days.settled
         RETURNING day, (day + 1) * ",
        day_ms!(),
        " - ",
        now_ms!()
    ))
    .bind(claim.tenant)
    .bind(claim.subject);
    let (day, turns_in): (i64, i64) = transaction.one(lock).await?;
    let id = Uuid::now_v7();
    let statement = sqlx::query(concat!(
        "INSERT INTO spend (id, tenant, subject, route, amount, ends_at)
         SELECT $1, $2, $3, $4, $5, ",
        now_ms!(),
        " + $6
         WHERE $7 - $5 >= (SELECT settled FROM spend_days WHERE tenant = $2 AND subject = $3 AND day = $8)
            + (SELECT COALESCE(SUM(amount), 0) FROM spend
               WHERE tenant = $2 AND subject = $3 AND ends_at > ",
        now_ms!(),
        " AND NOT is_settled)"
    ))
    .bind(id)
    .bind(claim.tenant)
    .bind(claim.subject)
    .bind(claim.route)
    .bind(claim.amount)
    .bind(millis(claim.lifetime))
    .bind(claim.limit.unwrap_or(i64::MAX))
    .bind(day);
    if transaction.execute(statement).await? == 1 {
        return Ok(Reserved::Granted(Reservation(id)));
    }
    let turns_in = Duration::from_millis(u64::try_from(turns_in).unwrap_or_default());
    Ok(Reserved::Refused { turns_in })
}

/// Puts what was spent in the place of what was reserved; in between it would count as neither. It counts on the
/// day on which it is settled, also when the reservation's time is over. False where it has been settled or
/// released before.
pub async fn settle(
    transaction: &mut Transaction<'_>,
    reservation: Reservation,
    spent: &Settlement<'_>,
) -> Result<bool, Error> {
    let settle = sqlx::query_as(concat!(
        "UPDATE spend SET is_settled = TRUE, ends_at = ",
        now_ms!(),
        ", amount = $1, model = $2, input_tokens = $3, output_tokens = $4, cached_input_tokens = $5,
            is_estimated = $6
         WHERE id = $7 AND NOT is_settled
         RETURNING tenant, subject, ends_at / ",
        day_ms!()
    ))
    .bind(spent.amount)
    .bind(spent.model)
    .bind(spent.input_tokens)
    .bind(spent.output_tokens)
    .bind(spent.cached_input_tokens)
    .bind(spent.is_estimated)
    .bind(reservation.0);
    let settled: Option<(String, String, i64)> = transaction.optional(settle).await?;
    let Some((tenant, subject, day)) = settled else {
        return Ok(false);
    };
    let count = sqlx::query(
        "INSERT INTO spend_days (tenant, subject, day, settled) VALUES ($1, $2, $3, $4)
         ON CONFLICT (tenant, subject, day) DO UPDATE SET settled = spend_days.settled + excluded.settled",
    )
    .bind(tenant)
    .bind(subject)
    .bind(day)
    .bind(spent.amount);
    transaction.execute(count).await.map(|_| true)
}

/// Gives the amount back: nothing was spent. False where it has been settled or released before.
pub async fn release(connection: &mut Connection, reservation: Reservation) -> Result<bool, Error> {
    let statement =
        sqlx::query("DELETE FROM spend WHERE id = $1 AND NOT is_settled").bind(reservation.0);
    Ok(connection.execute(statement).await? == 1)
}

pub async fn today(
    connection: &mut Connection,
    tenant: &str,
    subject: &str,
) -> Result<Today, Error> {
    let statement = sqlx::query_as(concat!(
        "SELECT today.day,
            COALESCE((SELECT settled FROM spend_days
                WHERE tenant = $1 AND subject = $2 AND day = today.day), 0) AS settled,
            COALESCE((SELECT CAST(SUM(amount) AS BIGINT) FROM spend
                WHERE tenant = $1 AND subject = $2 AND ends_at > ",
        now_ms!(),
        " AND NOT is_settled), 0) AS reserved
         FROM (SELECT ",
        now_ms!(),
        " / ",
        day_ms!(),
        " AS day) AS today"
    ))
    .bind(tenant)
    .bind(subject);
    connection.one(statement).await
}

/// What the caller settled on this day, by model, the dearest first.
pub async fn by_model(
    connection: &mut Connection,
    tenant: &str,
    subject: &str,
    day: i64,
) -> Result<Vec<OfModel>, Error> {
    let statement = sqlx::query_as(concat!(
        "SELECT model, COUNT(*) AS calls, CAST(SUM(amount) AS BIGINT) AS amount,
            CAST(SUM(input_tokens) AS BIGINT) AS input_tokens,
            CAST(SUM(output_tokens) AS BIGINT) AS output_tokens,
            CAST(SUM(cached_input_tokens) AS BIGINT) AS cached_input_tokens
         FROM spend
         WHERE tenant = $1 AND subject = $2 AND ends_at >= $3 * ",
        day_ms!(),
        " AND ends_at < ($3 + 1) * ",
        day_ms!(),
        " AND is_settled GROUP BY model ORDER BY amount DESC, model"
    ))
    .bind(tenant)
    .bind(subject)
    .bind(day);
    connection.all(statement).await
}

/// Removes up to `limit` rows that ended longer ago than this, and says how many. A reservation that nobody
/// settled is one of them.
pub async fn purge(connection: &mut Connection, age: Duration, limit: u32) -> Result<u64, Error> {
    let statement = sqlx::query(concat!(
        "DELETE FROM spend WHERE id IN (SELECT id FROM spend WHERE ends_at <= ",
        now_ms!(),
        " - $1 LIMIT $2",
        skip_locked!(),
        ")"
    ))
    .bind(millis(age))
    .bind(i64::from(limit));
    connection.execute(statement).await
}

/// Removes the sums of days that were over longer ago than this, and says how many.
pub async fn purge_days(connection: &mut Connection, age: Duration) -> Result<u64, Error> {
    let statement = sqlx::query(concat!(
        "DELETE FROM spend_days WHERE (day + 1) * ",
        day_ms!(),
        " <= ",
        now_ms!(),
        " - $1"
    ))
    .bind(millis(age));
    connection.execute(statement).await
}
