//! Each service here breaks one promise on purpose; the probe names that one, and no other.

use crate::{
    source::{change, only},
    variant::{Variant, breaks, tests_of},
    workshop::Concurrency::{PerCore, Threads},
};

mod p1 {
    use super::*;

    fn data_that_belongs_to_one_process() -> Variant {
        breaks(
            // A restart is another process too, so what P3, P4 and P5 say of a crash cannot hold either.
            &["P1", "P3", "P4", "P5"],
            "GET /v1/documents/",
            [change(
                "src/data/database.rs",
                "directory.join(FILE)",
                "directory.join(format!(\"{}-{FILE}\", std::process::id()))",
            )],
        )
    }

    fn a_tag_that_every_process_makes_differently() -> Variant {
        breaks(
            &["P1"],
            "two instances give different ETags",
            [change(
                "src/app/etag.rs",
                "format!(\"\\\"v{version}\\\"\")",
                "format!(\"\\\"v{version}-{}\\\"\", std::process::id())",
            )],
        )
    }

    tests_of![data_that_belongs_to_one_process, a_tag_that_every_process_makes_differently,];
}

mod p2 {
    use super::*;

    fn a_deadline_that_is_ignored() -> Variant {
        breaks(
            &["P2"],
            "X-Request-Timeout-Ms: 50",
            [change("src/edge/deadline.rs", "|asked| asked.min(longest)", "|_: Duration| longest")],
        )
    }

    fn a_body_that_may_trickle_for_ever() -> Variant {
        breaks(
            &["P2"],
            "a body that trickles in",
            [change(
                "src/edge/body.rs",
                "Instant::now() + bounds.time",
                "Instant::now() + bounds.time * 1000",
            )],
        )
    }

    fn headers_that_may_take_for_ever() -> Variant {
        breaks(
            &["P2"],
            "a connection whose headers never end is still open",
            [
                change(
                    "src/edge/server.rs",
                    "http1(bounds.idle).serve_connection",
                    "http1(bounds.idle * 1000).serve_connection",
                ),
                change(
                    "src/edge/server.rs",
                    "timeout(header_timeout, &mut connection)",
                    "timeout(header_timeout * 1000, &mut connection)",
                ),
            ],
        )
    }

    tests_of![a_deadline_that_is_ignored, a_body_that_may_trickle_for_ever, headers_that_may_take_for_ever,];
}

mod p3 {
    use super::*;

    fn a_claim_that_is_never_stored() -> Variant {
        breaks(
            // P1 has a key replayed by another instance, and P5 has one job a key: both need the claim as well.
            &["P1", "P3", "P5"],
            "again with the same key",
            [change(
                "src/app/idempotency.rs",
                "let Some(named) = key.0 else",
                "let Some(named) = key.0.filter(|_| false) else",
            )],
        )
    }

    fn another_body_under_a_used_key() -> Variant {
        breaks(
            &["P3"],
            "with the same key and another body",
            [change(
                "src/app/idempotency.rs",
                "if existing.fingerprint != fingerprint {",
                "if existing.fingerprint.is_empty() {",
            )],
        )
    }

    fn a_key_that_all_callers_share() -> Variant {
        breaks(
            &["P3"],
            "a key that another caller has used",
            [
                change("src/app/idempotency.rs", "&caller.tenant,", "\"\","),
                change("src/app/idempotency.rs", "&caller.subject,", "\"\","),
            ],
        )
    }

    tests_of![a_claim_that_is_never_stored, another_body_under_a_used_key, a_key_that_all_callers_share,];
}

mod p4 {
    use super::*;

    fn tokens_that_wait_for_the_last_one() -> Variant {
        breaks(
            &["P4"],
            "while the provider waits after its first token",
            [change(
                "src/app/answers/answer.rs",
                "while let Some(piece) = context.external().next(&mut completion).await? {",
                "let mut whole = String::new();
                while let Some(piece) = context.external().next(&mut completion).await? {
                    whole.push_str(&piece);
                }
                for piece in [whole] {",
            )],
        )
    }

    fn a_question_that_goes_on_without_its_client() -> Variant {
        breaks(
            &["P4"],
            "whose client left before the first token",
            [change(
                "src/edge/presence.rs",
                "let done = self.0.run_until_cancelled(work()).await;",
                "let done = Some(work().await);",
            )
            .on(
                Threads,
                "threads::until(&self.0, work).unwrap_or_else(|| Err(left()))",
                "work()",
            )],
        )
    }

    fn a_producer_that_is_never_taken_for_dead() -> Variant {
        breaks(
            &["P4"],
            "whose producer was killed",
            [change(
                "src/data/answers/row.rs",
                "self.lease_left.is_none_or(|left| left <= 0)",
                "self.lease_left.is_none()",
            )],
        )
    }

    tests_of![
        tokens_that_wait_for_the_last_one,
        a_question_that_goes_on_without_its_client,
        a_producer_that_is_never_taken_for_dead,
    ];
}

mod p5 {
    use super::*;

    fn a_job_that_never_ends() -> Variant {
        breaks(
            &["P5"],
            "expected \"succeeded\"",
            [change(
                "src/jobs/work.rs",
                "        transaction.commit().await?;\n        if is_told {",
                "        drop(transaction);\n        if self.attempt > 0 {
                    return Err(Failure::Permanent(\"lost\".to_owned()));\n        }\n        if is_told {",
            )],
        )
    }

    fn a_job_that_everybody_may_read() -> Variant {
        breaks(
            &["P5"],
            "by another tenant",
            [change(
                "src/data/jobs/desk.rs",
                "FROM jobs WHERE tenant = $1 AND id = $2\"",
                "FROM jobs WHERE $1 <> '' AND id = $2\"",
            )],
        )
    }

    fn jobs_that_die_with_their_worker() -> Variant {
        breaks(
            &["P5"],
            "after a kill -9",
            // Slow enough that some run when the process is killed, and nobody takes them over.
            [
                change(
                    "src/app/reports.rs",
                    "let mut report = Report {",
                    "tokio::time::sleep(std::time::Duration::from_secs(1)).await;\n    let mut report = Report {",
                )
                .on(
                    Threads,
                    "let mut report = Report {",
                    "crate::threads::sleep(std::time::Duration::from_secs(1));\n    let mut report = Report {",
                ),
                change(
                    "src/data/jobs.rs",
                    "WHERE state = 'running' AND lease_until <= ",
                    "WHERE state = 'lost' AND lease_until <= ",
                ),
            ],
        )
    }

    tests_of![a_job_that_never_ends, a_job_that_everybody_may_read, jobs_that_die_with_their_worker,];
}

mod p6 {
    use super::*;

    /// The context would not let it compile: somebody went past it.
    fn a_connection_that_is_held_while_the_model_thinks() -> Variant {
        breaks(
            &["P6"],
            "meanwhile GET",
            [change(
                "src/app/answers/answer.rs",
                "let begun = context.external().stream(&prompt).await;",
                "let meter = crate::data::meter::Meter::default();
                let _held = context.app().database.read(context.deadline(), &meter).await?;
                let begun = context.external().stream(&prompt).await;",
            )
            .on(
                Threads,
                "let begun = context.external().stream(&prompt);",
                "let meter = crate::data::meter::Meter::default();
                let held = context.app().database.read(context.deadline(), &meter);
                let _held = crate::threads::wait(held)?;
                let begun = context.external().stream(&prompt);",
            )],
        )
    }

    fn a_bulkhead_that_has_room_for_everybody() -> Variant {
        breaks(
            &["P6"],
            "24 reached the provider, expected 8",
            [change(
                "src/external/resilience/bulkhead.rs",
                "Semaphore::new(places as usize)",
                "Semaphore::new(places as usize * 100)",
            )],
        )
    }

    tests_of![a_connection_that_is_held_while_the_model_thinks, a_bulkhead_that_has_room_for_everybody,];
}

mod p7 {
    use super::*;

    fn retries_without_end() -> Variant {
        breaks(
            &["P7"],
            "while the provider answers 503: 20 requests made",
            [
                change(
                    "src/external/resilience/budget.rs",
                    "self.change(|left| left.checked_sub(WHOLE))",
                    "self.change(Some)",
                ),
                change(
                    "src/external/resilience/breaker.rs",
                    "const FAILURES: u32 = 5;",
                    "const FAILURES: u32 = 5_000;",
                ),
            ],
        )
    }

    fn a_silence_that_may_last() -> Variant {
        breaks(
            &["P7"],
            "whose provider falls silent after a token",
            [change("src/external/llm/completion.rs", "left.min(self.token_timeout)", "left")],
        )
    }

    fn a_wait_that_nobody_keeps() -> Variant {
        breaks(
            &["P7"],
            "whose provider says 429 with Retry-After: 600",
            [change(
                "src/external/resilience/retry_after.rs",
                "wait_at(headers, OffsetDateTime::now_utc())",
                "wait_at(headers, OffsetDateTime::now_utc()).filter(|_| false)",
            )],
        )
    }

    tests_of![retries_without_end, a_silence_that_may_last, a_wait_that_nobody_keeps,];
}

mod p8 {
    use super::*;

    fn a_limit_that_stops_nobody() -> Variant {
        breaks(
            &["P8"],
            "answers and no end, expected 429",
            [change(
                "src/data/spend.rs",
                "claim.limit.unwrap_or(i64::MAX)",
                "claim.limit.map_or(i64::MAX, |_| i64::MAX)",
            )],
        )
    }

    fn tokens_that_are_guessed() -> Variant {
        breaks(
            &["P8"],
            "expected the provider's input_tokens",
            [change("src/external/llm/completion.rs", ".succeed(reply.usage,", ".succeed(None,")],
        )
    }

    tests_of![a_limit_that_stops_nobody, tokens_that_are_guessed,];
}

mod p9 {
    use super::*;

    fn an_answer_that_everybody_may_read() -> Variant {
        breaks(
            &["P9"],
            "by another tenant's caller",
            [change(
                "src/data/answers.rs",
                "FROM answers WHERE tenant = $1 AND id = $2\"",
                "FROM answers WHERE $1 <> '' AND id = $2\"",
            )],
        )
    }

    /// The probe asks each question as a new caller, so that no cache has its answer: what it asks of one tenant after
    /// the other fails too.
    fn an_answer_that_every_tenant_is_given() -> Variant {
        breaks(
            &["P4", "P8", "P9"],
            "with a question that another tenant has asked: the provider was not asked",
            [
                change(
                    "src/data/answer_cache/key.rs",
                    "let scope = CacheKey::new(scope, \"answer\", &dimensions);",
                    "let _ = scope;\n        let scope = CacheKey::new(Scope::Public, \"answer\", &dimensions);",
                ),
                change(
                    "src/data/answer_cache/kept.rs",
                    "WHERE tenant = $1 AND scope = $2",
                    "WHERE $1 <> '' AND scope = $2",
                ),
            ],
        )
    }

    fn a_lookup_without_the_tenant() -> Variant {
        breaks(
            &["P9"],
            "by another tenant's caller",
            [change(
                "src/data/documents.rs",
                "FROM documents WHERE tenant = $1 AND id = $2\"",
                "FROM documents WHERE $1 <> '' AND id = $2\"",
            )],
        )
    }

    fn an_answer_that_a_shared_cache_may_keep() -> Variant {
        breaks(
            &["P9"],
            "expected no-store for an authenticated caller",
            [change(
                "src/edge/headers.rs",
                "HeaderValue::from_static(\"no-store\")",
                "HeaderValue::from_static(\"max-age=60\")",
            )],
        )
    }

    tests_of![
        an_answer_that_everybody_may_read,
        an_answer_that_every_tenant_is_given,
        a_lookup_without_the_tenant,
        an_answer_that_a_shared_cache_may_keep,
    ];
}

mod p10 {
    use super::*;

    fn telemetry_that_is_never_flushed() -> Variant {
        breaks(
            &["P10"],
            "spans are not flushed",
            [change(
                "src/cli.rs",
                "telemetry.shutdown(TELEMETRY_FLUSH).await;",
                "std::mem::forget(telemetry);",
            )],
        )
    }

    fn a_caller_whose_trace_is_ignored() -> Variant {
        breaks(
            &["P10"],
            "no span with the trace id of a request's traceparent",
            [change(
                "src/telemetry/propagation.rs",
                "span.set_parent(extract(headers)).ok();",
                "let _ = (span, headers);",
            )],
        )
    }

    fn a_token_that_is_logged_and_so_exported() -> Variant {
        breaks(
            &["P10", "P11"],
            "the caller's credential is in what was sent to /v1/logs",
            [change(
                "src/edge/observe.rs",
                "let observation = Observation::begin(&request);",
                "let observation = Observation::begin(&request);\n    tracing::info!(\"headers {:?}\", request.headers());",
            )],
        )
    }

    tests_of![
        telemetry_that_is_never_flushed,
        a_caller_whose_trace_is_ignored,
        a_token_that_is_logged_and_so_exported,
    ];
}

mod p11 {
    use super::*;

    fn a_token_that_never_expires() -> Variant {
        breaks(
            &["P11"],
            "a token of 1 s is still accepted",
            [change(
                "src/app/auth/claims.rs",
                "validation.validate_nbf = true;",
                "validation.validate_nbf = true;\n        validation.validate_exp = false;",
            )],
        )
    }

    fn a_token_for_anybody() -> Variant {
        breaks(
            &["P11"],
            "with a token for another audience",
            [change(
                "src/app/auth/claims.rs",
                "validation.set_audience(&[&self.audience]);",
                "validation.validate_aud = false;",
            )],
        )
    }

    fn a_header_that_is_missing() -> Variant {
        breaks(
            &["P11"],
            "there is no X-Content-Type-Options: nosniff",
            [change(
                "src/edge/headers.rs",
                "HeaderValue::from_static(\"nosniff\")",
                "HeaderValue::from_static(\"sniff\")",
            )],
        )
    }

    tests_of![a_token_that_never_expires, a_token_for_anybody, a_header_that_is_missing,];
}

mod p12 {
    use super::*;

    fn a_process_that_drains_and_says_that_it_is_ready() -> Variant {
        breaks(&["P12"], "GET /ready says 200", [change("src/serve.rs", "lifecycle.drain();", "")])
    }

    fn a_listener_that_closes_before_anybody_knows() -> Variant {
        breaks(
            &["P12"],
            "requests around SIGTERM failed",
            [change("src/serve.rs", "sleep(delay).await;", "let _ = delay;")],
        )
    }

    fn requests_that_are_cut_off() -> Variant {
        breaks(
            &["P12"],
            "that was under way at SIGTERM",
            // Neither the connection nor the task behind it is waited for, but for what needs no client to end.
            [
                change(
                    "src/edge/server.rs",
                    "timeout(self.limits.shutdown_grace, all)",
                    "timeout(self.limits.shutdown_grace.min(Duration::from_millis(100)), all)",
                ),
                change(
                    "src/serve.rs",
                    "app.lifecycle.finish(end).await",
                    "app.lifecycle.finish(end.min(Instant::now() + Duration::from_millis(100))).await",
                ),
                // Cores turn for as long as they are waited for here.
                only(
                    PerCore,
                    "src/edge/public.rs",
                    "let finished = lifecycle.finish(end).await;",
                    "let soon = Instant::now() + std::time::Duration::from_millis(100);
        let finished = lifecycle.finish(end.min(soon)).await;",
                ),
            ],
        )
    }

    fn a_variable_that_nobody_reads() -> Variant {
        breaks(
            &["P12"],
            "APP__SERVER__ADDRES is not named",
            [change(
                "src/config/environment.rs",
                "self.problems.push(value::unknown_variable(name, &known));",
                "let _ = value::unknown_variable(name, &known);",
            )],
        )
    }

    tests_of![
        a_process_that_drains_and_says_that_it_is_ready,
        a_listener_that_closes_before_anybody_knows,
        requests_that_are_cut_off,
        a_variable_that_nobody_reads,
    ];
}
