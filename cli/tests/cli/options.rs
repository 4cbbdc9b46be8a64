//! Each option that changes the connection is seen to do so.

use std::future::{Future, pending};
use std::sync::mpsc::channel;
use std::thread;

use ring::digest::{SHA256, digest};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Builder;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use websocket_core::options::Fingerprint;

use super::program::{Ended, Program, answer_close, close_with};
use super::support::authority::{Authority, Files, Identity, Server, accept_tls};
use super::support::peer::{Door, PING, Peer, TEXT, close, frame};
use super::support::{PATIENCE, accept, fill, proxy, serve};

/// Runs a server on a thread of its own, which ends with the process, and returns what the future does.
fn background<T: Send + 'static>(start: impl Future<Output = T> + Send + 'static) -> T {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            sender.send(start.await).unwrap();
            pending::<()>().await;
        });
    });
    receiver.recv_timeout(PATIENCE).unwrap()
}

/// Accepts a client, and returns the request with the peer. `more`: further lines of the response.
fn request(door: &Door, more: &str) -> (String, Peer) {
    use std::io::{Read, Write};
    let mut stream = door.socket();
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        request.push(byte[0]);
    }
    let request = String::from_utf8(request).unwrap();
    let answer = super::support::GOOD.replace("Upgrade: websocket\r\n", &format!("Upgrade: websocket\r\n{more}"));
    stream.write_all(&fill(answer.as_bytes(), &request)).unwrap();
    (request, Peer { stream })
}

#[test]
fn sends_the_headers_that_it_is_asked_to_send() {
    let door = Door::new();
    let url = door.url();
    let arguments = ["-H", "X-Name: a: b", "--header=Cookie:c=1", "--origin", "https://host", "--protocol=chat,super"];
    let program = Program::start(&[&arguments[..], &[&url]].concat());
    let (request, peer) = request(&door, "Sec-WebSocket-Protocol: super\r\n");
    for line in ["X-Name: a: b", "Cookie: c=1", "Origin: https://host", "Sec-WebSocket-Protocol: chat, super"] {
        assert!(request.lines().any(|sent| sent == line), "{line}: {request}");
    }
    assert!(!request.contains("Sec-WebSocket-Extensions"), "{request}");
    close_with(peer, b"", 1000);
    assert_eq!(program.wait(), Ended::well(""));
}

#[test]
fn compress_offers_and_uses_permessage_deflate() {
    let door = Door::new();
    let text = "again and ".repeat(1000);
    let program = Program::start(&["--compress", "-x", &text, &door.url()]);
    let (request, mut peer) = request(&door, "Sec-WebSocket-Extensions: permessage-deflate\r\n");
    assert!(request.contains("Sec-WebSocket-Extensions: permessage-deflate"), "{request}");
    let (first, payload) = peer.hear();
    assert_eq!(first, TEXT | 0x40);
    assert!(payload.len() < 1000, "{} bytes", payload.len());
    // The same bytes are a compressed message in the other direction.
    peer.say(&frame(TEXT | 0x40, &payload));
    answer_close(peer, 1000, b"");
    assert_eq!(program.wait(), Ended::well(&format!("{text}\n")));
}

#[test]
fn ping_sets_the_time_between_keepalive_pings() {
    let door = Door::new();
    let _program = Program::start(&["--ping", "0.05", &door.url()]);
    let mut peer = door.peer();
    assert_eq!(peer.hear().0, PING);
}

#[test]
fn reconnect_opens_a_lost_connection_again_and_says_so() {
    let door = Door::new();
    let mut program = Program::start(&["--reconnect", &door.url()]);
    let mut peer = door.peer();
    program.write(b"one\n");
    assert_eq!(peer.hear(), (TEXT, b"one".to_vec()));
    drop(peer);
    let note = program.note();
    assert!(note.starts_with("websocket: reconnecting in 0.") && note.contains(", attempt 1: "), "{note}");
    program.write(b"two\n");
    let mut peer = door.peer();
    assert_eq!(peer.hear(), (TEXT, b"two".to_vec()));
    close_with(peer, b"", 1000);
    assert_eq!(program.wait(), Ended::well(""));
}

#[test]
fn verbose_tells_every_step_on_stderr() {
    let door = Door::new();
    let program = Program::start(&["-v", &door.url()]);
    close_with(door.peer(), &frame(TEXT, b"hello"), 1000);
    let ended = program.wait();
    assert_eq!((ended.status, &*ended.stdout), (Some(0), "hello\n"));
    for step in ["websocket: debug TCP connection to 127.0.0.1:", "websocket: info open: "] {
        assert!(ended.stderr.contains(step), "{step}: {}", ended.stderr);
    }
}

/// Starts a TLS server that greets and closes.
fn greeting(identity: Identity) -> String {
    let acceptor = Server::new(identity).acceptor();
    let address = background(serve(move |socket| {
        let acceptor = acceptor.clone();
        async move {
            let Some(mut channel) = accept_tls(acceptor, socket).await else { return };
            accept(&mut channel).await;
            let _ = channel.write_all(&[frame(TEXT, b"secure"), close(1000, "")].concat()).await;
            let _ = channel.flush().await;
            // Until the client has answered.
            let _ = channel.read(&mut [0; 64]).await;
            let _ = channel.shutdown().await;
        }
    }));
    format!("wss://{address}/")
}

#[test]
fn ca_and_fingerprint_decide_which_server_is_trusted() {
    let authority = Authority::new();
    let identity = authority.issue(&["127.0.0.1"]);
    let certificate = CertificateDer::from_pem_slice(identity.cert.as_bytes()).unwrap();
    let fingerprint = Fingerprint(digest(&SHA256, &certificate).as_ref().try_into().unwrap()).to_string();
    let files = Files::new("cli");
    let ca = files.write("ca.pem", &authority.pem());
    let other = files.write("other.pem", &Authority::named("another").pem());
    let url = greeting(identity);
    assert_eq!(Program::start(&[&url, "--ca", &ca]).wait(), Ended::well("secure\n"));
    assert_eq!(Program::start(&[&url, "--fingerprint", &fingerprint]).wait(), Ended::well("secure\n"));
    let wrong = "AB".repeat(32);
    for arguments in [[&*url, "--ca", &other], [&url, "--fingerprint", &wrong]] {
        let ended = Program::start(&arguments).wait();
        assert_eq!((ended.status, &*ended.stdout), (Some(1), ""), "{arguments:?}");
        assert!(ended.stderr.contains("TLS"), "{}", ended.stderr);
    }
}

#[test]
fn proxy_carries_the_connection() {
    let door = Door::new();
    let (address, mut requests) = background(proxy::http("HTTP/1.1 200 OK\r\n\r\n"));
    let program = Program::start(&[&door.url(), "--proxy", &format!("http://{address}"), "-x", "hello"]);
    let mut peer = door.peer();
    assert_eq!(peer.hear(), (TEXT, b"hello".to_vec()));
    peer.say(&frame(TEXT, b"answer"));
    answer_close(peer, 1000, b"");
    assert_eq!(program.wait(), Ended::well("answer\n"));
    let connect = requests.blocking_recv().unwrap();
    assert!(connect.starts_with(&format!("CONNECT {} HTTP/1.1\r\n", door.address())), "{connect}");
}
