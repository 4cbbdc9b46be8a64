//! sockudo-ws on tokio, with its defaults.

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use sockudo_ws::handshake::client_handshake;
use sockudo_ws::{Config, Message, Role, WebSocketStream};
use tokio::net::TcpStream;
use websocket_benches::client::{Client, Result};
use websocket_benches::workloads;

struct Sockudo(WebSocketStream<TcpStream>);

impl Client for Sockudo {
    async fn connect(url: &str) -> Result<Self> {
        let rest = url.strip_prefix("ws://").ok_or("a URL of ws is needed")?;
        let (host, path) = rest.split_at(rest.find('/').ok_or("a path is needed")?);
        let mut socket = TcpStream::connect(host).await?;
        socket.set_nodelay(true)?;
        let config = Config { max_message_size: 64 << 20, max_frame_size: 64 << 20, ..Config::default() };
        client_handshake(&mut socket, host, path, None).await?; // nothing follows before a message is sent
        Ok(Sockudo(WebSocketStream::from_raw(socket, Role::Client, config)))
    }

    async fn send(&mut self, text: &str) -> Result<()> {
        Ok(self.0.send(Message::Text(Bytes::copy_from_slice(text.as_bytes()))).await?)
    }

    async fn send_batch(&mut self, texts: &[String]) -> Result<()> {
        for text in texts {
            self.0.feed(Message::Text(Bytes::copy_from_slice(text.as_bytes()))).await?;
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

fn main() -> Result<()> {
    workloads::main::<Sockudo>()
}
