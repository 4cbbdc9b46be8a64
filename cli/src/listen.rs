//! An echo server for trying things.
//!
//! Comes in: an address. Goes out: each message, sent back. A client has 10 s for its handshake, a message may have 16
//! MiB, and at most 128 clients are served at once; others wait until one leaves.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::accept_hdr_async_with_config;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio_tungstenite::tungstenite::http::{HeaderMap, HeaderValue};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
const MOST_CLIENTS: usize = 128;
const LARGEST: usize = 16 << 20;

/// Serves until the process ends, and prints the URL first.
///
/// # Errors
/// The address cannot be listened on, or stdout cannot be written.
pub fn serve(address: SocketAddr) -> io::Result<()> {
    Builder::new_current_thread().enable_all().build()?.block_on(accept(address))
}

async fn accept(address: SocketAddr) -> io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    let mut stdout = io::stdout();
    writeln!(stdout, "ws://{}/", listener.local_addr()?)?;
    stdout.flush()?;
    let places = Arc::new(Semaphore::new(MOST_CLIENTS));
    // The semaphore is never closed.
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(async move {
                    echo(stream).await;
                    drop(place);
                });
            }
            // Such as too many open files, which others may close.
            Err(_) => sleep(Duration::from_millis(100)).await,
        }
    }
    Ok(())
}

/// Echoes until the client closes or breaks the protocol.
async fn echo(stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let config = WebSocketConfig::default().max_message_size(Some(LARGEST)).max_frame_size(Some(LARGEST));
    let handshake = accept_hdr_async_with_config(stream, choose_protocol, Some(config));
    let Ok(Ok(mut socket)) = timeout(HANDSHAKE_LIMIT, handshake).await else { return };
    while let Some(Ok(message)) = socket.next().await {
        if (message.is_text() || message.is_binary()) && socket.send(message).await.is_err() {
            return;
        }
    }
}

/// Chooses the first subprotocol that the client offers.
#[allow(clippy::result_large_err, reason = "tungstenite asks for this type")]
fn choose_protocol(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    if let Some(first) = first_protocol(request.headers()) {
        response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, first);
    }
    Ok(response)
}

fn first_protocol(headers: &HeaderMap) -> Option<HeaderValue> {
    let offer = headers.get(SEC_WEBSOCKET_PROTOCOL)?.to_str().ok()?;
    HeaderValue::from_str(offer.split(',').next()?.trim()).ok()
}
