//! Tests name resolution and connecting to one of several addresses.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::support::{GOOD, answering, linger, open, plan, serve_at, takes_less_than, within};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use websocket_core::error::{ErrorCode, Failure};
use websocket_core::options::{Options, TlsOptions};
use websocket_core::transport::{Opened, resolver};

/// Opens `ws://many.example:80/`, whose name resolves to `addresses`.
async fn open_many(addresses: Vec<SocketAddr>, options: &Options) -> Result<Opened, Failure> {
    let resolver = resolver(move |host, port| {
        assert_eq!((&*host, port), ("many.example", 80));
        std::future::ready(Ok(addresses.clone()))
    });
    within(plan("ws://many.example/", options).with_resolver(resolver).open()).await
}

fn patient(millis: u64) -> Options {
    Options { open_timeout: Duration::from_millis(millis), ..Options::default() }
}

/// Returns a port on which nothing listens.
async fn closed(ip: &str) -> SocketAddr {
    TcpListener::bind((ip, 0)).await.unwrap().local_addr().unwrap()
}

/// A listener whose queue is full, so that an attempt to connect gets no answer.
struct Hole {
    address: SocketAddr,
    _listener: TcpListener,
    _fill: Vec<TcpStream>,
}

impl Hole {
    async fn dig(ip: &str) -> Hole {
        let address: SocketAddr = (ip.parse::<std::net::IpAddr>().unwrap(), 0).into();
        let socket = if address.is_ipv6() { TcpSocket::new_v6() } else { TcpSocket::new_v4() }.unwrap();
        socket.bind(address).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut fill = Vec::new();
        while let Ok(connected) = tokio::time::timeout(Duration::from_millis(300), TcpStream::connect(address)).await {
            fill.push(connected.unwrap());
            assert!(fill.len() < 64, "the backlog never fills");
        }
        Hole { address, _listener: listener, _fill: fill }
    }
}

#[tokio::test]
async fn fails_with_dns_if_a_name_does_not_resolve() {
    let failing = resolver(|_, _| async {
        Err(io::Error::other("failed to lookup address information: Name or service not known"))
    });
    let failure = within(plan("ws://none.example/", &patient(5000)).with_resolver(failing).open()).await.err().unwrap();
    assert_eq!(failure.code, ErrorCode::Dns);
    assert_eq!(failure.text, "name or service not known: name resolution for none.example:80");
    let failure = open_many(Vec::new(), &patient(5000)).await.err().unwrap();
    assert_eq!(failure.code, ErrorCode::Dns);
}

#[tokio::test]
async fn times_out_if_the_resolver_hangs() {
    let hanging = resolver(|_, _| std::future::pending());
    let failure = within(plan("ws://slow.example/", &patient(300)).with_resolver(hanging).open()).await.err().unwrap();
    assert_eq!(failure.code, ErrorCode::Timeout);
    assert_eq!(failure.text, "timed out after 0.3 s: name resolution for slow.example:80");
}

#[tokio::test]
async fn lists_every_address_that_refused() {
    let (v6, v4, other) = (closed("::1").await, closed("127.0.0.1").await, closed("127.0.0.2").await);
    let expected = format!(
        "no address of the host accepted: TCP connection to many.example:80 \
         (tried {v6}: connection refused; {v4}: connection refused; {other}: connection refused)"
    );
    // A failed attempt starts the next one immediately.
    takes_less_than(Duration::from_millis(250), async || {
        let failure = open_many(vec![v6, v4, other], &patient(5000)).await.err().unwrap();
        assert_eq!(failure.code, ErrorCode::Connect);
        assert_eq!(failure.text, expected);
    })
    .await;
}

#[tokio::test]
async fn connects_to_a_literal_address_without_the_resolver() {
    let address = closed("127.0.0.1").await;
    let asked = resolver(|_, _| async { panic!("the resolver was asked") });
    let plan = plan(&format!("ws://{address}/"), &patient(5000)).with_resolver(asked);
    let failure = within(plan.open()).await.err().unwrap();
    assert_eq!(failure.code, ErrorCode::Connect);
    assert!(failure.text.ends_with(&format!("(tried {address}: connection refused)")), "{}", failure.text);
}

#[tokio::test]
async fn times_out_if_no_address_answers() {
    let (first, second) = (Hole::dig("127.0.0.1").await, closed("127.0.0.1").await);
    let expected = format!(
        "timed out after 2 s: TCP connection to many.example:80 (tried {}: no answer; {second}: connection refused)",
        first.address
    );
    takes_less_than(Duration::from_millis(2100), async || {
        let begin = Instant::now();
        let failure = open_many(vec![first.address, second], &patient(2000)).await.err().unwrap();
        assert!(begin.elapsed() > Duration::from_millis(1990), "{:?}", begin.elapsed());
        assert_eq!(failure.code, ErrorCode::Timeout);
        assert_eq!(failure.text, expected);
    })
    .await;
}

#[tokio::test]
async fn tries_the_second_address_while_the_first_does_not_answer() {
    let hole = Hole::dig("::1").await;
    let good = answering(GOOD).await;
    takes_less_than(Duration::from_millis(400), async || {
        let begin = Instant::now();
        open_many(vec![hole.address, hole.address, good], &patient(5000)).await.ok().unwrap();
        assert!(begin.elapsed() >= Duration::from_millis(240), "{:?}", begin.elapsed());
    })
    .await;
}

#[tokio::test]
async fn tries_the_next_address_immediately_if_one_refuses() {
    let good = answering(GOOD).await;
    takes_less_than(Duration::from_millis(200), async || {
        open_many(vec![closed("::1").await, closed("127.0.0.1").await, good], &patient(5000)).await.ok().unwrap();
    })
    .await;
}

#[tokio::test]
async fn resolves_localhost_by_the_systems_resolver() {
    let port = answering(GOOD).await.port();
    open(&format!("ws://localhost:{port}/"), &patient(5000)).await.map_err(|failure| failure.text).unwrap();
}

#[tokio::test]
async fn connects_by_the_loopback_family_on_which_the_server_listens() {
    for family in ["127.0.0.1", "::1"] {
        let good = serve_at(&SocketAddr::new(family.parse().unwrap(), 0).to_string(), |mut socket| async move {
            crate::support::accept(&mut socket).await;
            linger(socket).await;
        })
        .await;
        let both = ["::1", "127.0.0.1"].map(|ip| SocketAddr::new(ip.parse().unwrap(), good.port()));
        open_many(both.to_vec(), &patient(5000)).await.map_err(|failure| failure.text).unwrap();
    }
}

#[tokio::test]
async fn sends_small_writes_immediately() {
    // Our sockets have TCP_NODELAY set: without it, each of these small writes could wait 40 ms for a delayed
    // acknowledgement.
    use tokio::io::AsyncReadExt;
    let address = crate::support::serve(|mut socket| async move {
        crate::support::accept(&mut socket).await;
        let mut pair = [0; 2];
        while socket.read_exact(&mut pair).await.is_ok() {
            let _ = socket.write_all(&pair[..1]).await;
        }
    })
    .await;
    let mut stream = open(&format!("ws://{address}/"), &patient(5000)).await.ok().unwrap().stream;
    takes_less_than(Duration::from_millis(1000), async || {
        for _ in 0..50 {
            stream.write_all(b"a").await.unwrap();
            stream.write_all(b"b").await.unwrap();
            within(stream.read_u8()).await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn connects_to_loopback_addresses_only_if_tls_is_insecure() {
    let tls = TlsOptions { insecure: true, ..TlsOptions::default() };
    let options = Options { tls, ..patient(5000) };
    let far =
        resolver(|_, _| async { Ok(vec!["192.0.2.1:443".parse().unwrap(), "[2001:db8::1]:443".parse().unwrap()]) });
    let failure = within(plan("wss://far.example/", &options).with_resolver(far).open()).await.err().unwrap();
    assert_eq!(failure.code, ErrorCode::Tls);
    assert!(failure.text.contains("loopback") && !failure.text.contains("192.0.2.1"), "{}", failure.text);

    let near = closed("127.0.0.1").await;
    let mixed = resolver(move |_, _| async move { Ok(vec!["192.0.2.1:443".parse().unwrap(), near]) });
    let failure = within(plan("wss://mixed.example/", &options).with_resolver(mixed).open()).await.err().unwrap();
    assert_eq!(failure.code, ErrorCode::Connect);
    assert!(failure.text.ends_with(&format!("(tried {near}: connection refused)")), "{}", failure.text);
}

#[tokio::test]
async fn accepts_an_open_timeout_without_limit() {
    let address = answering(GOOD).await;
    let forever = Options { open_timeout: Duration::MAX, ..Options::default() };
    open(&format!("ws://{address}/"), &forever).await.map_err(|failure| failure.text).unwrap();
}
