//! The job that delivers a message.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, header};
use serde_json::json;
use uuid::Uuid;

use super::{
    rest,
    signature::{self, SigningSecret},
};
use crate::{
    app::time,
    data::{
        jobs::rests,
        webhooks::{
            deliveries::{self, Due},
            endpoints::{self, Disabled},
        },
    },
    external::webhooks::{Answer, Error},
    jobs::{Done, Failure, Kind, Work},
};

/// How long a receiver may take; what takes longer belongs behind its answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// An endpoint that only fails for this long is disabled.
const FAILING: Duration = Duration::from_secs(5 * 24 * 3600);

const GONE: u16 = 410;

/// The job.
pub(in crate::jobs) async fn run(work: &mut Work) -> Result<Done, Failure> {
    let id = work.id();
    let tenant = work.context().caller().tenant.clone();
    let due = deliveries::due(&mut *work.context().read().await?, &tenant, id).await?;
    let Some(due) = due else {
        // The endpoint was removed meanwhile, and its deliveries with it.
        return work.finish(async |_| Ok(json!({ "status": null }))).await;
    };
    if let Some(disabled) = due.disabled {
        let error = format!("its endpoint is disabled: {}", disabled.reason());
        return Err(Failure::Permanent(error));
    }
    match deliver(work, &due).await? {
        Ok(answer) if (200..300).contains(&answer.status) => {
            work.finish(async |transaction| {
                let said = Some((answer.status, answer.body.as_str()));
                deliveries::answered(transaction, &tenant, id, said).await?;
                if endpoints::worked(transaction, &tenant, due.endpoint).await? {
                    rests::worked(transaction, Kind::Webhook.name(), due.endpoint).await?;
                }
                Ok(json!({ "status": answer.status }))
            })
            .await
        }
        outcome => Err(failed(work, &due, outcome).await?),
    }
}

/// One attempt, signed for this moment.
async fn deliver(work: &mut Work, due: &Due) -> Result<Result<Answer, Error>, Failure> {
    let id = work.id().to_string();
    let secrets = secrets(work, due)?;
    let timestamp = time::now() / 1_000_000;
    let signature = signature::sign(&secrets, &id, timestamp, &due.body);
    let headers = [
        (header::CONTENT_TYPE, "application/json".to_owned()),
        (signature::ID, id),
        (signature::TIMESTAMP, timestamp.to_string()),
        (signature::SIGNATURE, signature),
    ];
    let headers = headers
        .into_iter()
        .filter_map(|(name, value)| Some((name, HeaderValue::try_from(value).ok()?)));
    let headers = HeaderMap::from_iter(headers);
    let external = work.context().external();
    Ok(external
        .webhook(&due.url, headers, due.body.clone(), PATIENCE)
        .await)
}

/// Those that the receiver may know, the newest first.
fn secrets(work: &mut Work, due: &Due) -> Result<Vec<SigningSecret>, Failure> {
    let vault = &work.context().app().vault;
    let sealed = std::iter::once(&due.secret).chain(&due.previous_secret);
    let secrets = sealed.map(|sealed| vault.open(due.endpoint, sealed));
    secrets.collect::<Result<_, _>>().map_err(|_| {
        tracing::error!("a webhook endpoint's secret was sealed with another APP__WEBHOOKS__KEY");
        Failure::Retry("a fault of ours".to_owned())
    })
}

/// Writes down what came of the attempt, and says when the next one is due.
async fn failed(
    work: &mut Work,
    due: &Due,
    outcome: Result<Answer, Error>,
) -> Result<Failure, Failure> {
    let id = work.id();
    let tenant = work.context().caller().tenant.clone();
    let told = match &outcome {
        Ok(answer) => format!("it answered {}", answer.status),
        Err(error) => error.to_string(),
    };
    let answer = outcome.as_ref().ok();
    let said = answer.map(|answer| (answer.status, answer.body.as_str()));
    let is_gone = answer.is_some_and(|answer| answer.status == GONE);
    let asked = answer.and_then(|answer| answer.retry_after);
    let (kind, endpoint) = (Kind::Webhook.name(), due.endpoint);
    let disabled = work
        .record(async |transaction| {
            deliveries::answered(transaction, &tenant, id, said).await?;
            let failures = rests::failed(transaction, kind, endpoint).await?;
            rests::begin(transaction, kind, endpoint, rest::after(failures, asked)).await?;
            Ok(endpoints::failed(transaction, &tenant, endpoint, is_gone, FAILING).await?)
        })
        .await?;
    if let Some(disabled) = disabled {
        return Ok(given_up(due.endpoint, disabled, told));
    }
    let wait = Kind::Webhook.backoff().after(work.attempt());
    // Asked for less, it still waits as long as its schedule says: attempts are few.
    let wait = wait.max(asked.unwrap_or_default());
    Ok(Failure::RetryAfter(wait, told))
}

fn given_up(endpoint: Uuid, disabled: Disabled, told: String) -> Failure {
    let reason = disabled.reason();
    tracing::warn!(%endpoint, reason, "a webhook endpoint is disabled: {reason}");
    Failure::Permanent(told)
}
