//! Each service here breaks one promise on purpose; the probe names that one, and no other.

use formwork::check::report::CaseOutcome;

use crate::workshop::{ALL, Change, Workshop, reasons, with};

/// The service with these changes breaks exactly `expected`, and the reason has the words of `because`.
fn breaks(expected: &[&str], because: &str, changes: &[Change]) {
    let cases = Workshop::enter().probe(changes);
    let reasons = reasons(&cases);
    assert_eq!(with(CaseOutcome::Broken, &cases), expected, "{reasons}");
    let kept: Vec<&str> = ALL.into_iter().filter(|promise| !expected.contains(promise)).collect();
    assert_eq!(with(CaseOutcome::Kept, &cases), kept, "{reasons}");
    assert!(reasons.contains(because), "expected {because:?} in:\n{reasons}");
}

fn change(file: &'static str, from: &'static str, to: &'static str) -> Change {
    Change { file, from, to }
}

mod p1 {
    use super::*;

    #[test]
    fn data_that_belongs_to_one_process() {
        breaks(
            // A restart is another process too, so what P3, P4 and P5 say of a crash cannot hold either.
            &["P1", "P3", "P4", "P5"],
            "GET /v1/documents/",
            &[change(
                "src/data/database.rs",
                "directory.join(FILE)",
                "directory.join(format!(\"{}-{FILE}\", std::process::id()))",
            )],
        );
    }

    #[test]
    fn a_tag_that_every_process_makes_differently() {
        breaks(
            &["P1"],
            "two instances give different ETags",
            &[change(
                "src/app/etag.rs",
                "format!(\"\\\"v{version}\\\"\")",
                "format!(\"\\\"v{version}-{}\\\"\", std::process::id())",
            )],
        );
    }
}

mod p2 {
    use super::*;

    #[test]
    fn a_deadline_that_is_ignored() {
        breaks(
            &["P2"],
            "X-Request-Timeout-Ms: 50",
            &[change("src/edge/deadline.rs", "|asked| asked.min(longest)", "|_: Duration| longest")],
        );
    }

    #[test]
    fn a_body_that_may_trickle_for_ever() {
        breaks(
            &["P2"],
            "a body that trickles in",
            &[change(
                "src/edge/body.rs",
                "Instant::now() + bounds.time",
                "Instant::now() + bounds.time * 1000",
            )],
        );
    }

    #[test]
    fn headers_that_may_take_for_ever() {
        breaks(
            &["P2"],
            "a connection whose headers never end is still open",
            &[
                change(
                    "src/edge/server.rs",
                    "header_read_timeout(self.limits.header_timeout)",
                    "header_read_timeout(self.limits.header_timeout * 1000)",
                ),
                change(
                    "src/edge/server.rs",
                    "let header_timeout = self.limits.header_timeout;",
                    "let header_timeout = self.limits.header_timeout * 1000;",
                ),
            ],
        );
    }
}

mod p3 {
    use super::*;

    #[test]
    fn a_claim_that_is_never_stored() {
        breaks(
            // P1 has a key replayed by another instance, and P5 has one job a key: both need the claim as well.
            &["P1", "P3", "P5"],
            "again with the same key",
            &[change(
                "src/app/idempotency.rs",
                "let Some(named) = key.0 else",
                "let Some(named) = key.0.filter(|_| false) else",
            )],
        );
    }

    #[test]
    fn another_body_under_a_used_key() {
        breaks(
            &["P3"],
            "with the same key and another body",
            &[change(
                "src/app/idempotency.rs",
                "if existing.fingerprint != fingerprint {",
                "if existing.fingerprint.is_empty() {",
            )],
        );
    }

    #[test]
    fn a_key_that_all_callers_share() {
        breaks(
            &["P3"],
            "a key that another caller has used",
            &[
                change("src/app/idempotency.rs", "&caller.tenant,", "\"\","),
                change("src/app/idempotency.rs", "&caller.subject,", "\"\","),
            ],
        );
    }
}

mod p4 {
    use super::*;

    #[test]
    fn tokens_that_wait_for_the_last_one() {
        breaks(
            &["P4"],
            "while the provider waits after its first token",
            &[change(
                "src/app/answers/answer.rs",
                "while let Some(piece) = context.external().next(&mut completion).await? {",
                "let mut whole = String::new();
                while let Some(piece) = context.external().next(&mut completion).await? {
                    whole.push_str(&piece);
                }
                for piece in [whole] {",
            )],
        );
    }

    #[test]
    fn a_question_that_goes_on_without_its_client() {
        breaks(
            &["P4"],
            "whose client left before the first token",
            &[change(
                "src/edge/presence.rs",
                "let done = self.0.run_until_cancelled(work()).await;",
                "let done = Some(work().await);",
            )],
        );
    }

    #[test]
    fn a_producer_that_is_never_taken_for_dead() {
        breaks(
            &["P4"],
            "whose producer was killed",
            &[change(
                "src/data/answers/row.rs",
                "self.lease_left.is_none_or(|left| left <= 0)",
                "self.lease_left.is_none()",
            )],
        );
    }
}

mod p5 {
    use super::*;

    #[test]
    fn a_job_that_never_ends() {
        breaks(
            &["P5"],
            "expected \"succeeded\"",
            &[change(
                "src/jobs/work.rs",
                "        transaction.commit().await?;\n        if is_told {",
                "        drop(transaction);\n        if self.attempt > 0 {
                    return Err(Failure::Permanent(\"lost\".to_owned()));\n        }\n        if is_told {",
            )],
        );
    }

    #[test]
    fn a_job_that_everybody_may_read() {
        breaks(
            &["P5"],
            "by another tenant",
            &[change(
                "src/data/jobs/desk.rs",
                "FROM jobs WHERE tenant = $1 AND id = $2\"",
                "FROM jobs WHERE $1 <> '' AND id = $2\"",
            )],
        );
    }

    #[test]
    fn jobs_that_die_with_their_worker() {
        breaks(
            &["P5"],
            "after a kill -9",
            // Slow enough that some run when the process is killed, and nobody takes them over.
            &[
                change(
                    "src/app/reports.rs",
                    "let mut report = Report {",
                    "tokio::time::sleep(std::time::Duration::from_secs(1)).await;\n    let mut report = Report {",
                ),
                change(
                    "src/data/jobs.rs",
                    "WHERE state = 'running' AND lease_until <= ",
                    "WHERE state = 'lost' AND lease_until <= ",
                ),
            ],
        );
    }
}

mod p6 {
    use super::*;

    /// The context would not let it compile: somebody went past it.
    #[test]
    fn a_connection_that_is_held_while_the_model_thinks() {
        breaks(
            &["P6"],
            "meanwhile GET",
            &[change(
                "src/app/answers/answer.rs",
                "let begun = context.external().stream(prompt).await;",
                "let meter = crate::data::meter::Meter::default();
                let _held = context.app().database.read(context.deadline(), &meter).await?;
                let begun = context.external().stream(prompt).await;",
            )],
        );
    }

    #[test]
    fn a_bulkhead_that_has_room_for_everybody() {
        breaks(
            &["P6"],
            "24 reached the provider, expected 8",
            &[change(
                "src/external/resilience/bulkhead.rs",
                "Semaphore::new(places as usize)",
                "Semaphore::new(places as usize * 100)",
            )],
        );
    }
}

mod p7 {
    use super::*;

    #[test]
    fn retries_without_end() {
        breaks(
            &["P7"],
            "while the provider answers 503: 20 requests made",
            &[
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
        );
    }

    #[test]
    fn a_silence_that_may_last() {
        breaks(
            &["P7"],
            "whose provider falls silent after a token",
            &[change("src/external/llm/completion.rs", "left.min(self.token_timeout)", "left")],
        );
    }

    #[test]
    fn a_wait_that_nobody_keeps() {
        breaks(
            &["P7"],
            "whose provider says 429 with Retry-After: 600",
            &[change(
                "src/external/resilience/retry_after.rs",
                "wait_at(headers, OffsetDateTime::now_utc())",
                "wait_at(headers, OffsetDateTime::now_utc()).filter(|_| false)",
            )],
        );
    }
}

mod p8 {
    use super::*;

    #[test]
    fn a_limit_that_stops_nobody() {
        breaks(
            &["P8"],
            "answers and no end, expected 429",
            &[change(
                "src/data/spend.rs",
                "claim.limit.unwrap_or(i64::MAX)",
                "claim.limit.map_or(i64::MAX, |_| i64::MAX)",
            )],
        );
    }

    #[test]
    fn tokens_that_are_guessed() {
        breaks(
            &["P8"],
            "expected the provider's input_tokens",
            &[change("src/external/llm/completion.rs", ".succeed(reply.usage,", ".succeed(None,")],
        );
    }
}

mod p9 {
    use super::*;

    #[test]
    fn an_answer_that_everybody_may_read() {
        breaks(
            &["P9"],
            "by another tenant's caller",
            &[change(
                "src/data/answers.rs",
                "FROM answers WHERE tenant = $1 AND id = $2\"",
                "FROM answers WHERE $1 <> '' AND id = $2\"",
            )],
        );
    }

    #[test]
    fn a_lookup_without_the_tenant() {
        breaks(
            &["P9"],
            "by another tenant's caller",
            &[change(
                "src/data/documents.rs",
                "FROM documents WHERE tenant = $1 AND id = $2\"",
                "FROM documents WHERE $1 <> '' AND id = $2\"",
            )],
        );
    }

    #[test]
    fn an_answer_that_a_shared_cache_may_keep() {
        breaks(
            &["P9"],
            "expected no-store for an authenticated caller",
            &[change(
                "src/edge/headers.rs",
                "HeaderValue::from_static(\"no-store\")",
                "HeaderValue::from_static(\"max-age=60\")",
            )],
        );
    }
}

mod p10 {
    use super::*;

    #[test]
    fn telemetry_that_is_never_flushed() {
        breaks(
            &["P10"],
            "spans are not flushed",
            &[change(
                "src/cli.rs",
                "telemetry.shutdown(TELEMETRY_FLUSH).await;",
                "std::mem::forget(telemetry);",
            )],
        );
    }

    #[test]
    fn a_caller_whose_trace_is_ignored() {
        breaks(
            &["P10"],
            "no span with the trace id of a request's traceparent",
            &[change(
                "src/telemetry/propagation.rs",
                "span.set_parent(extract(headers)).ok();",
                "let _ = (span, headers);",
            )],
        );
    }

    #[test]
    fn a_token_that_is_logged_and_so_exported() {
        breaks(
            &["P10", "P11"],
            "the caller's credential is in what was sent to /v1/logs",
            &[change(
                "src/edge/observe.rs",
                "let observation = Observation::begin(&request);",
                "let observation = Observation::begin(&request);\n    tracing::info!(\"headers {:?}\", request.headers());",
            )],
        );
    }
}

mod p11 {
    use super::*;

    #[test]
    fn a_token_that_never_expires() {
        breaks(
            &["P11"],
            "a token of 1 s is still accepted",
            &[change(
                "src/app/auth/claims.rs",
                "validation.validate_nbf = true;",
                "validation.validate_nbf = true;\n        validation.validate_exp = false;",
            )],
        );
    }

    #[test]
    fn a_token_for_anybody() {
        breaks(
            &["P11"],
            "with a token for another audience",
            &[change(
                "src/app/auth/claims.rs",
                "validation.set_audience(&[&self.audience]);",
                "validation.validate_aud = false;",
            )],
        );
    }

    #[test]
    fn a_header_that_is_missing() {
        breaks(
            &["P11"],
            "there is no X-Content-Type-Options: nosniff",
            &[change(
                "src/edge/headers.rs",
                "HeaderValue::from_static(\"nosniff\")",
                "HeaderValue::from_static(\"sniff\")",
            )],
        );
    }
}

mod p12 {
    use super::*;

    #[test]
    fn a_process_that_drains_and_says_that_it_is_ready() {
        breaks(&["P12"], "GET /ready says 200", &[change("src/serve.rs", "lifecycle.drain();", "")]);
    }

    #[test]
    fn a_listener_that_closes_before_anybody_knows() {
        breaks(
            &["P12"],
            "requests around SIGTERM failed",
            &[change("src/serve.rs", "sleep(delay).await;", "let _ = delay;")],
        );
    }

    #[test]
    fn requests_that_are_cut_off() {
        breaks(
            &["P12"],
            "that was under way at SIGTERM",
            // Neither the connection nor the task behind it is waited for, but for what needs no client to end.
            &[
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
            ],
        );
    }

    #[test]
    fn a_variable_that_nobody_reads() {
        breaks(
            &["P12"],
            "APP__SERVER__ADDRES is not named",
            &[change(
                "src/config/environment.rs",
                "self.problems.push(value::unknown_variable(name, &known));",
                "let _ = value::unknown_variable(name, &known);",
            )],
        );
    }
}
