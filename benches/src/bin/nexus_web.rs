//! nexus-web: blocking, and its messages are borrows of its read buffer.

use std::net::TcpStream;

use nexus_web::ws::{self, FrameWriter, Message, Role};
use websocket_benches::client::{self, Result};
use websocket_benches::workloads;

struct Nexus {
    client: ws::Client<TcpStream>,
    /// Encodes batches; the client itself writes every message at once.
    writer: FrameWriter,
    batch: Vec<u8>,
}

impl client::Client for Nexus {
    async fn connect(url: &str) -> Result<Self> {
        // A buffer of its default size does not hold the largest frame of the workloads.
        let builder = ws::Client::builder()
            .disable_nagle()
            .buffer_capacity(32 << 20)
            .max_frame_size(32 << 20)
            .max_message_size(32 << 20)
            .write_buffer_capacity(32 << 20);
        let client = builder.connect(url)?;
        Ok(Nexus { client, writer: FrameWriter::new(Role::Client), batch: Vec::new() })
    }

    async fn send(&mut self, text: &str) -> Result<()> {
        Ok(self.client.send_text(text)?)
    }

    async fn send_batch(&mut self, texts: &[String]) -> Result<()> {
        let needed = texts.iter().map(|text| self.writer.max_encoded_len(text.len())).sum();
        self.batch.resize(needed, 0);
        let mut used = 0;
        for text in texts {
            used += self.writer.encode_text(text.as_bytes(), &mut self.batch[used..]);
        }
        Ok(std::io::Write::write_all(self.client.stream_mut(), &self.batch[..used])?)
    }

    async fn receive(&mut self) -> Result<usize> {
        match self.client.recv()?.ok_or("the connection has ended")? {
            Message::Text(text) => Ok(text.len()),
            message => Err(format!("not a text but {message:?}").into()),
        }
    }
}

fn main() -> Result<()> {
    workloads::main::<Nexus>()
}
