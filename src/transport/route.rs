//! Decides where a connection is dialled, and by which proxy.
//!
//! Comes in: an endpoint, options and the environment. Goes out: a [`Route`], or why there is none. Sends nothing and
//! reads no clock.

use std::net::IpAddr;

use url::Host;

use super::dial::{Reach, is_loopback};
use super::proxy::Environment;
use crate::error::{ErrorCode, Failure};
use crate::options::{Options, ProxyChoice};
use crate::url::{Endpoint, HostPort, Proxy, ProxyKind, Target};

/// The longest name that SOCKS can carry, in bytes (RFC 1928 section 5).
const MAX_SOCKS_NAME: usize = 255;

/// The way to a server.
pub(super) enum Route {
    /// By TCP to these addresses alone.
    Direct(HostPort, Reach),
    /// By a proxy to this address.
    ByProxy(HostPort, Proxy),
    /// By a Unix socket with this path.
    Unix(String),
}

impl Route {
    /// Finds the way to an endpoint. `connect_to` is where to dial instead.
    ///
    /// # Errors
    /// With the code that the failure has in a redirect. `connect`: options that contradict the URL. `proxy`: a
    /// variable that does not hold the URL of a proxy, or a name that is too long for SOCKS. `tls`: the option
    /// `insecure` for what is not this machine, or together with a proxy.
    pub fn new(
        endpoint: &Endpoint,
        options: &Options,
        connect_to: Option<&Target>,
        environment: &Environment,
    ) -> Result<Route, Failure> {
        let connect = |text: String| Failure::new(ErrorCode::Connect, text);
        let address = match (&endpoint.socket, connect_to) {
            (Some(_), Some(_)) => {
                return Err(connect("option connect_to cannot be used for the URL of a Unix socket".to_owned()));
            }
            (Some(path), None) => {
                let checked = options.check_unix("the URL names a Unix socket");
                checked.map_err(|error| connect(error.to_string()))?;
                return Ok(Route::Unix(path.clone()));
            }
            (None, Some(Target::Unix(path))) => return Ok(Route::Unix(path.clone())),
            (None, Some(Target::Tcp(address))) => address.clone(),
            (None, None) => endpoint.host_port(),
        };
        let route = match proxy(endpoint, &address, options, environment)? {
            // For ws, too: a redirect may lead to wss.
            Some((_, by)) if options.tls.insecure => {
                let text = format!("option tls.insecure cannot be used together with a proxy, which {by} names");
                return Err(Failure::new(ErrorCode::Tls, text));
            }
            Some((proxy, _)) => {
                check_name(&address, &proxy)?;
                Route::ByProxy(address, proxy)
            }
            None if endpoint.secure && options.tls.insecure => match address.ip() {
                Some(ip) if !is_loopback(ip) => {
                    let text = format!("option tls.insecure is for loopback addresses alone, not for {ip}");
                    return Err(Failure::new(ErrorCode::Tls, text));
                }
                _ => Route::Direct(address, Reach::Loopback),
            },
            None => Route::Direct(address, Reach::Anywhere),
        };
        let dialled = match &route {
            Route::Direct(address, _) => address,
            Route::ByProxy(_, proxy) => &proxy.address,
            Route::Unix(_) => return Ok(route),
        };
        match (options.local_address, dialled.ip()) {
            (Some(local), Some(ip)) if local.is_ipv4() != ip.is_ipv4() => {
                Err(connect(format!("option local_address {local} is of another family than {ip}")))
            }
            _ => Ok(route),
        }
    }

    /// Returns the proxy, if there is one that is spoken to over TLS.
    pub fn proxy_by_tls(&self) -> Option<&Proxy> {
        match self {
            Route::ByProxy(_, proxy) if proxy.kind == ProxyKind::Https => Some(proxy),
            _ => None,
        }
    }
}

/// Returns the proxy, and what names it.
fn proxy(
    endpoint: &Endpoint,
    address: &HostPort,
    options: &Options,
    environment: &Environment,
) -> Result<Option<(Proxy, String)>, Failure> {
    match &options.proxy {
        ProxyChoice::Direct => Ok(None),
        ProxyChoice::By(proxy) => Ok(Some((proxy.clone(), "option proxy".to_owned()))),
        ProxyChoice::Environment if is_this_machine(&endpoint.host) || is_this_machine(&address.host) => Ok(None),
        ProxyChoice::Environment => match environment.proxy_for(endpoint) {
            Ok(found) => Ok(found.map(|(proxy, name)| (proxy, format!("the environment variable {name}")))),
            Err(text) => Err(Failure::new(ErrorCode::Proxy, text)),
        },
    }
}

/// Returns whether a host leads to this machine, as far as that can be said without resolving it (RFC 6761 section
/// 6.3).
fn is_this_machine(host: &Host<String>) -> bool {
    match host {
        Host::Domain(name) => {
            let name = name.strip_suffix('.').unwrap_or(name);
            name == "localhost" || name.ends_with(".localhost")
        }
        Host::Ipv4(ip) => is_loopback(IpAddr::from(*ip)),
        Host::Ipv6(ip) => is_loopback(IpAddr::from(*ip)),
    }
}

fn check_name(address: &HostPort, proxy: &Proxy) -> Result<(), Failure> {
    match &address.host {
        Host::Domain(name) if proxy.kind == ProxyKind::Socks5h && name.len() > MAX_SOCKS_NAME => {
            let text = format!("the host's name has {} bytes, limit {MAX_SOCKS_NAME} for SOCKS", name.len());
            Err(Failure::new(ErrorCode::Proxy, text))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROXIED: &[(&str, &str)] = &[("all_proxy", "http://env.example:3128")];

    /// Describes the route for a URL.
    fn route(url: &str, options: &Options, variables: &[(&str, &str)]) -> Result<String, String> {
        let lookup = |name: &str| variables.iter().find(|(set, _)| *set == name).map(|(_, value)| value.into());
        let environment = Environment::from(lookup);
        let endpoint = Endpoint::parse(url).unwrap();
        match Route::new(&endpoint, options, options.connect_to.as_ref(), &environment) {
            Ok(Route::Direct(address, _)) => Ok(address.to_string()),
            Ok(Route::ByProxy(address, proxy)) => Ok(format!("{address} by {}", proxy.address)),
            Ok(Route::Unix(path)) => Ok(path),
            Err(failure) => Err(failure.text),
        }
    }

    fn options(set: impl FnOnce(&mut Options)) -> Options {
        let mut options = Options::default();
        set(&mut options);
        options
    }

    #[test]
    fn uses_the_environments_proxy_but_for_this_machine() {
        let plain = Options::default();
        assert_eq!(route("ws://host/", &plain, &[]).unwrap(), "host:80");
        assert_eq!(route("wss://host/", &plain, PROXIED).unwrap(), "host:443 by env.example:3128");
        for url in ["ws://localhost:1/", "ws://a.localhost.:1/", "ws://127.9.9.9:1/", "ws://[::1]:1/", "ws://0x7f.1:1/"]
        {
            assert!(!route(url, &plain, PROXIED).unwrap().contains(" by "), "{url}");
        }
        let direct = options(|options| options.set_proxy(None).unwrap());
        assert_eq!(route("wss://host/", &direct, PROXIED).unwrap(), "host:443");
    }

    #[test]
    fn uses_the_proxy_of_the_option_for_every_host() {
        let by = options(|options| options.set_proxy(Some("socks5://opt")).unwrap());
        assert_eq!(route("ws://127.0.0.1/", &by, PROXIED).unwrap(), "127.0.0.1:80 by opt:1080");
        let no_proxy = [("no_proxy", "*")];
        assert_eq!(route("ws://host/", &by, &no_proxy).unwrap(), "host:80 by opt:1080");
    }

    #[test]
    fn leads_to_the_address_of_connect_to() {
        let to = options(|options| options.set_connect_to("other:81").unwrap());
        assert_eq!(route("ws://host/", &to, PROXIED).unwrap(), "other:81 by env.example:3128");
        let near = options(|options| options.set_connect_to("127.0.0.1:81").unwrap());
        assert_eq!(route("ws://host/", &near, PROXIED).unwrap(), "127.0.0.1:81");
        #[cfg(unix)]
        {
            let unix = options(|options| options.set_connect_to("unix:/run/a").unwrap());
            assert_eq!(route("wss://host/", &unix, PROXIED).unwrap(), "/run/a");
            assert_eq!(route("ws+unix:///run/b", &Options::default(), PROXIED).unwrap(), "/run/b");
            assert!(route("ws+unix:///run/b", &to, &[]).is_err());
            for wrong in [
                options(|options| options.set_proxy(Some("http://proxy")).unwrap()),
                options(|options| options.set_local_address("127.0.0.1").unwrap()),
            ] {
                assert!(route("ws+unix:///run/b", &wrong, &[]).is_err());
            }
        }
    }

    #[test]
    fn refuses_insecure_tls_beyond_this_machine() {
        let insecure = options(|options| options.tls.insecure = true);
        assert_eq!(route("wss://host/", &insecure, &[]).unwrap(), "host:443");
        assert_eq!(route("ws://192.0.2.1/", &insecure, &[]).unwrap(), "192.0.2.1:80");
        assert!(route("wss://192.0.2.1/", &insecure, &[]).unwrap_err().ends_with("not for 192.0.2.1"));
        for url in ["wss://host/", "ws://host/"] {
            let text = route(url, &insecure, PROXIED).unwrap_err();
            assert!(text.contains("all_proxy") && !text.contains("env.example"), "{text}");
        }
        let to = options(|options| {
            options.tls.insecure = true;
            options.set_connect_to("192.0.2.1:443").unwrap();
        });
        assert!(route("wss://127.0.0.1/", &to, &[]).is_err());
    }

    #[test]
    fn refuses_a_local_address_of_another_family() {
        let local = options(|options| options.set_local_address("::1").unwrap());
        assert_eq!(route("ws://host/", &local, &[]).unwrap(), "host:80");
        assert_eq!(route("ws://[::1]/", &local, &[]).unwrap(), "[::1]:80");
        assert!(route("ws://127.0.0.1/", &local, &[]).unwrap_err().contains("another family"));
    }

    #[test]
    fn refuses_a_name_that_is_too_long_for_socks() {
        let by = options(|options| options.set_proxy(Some("socks5h://proxy")).unwrap());
        let url = format!("ws://{}/", "a".repeat(256));
        assert!(route(&url, &by, &[]).unwrap_err().contains("256 bytes, limit 255"));
        assert!(route(&url, &Options::default(), &[]).is_ok());
    }
}
