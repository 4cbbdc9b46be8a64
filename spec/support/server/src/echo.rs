//! Echo by tungstenite, which judges the client's frames as strictly as a proper server does.
//!
//! Comes in: a stream whose opening handshake is answered. Goes out: every message as it came, up to 256 MiB.

use bytes::BytesMut;
use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::record::Record;
use crate::stream::Stream;

const LARGEST: usize = 256 << 20;

/// Echoes until the client closes.
pub async fn echo(stream: Stream, tail: BytesMut, record: &Record) {
    let config = WebSocketConfig::default()
        .max_message_size(Some(LARGEST))
        .max_frame_size(Some(LARGEST))
        .max_write_buffer_size(usize::MAX);
    let mut socket = WebSocketStream::from_partially_read(stream, tail.to_vec(), Role::Server, Some(config)).await;
    while let Some(item) = socket.next().await {
        let message = match item {
            Ok(message) => message,
            Err(Error::ConnectionClosed | Error::AlreadyClosed) => break,
            Err(error) => {
                record.mark("error", error.to_string().as_bytes());
                return;
            }
        };
        match &message {
            Message::Text(_) | Message::Binary(_) => {
                record.add("messages", 1);
                record.add("bytes", message.len() as u64);
                if let Err(error) = socket.send(message).await {
                    record.mark("write_error", error.to_string().as_bytes());
                    return;
                }
            }
            Message::Close(frame) => {
                let code = frame.as_ref().map_or(1005, |frame| u16::from(frame.code));
                record.mark("close", code.to_string().as_bytes());
                record.set("reason", frame.as_ref().map_or(&[], |frame| frame.reason.as_bytes()));
            }
            Message::Ping(_) => record.add("pings", 1),
            Message::Pong(_) => record.add("pongs", 1),
            Message::Frame(_) => {}
        }
    }
    record.mark("eof", b"1");
}
