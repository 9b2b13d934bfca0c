//! What is asked of others has what is left of the deadline, and they are told.

use std::net::SocketAddr;

use axum::{
    Router,
    extract::{Request, State},
    routing,
};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::SdkTracerProvider;
use reqwest::{Method, StatusCode};
use service::{
    app::{context::Context, state::App},
    edge::{endpoint::on_a_thread, problem::Problem},
};
use tokio::{io::AsyncReadExt as _, net::TcpListener, sync::mpsc, time::timeout};
use tracing_subscriber::{Registry, layer::SubscriberExt as _};

use super::{PATIENCE, ask_within};
use crate::support::{Server, client::problem};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

/// A route that asks somebody else.
fn asking(other: SocketAddr) -> Router<App> {
    let handler = move |context: Context| ask(context, other);
    Router::new().route(
        "/ask",
        routing::get(on_a_thread(handler)).post(on_a_thread(handler)),
    )
}

fn ask(mut context: Context, other: SocketAddr) -> Result<(), Problem> {
    let external = context.external();
    let question = external.client().get(format!("http://{other}/"));
    match external.send(question) {
        Ok(_) => Ok(()),
        Err(error) if error.is_timeout() => Err(Problem::deadline()),
        Err(error) => Err(Problem::internal(&error)),
    }
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

#[tokio::test(flavor = "multi_thread")]
async fn others_are_told_what_is_left_and_whose_trace_it_is() {
    // A trace goes out only where spans are part of one. For the whole process: whether a span is on is
    // remembered for all threads, so a subscriber of this one alone would come and go with the others.
    let tracer = SdkTracerProvider::builder().build().tracer("test");
    let traced = tracing_opentelemetry::layer().with_tracer(tracer);
    tracing::subscriber::set_global_default(Registry::default().with(traced))
        .expect("no other test sets one");

    let (hears, mut heard) = mpsc::channel(1);
    let hear = async |State(hears): State<mpsc::Sender<_>>, question: Request| {
        hears.send(question.into_parts().0.headers).await.ok();
    };
    let (listener, other) = listen().await;
    let routes = Router::new().fallback(hear).with_state(hears);
    tokio::spawn(async { axum::serve(listener, routes).await });

    let server = Server::with_routes(&[], asking(other)).await;
    let request = server.client("a").request(Method::GET, "/ask");
    let answer = request
        .header("x-request-timeout-ms", 3_000)
        .header("traceparent", format!("00-{TRACE}-{PARENT}-01"))
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);

    let told = heard.recv().await.expect("a question");
    let text = |name| told.get(name).and_then(|value| value.to_str().ok());
    let left: u64 = text("x-request-timeout-ms")
        .and_then(|text| text.parse().ok())
        .expect("milliseconds");
    assert!((1..=3_000).contains(&left), "{left}");
    let parent = text("traceparent").expect("a trace");
    assert!(parent.starts_with(&format!("00-{TRACE}-")), "{parent}");
    // Ours asks, not our caller.
    assert!(!parent.contains(PARENT), "{parent}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_nobody_answers_ends_at_the_deadline() {
    let (listener, other) = listen().await;
    let server = Server::with_routes(&[], asking(other)).await;
    let client = server.client("a");
    for method in [Method::GET, Method::POST] {
        let late = ask_within(&client, method, "/ask", 200).await;
        problem(late, 504).await;
        // Nobody goes on waiting behind the answer.
        let hang_up = async {
            let (mut question, _) = listener.accept().await.expect("a question");
            question
                .read_to_end(&mut Vec::new())
                .await
                .expect("its end");
        };
        timeout(PATIENCE, hang_up).await.expect("an end in time");
    }
}
