//! Documents are embedded by a job, so that they are found by what they mean. It is added with the document, and
//! works on whatever version it finds: of one that was changed or deleted meanwhile nothing is kept.

mod chunks;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::{context::Context, retrieval::space, state::App};
use crate::{
    data::{
        blocking::{
            documents::{self, Document},
            vectors::{self, Chunk, Which},
        },
        connection::Connection,
    },
    edge::{deadline::Deadline, problem::Problem},
    jobs::{Done, Failure, Kind, Order, Work},
};

/// Texts that are embedded in one call: each may be 1,400 characters, and providers bound their sum.
const BATCH: usize = 64;

/// Documents that are enqueued in one transaction: few, so that no request waits long for the write lock.
const PAGE: u32 = 200;

/// A document that was just written comes before those that are embedded anew: it has a head start of an hour.
const WRITTEN: u8 = 60;
const AGAIN: u8 = 0;

/// Of two walks, the second is added only once the first is over.
const WALK: &str = "walk";

/// What the job is told that embeds one document.
#[derive(Debug, Serialize, Deserialize)]
pub struct Payload {
    document: Uuid,
}

/// What the job is told that walks through all documents. By the clock it is told nothing.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Walk {
    /// Documents that the configured model has embedded already, too.
    pub all: bool,
}

/// Has a new document embedded, in the transaction that adds it.
pub fn created(connection: &mut Connection, tenant: &str, document: Uuid) -> Result<(), Problem> {
    enqueue(connection, tenant, document, WRITTEN)
}

/// The same for a new version. What is there of the one before is not found any more: its owner may have had
/// reason to take it back.
pub fn replaced(connection: &mut Connection, tenant: &str, document: Uuid) -> Result<(), Problem> {
    vectors::remove(connection, tenant, document)?;
    enqueue(connection, tenant, document, WRITTEN)
}

fn enqueue(
    connection: &mut Connection,
    tenant: &str,
    document: Uuid,
    priority: u8,
) -> Result<(), Problem> {
    let (key, payload) = (vectors::job_key(document), Payload { document });
    let order = Order {
        priority,
        dedupe_key: Some(&key),
        ..Order::new(Kind::Embed, tenant, &payload)
    };
    order.ensure(connection).map(drop)
}

/// The job that embeds one document.
pub fn embed(work: &mut Work, payload: Payload) -> Result<Done, Failure> {
    let tenant = work.context().caller().tenant.clone();
    loop {
        let found = documents::find(&mut *work.context().read()?, &tenant, payload.document)?;
        let Some(document) = found else {
            return work.finish(|_| Ok(json!({ "chunks": 0 })));
        };
        let texts = texts(&document);
        let embeddings = embeddings(work, &document, &texts)?;
        let chunks = texts.into_iter().zip(embeddings);
        let chunks: Vec<Chunk<'_>> = chunks
            .map(|(text, embedding)| Chunk { text, embedding })
            .collect();
        if let Some(done) = store(work, &document, &chunks)? {
            return Ok(done);
        }
    }
}

/// A document without a text is found by its title.
fn texts(document: &Document) -> Vec<&str> {
    let chunks = chunks::chunks(&document.body);
    if chunks.is_empty() {
        vec![&document.title]
    } else {
        chunks
    }
}

/// Each text is embedded with the title, which often names what it is about.
fn embeddings(
    work: &mut Work,
    document: &Document,
    texts: &[&str],
) -> Result<Vec<Vec<f32>>, Failure> {
    let titled: Vec<String> = texts
        .iter()
        .map(|text| format!("{}\n\n{text}", document.title))
        .collect();
    let mut all = Vec::new();
    for batch in titled.chunks(BATCH) {
        let deadline = work.context().deadline();
        let external = work.context().external();
        all.extend(external.embed(batch, deadline)?.vectors);
    }
    Ok(all)
}

/// Ends the job with the document's chunks; none when the document was changed or deleted meanwhile.
fn store(
    work: &mut Work,
    document: &Document,
    chunks: &[Chunk<'_>],
) -> Result<Option<Done>, Failure> {
    let config = work.context().config().clone();
    let tenant = work.context().caller().tenant.clone();
    let version = (document.id, document.version);
    let mut is_current = true;
    let done = work.finish(|transaction| {
        is_current = vectors::store(transaction, &tenant, version, space(&config), chunks)?;
        if is_current {
            Ok(json!({ "chunks": chunks.len() }))
        } else {
            Err(Failure::Retry(
                "the document was changed meanwhile".to_owned(),
            ))
        }
    });
    match done {
        Err(_) if !is_current => Ok(None),
        done => done.map(Some),
    }
}

/// Has a walk made, or gives the one that is on its way.
pub fn walk(connection: &mut Connection, walk: Option<Walk>) -> Result<Uuid, Problem> {
    let order = Order {
        dedupe_key: Some(WALK),
        ..Order::new(Kind::Reembed, "", &walk)
    };
    order.enqueue(connection)
}

/// The job that walks through the documents of all tenants, and has those embedded that are not, or by another
/// model than the configured one.
pub fn reembed(work: &mut Work, walk: Option<Walk>) -> Result<Done, Failure> {
    let which = match walk {
        None => Which::Forgotten,
        Some(Walk { all: false }) => Which::Missing,
        Some(Walk { all: true }) => Which::All,
    };
    let config = work.context().config().clone();
    let space = space(&config);
    let count = vectors::count_wanting(&mut *work.context().read()?, space, which)?;
    let (mut after, mut found) = (Uuid::nil(), 0);
    loop {
        let mut connection = work.context().read()?;
        let page = vectors::wanting(&mut connection, space, which, after, PAGE)?;
        drop(connection);
        let Some(last) = page.last() else { break };
        after = last.document;
        let mut transaction = work.context().begin()?;
        for one in &page {
            enqueue(&mut transaction, &one.tenant, one.document, AGAIN)?;
        }
        transaction.commit()?;
        work.context().app().news.publish(Kind::Embed);
        found += page.len();
        work.progress(percent(found, count))?;
    }
    work.finish(|_| Ok(json!({ "documents": found })))
}

/// Documents may come and go meanwhile.
fn percent(done: usize, all: i64) -> u8 {
    let all = usize::try_from(all).unwrap_or_default().max(done).max(1);
    u8::try_from(done * 100 / all).unwrap_or(100)
}

/// What a worker does when it starts: the configured model may not be the one of before.
pub fn notice(app: App) {
    if let Err(problem) = look(&app) {
        let why = problem.detail.unwrap_or(problem.title);
        tracing::warn!(why, "what is embedded could not be looked at: {why}");
    }
}

fn look(app: &App) -> Result<(), Problem> {
    let deadline = Deadline::after(Duration::from_secs(20));
    let mut context = Context::of_job(app, "", Uuid::now_v7(), deadline);
    let space = space(&app.config);
    let mut connection = context.read()?;
    let first = vectors::wanting(&mut connection, space, Which::Forgotten, Uuid::nil(), 1)?;
    drop(connection);
    if first.is_empty() {
        return Ok(());
    }
    walk(&mut *context.write()?, None)?;
    app.news.publish(Kind::Reembed);
    tracing::warn!(
        model = space.model,
        dimensions = space.dimensions,
        "documents are not embedded by {}: until they are, they are not found by what they mean",
        space.model
    );
    Ok(())
}
