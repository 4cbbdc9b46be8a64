//! The ports of the server, and their behaviour before there is an HTTP request.
//!
//! Comes in: the PKI. Goes out: a listener on a free loopback port for each behaviour, and the list of these ports. A
//! behaviour has a port of its own if the path of a URL cannot choose it, because it happens before there is a path.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{ServerConfig, ServerConnection};

use crate::pki::Pki;
use crate::record::{Record, Records};
use crate::routes;
use crate::stream::Stream;

const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

/// What happens to a connection.
#[derive(Clone)]
pub enum Behaviour {
    /// The paths, over TCP.
    Ws,
    /// The paths, over TLS.
    Wss(Arc<ServerConfig>),
    /// TLS, then a reset.
    ResetAfterTls(Arc<ServerConfig>),
    /// TLS, but only half of the server's first flight.
    StallInTls(Arc<ServerConfig>),
    /// The alert of a peer that speaks TLS 1.1 at most.
    OldTls,
    /// Reads and sends nothing.
    Silent,
    /// A valid beginning of a response, one byte a second, without an end.
    Slow,
    /// Neither reads nor sends anything.
    NeverRead,
    /// Sends bytes of no protocol at once.
    Garbage,
    /// Ends the stream at once.
    Eof,
    /// Resets the stream at once.
    Reset,
}

/// The names and numbers of the ports that are open.
pub type Ports = Vec<(&'static str, u16)>;

/// Opens every port. Those on `::1` are left out where the machine has no such address.
///
/// # Errors
/// A port on 127.0.0.1 cannot be opened.
pub async fn open_all(pki: &Pki, records: &Arc<Records>) -> io::Result<Ports> {
    let mut ports = Ports::new();
    let kinds = [
        ("ws", Behaviour::Ws),
        ("wss", Behaviour::Wss(pki.good.clone())),
        ("wss_tls12", Behaviour::Wss(pki.tls12.clone())),
        ("wss_unknown_ca", Behaviour::Wss(pki.unknown_ca.clone())),
        ("wss_self_signed", Behaviour::Wss(pki.self_signed.clone())),
        ("wss_wrong_host", Behaviour::Wss(pki.wrong_host.clone())),
        ("wss_expired", Behaviour::Wss(pki.expired.clone())),
        ("wss_not_yet_valid", Behaviour::Wss(pki.not_yet_valid.clone())),
        ("wss_name_only", Behaviour::Wss(pki.name_only.clone())),
        ("wss_client_cert", Behaviour::Wss(pki.client_cert.clone())),
        ("wss_reset", Behaviour::ResetAfterTls(pki.good.clone())),
        ("wss_stall", Behaviour::StallInTls(pki.good.clone())),
        ("wss_old", Behaviour::OldTls),
        ("silent", Behaviour::Silent),
        ("slow", Behaviour::Slow),
        ("never_reads", Behaviour::NeverRead),
        ("garbage", Behaviour::Garbage),
        ("eof", Behaviour::Eof),
        ("reset", Behaviour::Reset),
    ];
    for (name, behaviour) in kinds {
        ports.push((name, open(name, SocketAddr::new(V4, 0), behaviour, records)?));
    }
    for (name, behaviour) in [("ws6", Behaviour::Ws), ("wss6", Behaviour::Wss(pki.good.clone()))] {
        if let Ok(port) = open(name, SocketAddr::new(V6, 0), behaviour, records) {
            ports.push((name, port));
        }
    }
    ports.push(("refused", refuse()?));
    ports.push(("nowhere", swallow(SocketAddr::new(V4, 0)).await?));
    if let Ok(port) = half_nowhere(records).await {
        ports.push(("ws_nowhere6", port));
    }
    Ok(ports)
}

/// Opens one port and serves it as long as the server runs.
///
/// # Errors
/// The port cannot be opened.
pub fn open(name: &str, address: SocketAddr, behaviour: Behaviour, records: &Arc<Records>) -> io::Result<u16> {
    let listener = listen(address, 1024)?;
    let port = listener.local_addr()?.port();
    let record = records.get(&format!("port.{name}"));
    tokio::spawn(accept(listener, behaviour, records.clone(), record));
    Ok(port)
}

fn listen(address: SocketAddr, backlog: u32) -> io::Result<TcpListener> {
    let socket = socket(address)?;
    socket.bind(address)?;
    socket.listen(backlog)
}

fn socket(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if address.port() != 0 {
        socket.set_reuseaddr(true)?;
    }
    Ok(socket)
}

async fn accept(listener: TcpListener, behaviour: Behaviour, records: Arc<Records>, record: Record) {
    loop {
        let Ok((tcp, _)) = listener.accept().await else {
            // There are no free descriptors, or the client is gone already.
            sleep(Duration::from_millis(10)).await;
            continue;
        };
        record.add("accepted", 1);
        let (behaviour, records, record) = (behaviour.clone(), records.clone(), record.clone());
        tokio::spawn(async move {
            if let Err(error) = meet(tcp, behaviour, &records).await {
                record.set("error", error.to_string().as_bytes());
            }
            record.add("finished", 1);
        });
    }
}

async fn meet(mut tcp: TcpStream, behaviour: Behaviour, records: &Records) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    match behaviour {
        Behaviour::Ws => routes::serve(Stream::Plain(tcp), records).await,
        Behaviour::Wss(config) => {
            let tls = TlsAcceptor::from(config).accept(tcp).await?;
            routes::serve(Stream::Tls(Box::new(tls)), records).await
        }
        Behaviour::ResetAfterTls(config) => {
            let tls = TlsAcceptor::from(config).accept(tcp).await?;
            Stream::Tls(Box::new(tls)).reset()
        }
        Behaviour::StallInTls(config) => stall_in_tls(tcp, config).await,
        Behaviour::OldTls => {
            // Reads the ClientHello first: unread bytes would turn the end of the stream into a reset.
            let _ = tcp.read(&mut [0; 4096]).await?;
            // A fatal alert, protocol_version, in a record of TLS 1.1 (RFC 8446 section 6).
            tcp.write_all(&[21, 3, 2, 0, 2, 2, 70]).await?;
            tcp.shutdown().await?;
            discard(tcp).await
        }
        Behaviour::Silent => discard(tcp).await,
        Behaviour::Slow => {
            let (mut reader, mut writer) = tcp.split();
            let endless = async {
                for byte in b"HTTP/1.1 101 Switching Protocols\r\nX-Slow: ".iter().chain(std::iter::repeat(&b'x')) {
                    writer.write_all(&[*byte]).await?;
                    sleep(Duration::from_secs(1)).await;
                }
                Ok(())
            };
            let gone = async {
                while reader.read(&mut [0; 4096]).await? > 0 {}
                Ok(())
            };
            tokio::select! { result = endless => result, result = gone => result }
        }
        Behaviour::NeverRead => {
            sleep(Duration::from_secs(3600)).await;
            Ok(())
        }
        Behaviour::Garbage => {
            tcp.write_all(b"\x00\xff\x13\x37garbage that is neither HTTP nor TLS\r\n\r\n").await?;
            discard(tcp).await
        }
        Behaviour::Eof => {
            tcp.shutdown().await?;
            discard(tcp).await
        }
        Behaviour::Reset => tcp.set_zero_linger(),
    }
}

async fn discard(mut tcp: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 4096];
    while tcp.read(&mut buffer).await? > 0 {}
    Ok(())
}

async fn stall_in_tls(mut tcp: TcpStream, config: Arc<ServerConfig>) -> io::Result<()> {
    let mut tls = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut flight = Vec::new();
    let mut buffer = [0; 4096];
    while flight.is_empty() {
        let count = tcp.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        tls.read_tls(&mut &buffer[..count])?;
        tls.process_new_packets().map_err(io::Error::other)?;
        while tls.wants_write() {
            tls.write_tls(&mut flight)?;
        }
    }
    tcp.write_all(&flight[..flight.len() / 2]).await?;
    discard(tcp).await
}

/// Takes a port and never listens on it: connections are refused, and nobody else can get the port.
fn refuse() -> io::Result<u16> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(V4, 0))?;
    let port = socket.local_addr()?.port();
    std::mem::forget(socket);
    Ok(port)
}

/// Makes a port whose backlog is full, so that Linux drops every further SYN.
async fn swallow(address: SocketAddr) -> io::Result<u16> {
    let listener = listen(address, 0)?;
    let address = listener.local_addr()?;
    let mut fillers = Vec::new();
    while let Ok(connected) = timeout(Duration::from_millis(100), TcpStream::connect(address)).await {
        fillers.push(connected?);
    }
    std::mem::forget((listener, fillers));
    Ok(address.port())
}

/// Makes a port that serves on 127.0.0.1 and goes nowhere on `::1`.
async fn half_nowhere(records: &Arc<Records>) -> io::Result<u16> {
    let mut last = io::Error::other("no port");
    for _ in 0..20 {
        let port = swallow(SocketAddr::new(V6, 0)).await?;
        match open("ws_nowhere6", SocketAddr::new(V4, port), Behaviour::Ws, records) {
            Ok(port) => return Ok(port),
            Err(error) => last = error,
        }
    }
    Err(last)
}
