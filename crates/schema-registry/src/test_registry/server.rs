//! HTTP around it.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::answer::{Answer, Refusal};
use super::route;
use super::store::Store;

/// The largest schema, with what is around it.
const MOST_BYTES: usize = 16 << 20;

/// What all connections share.
#[derive(Default)]
pub(super) struct Shared(Mutex<State>);

#[derive(Default)]
struct State {
    store: Store,
    requests: Vec<String>,
    /// So many requests are answered with this status.
    failures: (usize, u16),
}

impl Shared {
    pub(super) fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().requests)
    }

    pub(super) fn fail_next(&self, requests: usize, status: u16) {
        self.lock().failures = (requests, status);
    }

    fn answer(&self, request: &Request<Incoming>, body: Result<Vec<u8>, Refusal>) -> Answer {
        let uri = request.uri();
        let mut state = self.lock();
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        let line = format!("{} {target}", request.method());
        state.requests.push(line);
        let (left, status) = state.failures;
        if left > 0 {
            state.failures.0 -= 1;
            return Err(Refusal::planned(status));
        }
        let (method, query) = (request.method().as_str(), uri.query().unwrap_or_default());
        route::answer(&mut state.store, method, uri.path(), query, &body?)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes connections until it is dropped, and those with it.
pub(super) async fn run(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Too many are open: some will end.
            sleep(Duration::from_millis(10)).await;
            continue;
        };
        // Answers go in one piece, and somebody waits for them.
        drop(stream.set_nodelay(true));
        let shared = Arc::clone(&shared);
        let service = service_fn(move |request| respond(Arc::clone(&shared), request));
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        connections.spawn(async move { drop(connection.await) });
        while connections.try_join_next().is_some() {}
    }
}

async fn respond(
    shared: Arc<Shared>,
    mut request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = read(request.body_mut()).await;
    let (status, body) = match shared.answer(&request, body) {
        Ok(answer) => (200, answer),
        Err(refusal) => (refusal.status(), refusal.body()),
    };
    let mut response = Response::new(Full::from(body.to_string()));
    if let Ok(status) = status.try_into() {
        *response.status_mut() = status;
    }
    let json = HeaderValue::from_static("application/vnd.schemaregistry.v1+json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    Ok(response)
}

async fn read(incoming: &mut Incoming) -> Result<Vec<u8>, Refusal> {
    let mut body = Vec::new();
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut *incoming).poll_frame(cx)).await {
        let frame = frame.map_err(|error| Refusal::unreadable(&error))?;
        let Ok(data) = frame.into_data() else { continue };
        if body.len() + data.len() > MOST_BYTES {
            return Err(Refusal::too_large());
        }
        body.extend_from_slice(&data);
    }
    Ok(body)
}
