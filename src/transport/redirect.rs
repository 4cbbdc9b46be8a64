//! Redirects: what a response's Location asks for, and whether it is followed.
//!
//! Comes in: the head of a response, and the endpoint that sent it. Goes out: the next endpoint, or what a text says of
//! the redirect. Opens nothing.

use url::Url;

use super::head::Head;
use crate::url::Endpoint;

/// The longest origin of a redirect that a text shows, in bytes. A name has at most 253 (RFC 1035 section 2.3.4).
const MAX_ORIGIN: usize = 300;

/// How many redirects were followed, and how many may be.
#[derive(Clone, Copy, Default)]
pub(super) struct Redirects {
    pub followed: u8,
    pub limit: u8,
}

/// What to do with a response.
pub(super) enum Decision {
    /// Connect to this endpoint instead.
    Follow(Endpoint),
    /// The response is the server's last word. The text continues one that names the status; it may be empty.
    Refuse(String),
}

impl Redirects {
    /// Decides about a response of `from`.
    pub fn decide(self, head: &Head, from: &Endpoint) -> Decision {
        let Some(location) = location(head) else { return Decision::Refuse(String::new()) };
        let Some(origin) = origin(location, from) else { return Decision::Refuse(String::new()) };
        let refuse = |cause: &str| Decision::Refuse(format!(", a redirect to {origin}{cause}"));
        match from.join(location) {
            _ if self.limit == 0 => refuse(""),
            None => refuse(", which leads to no WebSocket server"),
            Some(target) if from.secure && !target.secure => {
                refuse(", which is not followed because it leaves encryption")
            }
            Some(_) if self.followed >= self.limit => refuse(&format!(", after {} redirects, the limit", self.limit)),
            Some(target) => Decision::Follow(target),
        }
    }
}

fn location(head: &Head) -> Option<&str> {
    if !matches!(head.status, 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    std::str::from_utf8(head.lines("location").next()?).ok()
}

/// Returns the origin of a redirect's target, without path and query, which may hold secrets.
fn origin(location: &str, from: &Endpoint) -> Option<String> {
    if from.join(location).is_some_and(|target| target.socket.is_some()) {
        return Some(from.to_string());
    }
    let scheme = if from.secure { "wss" } else { "ws" };
    let base = Url::parse(&format!("{scheme}://{}", from.host_header())).ok()?;
    let origin = base.join(location).ok()?.origin();
    Some(origin.ascii_serialization()).filter(|text| origin.is_tuple() && text.len() <= MAX_ORIGIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(from: &str, status: u16, location: &str, limit: u8) -> Result<String, String> {
        let headers = vec![("location".to_owned(), location.as_bytes().to_vec())];
        let head = Head { minor_version: 1, status, headers };
        match (Redirects { followed: 2, limit }).decide(&head, &Endpoint::parse(from).unwrap()) {
            Decision::Follow(endpoint) => Ok(endpoint.href),
            Decision::Refuse(text) => Err(text),
        }
    }

    #[test]
    fn follows_what_leads_to_a_websocket_server() {
        for (from, location, target) in [
            ("ws://a/b/c?d", "e", "ws://a/b/e"),
            ("ws://a/b/c?d", "/e?f", "ws://a/e?f"),
            ("ws://a/b/c?d", "?f", "ws://a/b/c?f"),
            ("wss://a/b", "//other:8443/x", "wss://other:8443/x"),
            ("ws://a/", "http://b/x#fragment", "ws://b/x"),
            ("ws://a/", "https://u:p@b/x", "wss://b/x"),
            ("wss://a/", "https://b:443/", "wss://b/"),
            ("ws://u:p@a/", "wss://b", "wss://b/"),
        ] {
            for status in [301, 302, 303, 307, 308] {
                assert_eq!(decide(from, status, location, 3).as_deref(), Ok(target), "{from} {location}");
            }
        }
    }

    #[cfg(unix)]
    #[test]
    fn stays_on_the_unix_socket_for_its_own_origin() {
        for (location, target) in [
            ("/e", "ws+unix:///s:/e"),
            ("http://localhost/f?g", "ws+unix:///s:/f?g"),
            ("http://localhost:81/", "ws://localhost:81/"),
            ("https://host/", "wss://host/"),
        ] {
            assert_eq!(decide("ws+unix:///s:/b", 302, location, 3).as_deref(), Ok(target));
        }
        for (location, origin) in [
            ("/secret", "ws+unix:///s"),
            ("http://localhost/secret", "ws+unix:///s"),
            ("//other:81/secret", "ws://other:81"),
            ("https://localhost/secret", "https://localhost"),
        ] {
            assert_eq!(decide("ws+unix:///s:/b", 302, location, 0), Err(format!(", a redirect to {origin}")));
        }
    }

    #[test]
    fn refuses_everything_else_and_shows_the_origin_alone() {
        let after = ", after 2 redirects, the limit";
        for (from, status, location, limit, text) in [
            ("ws://a/", 300, "/secret", 3, String::new()),
            ("ws://a/", 304, "/secret", 3, String::new()),
            ("ws://a/", 302, "mailto:secret", 3, String::new()),
            ("ws://a/", 302, "http://:secret", 3, String::new()),
            (
                "ws://a/",
                302,
                "ftp://b/secret",
                3,
                ", a redirect to ftp://b, which leads to no WebSocket server".to_owned(),
            ),
            (
                "wss://a/",
                302,
                "ws://b/secret",
                3,
                ", a redirect to ws://b, which is not followed because it leaves encryption".to_owned(),
            ),
            (
                "wss://a/",
                302,
                "http://a:443/secret",
                3,
                ", a redirect to http://a:443, which is not followed because it leaves encryption".to_owned(),
            ),
            ("ws://a/", 302, "https://u:secret@b/secret", 2, format!(", a redirect to https://b{after}")),
            ("ws://a/", 302, "/secret", 0, ", a redirect to ws://a".to_owned()),
        ] {
            assert_eq!(decide(from, status, location, limit), Err(text), "{location}");
        }
    }
}
