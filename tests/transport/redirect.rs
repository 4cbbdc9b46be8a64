//! Tests redirects over real sockets: which are followed, and what the next server gets to see.

use std::net::SocketAddr;
use std::time::Duration;

use crate::support::authority::{Authority, Server, accept_tls};
use crate::support::{GOOD, accept, answering, fill, linger, open, plan, read_request, refused, serve, within};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use websocket_core::error::ErrorCode;
use websocket_core::options::Options;
use websocket_core::transport::resolver;

fn following(max_redirects: u8) -> Options {
    Options { max_redirects, ..Options::default() }
}

fn redirect(status: u16, location: &str) -> String {
    format!("HTTP/1.1 {status} Go\r\nLocation: {location}\r\n\r\n")
}

/// A server that answers by the path of the request, and reports each request.
async fn server(routes: Vec<(&'static str, String)>) -> (SocketAddr, UnboundedReceiver<String>) {
    let (sender, requests) = unbounded_channel();
    let address = serve(move |mut socket| {
        let (sender, routes) = (sender.clone(), routes.clone());
        async move {
            let request = read_request(&mut socket).await;
            let path = request.split(' ').nth(1).unwrap_or_default();
            let answer = routes.iter().find(|(known, _)| *known == path).map_or(GOOD, |(_, answer)| answer);
            let _ = socket.write_all(&fill(answer.as_bytes(), &request)).await;
            let _ = sender.send(request);
            linger(socket).await;
        }
    })
    .await;
    (address, requests)
}

async fn next(requests: &mut UnboundedReceiver<String>) -> String {
    within(requests.recv()).await.unwrap()
}

/// Options with everything that is for the first origin alone, and a header that is for all.
fn confidential() -> Options {
    let mut options = following(3);
    for (name, value) in [
        ("Authorization", "Bearer s3cret"),
        ("proxy-authorization", "Basic s3cret"),
        ("Cookie", "s3cret=1"),
        ("Host", "s3cret.example"),
        ("X-Public", "yes"),
    ] {
        options.add_header(name, value.as_bytes()).unwrap();
    }
    options.set_origin(b"https://here.example").unwrap();
    options.add_protocol("chat").unwrap();
    options
}

#[tokio::test]
async fn follows_every_kind_of_redirect_with_all_headers_on_the_same_origin() {
    for status in [301, 302, 303, 307, 308] {
        let (address, mut requests) =
            server(vec![("/a?b", redirect(status, "c/d")), ("/c/d", redirect(status, "?e"))]).await;
        open(&format!("ws://{address}/a?b"), &confidential()).await.map_err(|failure| failure.text).unwrap();
        let first = next(&mut requests).await;
        for path in ["/c/d", "/c/d?e"] {
            let request = next(&mut requests).await;
            let key = |request: &str| {
                request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap().to_owned()
            };
            assert_ne!(key(&request), key(&first));
            assert_eq!(request.replace(&key(&request), &key(&first)), first.replace("/a?b", path));
        }
    }
}

#[tokio::test]
async fn sends_another_origin_nothing_that_is_for_the_first_alone() {
    let (second, mut seconds) = server(Vec::new()).await;
    for location in [format!("ws://{second}/x"), format!("http://u:p@{second}/x#f"), format!("//{second}/x")] {
        let (first, _firsts) = server(vec![("/", redirect(302, &location))]).await;
        open(&format!("ws://{first}/"), &confidential()).await.map_err(|failure| failure.text).unwrap();
        let request = next(&mut seconds).await;
        assert!(request.starts_with(&format!("GET /x HTTP/1.1\r\nHost: {second}\r\n")), "{request}");
        assert!(!request.contains("s3cret") && !request.to_lowercase().contains("authorization"), "{request}");
        for kept in ["X-Public: yes", "Origin: https://here.example", "Sec-WebSocket-Protocol: chat"] {
            assert!(request.contains(&format!("\r\n{kept}\r\n")), "{request}");
        }
        let (first, _firsts) = server(vec![("/", redirect(302, &location))]).await;
        open(&format!("ws://me:s3cret@{first}/"), &following(1)).await.ok().unwrap();
        assert!(!next(&mut seconds).await.contains("Authorization"));
    }
}

#[tokio::test]
async fn keeps_the_urls_credentials_on_the_same_origin() {
    let (address, mut requests) = server(vec![("/", redirect(307, "/next"))]).await;
    open(&format!("ws://me:secret@{address}/"), &following(1)).await.map_err(|failure| failure.text).unwrap();
    for _ in 0..2 {
        assert!(next(&mut requests).await.contains("\r\nAuthorization: Basic bWU6c2VjcmV0\r\n"));
    }
}

#[tokio::test]
async fn sends_nothing_confidential_when_a_redirect_leads_back() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let first = listener.local_addr().unwrap();
    let (second, _seconds) = server(vec![("/", redirect(302, &format!("ws://{first}/back")))]).await;
    let (sender, mut firsts) = unbounded_channel();
    tokio::spawn(async move {
        for answer in [redirect(302, &format!("ws://{second}/")), GOOD.to_owned()] {
            let (mut socket, _) = listener.accept().await.unwrap();
            let request = read_request(&mut socket).await;
            socket.write_all(&fill(answer.as_bytes(), &request)).await.unwrap();
            sender.send(request).unwrap();
            tokio::spawn(linger(socket));
        }
    });
    open(&format!("ws://{first}/"), &confidential()).await.map_err(|failure| failure.text).unwrap();
    assert!(next(&mut firsts).await.contains("s3cret"));
    let back = next(&mut firsts).await;
    assert!(back.starts_with("GET /back ") && !back.contains("s3cret"), "{back}");
}

#[tokio::test]
async fn counts_redirects_and_reports_the_last_response() {
    let (address, mut requests) = server(vec![("/", redirect(302, "/"))]).await;
    for limit in [0, 1, 3] {
        let failure = refused(&format!("ws://{address}/"), &following(limit)).await;
        assert_eq!(failure.code, ErrorCode::HttpStatus);
        let about = if limit == 0 { String::new() } else { format!(", after {limit} redirects, the limit") };
        let text = format!("the server answered with status 302, a redirect to ws://{address}{about}: opening");
        assert!(failure.text.starts_with(&text), "{}", failure.text);
        assert_eq!(failure.response.unwrap().status, 302);
        for _ in 0..=limit {
            next(&mut requests).await;
        }
        assert!(requests.try_recv().is_err(), "one request more than {limit} redirects allow");
    }
}

#[tokio::test]
async fn never_follows_from_wss_to_ws() {
    let authority = Authority::new();
    let (plain, mut requests) = server(Vec::new()).await;
    let acceptor = Server::new(authority.issue(&["127.0.0.1"])).acceptor();
    for scheme in ["ws", "http"] {
        let acceptor = acceptor.clone();
        let secure = serve(move |socket| {
            let acceptor = acceptor.clone();
            async move {
                let Some(mut channel) = accept_tls(acceptor, socket).await else { return };
                read_request(&mut channel).await;
                let _ = channel.write_all(redirect(301, &format!("{scheme}://{plain}/")).as_bytes()).await;
                let _ = channel.shutdown().await;
            }
        })
        .await;
        let mut options = following(5);
        options.tls.ca = Some(authority.pem().into());
        let failure = refused(&format!("wss://{secure}/"), &options).await;
        assert_eq!(failure.code, ErrorCode::HttpStatus);
        assert!(failure.text.contains("which is not followed because it leaves encryption"), "{}", failure.text);
        assert!(requests.try_recv().is_err(), "a request without encryption");
    }
}

#[tokio::test]
async fn follows_from_ws_to_wss_and_gives_the_client_certificate_to_the_first_origin_alone() {
    let authority = Authority::new();
    let wanting = || {
        let mut server = Server::new(authority.issue(&["127.0.0.1"]));
        server.client_authority = Some(authority.pem());
        server
    };
    let second = wanting().start().await;
    let mut options = following(1);
    options.tls.ca = Some(authority.pem().into());
    let files = crate::support::authority::Files::new("redirect");
    let client = authority.issue(&["client"]);
    options.tls.cert_file = Some(files.write("client.pem", &client.cert));
    options.tls.key_file = Some(files.write("client.key", &client.key));
    within(plan(&format!("wss://{second}/"), &options).open()).await.map_err(|failure| failure.text).unwrap();

    let location = format!("https://{second}/");
    let failure = refused(&format!("ws://{}/", answering(redirect(302, &location)).await), &options).await;
    assert_eq!(failure.code, ErrorCode::Tls);
    assert!(failure.text.contains("wants a client certificate"), "{}", failure.text);

    let lenient = Server::new(authority.issue(&["127.0.0.1"])).start().await;
    let location = format!("https://{lenient}/");
    let opened = open(&format!("ws://{}/", answering(redirect(302, &location)).await), &options).await;
    opened.map_err(|failure| failure.text).unwrap();
}

#[tokio::test]
async fn connects_to_the_address_of_connect_to_for_the_first_origin_alone() {
    let (first, mut firsts) =
        server(vec![("/", redirect(302, "/same")), ("/same", redirect(302, "ws://other.example:82/"))]).await;
    let (second, mut seconds) = server(Vec::new()).await;
    let mut options = following(2);
    options.set_connect_to(&first.to_string()).unwrap();
    let resolver = resolver(move |host, port| async move {
        assert_eq!((&*host, port), ("other.example", 82));
        Ok(vec![second])
    });
    let opened = within(plan("ws://first.example:81/", &options).with_resolver(resolver).open()).await;
    opened.map_err(|failure| failure.text).unwrap();
    for path in ["/", "/same"] {
        let request = next(&mut firsts).await;
        assert!(request.starts_with(&format!("GET {path} HTTP/1.1\r\nHost: first.example:81\r\n")), "{request}");
    }
    assert!(next(&mut seconds).await.starts_with("GET / HTTP/1.1\r\nHost: other.example:82\r\n"));
}

#[tokio::test]
async fn restricts_insecure_tls_to_loopback_on_every_hop() {
    let authority = Authority::new();
    let acceptor = Server::new(authority.issue(&["wrong.example"])).acceptor();
    for (location, text) in [
        ("https://192.0.2.1/", "option tls.insecure is for loopback addresses alone, not for 192.0.2.1"),
        ("https://far.example/", "option tls.insecure is for loopback addresses alone, and the host has none"),
    ] {
        let acceptor = acceptor.clone();
        let first = serve(move |socket| {
            let acceptor = acceptor.clone();
            async move {
                let Some(mut channel) = accept_tls(acceptor, socket).await else { return };
                read_request(&mut channel).await;
                let _ = channel.write_all(redirect(302, location).as_bytes()).await;
                let _ = channel.shutdown().await;
            }
        })
        .await;
        let mut options = following(1);
        options.tls.insecure = true;
        let far = resolver(|_, _| async { Ok(vec!["192.0.2.1:443".parse().unwrap()]) });
        let failure = within(plan(&format!("wss://{first}/"), &options).with_resolver(far).open()).await.err().unwrap();
        assert_eq!(failure.code, ErrorCode::Tls);
        assert!(failure.text.starts_with(text), "{}", failure.text);
    }
}

#[tokio::test]
async fn shares_one_deadline_among_all_hops() {
    let slow = serve(|mut socket| async move {
        read_request(&mut socket).await;
        tokio::time::sleep(Duration::from_millis(80)).await;
        let _ = socket.write_all(redirect(302, "/again").as_bytes()).await;
        linger(socket).await;
    })
    .await;
    let options = Options { open_timeout: Duration::from_millis(500), ..following(20) };
    let failure = refused(&format!("ws://{slow}/"), &options).await;
    assert_eq!(failure.code, ErrorCode::Timeout);
    assert_eq!(failure.text, format!("timed out after 0.5 s: opening handshake with {slow}"));
}

#[tokio::test]
async fn opens_by_the_same_redirect_again() {
    let second = serve(|mut socket| async move {
        accept(&mut socket).await;
        linger(socket).await;
    })
    .await;
    let first = answering(redirect(302, &format!("ws://{second}/"))).await;
    let plan = plan(&format!("ws://{first}/"), &following(1));
    for _ in 0..2 {
        within(plan.open()).await.map_err(|failure| failure.text).unwrap();
    }
}

#[tokio::test]
async fn reports_the_response_that_leads_where_nothing_can_connect() {
    for location in ["https://-tv-/s3cret", "wss://-tv-:444/"] {
        let address = answering(redirect(307, location)).await;
        let failure = refused(&format!("ws://{address}/"), &following(3)).await;
        assert_eq!(failure.code, ErrorCode::HttpStatus);
        let text = "the server answered with status 307, a redirect that cannot be followed: no certificate can name \
                    the host \"-tv-\": redirect from";
        assert_eq!(failure.text, format!("{text} {address}"));
        let response = failure.response.unwrap();
        assert_eq!((response.status, response.body.len()), (307, 0));
        assert_eq!(response.headers, [("location".to_owned(), location.as_bytes().to_vec())]);
    }
}

#[tokio::test]
async fn shows_no_secret_of_an_earlier_server_that_a_later_one_repeats() {
    for said in ["bad s3cret", "bad qu3ry", "bad t4rget"] {
        let refusal = format!("HTTP/1.1 403 No\r\nContent-Length: {}\r\n\r\n{said}", said.len());
        let (second, _seconds) = server(vec![("/x?t4rget", refusal)]).await;
        let (first, _firsts) = server(vec![("/?key=qu3ry", redirect(302, &format!("ws://{second}/x?t4rget")))]).await;
        let failure = refused(&format!("ws://{first}/?key=qu3ry"), &confidential()).await;
        assert_eq!(failure.text, format!("the server answered with status 403: opening handshake with {second}"));
    }
}
