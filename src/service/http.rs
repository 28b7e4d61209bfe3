//! The admin port: metrics and health pages, on loopback.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use thiserror::Error;
use tokio::net::TcpListener;

use super::Health;

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

/// Opens the admin port.
///
/// # Errors
/// The address is in use, or not this machine's.
pub(super) async fn open(address: SocketAddr) -> Result<TcpListener, AdminFault> {
    TcpListener::bind(address).await.map_err(|cause| AdminFault { address, cause })
}

/// Serves the admin port for ever.
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
    axum::serve(listener, pages).await
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
