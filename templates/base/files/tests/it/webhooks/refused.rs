//! The guard as tenants meet it.

use serde_json::json;

use super::{TENANT, delivery, register_url, send};
use crate::support::{Server, client::problem, receiver::Receiver};

/// As in production, but that http is spoken.
const NO_NETWORKS: (&str, &str) = ("APP__WEBHOOKS__ALLOWED_NETWORKS", "");

#[tokio::test]
async fn where_no_webhook_may_go_no_endpoint_is_registered() {
    let server = Server::with(&[NO_NETWORKS]).await;
    let client = server.client(TENANT);
    for url in [
        "http://127.0.0.1:9/",
        "http://2130706433/",
        "http://[::ffff:127.0.0.1]/",
        "http://169.254.169.254/",
        "http://user@example.com/",
        "ftp://example.com/",
        "example.com",
        "",
    ] {
        let refused = client
            .post("/v1/webhook-endpoints", &json!({ "url": url }))
            .await;
        let refused = problem(refused, 422).await;
        assert_eq!(refused["errors"][0]["pointer"], "/url", "{url}");
    }
}

#[tokio::test]
async fn a_name_that_leads_to_this_machine_is_not_followed() {
    let server = Server::with_worker(&[NO_NETWORKS]).await;
    let client = server.client(TENANT);
    let receiver = Receiver::start([]).await;
    let url = receiver.url().replace("127.0.0.1", "localhost");
    let endpoint = register_url(&client, &url).await;
    send(&server.app, &endpoint, &url).await;
    let failed = delivery(&client, &endpoint, |item| item["error"].is_string()).await;
    let said = "it leads to an address that webhooks may not reach";
    assert_eq!(
        (&failed["error"], &failed["status"]),
        (&json!(said), &json!(null))
    );
    assert_eq!(receiver.received().len(), 0);
}
