//! The server of the benchmarks: blocking sockets and a thread for each connection, the fastest way to answer one client.
//!
//! Comes in: listeners. Goes out: the services of [`services`] over ws and wss, and those of [`raw`] without WebSocket.

mod blocks;
mod fan;
pub mod frames;
pub mod raw;
pub mod services;

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use self::fan::{Fan, Fans};
use crate::upgrade;

/// Enough for a service, and little enough for thousands of threads.
const STACK: usize = 128 * 1024;

/// Serves plain connections for ever.
///
/// # Errors
/// The listener fails.
pub fn listen(listener: &TcpListener) -> io::Result<()> {
    let fans = Fans::default();
    accept(listener, move |socket| {
        let socket = Arc::new(socket);
        let group = fans.of(&socket);
        begin(&mut &*socket, Some(group))
    })
}

/// Serves connections over TLS for ever.
///
/// # Errors
/// The listener fails.
pub fn listen_with_tls(listener: &TcpListener, config: &Arc<ServerConfig>) -> io::Result<()> {
    let config = Arc::clone(config);
    accept(listener, move |socket| {
        let connection = ServerConnection::new(Arc::clone(&config)).map_err(io::Error::other)?;
        begin(&mut StreamOwned::new(connection, socket), None)
    })
}

fn accept(
    listener: &TcpListener,
    serve: impl Fn(TcpStream) -> io::Result<()> + Clone + Send + 'static,
) -> io::Result<()> {
    loop {
        let (socket, _) = listener.accept()?;
        socket.set_nodelay(true)?;
        let serve = serve.clone();
        thread::Builder::new().stack_size(STACK).spawn(move || report(serve(socket)))?;
    }
}

/// Clients may leave without a word. Everything else is a fault of the benchmark.
fn report(result: io::Result<()>) {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    if let Err(error) = result
        && !matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof)
    {
        eprintln!("bench-server: {error}");
    }
}

fn begin(stream: &mut (impl Read + Write), group: Option<Fan>) -> io::Result<()> {
    let head = upgrade::read_head(stream)?;
    let path = upgrade::path(&head);
    if head.starts_with("RAW ") {
        stream.write_all(b".")?;
        return raw::serve(stream, path);
    }
    let response = upgrade::response(&head).ok_or_else(|| io::Error::other("a request without a key"))?;
    stream.write_all(response.as_bytes())?;
    stream.flush()?;
    services::serve(stream, path, group)
}
