//! TLS over a socket: its handshake, its bytes, and its end.
//!
//! Comes in: a configuration and a socket. Goes out: an encrypted channel, and errors that say why the server ended it
//! where it said so. Knows nothing of certificates.

use std::io::{self, Read};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, HandshakeKind, ProtocolVersion};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::errors::cause;
use crate::transport::socket::Socket;

/// An established TLS channel. Dropping it sends close_notify before the stream ends (RFC 8446 section 6.1), as far as
/// the socket takes it at once.
pub(in super::super) struct Channel<S: AsyncRead + AsyncWrite + Unpin>(TlsStream<Socket<S>>);

impl<S: AsyncRead + AsyncWrite + Unpin> Channel<S> {
    /// Does the TLS handshake.
    ///
    /// # Errors
    /// A bad record or an alert, if what the server sent says why; otherwise the error of reading or writing.
    pub async fn shake_hands(
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        socket: S,
    ) -> io::Result<Channel<S>> {
        let mut stream = TlsConnector::from(config).connect(name, Socket::for_handshake(socket)).await?;
        while stream.get_ref().0.has_write_error() {
            // In TLS 1.3 our side of the handshake is done before the server has checked our certificate. The
            // connection is lost, so what is read here is discarded until the alert or the kept error comes.
            if stream.read(&mut [0; 1024]).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        stream.get_mut().0.note_established();
        Ok(Channel(stream))
    }

    /// Says what was agreed on, for the log: version and cipher, and whether a session was resumed.
    pub fn summary(&self) -> String {
        let (_, session) = self.0.get_ref();
        let version = match session.protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => "TLS 1.3",
            Some(ProtocolVersion::TLSv1_2) => "TLS 1.2",
            _ => "TLS",
        };
        let cipher = session.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str());
        let cipher = cipher.unwrap_or("an unknown cipher");
        let kind = match session.handshake_kind() {
            Some(HandshakeKind::Resumed) => "a resumed session",
            _ => "a new session",
        };
        format!("{version} with {cipher}, {kind}")
    }

    /// Returns an alert that waits to be read, or a bad record, instead of an error of writing that it explains.
    fn explain(&mut self, cx: &mut Context<'_>, error: io::Error) -> io::Error {
        if cause(&error).is_some() {
            return error;
        }
        let (socket, session) = self.0.get_mut();
        // The loop ends when the session is full of unread plaintext, at the latest.
        while let Ok(1..) = session.read_tls(&mut WithoutWaiting { socket, cx }) {
            if let Err(error) = session.process_new_packets() {
                return io::Error::new(io::ErrorKind::InvalidData, error);
            }
        }
        error
    }
}

/// Reads what a socket has received, without waiting for more.
struct WithoutWaiting<'a, 'b, S: AsyncRead + AsyncWrite + Unpin> {
    socket: &'a mut Socket<S>,
    cx: &'a mut Context<'b>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Read for WithoutWaiting<'_, '_, S> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(space);
        match Pin::new(&mut *self.socket).poll_read(self.cx, &mut buffer) {
            Poll::Ready(result) => result.map(|()| buffer.filled().len()),
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Drop for Channel<S> {
    fn drop(&mut self) {
        // One call is enough: nothing waits until the server has received close_notify.
        let _ = Pin::new(&mut self.0).poll_shutdown(&mut Context::from_waker(Waker::noop()));
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Channel<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Channel<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let result = ready!(Pin::new(&mut self.0).poll_write(cx, buf));
        Poll::Ready(result.map_err(|error| self.explain(cx, error)))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = ready!(Pin::new(&mut self.0).poll_flush(cx));
        Poll::Ready(result.map_err(|error| self.explain(cx, error)))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use rcgen::{CertificateParams, KeyPair};
    use rustls::crypto::ring;
    use rustls::server::WebPkiClientVerifier;
    use rustls::{RootCertStore, ServerConfig, ServerConnection, SupportedProtocolVersion};
    use tokio::io::AsyncWriteExt;

    use super::*;

    /// A socket to a TLS server in the same process, so that the order of things does not depend on luck.
    struct Wire {
        server: ServerConnection,
        /// What the server has sent.
        to_read: Vec<u8>,
        writes: usize,
        /// The number of the first write that fails, counted from 1.
        first_failing: usize,
        /// What becomes of the writes that fail.
        failing: Failing,
        /// What the server has sent last, when a write fails.
        last_words: &'static [u8],
    }

    enum Failing {
        AreLost,
        ArriveAllTheSame,
    }

    impl Wire {
        fn deliver(&mut self, mut bytes: &[u8]) {
            while !bytes.is_empty() {
                self.server.read_tls(&mut bytes).unwrap();
                // A refusal leaves an alert to send.
                let _ = self.server.process_new_packets();
            }
            while self.server.wants_write() {
                self.server.write_tls(&mut self.to_read).unwrap();
            }
        }

        fn has_failed(&self) -> bool {
            self.writes >= self.first_failing
        }
    }

    impl AsyncRead for Wire {
        fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            let length = self.to_read.len().min(buf.remaining());
            buf.put_slice(&self.to_read[..length]);
            self.to_read.drain(..length);
            if length == 0 && !self.has_failed() { Poll::Pending } else { Poll::Ready(Ok(())) }
        }
    }

    impl AsyncWrite for Wire {
        fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
            self.writes += 1;
            if !self.has_failed() || matches!(self.failing, Failing::ArriveAllTheSame) {
                self.deliver(buf);
            }
            if !self.has_failed() {
                return Poll::Ready(Ok(buf.len()));
            }
            let last_words = std::mem::take(&mut self.last_words);
            self.to_read.extend_from_slice(last_words);
            Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    /// Whether the server demands a client certificate, which we do not have.
    enum Demand {
        Certificate,
        Nothing,
    }

    /// Returns a wire to a server, and our configuration.
    fn wire(
        version: &'static SupportedProtocolVersion,
        demand: Demand,
        first_failing: usize,
    ) -> (Wire, Arc<ClientConfig>) {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["host.example".to_owned()]).unwrap().self_signed(&key).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(certificate.der().clone()).unwrap();
        let (roots, provider) = (Arc::new(roots), Arc::new(ring::default_provider()));
        let demands = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone()).build().unwrap();
        let builder = ServerConfig::builder_with_provider(provider.clone()).with_protocol_versions(&[version]).unwrap();
        let builder = match demand {
            Demand::Certificate => builder.with_client_cert_verifier(demands),
            Demand::Nothing => builder.with_no_client_auth(),
        };
        let server =
            builder.with_single_cert(vec![certificate.der().clone()], key.serialize_der().try_into().unwrap()).unwrap();
        let client = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let server = ServerConnection::new(Arc::new(server)).unwrap();
        let (to_read, failing) = (Vec::new(), Failing::AreLost);
        (Wire { server, to_read, writes: 0, first_failing, failing, last_words: b"" }, Arc::new(client))
    }

    async fn shake_hands((wire, config): (Wire, Arc<ClientConfig>)) -> io::Result<Channel<Wire>> {
        let name = ServerName::try_from("host.example").unwrap();
        let handshake = Channel::shake_hands(config, name, wire);
        tokio::time::timeout(std::time::Duration::from_secs(20), handshake).await.expect("the handshake hangs")
    }

    #[tokio::test]
    async fn tells_the_alert_that_waits_when_a_flight_cannot_be_written() {
        let (wire, config) = wire(&rustls::version::TLS12, Demand::Certificate, 2);
        // The alert handshake_failure, in the clear as before every encryption.
        let wire = Wire { last_words: &[21, 3, 3, 0, 2, 2, 40], ..wire };
        let error = shake_hands((wire, config)).await.err().unwrap();
        let text = cause(&error).unwrap_or_else(|| panic!("{error}"));
        assert!(text.contains("handshake_failure") && text.contains("tls.cert_file"), "{text}");
    }

    #[tokio::test]
    async fn tells_the_error_of_writing_where_no_alert_waits() {
        let error = shake_hands(wire(&rustls::version::TLS12, Demand::Certificate, 2)).await.err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        let error = shake_hands(wire(&rustls::version::TLS12, Demand::Certificate, 1)).await.err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }

    #[tokio::test]
    async fn tells_the_alert_to_the_last_flight_of_tls_1_3() {
        let (wire, config) = wire(&rustls::version::TLS13, Demand::Certificate, 2);
        let wire = Wire { failing: Failing::ArriveAllTheSame, ..wire };
        let error = shake_hands((wire, config)).await.err().unwrap();
        let text = cause(&error).unwrap_or_else(|| panic!("{error}"));
        assert!(text.contains("wants a client certificate"), "{text}");
    }

    #[tokio::test]
    async fn writes_each_flight_at_once() {
        for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
            // Our second flight is refused, so there is no third.
            let (wire, config) = wire(version, Demand::Certificate, usize::MAX);
            let socket = Socket::for_handshake(wire);
            let name = ServerName::try_from("host.example").unwrap();
            let handshake = TlsConnector::from(config).connect(name, socket).into_fallible();
            let writes = match handshake.await {
                Ok(mut stream) => stream.get_mut().0.inner().writes,
                Err((_, mut socket)) => socket.inner().writes,
            };
            assert_eq!(writes, 2, "{version:?}");
        }
    }

    #[tokio::test]
    async fn tells_the_alert_that_waits_when_an_open_channel_cannot_be_written() {
        let opened = wire(&rustls::version::TLS13, Demand::Nothing, usize::MAX);
        let mut channel = shake_hands(opened).await.unwrap();
        let wire = channel.0.get_mut().0.inner();
        wire.server.writer().write_all(b"hello").unwrap();
        // A record that cannot be decrypted, so that the server sends an alert.
        wire.deliver(&[&[23, 3, 3, 0, 32][..], &[7; 32]].concat());
        wire.first_failing = 0;
        let written = async {
            channel.write_all(b"x").await?;
            channel.flush().await
        };
        let error = written.await.unwrap_err();
        assert_eq!(cause(&error).unwrap_or_else(|| panic!("{error}")), "the server sent the alert bad_record_mac");
        let mut hello = [0; 5];
        channel.read_exact(&mut hello).await.unwrap();
        assert_eq!(&hello, b"hello");
        let error = channel.read(&mut hello).await.unwrap_err();
        assert!(cause(&error).is_some(), "{error}");
    }
}
