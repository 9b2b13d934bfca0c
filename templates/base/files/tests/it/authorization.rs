//! P11: who may call what. Every operation of the OpenAPI document stands here with every role; one that is
//! missing fails.

use std::collections::BTreeSet;

use axum::{Router, middleware::from_fn_with_state, routing::get};
use reqwest::Method;
use service::app::{
    access::{self, Policy},
    auth::DEFAULT_SCOPES,
    openapi,
};

use crate::support::{
    Client, Server,
    client::{document, header, problem},
    operation::Things,
};

/// Nobody; one who may read; one who may write; one of another tenant who may do both.
const ROLES: [&str; 4] = ["stranger", "reader", "writer", "neighbour"];

struct Row {
    operation: &'static str,
    /// The status for each of `ROLES`.
    expected: [u16; 4],
}

const TABLE: &[Row] = &[
    Row {
        operation: "POST /v1/documents",
        expected: [401, 403, 201, 201],
    },
    Row {
        operation: "GET /v1/documents",
        expected: [401, 200, 403, 200],
    },
    Row {
        operation: "GET /v1/documents/{id}",
        expected: [401, 200, 403, 404],
    },
    Row {
        operation: "PUT /v1/documents/{id}",
        expected: [401, 403, 200, 404],
    },
    Row {
        operation: "DELETE /v1/documents/{id}",
        expected: [401, 403, 204, 404],
    },
    Row {
        operation: "GET /v1/usage",
        expected: [401, 200, 403, 200],
    },
    Row {
        operation: "POST /v1/reports",
        expected: [401, 403, 202, 202],
    },
    Row {
        operation: "GET /v1/jobs/{id}",
        expected: [401, 200, 403, 404],
    },
    Row {
        operation: "GET /v1/jobs/{id}/events",
        expected: [401, 200, 403, 404],
    },
    Row {
        operation: "DELETE /v1/jobs/{id}",
        expected: [401, 403, 200, 404],
    },
];

/// Of all scopes, those of who may only read, or only write.
fn scopes(action: &str) -> String {
    let all = DEFAULT_SCOPES.split(' ');
    let of_action: Vec<&str> = all.filter(|scope| scope.ends_with(action)).collect();
    of_action.join(" ")
}

fn clients(server: &Server) -> [Client; 4] {
    [
        server.stranger(),
        server.client_with("r", "home", &scopes(":read")),
        server.client_with("w", "home", &scopes(":write")),
        server.client_with("n", "next-door", DEFAULT_SCOPES),
    ]
}

#[tokio::test]
async fn every_operation_is_open_to_its_roles_only() {
    let server = Server::start().await;
    let owner = server.client_with("o", "home", DEFAULT_SCOPES);
    for Row {
        operation,
        expected,
    } in TABLE
    {
        for ((role, client), expected) in ROLES.iter().zip(clients(&server)).zip(*expected) {
            let things = Things::of(&owner).await;
            let (method, template) = operation.split_once(' ').expect("METHOD PATH");
            let sent = things.request(&client, method, template).send().await;
            let answer = sent.expect("an answer");
            assert_eq!(answer.status(), expected, "{operation} as {role}");
            assert_eq!(header(&answer, "cache-control"), "no-store", "{operation}");
            match expected {
                401 => assert!(header(&answer, "www-authenticate").starts_with("Bearer")),
                403 | 404 => drop(problem(answer, expected).await),
                _ => {}
            }
        }
    }
}

#[test]
fn every_operation_of_the_document_is_in_the_table() {
    let document = serde_json::to_value(openapi::document()).expect("a document");
    let paths = document["paths"].as_object().expect("paths");
    let operations = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().expect("an item").keys();
        methods
            .map(|method| method.to_uppercase())
            .filter(|method| {
                method
                    .parse::<Method>()
                    .is_ok_and(|method| is_known(&method))
            })
            .map(move |method| format!("{method} {path}"))
    });
    let documented: BTreeSet<String> = operations.collect();
    let listed = TABLE.iter().map(|row| row.operation.to_owned());
    assert_eq!(documented, listed.collect());
}

/// `parameters` may stand beside the methods, and any word is a method to HTTP.
fn is_known(method: &Method) -> bool {
    [
        Method::GET,
        Method::PUT,
        Method::POST,
        Method::DELETE,
        Method::PATCH,
        Method::HEAD,
        Method::OPTIONS,
        Method::TRACE,
    ]
    .contains(method)
}

/// To whom it is invisible, it is as if it were not there: the two answers differ in nothing but the
/// request's id.
#[tokio::test]
async fn what_is_not_seen_does_not_exist() {
    let server = Server::start().await;
    let path = server.client("owner").create("mine").await;
    let neighbour = server.client("neighbour");
    let absent = "/v1/documents/00000000-0000-7000-8000-000000000000";
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let mut told = Vec::new();
        for path in [path.as_str(), absent] {
            let request = neighbour
                .request(method.clone(), path)
                .json(&document("changed"));
            let answer = request.header("if-match", "*").send().await;
            let mut problem = problem(answer.expect("an answer"), 404).await;
            problem["instance"].take();
            told.push(problem);
        }
        assert_eq!(told[0], told[1], "{method}");
    }
    assert_eq!(neighbour.count().await, 0);
    assert_eq!(server.client("owner").get(&path).await.status(), 200);
}

/// A handler alone opens no door: what the document does not say who may call, nobody may.
#[tokio::test]
async fn a_route_without_documented_security_is_refused() {
    let policy = Policy::of(&openapi::document());
    let routes = Router::new()
        .route("/v1/forgotten", get(async || "open"))
        .route("/v1/documents", get(async || "open").patch(async || "open"))
        .route_layer(from_fn_with_state(policy, access::authorize));
    let server = Server::with_routes(&[], routes).await;
    let client = server.client("a");
    assert_eq!(client.get("/v1/documents").await.status(), 200);
    problem(client.get("/v1/forgotten").await, 405).await;
    let undocumented = client.request(Method::PATCH, "/v1/documents").send().await;
    problem(undocumented.expect("an answer"), 405).await;
}
