//! Proxies on loopback: one that speaks CONNECT, and one that speaks SOCKS version 5.
//!
//! Comes in: how they answer. Goes out: their address, and the requests that they got.

use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::{linger, read_request, serve};

/// The requests that a proxy got.
pub type Requests = UnboundedReceiver<String>;

/// Starts a proxy that answers CONNECT with `answer` and, if that is a success, forwards to the target.
pub async fn http(answer: &'static str) -> (SocketAddr, Requests) {
    let (sender, requests) = unbounded_channel();
    let address = serve(move |socket| {
        let sender = sender.clone();
        async move { forward(socket, answer, sender).await }
    })
    .await;
    (address, requests)
}

/// Serves one CONNECT.
pub async fn forward(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: &str, requests: UnboundedSender<String>) {
    let request = read_request(&mut stream).await;
    let target = request.split(' ').nth(1).unwrap_or_default().to_owned();
    let _ = requests.send(request);
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.flush().await;
    if !answer.starts_with("HTTP/1.1 2") {
        return linger(stream).await;
    }
    let mut server = TcpStream::connect(&target).await.unwrap();
    let _ = copy_bidirectional(&mut stream, &mut server).await;
}

/// How a SOCKS proxy behaves.
#[derive(Clone, Copy)]
pub struct Socks {
    /// The method that it chooses.
    pub method: u8,
    /// The status of user and password.
    pub login: u8,
    /// The reply to the request.
    pub reply: u8,
    /// Where it connects to, whatever it is asked for.
    pub target: SocketAddr,
}

impl Socks {
    /// Starts the proxy. Each request is reported as `user:password target`.
    pub async fn start(self) -> (SocketAddr, Requests) {
        let (sender, requests) = unbounded_channel();
        let address = serve(move |socket| {
            let sender = sender.clone();
            async move {
                let _ = self.converse(socket, sender).await;
            }
        })
        .await;
        (address, requests)
    }

    async fn converse(self, mut socket: TcpStream, requests: UnboundedSender<String>) -> std::io::Result<()> {
        let mut head = [0; 2];
        socket.read_exact(&mut head).await?;
        let mut methods = vec![0; head[1].into()];
        socket.read_exact(&mut methods).await?;
        socket.write_all(&[5, self.method]).await?;
        let mut report = String::new();
        if self.method == 2 {
            socket.read_u8().await?;
            report = format!("{}:{} ", read_string(&mut socket).await?, read_string(&mut socket).await?);
            socket.write_all(&[1, self.login]).await?;
        }
        let mut request = [0; 4];
        socket.read_exact(&mut request).await?;
        match request[3] {
            1 => {
                let mut ip = [0; 4];
                socket.read_exact(&mut ip).await?;
                report += &std::net::Ipv4Addr::from(ip).to_string();
            }
            3 => report += &read_string(&mut socket).await?,
            _ => {
                let mut ip = [0; 16];
                socket.read_exact(&mut ip).await?;
                report += &format!("[{}]", std::net::Ipv6Addr::from(ip));
            }
        }
        report += &format!(":{}", socket.read_u16().await?);
        let _ = requests.send(report);
        // The address of the proxy is a name here, so that its length varies as it may.
        socket.write_all(&[5, self.reply, 0, 3, 4, b'n', b'a', b'm', b'e', 0, 80]).await?;
        if self.reply == 0 {
            let mut server = TcpStream::connect(self.target).await?;
            copy_bidirectional(&mut socket, &mut server).await?;
        }
        Ok(())
    }
}

async fn read_string(socket: &mut TcpStream) -> std::io::Result<String> {
    let mut bytes = vec![0; socket.read_u8().await?.into()];
    socket.read_exact(&mut bytes).await?;
    Ok(String::from_utf8(bytes).unwrap())
}
