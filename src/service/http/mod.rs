//! The admin port: metrics and health pages, on loopback.

mod bounds;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use thiserror::Error;
use tokio::net::TcpListener;

use self::bounds::{BoundedListener, Bounds};
use super::Health;

/// A page takes milliseconds; a client that needs longer than this is cut off.
const BOUNDS: Bounds = Bounds { connections_count_max: 32, life_max: Duration::from_secs(10) };

/// Why the admin port is not served.
#[derive(Debug, Error)]
#[error("the admin port {address} cannot be opened: {cause}; choose another with admin.address")]
pub struct AdminFault {
    /// The port asked for.
    address: SocketAddr,
    /// What the system said.
    cause: std::io::Error,
}

#[derive(Clone, Debug)]
struct Admin {
    health: Arc<Health>,
    metrics: PrometheusHandle,
}

/// Sees that the admin port can be opened, and lets go of it.
///
/// # Errors
/// As [`open`].
pub(super) fn try_address(address: SocketAddr) -> Result<(), AdminFault> {
    let opened = std::net::TcpListener::bind(address);
    opened.map(drop).map_err(|cause| AdminFault { address, cause })
}

/// Opens the admin port.
///
/// # Errors
/// The address is in use, or not this machine's.
pub(super) async fn open(address: SocketAddr) -> Result<TcpListener, AdminFault> {
    TcpListener::bind(address).await.map_err(|cause| AdminFault { address, cause })
}

/// Serves the admin port for ever, within its bounds.
///
/// # Errors
/// The listener failed.
pub(super) async fn serve(
    listener: TcpListener,
    health: Arc<Health>,
    metrics: PrometheusHandle,
) -> std::io::Result<()> {
    let pages = Router::new()
        .route("/metrics", get(metrics_page))
        .route("/-/healthy", get(healthy_page))
        .route("/-/ready", get(ready_page))
        .with_state(Admin { health, metrics });
    axum::serve(BoundedListener::new(listener, BOUNDS), once(pages)).await
}

/// The same pages, one a connection: none is held open in between.
fn once(pages: Router) -> Router {
    pages.layer(map_response(async |mut response: Response| {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        response
    }))
}

async fn metrics_page(State(admin): State<Admin>) -> Response {
    let text = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (text, admin.metrics.render()).into_response()
}

async fn healthy_page(State(admin): State<Admin>) -> Response {
    page(&admin.health.why_not_alive(), "healthy")
}

async fn ready_page(State(admin): State<Admin>) -> Response {
    page(&admin.health.why_not_ready(), "ready")
}

/// 200 and `good`, or 503 and what is wrong, a line each.
fn page(wrong: &[String], good: &str) -> Response {
    if wrong.is_empty() {
        return (StatusCode::OK, format!("{good}\n")).into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, format!("not {good}\n{}\n", wrong.join("\n"))).into_response()
}
