//! SOCKS version 5 (RFC 1928, RFC 1929), by tokio-socks.
//!
//! Comes in: a socket to the proxy, and where to go. Goes out: the same socket, which now leads there, or what the
//! proxy answered. Resolves no name: it passes the proxy the name or the address that it was given.

use tokio::net::TcpStream;
use tokio_socks::Error;
pub(super) use tokio_socks::TargetAddr;
use tokio_socks::tcp::Socks5Stream;

use crate::error::{ErrorCode, Failure};
use crate::transport::io_text;

/// Asks the proxy for a connection to `target`.
///
/// # Errors
/// `proxy`.
pub(super) async fn connect(
    socket: TcpStream,
    target: TargetAddr<'_>,
    credentials: Option<&(Vec<u8>, Vec<u8>)>,
) -> Result<TcpStream, Failure> {
    let connected = match credentials.map(|(user, password)| (str::from_utf8(user), str::from_utf8(password))) {
        None => Socks5Stream::connect_with_socket(socket, target).await,
        Some((Ok(user), Ok(password))) => {
            Socks5Stream::connect_with_password_and_socket(socket, target, user, password).await
        }
        Some(_) => Err(Error::InvalidAuthValues("not UTF-8")),
    };
    connected.map(Socks5Stream::into_inner).map_err(|error| Failure::new(ErrorCode::Proxy, describe(&error)))
}

fn describe(error: &Error) -> String {
    let text = match error {
        Error::Io(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            "the proxy closed the connection inside the SOCKS handshake"
        }
        Error::Io(error) => return io_text::describe(error),
        Error::NoAcceptableAuthMethods => "the proxy accepts none of the ways to log in that are offered",
        Error::AuthorizationRequired => "the proxy wants user and password",
        Error::PasswordAuthFailure(_) => "the proxy does not accept user and password",
        Error::GeneralSocksServerFailure => "the proxy failed (SOCKS reply 1)",
        Error::ConnectionNotAllowedByRuleset => "the proxy's rules forbid the connection (SOCKS reply 2)",
        Error::NetworkUnreachable => "the proxy cannot reach the network (SOCKS reply 3)",
        Error::HostUnreachable => "the proxy cannot reach the host (SOCKS reply 4)",
        Error::ConnectionRefused => "the host refused the proxy's connection (SOCKS reply 5)",
        Error::TtlExpired => "the proxy's packets did not arrive (SOCKS reply 6)",
        Error::CommandNotSupported => "the proxy does not connect (SOCKS reply 7)",
        Error::AddressTypeNotSupported => "the proxy does not know the type of the address (SOCKS reply 8)",
        _ => "the proxy's answer is not SOCKS version 5",
    };
    text.to_owned()
}
