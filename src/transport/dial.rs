//! Resolves a host's name and connects by TCP (RFC 8305).
//!
//! Comes in: a name or addresses. Goes out: the first socket that connects, or the cause for each address that was
//! tried. Knows nothing of proxies and URLs.

use std::collections::HashSet;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::background;
use super::deadline::Deadline;
use super::io_text::{describe, lower_first};
use crate::error::{ErrorCode, Failure};
use crate::url::HostPort;

/// How long to wait for one address before the next is tried at the same time (RFC 8305 section 5).
const STAGGER: Duration = Duration::from_millis(250);

/// The most bytes that the kernel holds of what it has not sent yet, so that a keepalive ping does not queue behind
/// megabytes. The kernel asks for more when half of it is left, and with much less a large message would take many
/// turns.
#[cfg(any(target_os = "android", target_os = "linux"))]
const MAX_UNSENT: u32 = 512 * 1024;

type Answer = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// Resolves a host's name, and returns its addresses with a port, the preferred one first.
///
/// Public for the tests, which resolve names without a network.
#[doc(hidden)]
pub type Resolver = Arc<dyn Fn(String, u16) -> Answer + Send + Sync>;

/// Creates a [`Resolver`] from an asynchronous function. Public for the tests, as [`Resolver`] is.
#[doc(hidden)]
pub fn resolver<F, A>(answer: F) -> Resolver
where
    F: Fn(String, u16) -> A + Send + Sync + 'static,
    A: Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'static,
{
    Arc::new(move |host, port| Box::pin(answer(host, port)))
}

/// Returns the system's resolver.
///
/// A call of getaddrinfo cannot be cancelled: one that hangs keeps its thread.
pub(super) fn system() -> Resolver {
    resolver(|host: String, port| async move {
        background::run(move || (host.as_str(), port).to_socket_addrs().map(Vec::from_iter)).await?
    })
}

/// Says which addresses may be connected to.
#[derive(Clone, Copy)]
pub(super) enum Reach {
    Anywhere,
    Loopback,
}

/// Returns whether an address leads to this machine.
pub(super) fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

/// How names are resolved, and from where to dial.
pub(super) struct Dialler {
    pub resolver: Resolver,
    /// The address of this machine from which to dial; `None` leaves the choice to the system.
    pub local: Option<IpAddr>,
}

impl Dialler {
    /// Connects to a host. `name` is for texts.
    ///
    /// # Errors
    /// `dns`, `connect`, `timeout`; `tls` if `reach` allows none of the host's addresses.
    pub async fn dial(
        &self,
        address: &HostPort,
        name: &str,
        reach: Reach,
        deadline: &Deadline,
    ) -> Result<TcpStream, Failure> {
        let addresses = self.resolve(address, name, deadline).await?;
        let mut tried = Tried::default();
        let phase = format!("TCP connection to {name}");
        let dialled = deadline.run(&phase, connect(addresses, reach, self.local, &mut tried)).await;
        let socket = dialled.map_err(|failure| Failure { text: format!("{}{tried}", failure.text), ..failure })?;
        deadline.log.debug(|| format!("connected to {}{}", ends_of(&socket), tried.failures()));
        Ok(socket)
    }

    /// Returns the addresses of a host, the preferred one first. `name` is for texts.
    ///
    /// # Errors
    /// `dns`, `timeout`.
    pub async fn resolve(
        &self,
        address: &HostPort,
        name: &str,
        deadline: &Deadline,
    ) -> Result<Vec<SocketAddr>, Failure> {
        match address.ip() {
            Some(ip) => Ok(vec![SocketAddr::new(ip, address.port)]),
            None => {
                let phase = format!("name resolution for {name}");
                let lookup = lookup(&self.resolver, address.host.to_string(), address.port);
                let found = deadline.run(&phase, lookup).await?;
                deadline.log.debug(|| {
                    let shown: Vec<String> = found.iter().map(SocketAddr::to_string).collect();
                    format!("{name} has the addresses {}", shown.join(", "))
                });
                Ok(found)
            }
        }
    }
}

/// Names both ends of a connected socket, as far as the system knows them.
fn ends_of(socket: &TcpStream) -> String {
    let shown =
        |end: io::Result<SocketAddr>| end.map_or("an unknown address".to_owned(), |address| address.to_string());
    format!("{} from {}", shown(socket.peer_addr()), shown(socket.local_addr()))
}

/// Resolves a name.
///
/// # Errors
/// `dns`.
async fn lookup(resolver: &Resolver, host: String, port: u16) -> Result<Vec<SocketAddr>, Failure> {
    match resolver(host, port).await {
        Ok(addresses) if addresses.is_empty() => Err(Failure::new(ErrorCode::Dns, "the name has no address")),
        Ok(addresses) => Ok(addresses),
        Err(error) => {
            let text = describe(&error);
            let text = text.strip_prefix("failed to lookup address information: ").unwrap_or(&text);
            Err(Failure::new(ErrorCode::Dns, lower_first(text)))
        }
    }
}

/// The outcome for each address, in the order in which they were tried.
#[derive(Default)]
struct Tried(Vec<(SocketAddr, Option<String>)>);

impl Tried {
    fn failed(&mut self, address: SocketAddr, cause: String) {
        if let Some((_, outcome)) = self.0.iter_mut().find(|(tried, _)| *tried == address) {
            *outcome = Some(cause);
        }
    }

    /// Returns the attempts that have failed so far, without those that are still running and the one that succeeded.
    fn failures(self) -> Tried {
        Tried(self.0.into_iter().filter(|(_, outcome)| outcome.is_some()).collect())
    }
}

impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (address, outcome)) in self.0.iter().enumerate() {
            let before = if at == 0 { " (tried " } else { "; " };
            write!(f, "{before}{address}: {}", outcome.as_deref().unwrap_or("no answer"))?;
        }
        if self.0.is_empty() { Ok(()) } else { f.write_str(")") }
    }
}

/// Connects to the first address that answers, with a delay between the attempts (RFC 8305 section 5).
///
/// # Errors
/// `connect`; `tls` if `reach` allows none of the addresses.
async fn connect(
    addresses: Vec<SocketAddr>,
    reach: Reach,
    local: Option<IpAddr>,
    tried: &mut Tried,
) -> Result<TcpStream, Failure> {
    let mut addresses = order(addresses, reach);
    if addresses.is_empty() {
        let cause = "option tls.insecure is for loopback addresses alone, and the host has none";
        return Err(Failure::new(ErrorCode::Tls, cause));
    }
    if let Some(local) = local {
        addresses.retain(|address| address.is_ipv4() == local.is_ipv4());
        if addresses.is_empty() {
            let cause = format!("the host has no address of the family of option local_address {local}");
            return Err(Failure::new(ErrorCode::Connect, cause));
        }
    }
    let mut waiting = addresses.into_iter();
    let mut running = JoinSet::new();
    loop {
        if let Some(address) = waiting.next() {
            tried.0.push((address, None));
            running.spawn(async move { (address, attempt(address, local).await) });
        }
        let finished = if waiting.len() == 0 {
            running.join_next().await
        } else {
            match timeout(STAGGER, running.join_next()).await {
                Ok(finished) => finished,
                Err(_) => continue,
            }
        };
        match finished {
            Some(Ok((_, Ok(socket)))) => return Ok(socket),
            Some(Ok((address, Err(error)))) => tried.failed(address, describe(&error)),
            Some(Err(_)) => {}
            None => return Err(Failure::new(ErrorCode::Connect, "no address of the host accepted")),
        }
    }
}

async fn attempt(address: SocketAddr, local: Option<IpAddr>) -> io::Result<TcpStream> {
    let socket = match local {
        None => TcpStream::connect(address).await?,
        Some(local) => {
            let socket = if local.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
            socket.bind(SocketAddr::new(local, 0)).map_err(|error| {
                io::Error::new(error.kind(), format!("local_address {local}: {}", describe(&error)))
            })?;
            socket.connect(address).await?
        }
    };
    socket.set_nodelay(true)?;
    limit_unsent(&socket);
    Ok(socket)
}

/// Bounds what the kernel holds unsent. A kernel that cannot do that still carries the connection.
#[cfg(any(target_os = "android", target_os = "linux"))]
fn limit_unsent(socket: &TcpStream) {
    let _ = socket2::SockRef::from(socket).set_tcp_notsent_lowat(MAX_UNSENT);
}

/// Elsewhere there is no such option, or none that safe Rust can set: there a slow link with large messages needs a
/// longer `ping_timeout`.
#[cfg(not(any(target_os = "android", target_os = "linux")))]
fn limit_unsent(_: &TcpStream) {}

/// Removes repeated and forbidden addresses, and alternates between the families, beginning with that of the first
/// address (RFC 8305 section 4).
fn order(addresses: Vec<SocketAddr>, reach: Reach) -> Vec<SocketAddr> {
    let mut seen = HashSet::new();
    let allowed = addresses.into_iter().filter(|address| match reach {
        Reach::Anywhere => true,
        Reach::Loopback => is_loopback(address.ip()),
    });
    let unique: Vec<SocketAddr> = allowed.filter(|address| seen.insert(*address)).collect();
    let first_is_v6 = unique.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = unique.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    let mut second = second.into_iter();
    let mut ordered = Vec::with_capacity(first.len() + second.len());
    for address in first {
        ordered.push(address);
        ordered.extend(second.next());
    }
    ordered.extend(second);
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn alternates_between_the_families() {
        let given = addresses(&["[::1]:1", "[::2]:1", "[::3]:1", "[::1]:1", "1.1.1.1:1", "2.2.2.2:1"]);
        let expected = addresses(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"]);
        assert_eq!(order(given, Reach::Anywhere), expected);
        let given = addresses(&["1.1.1.1:1", "[::1]:1", "[::2]:1"]);
        assert_eq!(order(given.clone(), Reach::Anywhere), given);
    }

    #[test]
    fn keeps_only_loopback_addresses_if_nothing_else_is_allowed() {
        let given = addresses(&["192.0.2.1:1", "[::ffff:127.0.0.9]:1", "[2001:db8::1]:1", "[::1]:1", "127.3.2.1:1"]);
        let expected = addresses(&["[::ffff:127.0.0.9]:1", "127.3.2.1:1", "[::1]:1"]);
        assert_eq!(order(given, Reach::Loopback), expected);
    }

    #[tokio::test]
    async fn a_connection_names_the_addresses_that_failed_before() {
        let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let open = listener.local_addr().unwrap();
        for (addresses, expected) in
            [(vec![open], String::new()), (vec![closed, open], format!(" (tried {closed}: connection refused)"))]
        {
            let mut tried = Tried::default();
            connect(addresses, Reach::Anywhere, None, &mut tried).await.unwrap();
            assert_eq!(tried.failures().to_string(), expected);
        }
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn the_kernel_of_a_connected_socket_holds_few_bytes_unsent() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addresses = vec![listener.local_addr().unwrap()];
        let socket = connect(addresses, Reach::Anywhere, None, &mut Tried::default()).await.unwrap();
        assert_eq!(socket2::SockRef::from(&socket).tcp_notsent_lowat().unwrap(), MAX_UNSENT);
    }
}
