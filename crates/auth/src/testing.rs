//! What tests need: a server that answers by script and remembers what it was asked, and folders that go away.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What the server was asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    /// `GET /path`.
    pub(crate) line: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// What it does then.
pub(crate) enum Reply {
    /// These bytes, and the end.
    Raw(Vec<u8>),
    /// Nothing, and the connection stays.
    Silence,
    /// The first bytes, then the others over and over.
    Endless(Vec<u8>, Vec<u8>),
}

impl Reply {
    pub(crate) fn of(status: u16, body: &str) -> Self {
        let length = body.len();
        Self::Raw(format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n\r\n{body}").into())
    }

    pub(crate) fn ok(body: &str) -> Self {
        Self::of(200, body)
    }
}

pub(crate) struct Server {
    address: SocketAddr,
    scheme: &'static str,
    asked: Arc<Mutex<Vec<Asked>>>,
    task: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start(script: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        Self::run(None, script).await
    }

    pub(crate) async fn start_tls(
        tls: tokio_rustls::TlsAcceptor,
        script: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::run(Some(tls), script).await
    }

    async fn run(
        tls: Option<tokio_rustls::TlsAcceptor>,
        script: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (log, script) = (Arc::clone(&asked), Arc::new(script));
        let scheme = if tls.is_some() { "https" } else { "http" };
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (log, script, tls) = (Arc::clone(&log), Arc::clone(&script), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, &log, &*script).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, &log, &*script).await;
                            }
                        }
                    }
                });
            }
        });
        Self { address, scheme, asked, task }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}://localhost:{}{path}", self.scheme, self.address.port())
    }

    /// By number, where only addresses of this machine will do.
    #[cfg(feature = "msk-iam")]
    pub(crate) fn origin(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// Stops listening.
    pub(crate) async fn end(mut self) {
        self.task.abort();
        drop((&mut self.task).await);
    }

    /// All it was asked since the last time.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    log: &Mutex<Vec<Asked>>,
    script: &(dyn Fn(&Asked) -> Reply + Send + Sync),
) {
    let Some(asked) = read(&mut stream).await else { return };
    log.lock().unwrap().push(asked.clone());
    match script(&asked) {
        Reply::Raw(bytes) => {
            drop(stream.write_all(&bytes).await);
            drop(stream.shutdown().await);
        }
        Reply::Silence => std::future::pending().await,
        Reply::Endless(head, piece) => {
            drop(stream.write_all(&head).await);
            while stream.write_all(&piece).await.is_ok() {
                tokio::task::yield_now().await;
            }
        }
    }
}

async fn read<S: AsyncRead + Unpin>(stream: &mut S) -> Option<Asked> {
    let mut bytes = Vec::new();
    let (head, mut asked) = loop {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, _)) = text.split_once("\r\n\r\n") else { continue };
        let mut lines = head.lines();
        let line = lines.next()?.trim_end_matches(" HTTP/1.1").to_owned();
        let headers = lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        break (head.len() + 4, Asked { line, headers, ..Asked::default() });
    };
    let length: usize = asked.header("content-length").parse().unwrap_or(0);
    while bytes.len() < head + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    asked.body = String::from_utf8(bytes.split_off(head)).unwrap();
    Some(asked)
}

/// A folder of its own for a test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("rohrpost-auth-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    #[cfg(feature = "msk-iam")]
    pub(crate) fn path(&self) -> &std::path::Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}
