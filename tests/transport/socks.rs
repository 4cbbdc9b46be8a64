//! Tests connecting by a SOCKS proxy: who resolves the name, who logs in, and what the proxy may answer.

use std::net::SocketAddr;

use super::proxy::by;
use crate::support::proxy::Socks;
use crate::support::{GOOD, answering, linger, plan, refused, serve, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use websocket_core::error::{ErrorCode, Failure};
use websocket_core::transport::{Opened, resolver};

async fn willing() -> Socks {
    Socks { method: 0, login: 0, reply: 0, target: answering(GOOD).await }
}

/// Opens `ws://host.example:81/`, whose name we resolve to `addresses`.
async fn open(proxy: &str, addresses: Vec<SocketAddr>) -> Result<Opened, Failure> {
    let resolver = resolver(move |host, port| {
        assert_eq!((&*host, port), ("host.example", 81));
        std::future::ready(Ok(addresses.clone()))
    });
    within(plan("ws://host.example:81/", &by(proxy)).with_resolver(resolver).open()).await
}

#[tokio::test]
async fn passes_the_proxy_the_name_for_socks5h() {
    let (proxy, mut requests) = willing().await.start().await;
    open(&format!("socks5h://{proxy}"), Vec::new()).await.map_err(|failure| failure.text).unwrap();
    assert_eq!(requests.recv().await.unwrap(), "host.example:81");
}

#[tokio::test]
async fn passes_the_proxy_the_addresses_one_by_one_for_socks5() {
    let (proxy, mut requests) = willing().await.start().await;
    let addresses = ["[2001:db8::1]:81", "192.0.2.1:81"].map(|text| text.parse().unwrap()).to_vec();
    open(&format!("socks5://{proxy}"), addresses.clone()).await.map_err(|failure| failure.text).unwrap();
    assert_eq!(requests.recv().await.unwrap(), "[2001:db8::1]:81");

    let (proxy, mut requests) = Socks { reply: 4, ..willing().await }.start().await;
    let failure = open(&format!("socks5://{proxy}"), addresses).await.err().unwrap();
    assert_eq!(failure.code, ErrorCode::Proxy);
    for address in ["[2001:db8::1]:81", "192.0.2.1:81"] {
        assert_eq!(requests.recv().await.unwrap(), address);
    }
}

#[tokio::test]
async fn fails_with_dns_if_we_cannot_resolve_the_name_for_socks5() {
    let (proxy, _requests) = willing().await.start().await;
    let failure = open(&format!("socks5://{proxy}"), Vec::new()).await.err().unwrap();
    assert_eq!(failure.code, ErrorCode::Dns);
    assert_eq!(failure.text, "the name has no address: name resolution for host.example:81");
}

#[tokio::test]
async fn passes_addresses_of_the_url_as_they_are() {
    for scheme in ["socks5", "socks5h"] {
        for host in ["192.0.2.1:81", "[2001:db8::1]:81"] {
            let (proxy, mut requests) = willing().await.start().await;
            let options = by(format!("{scheme}://{proxy}"));
            within(plan(&format!("ws://{host}/"), &options).open()).await.ok().unwrap();
            assert_eq!(requests.recv().await.unwrap(), host);
        }
    }
}

#[tokio::test]
async fn logs_in_if_the_proxy_wants_it() {
    let (proxy, mut requests) = Socks { method: 2, ..willing().await }.start().await;
    open(&format!("socks5h://me:p%40ss@{proxy}"), Vec::new()).await.map_err(|failure| failure.text).unwrap();
    assert_eq!(requests.recv().await.unwrap(), "me:p@ss host.example:81");
    let (proxy, mut requests) = willing().await.start().await;
    open(&format!("socks5h://me:p%40ss@{proxy}"), Vec::new()).await.map_err(|failure| failure.text).unwrap();
    assert_eq!(requests.recv().await.unwrap(), "host.example:81");
}

#[tokio::test]
async fn tells_why_the_proxy_refuses() {
    let willing = willing().await;
    for (socks, with, cause) in [
        (Socks { method: 2, ..willing }, "", "the proxy wants user and password"),
        (Socks { method: 2, login: 1, ..willing }, "me:s3cret@", "the proxy does not accept user and password"),
        (
            Socks { method: 255, ..willing },
            "me:s3cret@",
            "the proxy accepts none of the ways to log in that are offered",
        ),
        (Socks { method: 1, ..willing }, "", "the proxy's answer is not SOCKS version 5"),
        (Socks { reply: 1, ..willing }, "", "the proxy failed (SOCKS reply 1)"),
        (Socks { reply: 2, ..willing }, "", "the proxy's rules forbid the connection (SOCKS reply 2)"),
        (Socks { reply: 3, ..willing }, "", "the proxy cannot reach the network (SOCKS reply 3)"),
        (Socks { reply: 4, ..willing }, "", "the proxy cannot reach the host (SOCKS reply 4)"),
        (Socks { reply: 5, ..willing }, "", "the host refused the proxy's connection (SOCKS reply 5)"),
        (Socks { reply: 99, ..willing }, "", "the proxy's answer is not SOCKS version 5"),
    ] {
        let (proxy, _requests) = socks.start().await;
        let failure = open(&format!("socks5h://{with}{proxy}"), Vec::new()).await.err().unwrap();
        assert_eq!(failure.code, ErrorCode::Proxy, "{}", failure.text);
        let phase = format!("SOCKS connection to host.example:81 by proxy {proxy}");
        assert_eq!(failure.text, format!("{cause}: {phase}"));
    }
}

#[tokio::test]
async fn fails_if_the_proxy_does_not_speak_socks() {
    for (answer, cause) in [
        (&b"HTTP/1.1 400 Bad\r\n\r\n"[..], "the proxy's answer is not SOCKS version 5"),
        (b"\x05", "the proxy closed the connection inside the SOCKS handshake"),
        (b"", "the proxy closed the connection inside the SOCKS handshake"),
        (b"\x05\x00\x04\x00\x00\x01", "the proxy's answer is not SOCKS version 5"),
        (b"\x05\x00\x05\x00\x00\x09", "the proxy's answer is not SOCKS version 5"),
        (b"\x05\x00\x05\x00\x00\x01\x01\x02", "the proxy closed the connection inside the SOCKS handshake"),
    ] {
        let proxy = serve(move |mut socket| async move {
            let _ = socket.read_u8().await;
            let _ = socket.write_all(answer).await;
            let _ = socket.shutdown().await;
            linger(socket).await;
        })
        .await;
        let failure = refused("ws://host.example/", &by(format!("socks5h://{proxy}"))).await;
        assert_eq!(failure.code, ErrorCode::Proxy);
        assert!(failure.text.starts_with(cause), "{answer:?}: {}", failure.text);
    }
}
