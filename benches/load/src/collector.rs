//! A collector of telemetry that keeps one histogram of what it is sent: how long requests waited for a connection to
//! the database.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    common::v1::{KeyValue, any_value::Value},
    metrics::v1::{HistogramDataPoint, metric::Data},
};
use prost::Message as _;
use tokio::net::TcpStream;

use crate::{Result, serving::until_stopped};

const WAIT_TIME: &str = "db.client.connection.wait_time";
const POOL: &str = "db.client.connection.pool.name";

#[derive(clap::Args)]
pub(crate) struct Collector {
    #[arg(default_value = "127.0.0.1:18200")]
    address: SocketAddr,
}

/// By the pool's name: what came last, since each tells all of it.
type Waits = Arc<Mutex<BTreeMap<String, HistogramDataPoint>>>;

impl Collector {
    /// Ends on SIGINT or SIGTERM, and then says what it was told.
    pub(crate) async fn run(self) -> Result<()> {
        let waits = Waits::default();
        until_stopped(self.address, |stream| serve(stream, &waits)).await?;
        for (pool, point) in waits.lock().expect("no panic").iter() {
            println!("{pool}_waits {}", point.count);
            println!("{pool}_wait_p99_at_most_ms {}", at_most(point, 0.99) * 1_000.0);
        }
        Ok(())
    }
}

fn serve(stream: TcpStream, waits: &Waits) {
    let waits = waits.clone();
    tokio::spawn(async move {
        let answer = service_fn(move |request| take(waits.clone(), request));
        http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await.ok();
    });
}

async fn take(waits: Waits, request: Request<Incoming>) -> Result<Response<Full<Bytes>>> {
    let is_metrics = request.uri().path().ends_with("/v1/metrics");
    let body = request.into_body().collect().await?.to_bytes();
    if is_metrics {
        keep(&waits, ExportMetricsServiceRequest::decode(body)?);
    }
    Ok(Response::new(Full::default()))
}

fn keep(waits: &Waits, export: ExportMetricsServiceRequest) {
    let scopes = export.resource_metrics.into_iter().flat_map(|resource| resource.scope_metrics);
    for metric in scopes.flat_map(|scope| scope.metrics).filter(|metric| metric.name == WAIT_TIME) {
        let Some(Data::Histogram(histogram)) = metric.data else { continue };
        for point in histogram.data_points {
            let pool = pool(&point.attributes);
            waits.lock().expect("no panic").insert(pool, point);
        }
    }
}

fn pool(attributes: &[KeyValue]) -> String {
    let value =
        attributes.iter().find(|attribute| attribute.key == POOL).and_then(|found| found.value.as_ref());
    match value.and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(name)) => name.clone(),
        _ => "unnamed".to_owned(),
    }
}

/// The upper bound, in seconds, of the bucket that holds this share of all.
fn at_most(point: &HistogramDataPoint, share: f64) -> f64 {
    let wanted = (point.count as f64 * share).ceil() as u64;
    let mut seen = 0;
    for (at, count) in point.bucket_counts.iter().enumerate() {
        seen += count;
        if seen >= wanted {
            return point.explicit_bounds.get(at).copied().unwrap_or(f64::INFINITY);
        }
    }
    f64::INFINITY
}
