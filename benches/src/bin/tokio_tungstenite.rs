//! tokio-tungstenite with its defaults, over TLS with rustls.

use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config};
use websocket_benches::client::{Client, Result};
use websocket_benches::workloads;

struct Tungstenite(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client for Tungstenite {
    async fn connect(url: &str) -> Result<Self> {
        let connector = if url.starts_with("wss:") { Connector::Rustls(tls_config()?) } else { Connector::Plain };
        let (stream, _) = connect_async_tls_with_config(url, None, true, Some(connector)).await?;
        Ok(Tungstenite(stream))
    }

    async fn send(&mut self, text: &str) -> Result<()> {
        Ok(self.0.send(Message::text(text)).await?)
    }

    async fn send_batch(&mut self, texts: &[String]) -> Result<()> {
        for text in texts {
            self.0.feed(Message::text(text.as_str())).await?;
        }
        Ok(self.0.flush().await?)
    }

    async fn receive(&mut self) -> Result<usize> {
        match self.0.next().await.ok_or("the connection has ended")?? {
            Message::Text(text) => Ok(text.len()),
            message => Err(format!("not a text but {message:?}").into()),
        }
    }
}

/// Trusts only the authority of the benchmark's server.
fn tls_config() -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(std::env::var("BENCH_CA")?)?)?;
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn main() -> Result<()> {
    workloads::main::<Tungstenite>()
}
