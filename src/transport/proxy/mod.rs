//! Reaches a server by a proxy.
//!
//! Comes in: a checked proxy, and where to go. Goes out: a [`Wire`] that leads there. Everything that the proxy does
//! wrong is the error `proxy`. `environment` with `bypass` finds the proxy, `connect` and `socks` speak to it.

mod bypass;
mod connect;
mod environment;
mod socks;

use tokio::net::TcpStream;
use url::Host;

pub(super) use self::environment::Environment;
use self::socks::TargetAddr;
use super::deadline::Deadline;
use super::dial::{Dialler, Reach};
use super::tls;
use super::wire::Wire;
use crate::error::{ErrorCode, Failure};
use crate::url::{HostPort, Proxy, ProxyKind};

/// A proxy with all that speaking to it needs.
pub(super) struct Via<'a> {
    pub proxy: &'a Proxy,
    /// For a proxy that is spoken to over TLS.
    pub tls: Option<&'a tls::Setup>,
    /// The User-Agent header of CONNECT.
    pub user_agent: Option<&'a [u8]>,
}

impl Via<'_> {
    /// Connects to `target`.
    ///
    /// # Errors
    /// `proxy`, `timeout`; `dns` if we are to resolve the target's name and cannot.
    pub async fn connect(&self, target: &HostPort, dialler: &Dialler, deadline: &Deadline) -> Result<Wire, Failure> {
        match (self.proxy.kind, &target.host) {
            (ProxyKind::Http | ProxyKind::Https, _) => self.connect_by_http(target, dialler, deadline).await,
            (ProxyKind::Socks5h, Host::Domain(name)) => {
                self.connect_by_socks(TargetAddr::Domain(name.into(), target.port), target, dialler, deadline).await
            }
            _ => {
                let addresses = dialler.resolve(target, &target.to_string(), deadline).await?;
                let mut last = Failure::new(ErrorCode::Dns, "the name has no address");
                for address in addresses {
                    match self.connect_by_socks(TargetAddr::Ip(address), target, dialler, deadline).await {
                        Err(failure) if failure.code == ErrorCode::Proxy => last = failure,
                        result => return result,
                    }
                }
                Err(last)
            }
        }
    }

    async fn connect_by_http(
        &self,
        target: &HostPort,
        dialler: &Dialler,
        deadline: &Deadline,
    ) -> Result<Wire, Failure> {
        let mut wire = Wire::Tcp(self.dial(dialler, deadline).await?);
        if let Some(tls) = self.tls {
            let phase = format!("TLS handshake with proxy {}", self.proxy.address);
            let channel = deadline.run(&phase, Box::pin(tls.connect(wire))).await.map_err(of_proxy)?;
            deadline.log.debug(|| channel.summary());
            wire = Wire::Tls(Box::new(channel));
        }
        let phase = format!("CONNECT {target} by proxy {}", self.proxy.address);
        let credentials = self.proxy.credentials.as_ref();
        let work = connect::connect(&mut wire, target, credentials, self.user_agent);
        deadline.run(&phase, work).await.map_err(of_proxy)?;
        Ok(wire)
    }

    async fn connect_by_socks(
        &self,
        address: TargetAddr<'_>,
        target: &HostPort,
        dialler: &Dialler,
        deadline: &Deadline,
    ) -> Result<Wire, Failure> {
        let socket = self.dial(dialler, deadline).await?;
        let phase = format!("SOCKS connection to {target} by proxy {}", self.proxy.address);
        let work = socks::connect(socket, address, self.proxy.credentials.as_ref());
        deadline.run(&phase, work).await.map(Wire::Tcp)
    }

    async fn dial(&self, dialler: &Dialler, deadline: &Deadline) -> Result<TcpStream, Failure> {
        let name = format!("proxy {}", self.proxy.address);
        dialler.dial(&self.proxy.address, &name, Reach::Anywhere, deadline).await.map_err(of_proxy)
    }
}

/// Says that a failure is the proxy's, unless the time is up.
fn of_proxy(failure: Failure) -> Failure {
    let code = if failure.code == ErrorCode::Timeout { ErrorCode::Timeout } else { ErrorCode::Proxy };
    Failure { code, ..failure }
}
