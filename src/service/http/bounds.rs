//! Connections in bounds: so many at a time, each for so long, whatever its client does.

use std::future::Future as _;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};

/// What connections may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// How many there are at a time; more wait until one has gone.
    pub(super) connections_count_max: usize,
    /// How long one lives: its request, its page and all between.
    pub(super) life_max: Duration,
}

/// Accepts connections within bounds.
pub(super) struct BoundedListener {
    listener: TcpListener,
    places: Arc<Semaphore>,
    life_max: Duration,
}

impl BoundedListener {
    pub(super) fn new(listener: TcpListener, bounds: Bounds) -> Self {
        let places = Arc::new(Semaphore::new(bounds.connections_count_max));
        Self { listener, places, life_max: bounds.life_max }
    }
}

impl Listener for BoundedListener {
    type Io = BoundedStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        // It is never closed, so there always is a place in the end.
        let place = Arc::clone(&self.places).acquire_owned().await.ok();
        let (stream, from) = Listener::accept(&mut self.listener).await;
        let stream = BoundedStream { stream, end: Box::pin(sleep(self.life_max)), _place: place };
        (stream, from)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// A connection that breaks when its time is up.
pub(super) struct BoundedStream {
    stream: TcpStream,
    end: Pin<Box<Sleep>>,
    _place: Option<OwnedSemaphorePermit>,
}

impl BoundedStream {
    /// The stream, while its time is not up; who waits for it is woken then.
    fn in_time(&mut self, context: &mut Context<'_>) -> io::Result<Pin<&mut TcpStream>> {
        match self.end.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::ErrorKind::TimedOut.into()),
            Poll::Pending => Ok(Pin::new(&mut self.stream)),
        }
    }
}

impl AsyncRead for BoundedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.in_time(context)?.poll_read(context, buffer)
    }
}

impl AsyncWrite for BoundedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.in_time(context)?.poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.in_time(context)?.poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.in_time(context)?.poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream as Client;
    use std::thread;

    use axum::Router;
    use axum::routing::get;

    use super::*;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n";
    /// How long a client waits for what must come.
    const PATIENCE: Duration = Duration::from_secs(30);

    /// Serves a page within `bounds` for as long as the process lives.
    fn serve(bounds: Bounds) -> SocketAddr {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        listener.set_nonblocking(true).expect("nonblocking");
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let listener = TcpListener::from_std(listener).expect("a listener");
                let pages = Router::new().route("/", get(|| async { "a page" }));
                axum::serve(BoundedListener::new(listener, bounds), super::super::once(pages)).await
            })
        });
        address
    }

    fn connect(address: SocketAddr) -> Client {
        let client = Client::connect(address).expect("it listens");
        client.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        client
    }

    /// All that comes until the connection ends, however it ends.
    fn rest(client: &mut Client) -> String {
        let mut all = Vec::new();
        drop(client.read_to_end(&mut all));
        String::from_utf8(all).expect("text")
    }

    #[test]
    fn a_connection_gets_one_page_and_is_closed() {
        let life_max = Duration::from_mins(1);
        let address = serve(Bounds { connections_count_max: 1, life_max });
        for _ in 0..3 {
            let mut client = connect(address);
            client.write_all(REQUEST).expect("sent");
            let page = rest(&mut client);
            assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
            assert!(page.contains("\r\nconnection: close\r\n"), "{page}");
            assert!(page.ends_with("\r\n\r\na page"), "{page}");
        }
    }

    #[test]
    fn who_sends_too_slowly_makes_room_for_others() {
        let life_max = Duration::from_millis(200);
        let address = serve(Bounds { connections_count_max: 2, life_max });
        let mut slow: Vec<_> = (0..2).map(|_| connect(address)).collect();
        for client in &mut slow {
            client.write_all(b"GET / HTTP/1.1\r\nHost:").expect("sent");
        }
        let mut client = connect(address);
        client.write_all(REQUEST).expect("sent");
        assert!(rest(&mut client).ends_with("a page"));
        for client in &mut slow {
            let heard = rest(client);
            assert!(!heard.contains("a page"), "{heard}");
        }
    }
}
