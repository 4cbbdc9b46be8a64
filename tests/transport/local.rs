//! Tests Unix sockets, `connect_to` and `local_address`.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
#[cfg(target_os = "linux")]
use std::time::Duration;

use crate::support::authority::{Authority, Files, Server};
use crate::support::{GOOD, accept, answering, fill, linger, open, plan, read_request, refused, serve, within};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
#[cfg(target_os = "linux")]
use tokio::net::UnixSocket;
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use websocket_core::error::ErrorCode;
use websocket_core::options::Options;
use websocket_core::transport::{Loss, Plan, Stream, resolver};
use websocket_core::url::Endpoint;

fn connect_to(target: &str) -> Options {
    let mut options = Options::default();
    options.set_connect_to(target).unwrap();
    options
}

fn from(address: &str) -> Options {
    let mut options = Options::default();
    options.set_local_address(address).unwrap();
    options
}

/// Serves every connection to a Unix socket by `script`, and returns the path of the socket.
fn serve_unix<F, A>(files: &Files, script: F) -> PathBuf
where
    F: Fn(UnixStream) -> A + Send + 'static,
    A: Future<Output = ()> + Send + 'static,
{
    let path = files.path().join("server.sock");
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(script(socket));
        }
    });
    path
}

/// A WebSocket server on a Unix socket that reports its requests.
fn accepting(files: &Files) -> (PathBuf, UnboundedReceiver<String>) {
    let (sender, requests) = unbounded_channel();
    let path = serve_unix(files, move |mut socket| {
        let sender = sender.clone();
        async move {
            let request = read_request(&mut socket).await;
            let answer = if request.starts_with("GET /old") {
                b"HTTP/1.1 302 Go\r\nLocation: /new\r\nContent-Length: 0\r\n\r\n".to_vec()
            } else {
                fill(&[GOOD.as_bytes(), b"x"].concat(), &request)
            };
            socket.write_all(&answer).await.unwrap();
            sender.send(request).unwrap();
            linger(socket).await;
        }
    });
    (path, requests)
}

#[tokio::test]
async fn opens_the_urls_of_nodes_ws() {
    let files = Files::new("unix-urls");
    let (path, mut requests) = accepting(&files);
    let path = path.display();
    for (url, resource) in [
        (format!("ws+unix://{path}"), "/"),
        (format!("ws+unix:{path}:/chat?room=1"), "/chat?room=1"),
        (format!("ws+unix://{path}:/x:y"), "/x:y"),
    ] {
        let opened = open(&url, &Options::default()).await.map_err(|failure| failure.text).unwrap();
        let request = within(requests.recv()).await.unwrap();
        assert!(request.starts_with(&format!("GET {resource} HTTP/1.1\r\nHost: localhost\r\n")), "{request}");
        let (mut bytes, mut stream) = (opened.tail, opened.stream);
        while bytes.is_empty() {
            within(stream.read_buf(&mut bytes)).await.unwrap();
        }
        assert_eq!(bytes, b"x");
    }
}

#[tokio::test]
async fn follows_redirects_on_the_same_socket() {
    let files = Files::new("unix-redirect");
    let (path, mut requests) = accepting(&files);
    let options = Options { max_redirects: 1, ..Options::default() };
    open(&format!("ws+unix://{}:/old", path.display()), &options).await.map_err(|failure| failure.text).unwrap();
    for path in ["/old", "/new"] {
        assert!(within(requests.recv()).await.unwrap().starts_with(&format!("GET {path} ")));
    }
}

#[tokio::test]
async fn connects_to_a_socket_and_keeps_the_host_of_the_url() {
    let files = Files::new("unix-connect-to");
    let (path, mut requests) = accepting(&files);
    open("ws://host.example:81/a", &connect_to(&format!("unix:{}", path.display()))).await.ok().unwrap();
    let request = within(requests.recv()).await.unwrap();
    assert!(request.starts_with("GET /a HTTP/1.1\r\nHost: host.example:81\r\n"), "{request}");
}

#[tokio::test]
async fn speaks_tls_over_a_unix_socket() {
    let files = Files::new("unix-tls");
    let authority = Authority::new();
    let acceptor = Server::new(authority.issue(&["localhost", "host.example"])).acceptor();
    let path = serve_unix(&files, move |socket| {
        let acceptor = acceptor.clone();
        async move {
            let mut channel = acceptor.accept(socket).await.unwrap();
            assert!(matches!(channel.get_ref().1.server_name(), Some("localhost" | "host.example")));
            accept(&mut channel).await;
            linger(channel).await;
        }
    });
    let mut options = Options::default();
    options.tls.ca = Some(authority.pem().into());
    open(&format!("wss+unix://{}", path.display()), &options).await.map_err(|failure| failure.text).unwrap();
    options.set_connect_to(&format!("unix:{}", path.display())).unwrap();
    open("wss://host.example/", &options).await.map_err(|failure| failure.text).unwrap();
    let failure = refused("wss://other.example/", &options).await;
    assert_eq!(failure.code, ErrorCode::Tls);
}

#[tokio::test]
async fn names_the_socket_that_cannot_be_reached() {
    let files = Files::new("unix-none");
    let path = files.path().join("none.sock");
    let failure = refused(&format!("ws+unix://{}:/?secret", path.display()), &Options::default()).await;
    assert_eq!(failure.code, ErrorCode::Connect);
    assert_eq!(failure.text, format!("no such file or directory: connection to unix:\"{}\"", path.display()));
}

#[tokio::test]
async fn survives_two_writes_to_a_unix_peer_that_has_gone() {
    let files = Files::new("unix-gone");
    let path = serve_unix(&files, |mut socket| async move {
        accept(&mut socket).await;
    });
    let opened = within(plan(&format!("ws+unix://{}", path.display()), &Options::default()).open()).await;
    let mut stream = opened.ok().unwrap().stream;
    let mut rest = Vec::new();
    let _ = within(stream.read_to_end(&mut rest)).await;
    // The first write after the end of a Unix socket would raise SIGPIPE already, which ends the test program: Rust's
    // test programs ignore it, so spec/unix_spec.lua shows that it does not come.
    for _ in 0..2 {
        let error = within(stream.write_all(b"x")).await.unwrap_err();
        assert_eq!(Stream::classify(&error), Loss::Reset("broken pipe".to_owned()));
    }
}

#[tokio::test]
async fn writes_as_much_as_a_unix_socket_takes_and_goes_on_later() {
    let files = Files::new("unix-flow");
    let path = serve_unix(&files, |mut socket| async move {
        accept(&mut socket).await;
        let mut total = 0;
        let mut buffer = vec![0; 65536];
        while total < 8 << 20 {
            total += socket.read(&mut buffer).await.unwrap();
        }
        let _ = socket.write_all(b"done").await;
    });
    let mut stream = open(&format!("ws+unix://{}", path.display()), &Options::default()).await.ok().unwrap().stream;
    within(stream.write_all(&vec![7; 8 << 20])).await.unwrap();
    let mut done = [0; 4];
    within(stream.read_exact(&mut done)).await.unwrap();
    assert_eq!(&done, b"done");
}

#[tokio::test]
async fn connects_to_another_address_and_verifies_the_host_of_the_url() {
    let authority = Authority::new();
    let server = Server::new(authority.issue(&["host.example"])).start().await;
    let mut options = connect_to(&server.to_string());
    options.tls.ca = Some(authority.pem().into());
    open("wss://host.example/", &options).await.map_err(|failure| failure.text).unwrap();
    assert_eq!(refused("wss://other.example/", &options).await.code, ErrorCode::Tls);
}

#[tokio::test]
async fn resolves_the_name_of_connect_to_and_names_both_in_texts() {
    let server = answering(GOOD).await;
    let resolver = resolver(move |host, port| async move {
        assert_eq!((&*host, port), ("near.example", 82));
        Ok(vec![server])
    });
    let options = connect_to("near.example:82");
    within(plan("ws://far.example/", &options).with_resolver(resolver).open()).await.ok().unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let failure = refused("ws://far.example/", &connect_to(&closed.to_string())).await;
    let expected = format!("TCP connection to {closed} for far.example:80 (tried {closed}: connection refused)");
    assert!(failure.text.ends_with(&expected), "{}", failure.text);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn dials_from_the_local_address() {
    let (sender, mut peers) = unbounded_channel();
    let address = serve(move |mut socket| {
        sender.send(socket.peer_addr().unwrap().ip()).unwrap();
        async move {
            accept(&mut socket).await;
            linger(socket).await;
        }
    })
    .await;
    open(&format!("ws://{address}/"), &from("127.0.0.9")).await.map_err(|failure| failure.text).unwrap();
    assert_eq!(within(peers.recv()).await, Some(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 9))));
}

#[tokio::test]
async fn tries_no_address_of_another_family_than_the_local_address() {
    let server = answering(GOOD).await;
    let v6 = "[::1]:9".parse().unwrap();
    let both = resolver(move |_, _| async move { Ok(vec![v6, server]) });
    let both = plan("ws://both.example/", &from("127.0.0.1")).with_resolver(both);
    within(both.open()).await.map_err(|failure| failure.text).unwrap();
    let only = resolver(move |_, _| async move { Ok(vec![v6]) });
    let only = plan("ws://only.example/", &from("127.0.0.1")).with_resolver(only);
    let failure = within(only.open()).await.err().unwrap();
    assert_eq!(failure.code, ErrorCode::Connect);
    let cause = "the host has no address of the family of option local_address 127.0.0.1";
    assert_eq!(failure.text, format!("{cause}: TCP connection to only.example:80"));
}

#[tokio::test]
async fn says_that_the_local_address_is_not_of_this_machine() {
    let server = answering(GOOD).await;
    let failure = refused(&format!("ws://{server}/"), &from("192.0.2.77")).await;
    assert_eq!(failure.code, ErrorCode::Connect);
    let cause = format!("(tried {server}: local_address 192.0.2.77: cannot assign requested address)");
    assert!(failure.text.ends_with(&cause), "{}", failure.text);
}

#[test]
fn refuses_options_that_contradict_the_url_of_a_socket() {
    let mut proxy = Options::default();
    proxy.set_proxy(Some("http://me:s3cret@proxy")).unwrap();
    for (options, named) in
        [(proxy, "option proxy"), (from("127.0.0.1"), "option local_address"), (connect_to("a:1"), "option connect_to")]
    {
        let endpoint = Endpoint::parse("ws+unix:///run/a.sock").unwrap();
        let text = Plan::new(endpoint, &options).err().unwrap().to_string();
        assert!(text.contains(named) && text.contains("Unix socket") && !text.contains("s3cret"), "{text}");
    }
}

#[tokio::test]
async fn names_what_was_reached_and_for_whom() {
    let files = Files::new("reached");
    let (path, _requests) = accepting(&files);
    let path = path.to_str().unwrap();
    let by_tcp = answering(GOOD).await;
    for (url, options, reached) in [
        (format!("ws://{by_tcp}/"), Options::default(), by_tcp.to_string()),
        ("ws://h.example/".to_owned(), connect_to(&by_tcp.to_string()), format!("{by_tcp} for h.example:80")),
        (
            "ws://h.example/".to_owned(),
            connect_to(&format!("unix:{path}")),
            format!("unix:\"{path}\" for h.example:80"),
        ),
        (format!("ws+unix://{path}:/"), Options::default(), format!("unix:\"{path}\"")),
    ] {
        assert_eq!(open(&url, &options).await.map_err(|failure| failure.text).unwrap().reached, reached);
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn waits_while_the_queue_of_the_socket_is_full() {
    let files = Files::new("full");
    let path = files.path().join("full.sock");
    let listening = UnixSocket::new_stream().unwrap();
    listening.bind(&path).unwrap();
    let listener = listening.listen(1).unwrap();
    let mut waiting = Vec::new();
    while let Ok(stream) = UnixStream::connect(&path).await {
        waiting.push(stream);
        assert!(waiting.len() < 64, "the queue never fills");
    }
    let url = format!("ws+unix://{}:/", path.to_str().unwrap());
    let impatient = Options { open_timeout: Duration::from_millis(100), ..Options::default() };
    let failure = refused(&url, &impatient).await;
    assert_eq!(failure.code, ErrorCode::Timeout);
    assert!(failure.text.starts_with("timed out after 0.1 s: connection to unix:"), "{}", failure.text);

    let serving = tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                accept(&mut socket).await;
                linger(socket).await;
            });
        }
    });
    // The server task runs for the first time while this one waits, so the first attempt finds the queue full.
    open(&url, &Options::default()).await.map_err(|failure| failure.text).unwrap();
    serving.abort();
}
