//! An echo server that uses tungstenite, which checks the frames of the client strictly.
//!
//! Comes in: a stream after the opening handshake. Goes out: every message unchanged, up to 256 MiB, and a clean end of
//! the stream.

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
                let (code, reason) = frame
                    .as_ref()
                    .map_or((None, &[][..]), |frame| (Some(u16::from(frame.code)), frame.reason.as_bytes()));
                record.close(code, reason);
            }
            Message::Ping(_) => record.add("pings", 1),
            Message::Pong(_) => record.add("pongs", 1),
            Message::Frame(_) => {}
        }
    }
    record.mark("eof", b"1");
    // tungstenite may leave the answer to a Close in the buffers of TLS. The client may be gone already.
    let _ = socket.get_mut().finish().await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::pin::Pin;
    use std::sync::Arc;
    use std::task::Poll;

    use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio_rustls::rustls::pki_types::CertificateDer;
    use tokio_rustls::rustls::pki_types::pem::PemObject;
    use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};
    use tokio_rustls::{TlsAcceptor, TlsConnector};

    use crate::pki::Pki;
    use crate::record::Records;

    type TestResult = std::result::Result<(), Box<dyn std::error::Error + Send + Sync>>;

    /// Sends until neither TCP nor TLS accepts more.
    async fn fill(stream: &mut Stream) -> std::io::Result<()> {
        loop {
            stream.write_all(&[0; 16 * 1024]).await?;
            if poll_fn(|cx| Poll::Ready(Pin::new(&mut *stream).poll_flush(cx))).await.is_pending() {
                return Ok(());
            }
        }
    }

    #[tokio::test]
    async fn answers_a_close_over_tls_where_the_client_reads_late() -> TestResult {
        let directory = std::env::temp_dir().join(format!("test-server-echo-{}", std::process::id()));
        let records = Records::new(&directory)?;
        let pki = Pki::make(&directory)?;
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(directory.join("ca.pem"))?)?;
        std::fs::remove_dir_all(&directory)?;
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();

        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let tcp = TcpStream::connect(listener.local_addr()?).await?;
        let (accepted, _) = listener.accept().await?;
        let connector = TlsConnector::from(Arc::new(config));
        let acceptor = TlsAcceptor::from(pki.good.clone());
        let (client, server) = tokio::join!(connector.connect("localhost".try_into()?, tcp), acceptor.accept(accepted));
        let (mut client, mut server) = (client?, Stream::Tls(Box::new(server?)));

        fill(&mut server).await?;
        let record = records.get("token");
        let noted = record.clone();
        let served = tokio::spawn(async move { echo(server, BytesMut::new(), &noted).await });
        client.write_all(b"\x88\x82\0\0\0\0\x0f\xa0").await?;
        client.flush().await?;
        while !record.has("close", 1) {
            tokio::task::yield_now().await;
        }
        for _ in 0..10 {
            // The server gets as far as it can.
            tokio::task::yield_now().await;
        }
        let mut received = Vec::new();
        client.read_to_end(&mut received).await?;
        assert!(received.ends_with(b"\x88\x02\x0f\xa0"), "{} bytes, then no Close frame", received.len());
        served.await?;
        Ok(())
    }
}
