//! The request CONNECT (RFC 9110 section 9.3.6), which has an HTTP proxy forward bytes to a server.
//!
//! Comes in: a stream to the proxy, and where to go. Goes out: the same stream, which now leads there, or what the
//! proxy answered. Knows nothing of what is sent through it.

use std::io;

use data_encoding::BASE64;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::error::{ErrorCode, Failure};
use crate::transport::head::{Head, PROXY, Search};
use crate::transport::stream::{Loss, Stream};
use crate::url::HostPort;

/// Asks the proxy for a connection to `target`. Any status from 200 to 299 is success.
///
/// # Errors
/// `proxy`: another status, which the text has, or no answer that is one of HTTP.
pub(super) async fn connect(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    target: &HostPort,
    credentials: Option<&(Vec<u8>, Vec<u8>)>,
    user_agent: Option<&[u8]>,
) -> Result<(), Failure> {
    let request = request(target, credentials, user_agent);
    // A proxy may answer and close before it has read everything. Its answer explains more than the error of writing.
    if stream.write_all(&request).await.is_ok() {
        let _ = stream.flush().await;
    }
    match read_head(stream).await?.status {
        200..=299 => Ok(()),
        407 if credentials.is_none() => Err(refuse("the proxy answered with status 407, it wants user and password")),
        407 => Err(refuse("the proxy answered with status 407, it does not accept user and password")),
        status => Err(refuse(format!("the proxy answered with status {status}"))),
    }
}

fn request(target: &HostPort, credentials: Option<&(Vec<u8>, Vec<u8>)>, user_agent: Option<&[u8]>) -> Vec<u8> {
    let authority = format!("{}:{}", target.host, target.port);
    let mut request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n").into_bytes();
    if let Some(agent) = user_agent {
        request.extend([b"User-Agent: ", agent, b"\r\n"].concat());
    }
    if let Some((user, password)) = credentials {
        let pair = BASE64.encode(&[user, &b":"[..], password].concat());
        request.extend(format!("Proxy-Authorization: Basic {pair}\r\n").into_bytes());
    }
    request.extend(b"\r\n");
    request
}

/// Reads the head byte by byte, as curl does: the bytes after it are the server's, and must stay in the stream.
async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> Result<Head, Failure> {
    let mut search = Search::of(&PROXY);
    loop {
        if let Some((head, _)) = search.advance()? {
            return Ok(head);
        }
        match stream.read_u8().await {
            Ok(byte) => search.buffer().push(byte),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(search.end()),
            Err(error) => {
                return Err(match Stream::classify(&error) {
                    Loss::EndOfStream => search.end(),
                    Loss::Reset(cause) | Loss::Tls(cause) => refuse(cause),
                });
            }
        }
    }
}

fn refuse(cause: impl Into<String>) -> Failure {
    Failure::new(ErrorCode::Proxy, cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_for_the_target_with_credentials_and_user_agent() {
        let target = HostPort { host: url::Host::parse("[::1]").unwrap(), port: 443 };
        let credentials = (b"me".to_vec(), b"p@ss".to_vec());
        let text = String::from_utf8(request(&target, Some(&credentials), Some(b"agent/1"))).unwrap();
        let expected = "CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\nUser-Agent: agent/1\r\n\
            Proxy-Authorization: Basic bWU6cEBzcw==\r\n\r\n";
        assert_eq!(text, expected);
        let plain = request(&target, None, None);
        assert_eq!(plain, b"CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n\r\n");
    }
}
