//! Opens connections: name resolution, TCP, TLS and the opening handshake, under one deadline.
//!
//! Comes in: a checked [`Endpoint`] and [`Options`]. Goes out: an [`Opened`] stream with the server's response, or the
//! [`Failure`] with phase, cause and host:port. Knows neither Lua nor messages.
//!
//! Reading order: `dial`, `tls`, `handshake` with `head` and `body` (the phases), `deadline`, then `stream` and `socket`
//! (what is left when they are done). `background` runs what blocks, `io_text` describes I/O errors.

mod background;
mod body;
mod deadline;
mod dial;
mod handshake;
mod head;
mod io_text;
mod socket;
mod stream;
mod tls;

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;

use self::deadline::Deadline;
#[doc(hidden)]
pub use self::dial::{Resolver, resolver};
pub use self::handshake::{Request, Verdict};
pub use self::stream::{Loss, Stream};
use crate::error::{Failure, InvalidInput};
use crate::extension::Agreed;
use crate::options::Options;
use crate::response::Response;
use crate::url::Endpoint;

/// A connection for which everything was checked and read, and nothing was sent yet.
pub struct Plan {
    endpoint: Endpoint,
    open_timeout: Duration,
    resolver: Resolver,
    reach: dial::Reach,
    tls: Option<tls::Setup>,
    request: handshake::Request,
}

/// A stream whose opening handshake is done.
pub struct Opened {
    /// Carries the frames.
    pub stream: Stream,
    /// The server's response, status 101.
    pub response: Response,
    /// What was agreed on compression.
    pub agreed: Option<Agreed>,
    /// The bytes that arrived with the response: the beginning of the server's frames.
    pub tail: Vec<u8>,
}

impl Plan {
    /// Checks the endpoint together with the options, and reads the files that options name.
    ///
    /// Reading these files may block, so it is for the host's thread.
    ///
    /// # Errors
    /// Credentials given twice, a URL or Host that cannot stand in a request, a host or `server_name` that TLS cannot
    /// verify, `insecure` for a literal address other than loopback, certificates and keys that cannot be used.
    pub fn new(endpoint: Endpoint, options: &Options) -> Result<Plan, InvalidInput> {
        let request = handshake::Request::new(&endpoint, options)?;
        let tls = tls::Setup::new(&endpoint, &options.tls)?;
        let reach = match &tls {
            Some(setup) if setup.is_insecure() => dial::Reach::Loopback,
            _ => dial::Reach::Anywhere,
        };
        if let (dial::Reach::Loopback, Some(ip)) = (reach, endpoint.ip())
            && !dial::is_loopback(ip)
        {
            return Err(InvalidInput::new(format!(
                "option tls.insecure is for loopback addresses alone, not for {ip}"
            )));
        }
        let open_timeout = options.open_timeout;
        Ok(Plan { endpoint, open_timeout, resolver: dial::system(), reach, tls, request })
    }

    /// Resolves names by `resolver` instead of the system. Public for the tests, which resolve names without a network.
    #[doc(hidden)]
    pub fn with_resolver(self, resolver: Resolver) -> Plan {
        Plan { resolver, ..self }
    }

    /// Returns `host:port`, for texts about the connection.
    pub fn authority(&self) -> String {
        self.endpoint.authority()
    }

    /// Connects by TCP, does the TLS handshake if the scheme is `wss`, and the opening handshake, all within
    /// `open_timeout`.
    ///
    /// May be called again, for another connection by the same plan. Runs on a tokio runtime with I/O and time. The
    /// future is large: box it, so that an open connection does not keep the memory. Dropping it gives the connection up.
    ///
    /// # Errors
    /// `dns`, `connect`, `tls`, `timeout`, `handshake` or `http_status`.
    pub async fn open(&self) -> Result<Opened, Failure> {
        let deadline = Deadline::after(self.open_timeout);
        let authority = self.authority();
        let socket = self.dial(&deadline, &authority).await?;
        let mut stream = match &self.tls {
            None => Stream::plain(socket),
            Some(setup) => {
                let phase = format!("TLS handshake with {authority}");
                Stream::secure(deadline.run(&phase, Box::pin(setup.connect(socket))).await?)
            }
        };
        let phase = format!("opening handshake with {authority}");
        let (response, agreed, tail) = self.request.renewed().perform(&mut stream, &deadline, &phase).await?;
        Ok(Opened { stream, response, agreed, tail })
    }

    async fn dial(&self, deadline: &Deadline, authority: &str) -> Result<TcpStream, Failure> {
        let addresses = match self.endpoint.ip() {
            Some(ip) => vec![SocketAddr::new(ip, self.endpoint.port)],
            None => {
                let phase = format!("name resolution for {authority}");
                let lookup = dial::lookup(&self.resolver, self.endpoint.host.to_string(), self.endpoint.port);
                deadline.run(&phase, lookup).await?
            }
        };
        let mut tried = dial::Tried::default();
        let phase = format!("TCP connection to {authority}");
        let dialled = deadline.run(&phase, dial::connect(addresses, self.reach, &mut tried)).await;
        dialled.map_err(|failure| Failure { text: format!("{}{tried}", failure.text), ..failure })
    }
}
