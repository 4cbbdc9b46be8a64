//! Opens connections: name resolution, TCP or a Unix socket, proxies, TLS, the opening handshake and redirects, under
//! one deadline.
//!
//! Comes in: a checked [`Endpoint`] and [`Options`]. Goes out: an [`Opened`] stream with the server's response, or the
//! [`Failure`] with phase, cause and host:port. Knows neither Lua nor messages.
//!
//! Reading order: `route` (where to go), `dial`, `local`, `proxy`, `tls`, `handshake` with `head`, `body`, `remark`
//! and `secrets` (the phases), `hop` (all of them for one endpoint), `hops` and `redirect` (those of a plan), `deadline`, then
//! `stream`, `socket` and `wire` (what is left when they are done). `background` runs what blocks, `io_text` describes
//! I/O errors.

mod answer;
mod background;
mod body;
mod deadline;
mod dial;
mod handshake;
mod head;
mod hop;
mod hops;
mod io_text;
#[cfg(unix)]
mod local;
mod proxy;
mod redirect;
mod remark;
mod route;
mod secrets;
mod socket;
mod stream;
mod tls;
mod wire;

use std::time::Duration;

use self::deadline::Deadline;
use self::dial::Dialler;
#[doc(hidden)]
pub use self::dial::{Resolver, resolver};
use self::handshake::Answer;
pub use self::handshake::{Request, Verdict};
use self::hop::Hop;
use self::hops::Hops;
use self::redirect::Redirects;
pub use self::stream::{Loss, Stream};
use crate::error::{Failure, InvalidInput};
use crate::extension::Agreed;
use crate::log::Log;
use crate::options::Options;
use crate::response::Response;
use crate::url::Endpoint;

/// A connection for which everything was checked and read, and nothing was sent yet.
pub struct Plan {
    hops: Hops,
    open_timeout: Duration,
    dialler: Dialler,
    max_redirects: u8,
}

/// A stream whose opening handshake is done.
pub struct Opened {
    /// The server, for texts about the connection: the last one if there were redirects, and what was dialled for it.
    pub reached: String,
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
    /// Checks the endpoint together with the options, and reads the environment and the files that options name.
    ///
    /// Reading these files may block, so it is for the host's thread.
    ///
    /// # Errors
    /// Credentials given twice, a URL or Host that cannot stand in a request, a host or `server_name` that TLS cannot
    /// verify, `insecure` for a literal address other than loopback or together with a proxy, certificates and keys
    /// that cannot be used, options that contradict the URL, a variable of the environment that names no proxy.
    pub fn new(endpoint: Endpoint, options: &Options) -> Result<Plan, InvalidInput> {
        Ok(Plan {
            hops: Hops::new(endpoint, options)?,
            open_timeout: options.open_timeout,
            dialler: Dialler { resolver: dial::system(), local: options.local_address },
            max_redirects: options.max_redirects,
        })
    }

    /// Resolves names by `resolver` instead of the system. Public for the tests, which resolve names without a network.
    #[doc(hidden)]
    pub fn with_resolver(self, resolver: Resolver) -> Plan {
        Plan { dialler: Dialler { resolver, ..self.dialler }, ..self }
    }

    /// As [`Plan::open_logged`], with a log that nobody reads. Public for the tests.
    #[doc(hidden)]
    pub async fn open(&self) -> Result<Opened, Failure> {
        self.open_logged(&Log::default()).await
    }

    /// Connects, directly or by a proxy, does the TLS handshake if the scheme is `wss`, and the opening handshake, and
    /// follows redirects, all within `open_timeout`. What it does is noted in `log`.
    ///
    /// May be called again, for another connection by the same plan. Runs on a tokio runtime with I/O and time. The
    /// future is large: box it, so that an open connection does not keep the memory. Dropping it gives the connection
    /// up.
    ///
    /// # Errors
    /// `dns`, `connect`, `proxy`, `tls`, `timeout`, `handshake` or `http_status`.
    pub async fn open_logged(&self, log: &Log) -> Result<Opened, Failure> {
        let deadline = Deadline::after(self.open_timeout, log.clone());
        let mut redirects = Redirects { followed: 0, limit: self.max_redirects };
        let mut redirected: Option<Hop> = None;
        loop {
            let hop = redirected.as_ref().unwrap_or(self.hops.first());
            match hop.open(&self.dialler, &deadline, redirects).await? {
                (stream, Answer::Accepted(response, agreed, tail)) => {
                    return Ok(Opened { reached: hop.reached(), stream, response, agreed, tail });
                }
                (_, Answer::Redirected(target, response)) => {
                    log.info(|| format!("redirected to {}", target.authority()));
                    redirected = Some(self.hops.after(hop, target, &response)?);
                    redirects.followed += 1;
                }
            }
        }
    }
}
