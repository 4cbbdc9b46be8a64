//! fastwebsockets on a tokio socket. It leaves the opening handshake to its user.

use fastwebsockets::{Frame, OpCode, Payload, Role, WebSocket};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use websocket_benches::client::{Client, Result};
use websocket_benches::{upgrade, workloads};

struct Fast(WebSocket<TcpStream>);

impl Client for Fast {
    async fn connect(url: &str) -> Result<Self> {
        let rest = url.strip_prefix("ws://").ok_or("a URL of ws is needed")?;
        let (host, path) = rest.split_at(rest.find('/').ok_or("a path is needed")?);
        let mut socket = TcpStream::connect(host).await?;
        socket.set_nodelay(true)?;
        socket.write_all(upgrade::request(host, path).as_bytes()).await?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if socket.read_buf(&mut head).await? == 0 {
                return Err("the server has closed the connection".into());
            }
        }
        let mut ws = WebSocket::after_handshake(socket, Role::Client);
        ws.set_max_message_size(64 << 20);
        ws.set_writev(true);
        Ok(Fast(ws))
    }

    async fn send(&mut self, text: &str) -> Result<()> {
        Ok(self.0.write_frame(Frame::text(Payload::Borrowed(text.as_bytes()))).await?)
    }

    async fn send_batch(&mut self, texts: &[String]) -> Result<()> {
        for text in texts {
            self.send(text).await?; // it has no way to write several at once
        }
        Ok(())
    }

    async fn receive(&mut self) -> Result<usize> {
        let frame = self.0.read_frame().await?;
        match frame.opcode {
            OpCode::Text => Ok(frame.payload.len()),
            opcode => Err(format!("not a text but {opcode:?}").into()),
        }
    }
}

fn main() -> Result<()> {
    workloads::main::<Fast>()
}
