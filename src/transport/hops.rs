//! Makes the hops of a plan: the one to the URL's server, and those to which redirects lead.
//!
//! Comes in: a checked endpoint with options, and targets of redirects. Goes out: a [`Hop`] for each. Opens nothing.

use super::handshake::Request;
use super::hop::Hop;
use super::proxy::Environment;
use super::route::Route;
use super::tls;
use crate::error::{ErrorCode, Failure, InvalidInput};
use crate::options::Options;
use crate::response::Response;
use crate::url::{Endpoint, Target};

/// The first hop, and what all others are made of.
pub(super) struct Hops {
    first: Hop,
    options: Options,
    supplies: Supplies,
}

/// What every hop needs.
struct Supplies {
    /// The options for servers of other origins than the URL's.
    public: Options,
    environment: Environment,
    others: tls::Others,
}

impl Hops {
    /// Checks the endpoint together with the options, and reads the environment and the files that options name.
    ///
    /// # Errors
    /// Those of [`super::Plan::new`].
    pub fn new(endpoint: Endpoint, options: &Options) -> Result<Hops, InvalidInput> {
        let request = Request::new(&endpoint, options)?;
        let (public, environment) = (options.for_other_origins(), Environment::read());
        let refuse = |failure: Failure| InvalidInput::new(failure.text);
        let route = Route::new(&endpoint, &public, options.connect_to.as_ref(), &environment).map_err(refuse)?;
        if let Some(proxy) = route.proxy_by_tls() {
            tls::check_name(&proxy.address.host).map_err(of_proxy).map_err(refuse)?;
        }
        // The last check, because it creates the file of the option tls.keylog.
        let (tls, others) = tls::Setup::new(&endpoint, &options.tls)?;
        let supplies = Supplies { public, environment, others };
        let first = supplies.hop(endpoint, route, tls, request).map_err(refuse)?;
        Ok(Hops { first, options: options.clone(), supplies })
    }

    /// Returns the hop to the URL's server.
    pub fn first(&self) -> &Hop {
        &self.first
    }

    /// Makes the hop to the target of the redirect that is this response.
    ///
    /// Once another origin was asked, nothing is sent that is for the first alone, even if a redirect leads back.
    ///
    /// # Errors
    /// The code that stands for what cannot be done with the target.
    pub fn after(&self, from: &Hop, target: Endpoint, response: &Response) -> Result<Hop, Failure> {
        let name = target.authority();
        let refuse = |error: InvalidInput| {
            let text = format!(
                "the server answered with status {}, a redirect that cannot be followed: {error}: redirect from {}",
                response.status,
                from.endpoint.authority()
            );
            Failure { response: Some(Box::new(response.clone())), ..Failure::new(ErrorCode::HttpStatus, text) }
        };
        let first = &self.first;
        let is_first = target.has_origin(&first.endpoint);
        let connect_to = self.options.connect_to.as_ref().filter(|_| is_first && target.socket.is_none());
        let hop = if is_first && from.is_of_first_origin {
            let target = Endpoint { credentials: first.endpoint.credentials.clone(), ..target };
            let request = Request::new(&target, &self.options).map_err(refuse)?.after(&from.request);
            let route = self.supplies.route(&target, connect_to);
            route.and_then(|route| self.supplies.hop(target, route, first.tls.clone(), request))
        } else {
            let request = Request::new(&target, &self.supplies.public).map_err(refuse)?.after(&from.request);
            let tls = target.secure.then(|| self.supplies.others.server(&target.host)).transpose().map_err(refuse)?;
            let route = self.supplies.route(&target, connect_to);
            let hop = route.and_then(|route| self.supplies.hop(target, route, tls, request));
            hop.map(|hop| Hop { is_of_first_origin: false, ..hop })
        };
        hop.map_err(|failure| Failure { text: format!("{}: redirect to {name}", failure.text), ..failure })
    }
}

impl Supplies {
    fn route(&self, endpoint: &Endpoint, connect_to: Option<&Target>) -> Result<Route, Failure> {
        Route::new(endpoint, &self.public, connect_to, &self.environment)
    }

    fn hop(&self, endpoint: Endpoint, route: Route, tls: Option<tls::Setup>, request: Request) -> Result<Hop, Failure> {
        let proxy = route.proxy_by_tls();
        let proxy_tls = proxy.map(|proxy| self.others.proxy(&proxy.address.host)).transpose().map_err(of_proxy)?;
        let user_agent = self.public.user_agent().map(<[u8]>::to_vec);
        Ok(Hop { endpoint, is_of_first_origin: true, route, proxy_tls, user_agent, tls, request })
    }
}

/// Says that a host which no certificate can name is the proxy's.
fn of_proxy(error: InvalidInput) -> Failure {
    Failure::new(ErrorCode::Proxy, format!("{error}, which is the proxy"))
}
