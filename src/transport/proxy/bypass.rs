//! The hosts that are reached without the environment's proxy: the variable `no_proxy`.
//!
//! Comes in: the variable's value. Goes out: whether a host is one of them. Resolves no name, so an address or a
//! network stands only for URLs whose host is an address.

use std::net::IpAddr;

use url::Host;

use crate::url::HostPort;

/// The parsed variable. Entries that are not understood match nothing, as with other programs.
pub(super) struct Bypass(Vec<Rule>);

enum Rule {
    /// `*`
    Everything,
    /// `10.0.0.0/8`: an address and the length of the prefix.
    Network(IpAddr, u8),
    /// `192.0.2.1` or `[2001:db8::1]:443`.
    Address(IpAddr, Option<u16>),
    /// `example.org` or `.example.org:8080`: the name and all names below it.
    Name(String, Option<u16>),
}

impl Bypass {
    /// Parses a list with commas or spaces between its entries.
    pub fn parse(value: &str) -> Bypass {
        let entries = value.split([',', ' ', '\t']).filter(|entry| !entry.is_empty());
        Bypass(entries.filter_map(Rule::parse).collect())
    }

    /// Returns whether the host is reached without the proxy.
    pub fn covers(&self, address: &HostPort) -> bool {
        self.0.iter().any(|rule| rule.covers(address))
    }
}

impl Rule {
    fn parse(entry: &str) -> Option<Rule> {
        if entry == "*" {
            return Some(Rule::Everything);
        }
        if let Some((network, length)) = entry.split_once('/') {
            return Rule::network(unbracketed(network).parse().ok()?, length.parse().ok()?);
        }
        if let Ok(ip) = unbracketed(entry).parse::<IpAddr>() {
            return Some(Rule::Address(ip.to_canonical(), None));
        }
        let (host, port) = match entry.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok()?)),
            None => (entry, None),
        };
        let name = host.strip_prefix('*').unwrap_or(host).trim_start_matches('.').trim_end_matches('.');
        match Host::parse(name).ok()? {
            Host::Domain(name) => Some(Rule::Name(name, port)),
            Host::Ipv4(ip) => Some(Rule::Address(ip.into(), port)),
            Host::Ipv6(ip) => Some(Rule::Address(IpAddr::from(ip).to_canonical(), port)),
        }
    }

    /// Makes a network of IPv4 of one that is mapped into IPv6 (RFC 4291 section 2.5.5.2), as of an address.
    fn network(ip: IpAddr, length: u8) -> Option<Rule> {
        /// How many bits stand before the address of IPv4.
        const MAPPED: u8 = 96;
        let longest = if ip.is_ipv4() { 32 } else { 128 };
        match ip.to_canonical() {
            _ if length > longest => None,
            canonical if canonical != ip && length >= MAPPED => Some(Rule::Network(canonical, length - MAPPED)),
            _ => Some(Rule::Network(ip, length)),
        }
    }

    fn covers(&self, address: &HostPort) -> bool {
        let ip = address.ip().map(|ip| ip.to_canonical());
        let has_port = |port: &Option<u16>| port.is_none_or(|port| port == address.port);
        match self {
            Rule::Everything => true,
            Rule::Network(network, length) => ip.is_some_and(|ip| shares_prefix(ip, *network, *length)),
            Rule::Address(listed, port) => ip == Some(*listed) && has_port(port),
            Rule::Name(name, port) => {
                let Host::Domain(host) = &address.host else { return false };
                let host = host.trim_end_matches('.');
                let below = host.strip_suffix(&**name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
                below && has_port(port)
            }
        }
    }
}

fn unbracketed(text: &str) -> &str {
    text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text)
}

/// Returns whether the first `length` bits of two addresses of the same family are equal.
fn shares_prefix(one: IpAddr, other: IpAddr, length: u8) -> bool {
    let differing = match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => (one.to_bits() ^ other.to_bits()).leading_zeros(),
        (IpAddr::V6(one), IpAddr::V6(other)) => (one.to_bits() ^ other.to_bits()).leading_zeros(),
        _ => return false,
    };
    differing >= u32::from(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::url::Endpoint;

    fn covers(list: &str, host: &str) -> bool {
        Bypass::parse(list).covers(&Endpoint::parse(&format!("ws://{host}/")).unwrap().host_port())
    }

    #[test]
    fn covers_names_suffixes_ports_networks_and_everything() {
        for (list, host) in [
            ("*", "any.example"),
            ("other, Example.org", "example.org"),
            ("other example.org", "deep.below.EXAMPLE.org"),
            (".example.org", "example.org"),
            ("*.example.org", "a.example.org"),
            ("example.org.", "example.org"),
            ("example.org", "example.org."),
            ("b\u{fc}cher.example", "xn--bcher-kva.example"),
            ("example.org:8080", "example.org:8080"),
            ("example.org:80", "example.org"),
            ("192.0.2.1", "192.0.2.1:9"),
            ("192.0.2.1:9", "192.0.2.1:9"),
            ("10.0.0.0/8", "10.255.0.1"),
            ("10.1.2.3/0", "192.0.2.1"),
            ("192.0.2.1/32", "192.0.2.1"),
            ("2001:db8::1", "[2001:db8::1]"),
            ("[2001:db8::1]", "[2001:db8::1]"),
            ("[2001:db8::1]:80", "[2001:db8::1]"),
            ("2001:db8::/33", "[2001:db8:7fff::1]"),
            ("192.0.2.0/24", "[::ffff:192.0.2.9]"),
            ("::ffff:192.0.2.0/120", "192.0.2.9"),
            ("[::ffff:10.1.2.3]/104", "[::ffff:10.9.9.9]"),
            ("::ffff:0:0/96", "192.0.2.9"),
            ("::/0", "[2001:db8::1]"),
        ] {
            assert!(covers(list, host), "{list:?} {host}");
        }
    }

    #[test]
    fn covers_nothing_else() {
        for (list, host) in [
            ("", "example.org"),
            ("example.org", "notexample.org"),
            ("example.org", "example.org.evil.example"),
            ("example.org:8080", "example.org"),
            ("example.org:x", "example.org"),
            ("10.0.0.0/8", "11.0.0.1"),
            ("10.0.0.0/8", "ten.example"),
            ("10.0.0.0/33", "10.0.0.0"),
            ("10.0.0.0/", "10.0.0.0"),
            ("192.0.2.1/32", "192.0.2.2"),
            ("2001:db8::/33", "[2001:db8:8000::1]"),
            ("0.0.0.0/0", "[2001:db8::1]"),
            ("2.1", "192.0.2.1"),
            ("::ffff:192.0.2.0/120", "192.0.3.9"),
            ("::ffff:192.0.2.0/95", "192.0.2.9"),
            ("[2001:db8::1]:81", "[2001:db8::1]"),
        ] {
            assert!(!covers(list, host), "{list:?} {host}");
        }
    }
}
