//! Bytes to a peer: name, TCP, TLS and the opening handshake under one deadline.
//!
//! Comes in: a checked [`Endpoint`] and [`Options`]. Goes out: an [`Opened`] stream with the server's response, or the
//! [`Failure`] with phase, cause and host:port. Knows neither Lua nor messages.

mod body;
mod dial;
mod handshake;
mod head;
mod stream;
mod tls;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

pub use self::dial::{Resolver, resolver};
pub use self::handshake::{Request, Verdict};
pub use self::stream::{Loss, Stream};
use crate::error::{ErrorCode, Failure, InvalidInput};
use crate::extension::Agreed;
use crate::options::Options;
use crate::response::Response;
use crate::url::Endpoint;

/// Everything checked and read, nothing sent yet.
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
    /// Carries frames from here on.
    pub stream: Stream,
    /// The server's response, status 101.
    pub response: Response,
    /// What was agreed on compression.
    pub agreed: Option<Agreed>,
    /// The bytes that came with the response: the beginning of the server's frames.
    pub tail: Vec<u8>,
}

impl Plan {
    /// Checks what endpoint and options ask for together, and reads the files that options name.
    ///
    /// Blocks on those files, so it is for the host's thread.
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

    /// Resolves names by `resolver` in place of the system.
    pub fn with_resolver(self, resolver: Resolver) -> Plan {
        Plan { resolver, ..self }
    }

    /// Returns `host:port`, for texts about the connection.
    pub fn authority(&self) -> String {
        self.endpoint.authority()
    }

    /// Dials, shakes hands by TLS where the scheme asks for it, and does the opening handshake, all within
    /// `open_timeout`.
    ///
    /// Runs on a tokio runtime with I/O and time. The future is large: box it, so that an open connection does not keep
    /// its room. Dropping it gives everything up.
    ///
    /// # Errors
    /// `dns`, `connect`, `tls`, `timeout`, `handshake` or `http_status`.
    pub async fn open(self) -> Result<Opened, Failure> {
        let deadline = Deadline::after(self.open_timeout);
        let authority = self.authority();
        // A route through a proxy begins and ends here: it too makes one socket that leads to the host.
        let socket = self.dial(&deadline, &authority).await?;
        let mut stream = match self.tls {
            None => Stream::plain(socket),
            Some(setup) => {
                let phase = format!("TLS handshake with {authority}");
                Stream::secure(deadline.hold(&phase, Box::pin(setup.connect(socket))).await?)
            }
        };
        let phase = format!("opening handshake with {authority}");
        let (response, agreed, tail) = self.request.perform(&mut stream, &deadline, &phase).await?;
        Ok(Opened { stream, response, agreed, tail })
    }

    async fn dial(&self, deadline: &Deadline, authority: &str) -> Result<TcpStream, Failure> {
        let addresses = match self.endpoint.ip() {
            Some(ip) => vec![SocketAddr::new(ip, self.endpoint.port)],
            None => {
                let phase = format!("name resolution for {authority}");
                let lookup = dial::lookup(&self.resolver, self.endpoint.host.to_string(), self.endpoint.port);
                deadline.hold(&phase, lookup).await?
            }
        };
        let mut tried = dial::Tried::default();
        let phase = format!("TCP connection to {authority}");
        let dialled = deadline.hold(&phase, dial::connect(addresses, self.reach, &mut tried)).await;
        dialled.map_err(|failure| Failure { text: format!("{}{tried}", failure.text), ..failure })
    }
}

/// The one moment by which every phase must be over.
struct Deadline {
    at: Instant,
    limit: Duration,
}

impl Deadline {
    fn after(limit: Duration) -> Deadline {
        const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 3600);
        let now = Instant::now();
        Deadline { at: now.checked_add(limit).unwrap_or(now + FAR), limit }
    }

    /// Runs one phase; its failures and its time-out get the phase's name.
    async fn hold<T>(&self, phase: &str, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        match timeout_at(self.at, work).await {
            Ok(result) => result.map_err(|failure| failure.during(phase)),
            Err(_) => {
                let cause = format!("timed out after {} s", self.limit.as_secs_f64());
                Err(Failure::new(ErrorCode::Timeout, cause).during(phase))
            }
        }
    }
}

impl Failure {
    fn during(self, phase: &str) -> Failure {
        Failure { text: format!("{}: {phase}", self.text), ..self }
    }
}

/// Runs blocking work on a thread of its own.
async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
    // tokio panics where the system refuses it the first thread of its blocking pool.
    let started = catch_unwind(AssertUnwindSafe(|| tokio::task::spawn_blocking(work)));
    let task = started.map_err(|_| io::Error::other("no thread could be started"))?;
    task.await.map_err(|_| io::Error::other("the runtime is ending"))
}
