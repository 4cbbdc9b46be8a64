//! Every option, once.
//!
//! The reader in src/lua/options.rs, lua/websocket/types.lua and docs/options.md are made from these tables. Defaults
//! stand in [`Options`], [`SendOptions`] and [`Compression`].

use super::kind::{Entry, Group, Kind, Presence, Unit};
use super::reconnect::Reconnect;
use super::values::{BasicAuth, Options, SendOptions};
use crate::extension::{Compression, LEVELS, WINDOW_BITS};

/// The options of `websocket.new`.
pub static CONNECTION: Group<Options> = Group {
    class: "Options",
    about: "The options of `websocket.new`.",
    start: |_| {},
    entries: &[
        optional(
            "headers",
            Kind::HeaderMap { add: Options::add_header, remove: Options::remove_header },
            "Request headers to add, by name; the values of a list are sent as one line each. Host and User-Agent may \
             be replaced, and User-Agent is left out by false; headers that belong to the opening handshake are refused.",
        ),
        optional(
            "protocols",
            Kind::List(Options::add_protocol),
            "Subprotocols to offer, the preferred one first; together at most 64 KiB.",
        ),
        optional(
            "require_protocol",
            Kind::Boolean(|options| &mut options.require_protocol),
            "Fails the handshake when the server chooses none of `protocols`.",
        ),
        optional("origin", Kind::HeaderValue(Options::set_origin), "The Origin header (RFC 6454)."),
        optional(
            "basic_auth",
            Kind::Table(&BASIC_AUTH),
            "Credentials for Basic authorization. They may stand in the URL instead (`ws://user:password@host/`).",
        ),
        optional(
            "proxy",
            Kind::ParsedOrFalse(Options::set_proxy, "URL of a proxy"),
            "The proxy to connect by: `http://user:password@host:port`, `https://`, `socks5://` or `socks5h://`. False \
             uses none. By default the variables `http_proxy` and the like of the environment decide.",
        ),
        optional(
            "connect_to",
            Kind::Parsed(Options::set_connect_to, "`host:port`, or `unix:/path`"),
            "Where to dial in place of the URL's host and port. The Host header, the server name and the certificate \
             stay those of the URL.",
        ),
        optional(
            "local_address",
            Kind::Parsed(Options::set_local_address, "IP address"),
            "The address of this machine from which to dial. Addresses of the other family are not tried.",
        ),
        optional(
            "max_redirects",
            Kind::Small(|options| &mut options.max_redirects, 0..=20),
            "How many redirects to follow. Another origin gets no credentials, and none leads from wss to ws.",
        ),
        optional(
            "open_timeout",
            Kind::Seconds(|options| &mut options.open_timeout),
            "How long opening may take: name resolution, TCP, proxy, TLS, the opening handshake and redirects together.",
        ),
        optional(
            "close_timeout",
            Kind::Seconds(|options| &mut options.close_timeout),
            "How long the peer may take to answer our Close frame once it is written, whatever else it sends. Until \
             then, the longest time without progress in sending the messages before it.",
        ),
        optional(
            "ping_interval",
            Kind::SecondsOrFalse(|options| &mut options.ping_interval),
            "Time between keepalive pings; false sends none.",
        ),
        optional(
            "ping_timeout",
            Kind::SecondsOrFalse(|options| &mut options.ping_timeout),
            "How long the peer may show no sign of life after a keepalive ping was due, even if the ping could not be \
             written. Signs of life are any byte that arrives and capacity that opens in a transport that was full. \
             False waits for ever.",
        ),
        optional(
            "max_message_size",
            bytes(|options| &mut options.max_message_size),
            "Size of the largest message to accept, after decompression. A larger one closes the connection with 1009.",
        ),
        optional(
            "max_fragments",
            Kind::Count { field: |options| &mut options.max_fragments, least: 1, unit: Unit::Frames },
            "The most frames that one message may come in. More close the connection with 1009.",
        ),
        optional(
            "max_queue",
            bytes(|options| &mut options.max_queue),
            "How much may wait for `poll` or `receive`: the payload of each event and 128 bytes more. At the limit, \
             reading from the connection is paused until half of it is free.",
        ),
        optional(
            "max_buffered",
            bytes(|options| &mut options.max_buffered),
            "How much may wait to be sent, before compression: each message as encoded and 128 bytes more. The limit is \
             checked before a message is added, so one message of any size is accepted below the limit.",
        ),
        optional(
            "report_pings",
            Kind::Boolean(|options| &mut options.report_pings),
            "Delivers the event `ping` for each Ping of the peer. The engine has answered it already.",
        ),
        optional(
            "report_closing",
            Kind::Boolean(|options| &mut options.report_closing),
            "Delivers the event `closing` when the peer's Close frame arrives.",
        ),
        optional(
            "report_drain",
            Kind::Boolean(|options| &mut options.report_drain),
            "Delivers the event `drain` when a connection that has answered `buffer_full` holds at most half of \
             `max_buffered` again.",
        ),
        optional(
            "reconnect",
            Kind::TableOrBoolean(&RECONNECT),
            "Opens the connection again after an end that may heal; a table also chooses how.",
        ),
        optional(
            "compression",
            Kind::TableOrBoolean(&COMPRESSION),
            "Offers permessage-deflate (RFC 7692); a table also chooses its parameters.",
        ),
        optional("tls", Kind::Table(&TLS), "Certificates and verification, for `wss` URLs."),
    ],
};

/// The table `basic_auth`.
pub static BASIC_AUTH: Group<Options> = Group {
    class: "BasicAuth",
    about: "Credentials for Basic authorization (RFC 7617).",
    start: |options| options.basic_auth = Some(BasicAuth::default()),
    entries: &[
        Entry {
            name: "user",
            kind: Kind::HeaderValue(Options::set_user),
            presence: Presence::Required,
            about: "The user name, without a colon.",
        },
        optional("password", Kind::HeaderValue(Options::set_password), "The password; empty if it is left out."),
    ],
};

/// The table `tls`.
pub static TLS: Group<Options> = Group {
    class: "TlsOptions",
    about: "Which servers a `wss` connection trusts, and the client's own certificate.",
    start: |_| {},
    entries: &[
        optional(
            "ca_file",
            Kind::Text(|options| &mut options.tls.ca_file),
            "Path of a PEM file with the root certificates to trust in place of the system's.",
        ),
        optional(
            "ca",
            Kind::Bytes(|options| &mut options.tls.ca),
            "The same root certificates as PEM text, in place of `ca_file`.",
        ),
        optional(
            "fingerprint",
            Kind::NonEmptyList(|options, text| options.tls.add_fingerprint(text)),
            "SHA-256 fingerprint of the only certificate to accept, or of each, as `openssl x509 -noout -fingerprint \
             -sha256` prints it. Issuer, names and dates of the certificate do not matter. Excludes `ca`, `ca_file` and \
             `insecure`.",
        ),
        optional(
            "cert_file",
            Kind::Text(|options| &mut options.tls.cert_file),
            "Path of a PEM file with the client's certificate chain. Must be given together with `key_file` or `key`.",
        ),
        optional(
            "cert",
            Kind::Bytes(|options| &mut options.tls.cert),
            "The client's certificate chain as PEM text, in place of `cert_file`.",
        ),
        optional(
            "key_file",
            Kind::Text(|options| &mut options.tls.key_file),
            "Path of a PEM file with the client's private key. Must be given together with `cert_file` or `cert`.",
        ),
        optional(
            "key",
            Kind::Bytes(|options| &mut options.tls.key),
            "The client's private key as PEM text, in place of `key_file`.",
        ),
        optional(
            "server_name",
            Kind::Text(|options| &mut options.tls.server_name),
            "The host name to send to the server (SNI) and to verify, in place of the URL's host.",
        ),
        optional(
            "insecure",
            Kind::Boolean(|options| &mut options.tls.insecure),
            "Skips verification of the server's certificate. Accepted for loopback addresses only.",
        ),
        optional(
            "keylog",
            Kind::Boolean(|options| &mut options.tls.keylog),
            "Appends the secrets of the session to the file that the environment variable `SSLKEYLOGFILE` names, so that \
             Wireshark can decrypt a recording. Without the variable it has no effect.",
        ),
    ],
};

/// The table `reconnect`.
pub static RECONNECT: Group<Options> = Group {
    class: "ReconnectOptions",
    about: "How a lost connection is opened again.",
    start: |options| options.reconnect = Some(Reconnect::default()),
    entries: &[
        optional(
            "min_delay",
            Kind::Seconds(|options| &mut reconnect(options).min_delay),
            "The delay before the first attempt.",
        ),
        optional(
            "max_delay",
            Kind::Seconds(|options| &mut reconnect(options).max_delay),
            "The longest delay between two attempts. A server may ask for more, up to an hour, by the header Retry-After \
             of a refusal (RFC 9110 section 10.2.3).",
        ),
        optional(
            "factor",
            Kind::Number(|options| &mut reconnect(options).factor, 1.0..=100.0),
            "What each delay is multiplied by to get the next.",
        ),
        optional(
            "jitter",
            Kind::Number(|options| &mut reconnect(options).jitter, 0.0..=1.0),
            "The part of each delay that is left to chance, so that clients do not all come back at once: with 0.5, a \
             delay of 4 s takes 2 to 4 s.",
        ),
        optional(
            "max_retries",
            Kind::OptionalCount(|options| &mut reconnect(options).max_retries, Unit::Attempts),
            "The most attempts in a row; then the connection ends as it was lost. Without it there is no limit.",
        ),
        optional(
            "stable_after",
            Kind::Seconds(|options| &mut reconnect(options).stable_after),
            "How long a connection must have been open so that the next attempt is the first again.",
        ),
        optional(
            "before",
            Kind::Function(|options| &mut reconnect(options).before),
            "`before(attempt)` is called by `poll` before each attempt, and returns the URL and the `headers` for it, for \
             instance with a fresh token; nil keeps those of the last attempt. An error in it counts as a failed attempt.",
        ),
    ],
};

/// The table `compression`.
pub static COMPRESSION: Group<Options> = Group {
    class: "CompressionOptions",
    about: "The parameters of permessage-deflate (RFC 7692 section 7.1).",
    start: |options| options.compression = Some(Compression::default()),
    entries: &[
        optional(
            "client_no_context_takeover",
            Kind::Boolean(|options| &mut compression(options).client_no_context_takeover),
            "Compresses each message by itself: needs no memory between messages, but more bytes on the wire.",
        ),
        optional(
            "server_no_context_takeover",
            Kind::Boolean(|options| &mut compression(options).server_no_context_takeover),
            "Demands the same of the server. The handshake fails if it does not agree.",
        ),
        optional(
            "client_max_window_bits",
            Kind::SmallOrFalse(|options| &mut compression(options).client_max_window_bits, WINDOW_BITS),
            "Compresses with a window of at most 2^n bytes; with 8, messages go uncompressed. False leaves the \
             parameter out of the offer, for servers that refuse it.",
        ),
        optional(
            "server_max_window_bits",
            Kind::OptionalSmall(|options| &mut compression(options).server_max_window_bits, WINDOW_BITS),
            "Demands that the server's window is at most 2^n bytes. The handshake fails if it does not agree.",
        ),
        optional(
            "threshold",
            Kind::Count { field: |options| &mut compression(options).threshold, least: 0, unit: Unit::Bytes },
            "Messages below this size go uncompressed.",
        ),
        optional(
            "level",
            Kind::Small(|options| &mut compression(options).level, LEVELS),
            "How hard to compress: 1 is the fastest, 9 gives the smallest messages.",
        ),
    ],
};

/// The options of `send`.
pub static SEND: Group<SendOptions> = Group {
    class: "SendOptions",
    about: "The options of `ws:send`.",
    start: |_| {},
    entries: &[optional(
        "compress",
        Kind::Boolean(|options| &mut options.compress),
        "False sends the message uncompressed, for one that holds a secret.",
    )],
};

fn reconnect(options: &mut Options) -> &mut Reconnect {
    options.reconnect.get_or_insert_default()
}

fn compression(options: &mut Options) -> &mut Compression {
    options.compression.get_or_insert_default()
}

const fn optional<T>(name: &'static str, kind: Kind<T>, about: &'static str) -> Entry<T> {
    Entry { name, kind, presence: Presence::Optional, about }
}

const fn bytes<T>(field: fn(&mut T) -> &mut usize) -> Kind<T> {
    Kind::Count { field, least: 1, unit: Unit::Bytes }
}
