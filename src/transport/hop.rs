//! One attempt to open a connection: the way to one endpoint, TLS and the opening handshake.
//!
//! Comes in: an endpoint with everything that was checked for it. Goes out: an opened stream, a redirect, or the
//! failure. Decides about no redirect.

use super::deadline::Deadline;
use super::dial::Dialler;
use super::handshake::{Answer, Request};
#[cfg(unix)]
use super::local;
use super::proxy::Via;
use super::redirect::Redirects;
use super::route::Route;
use super::stream::Stream;
use super::tls;
use super::wire::Wire;
use crate::error::Failure;
use crate::quote::quoted;
use crate::url::Endpoint;

/// An endpoint for which everything was checked.
pub(super) struct Hop {
    pub endpoint: Endpoint,
    /// Whether no other origin than the URL's was asked so far.
    pub is_of_first_origin: bool,
    pub route: Route,
    /// For a proxy that is spoken to over TLS.
    pub proxy_tls: Option<tls::Setup>,
    /// The User-Agent header for the proxy.
    pub user_agent: Option<Vec<u8>>,
    pub tls: Option<tls::Setup>,
    pub request: Request,
}

impl Hop {
    /// Connects, does the TLS handshake if the scheme is `wss`, and the opening handshake.
    ///
    /// # Errors
    /// `dns`, `connect`, `proxy`, `tls`, `timeout`, `handshake` or `http_status`.
    pub async fn open(
        &self,
        dialler: &Dialler,
        deadline: &Deadline,
        redirects: Redirects,
    ) -> Result<(Stream, Answer), Failure> {
        let authority = self.endpoint.authority();
        let wire = self.connect(dialler, deadline).await?;
        let mut stream = match &self.tls {
            None => Stream::plain(wire),
            Some(setup) => {
                let phase = format!("TLS handshake with {authority}");
                let channel = deadline.run(&phase, Box::pin(setup.connect(wire))).await?;
                deadline.log.debug(|| channel.summary());
                Stream::secure(channel)
            }
        };
        let phase = format!("opening handshake with {authority}");
        let answer = self.request.renewed().perform(&mut stream, deadline, &phase, redirects).await?;
        Ok((stream, answer))
    }

    /// Names the server that this leads to, and what is dialled for it where that is something else.
    pub fn reached(&self) -> String {
        let authority = self.endpoint.authority();
        let dialled = match &self.route {
            Route::Direct(address, _) => address.to_string(),
            Route::ByProxy(..) => return authority,
            Route::Unix(path) => format!("unix:{}", quoted(path)),
        };
        if dialled == authority { dialled } else { format!("{dialled} for {authority}") }
    }

    async fn connect(&self, dialler: &Dialler, deadline: &Deadline) -> Result<Wire, Failure> {
        match &self.route {
            Route::Direct(address, reach) => {
                dialler.dial(address, &self.reached(), *reach, deadline).await.map(Wire::Tcp)
            }
            Route::ByProxy(address, proxy) => {
                let user_agent = self.user_agent.as_deref();
                let via = Via { proxy, tls: self.proxy_tls.as_ref(), user_agent };
                Box::pin(via.connect(address, dialler, deadline)).await
            }
            #[cfg(unix)]
            Route::Unix(path) => {
                let phase = format!("connection to unix:{}", quoted(path));
                deadline.run(&phase, local::connect(path)).await.map(Wire::Local)
            }
            #[cfg(not(unix))]
            Route::Unix(_) => {
                use crate::error::ErrorCode;
                Err(Failure::new(ErrorCode::Connect, "Unix sockets are not available on this system"))
            }
        }
    }
}
