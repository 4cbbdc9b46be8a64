//! Describes the errors of rustls and webpki for people: what is wrong, and what can be done about it.
//!
//! Comes in: an error. Goes out: a text, never the debug output of a type. Knows the names of our options.

use std::io;

use rustls::{AlertDescription, CertificateError, Error, InvalidMessage, OtherError, PeerIncompatible};

use super::keys::signature_name;
use super::verifier::Objection;
use crate::quote::quoted;

/// The most names of a certificate that a text lists: the peer may have put hundreds in.
const MAX_NAMES: usize = 4;

/// The longest name of a host in bytes (RFC 1035 section 2.3.4).
const MAX_NAME: usize = 253;

/// Returns what a TLS error says; `None` where the error is not one.
pub(in super::super) fn cause(error: &io::Error) -> Option<String> {
    error.get_ref()?.downcast_ref::<Error>().map(describe)
}

/// Describes an error of rustls.
pub(super) fn describe(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(invalid) => describe_certificate(invalid),
        Error::AlertReceived(alert) => describe_alert(*alert),
        Error::InvalidMessage(InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion) => {
            "the server does not speak TLS".to_owned()
        }
        Error::InvalidMessage(message) => format!("the server sent a malformed TLS message: {}", words(message)),
        Error::InappropriateMessage { got_type, .. } => {
            format!("the server sent a TLS message out of turn: {}", words(got_type))
        }
        Error::InappropriateHandshakeMessage { got_type, .. } => {
            format!("the server sent a TLS handshake message out of turn: {}", words(got_type))
        }
        Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13 | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
        ) => "the server speaks neither TLS 1.2 nor TLS 1.3".to_owned(),
        Error::PeerIncompatible(why) => format!("the server's TLS is not compatible with ours: {}", words(why)),
        Error::PeerMisbehaved(why) => format!("the server broke the rules of TLS: {}", words(why)),
        Error::NoCertificatesPresented => "the server sent no certificate".to_owned(),
        Error::DecryptError => "a TLS record of the server cannot be decrypted: it was changed on the way".to_owned(),
        Error::PeerSentOversizedRecord => "the server sent a TLS record over the limit of 16 KiB".to_owned(),
        Error::NoApplicationProtocol => "the server speaks no HTTP/1.1 on this port".to_owned(),
        Error::FailedToGetCurrentTime => "the system's clock cannot be read".to_owned(),
        Error::FailedToGetRandomBytes => "the system gives no random numbers".to_owned(),
        Error::General(text) => format!("TLS failed: {text}"),
        Error::Other(other) => format!("TLS failed: {}", describe_other(other)),
        // The other variants concern servers, or features that we do not use.
        other => format!("TLS failed: {}", words(other)),
    }
}

fn describe_alert(alert: AlertDescription) -> String {
    let means = match alert {
        AlertDescription::CertificateRequired | AlertDescription::NoCertificate => {
            return "the server wants a client certificate (options tls.cert_file and tls.key_file)".to_owned();
        }
        AlertDescription::ProtocolVersion => return "the server speaks neither TLS 1.2 nor TLS 1.3".to_owned(),
        AlertDescription::HandshakeFailure | AlertDescription::InsufficientSecurity => {
            "it has no TLS version, cipher or kind of key in common with us, or it wants a client certificate (options \
             tls.cert_file and tls.key_file)"
        }
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateRevoked
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateUnknown
        | AlertDescription::UnknownCA
        | AlertDescription::AccessDenied
        | AlertDescription::DecryptError => {
            "it does not accept our client certificate (options tls.cert_file and tls.key_file)"
        }
        AlertDescription::UnrecognisedName => "it has no certificate for the name (option tls.server_name)",
        AlertDescription::NoApplicationProtocol => "it speaks no HTTP/1.1 on this port",
        AlertDescription::InternalError => "it failed by itself",
        _ => "",
    };
    let name = alert_name(alert);
    if means.is_empty() {
        format!("the server sent the alert {name}")
    } else {
        format!("the server sent the alert {name}: {means}")
    }
}

/// Names an alert as RFC 8446 section 6 does.
fn alert_name(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::UnknownCA => "unknown_ca".to_owned(),
        AlertDescription::UnrecognisedName => "unrecognized_name".to_owned(),
        AlertDescription::UnknownPSKIdentity => "unknown_psk_identity".to_owned(),
        AlertDescription::Unknown(number) => number.to_string(),
        alert => words(&alert).replace(' ', "_"),
    }
}

fn describe_certificate(invalid: &CertificateError) -> String {
    match invalid {
        CertificateError::UnknownIssuer => "the certificate's issuer is unknown: no trusted CA signed it".to_owned(),
        // A trusted CA has the issuer's name but another key, as after a private CA was created again.
        CertificateError::BadSignature => {
            "the certificate's issuer is unknown: no trusted CA signed it (bad signature)".to_owned()
        }
        CertificateError::Expired => "the certificate has expired".to_owned(),
        CertificateError::ExpiredContext { time, not_after } => {
            format!("the certificate has expired, {} ago", span(time.as_secs(), not_after.as_secs()))
        }
        CertificateError::NotValidYet => "the certificate is not yet valid".to_owned(),
        CertificateError::NotValidYetContext { time, not_before } => {
            format!("the certificate is not yet valid, it will be in {}", span(not_before.as_secs(), time.as_secs()))
        }
        CertificateError::NotValidForName => {
            "the certificate is not valid for the host (option tls.server_name names the one to expect)".to_owned()
        }
        CertificateError::NotValidForNameContext { expected, presented } => format!(
            "the certificate is not valid for {}, it is for {} (option tls.server_name names the one to expect)",
            expected.to_str(),
            list_names(presented)
        ),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "the certificate is not for servers: its extended key usage must include serverAuth".to_owned()
        }
        #[allow(deprecated, reason = "rustls may still return it")]
        CertificateError::UnsupportedSignatureAlgorithm => {
            "the certificate's signature or key is of a kind that is not supported".to_owned()
        }
        CertificateError::UnsupportedSignatureAlgorithmContext { signature_algorithm_id, .. } => {
            let name = signature_name(signature_algorithm_id);
            format!("the certificate is signed with {name}, which is not supported: use SHA-256, SHA-384 or SHA-512")
        }
        CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { signature_algorithm_id, .. } => {
            let name = signature_name(signature_algorithm_id);
            format!("a signature with {name} does not fit the kind of key that should verify it")
        }
        CertificateError::BadEncoding => "the certificate is malformed".to_owned(),
        CertificateError::UnhandledCriticalExtension => {
            "the certificate has a critical extension that is not supported".to_owned()
        }
        CertificateError::Revoked => "the certificate was revoked".to_owned(),
        CertificateError::Other(other) => describe_other(other),
        other => format!("the certificate was refused: {}", words(other)),
    }
}

fn describe_other(other: &OtherError) -> String {
    if let Some(Objection(text)) = other.0.downcast_ref() {
        return text.clone();
    }
    // webpki's errors write their own names. The crate is no dependency of ours, so the names are compared.
    let name = other.0.to_string();
    let known = match name.split(['(', ' ']).next().unwrap_or_default() {
        "CaUsedAsEndEntity" => {
            "the server's certificate is that of a CA (CA:TRUE), which a server must not use as its own: make one with \
             CA:FALSE (openssl req -x509 -addext basicConstraints=critical,CA:FALSE), or one that the CA signs"
        }
        "EndEntityUsedAsCa" => {
            "the certificate was signed with one that is not a CA's (CA:FALSE): sign it with a CA's (CA:TRUE)"
        }
        "UnsupportedCertVersion" => {
            "the certificate is of X.509 version 1 or 2, and must be of version 3: make one with a subjectAltName \
             extension (openssl req -x509 -addext subjectAltName=DNS:host)"
        }
        "UnsupportedCriticalExtension" => "the certificate has a critical extension that is not supported",
        "NameConstraintViolation" => "a CA above the certificate may not sign for its names",
        "PathLenConstraintViolated" => "a CA above the certificate may not have as many CAs below it",
        "SignatureAlgorithmMismatch" => "the certificate names two different algorithms for its signature",
        "MalformedExtensions"
        | "ExtensionValueInvalid"
        | "EmptyEkuExtension"
        | "MalformedDnsIdentifier"
        | "MalformedNameConstraint"
        | "InvalidNetworkMaskConstraint"
        | "InvalidSerialNumber" => "the certificate is malformed",
        "MaximumPathBuildCallsExceeded"
        | "MaximumPathDepthExceeded"
        | "MaximumSignatureChecksExceeded"
        | "MaximumNameConstraintComparisonsExceeded" => {
            "the certificate has too many CAs above it, or the server sent too many certificates"
        }
        _ => return format!("the certificate was refused: {}", words(&name)),
    };
    known.to_owned()
}

fn list_names(presented: &[String]) -> String {
    let names = || presented.iter().map(|name| plain_name(name));
    match presented.len() {
        0 => "no name at all".to_owned(),
        count @ 1..=MAX_NAMES => names().take(count).collect::<Vec<_>>().join(", "),
        count => {
            let first: Vec<String> = names().take(MAX_NAMES - 1).collect();
            format!("{}, and {} more", first.join(", "), count - first.len())
        }
    }
}

/// Extracts the name from webpki's form of it: `DnsName("a.example")` or `IpAddress(10.0.0.1)`. What cannot be the name of
/// a host is quoted, because the peer may have written anything.
fn plain_name(presented: &str) -> String {
    let inner = presented.split_once('(').map_or(presented, |(_, inner)| inner.trim_end_matches(')'));
    let name = inner.trim_matches('"');
    // webpki does not write IPv6 addresses in their usual short form.
    if let Ok(address) = name.parse::<std::net::IpAddr>() {
        return address.to_string();
    }
    let is_plain = name.len() <= MAX_NAME && name.bytes().all(|byte| byte.is_ascii_graphic());
    if is_plain { name.to_owned() } else { quoted(name) }
}

fn span(late: u64, early: u64) -> String {
    match late.saturating_sub(early) {
        seconds if seconds >= 2 * 24 * 3600 => format!("{} days", seconds / (24 * 3600)),
        seconds => format!("{seconds} s"),
    }
}

/// Turns the name of a variant, such as `NoCipherSuitesInCommon`, into words. Its fields are left out.
///
/// rustls has about a hundred variants for what a broken server can do, and no texts for them.
fn words(variant: &(impl std::fmt::Debug + ?Sized)) -> String {
    let debug = format!("{variant:?}");
    let name = debug.trim_matches('"').split(['(', '{', ' ']).next().unwrap_or_default();
    let mut text = String::with_capacity(name.len() + 8);
    let mut before = ' ';
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && before.is_ascii_alphanumeric() && !before.is_ascii_uppercase() {
            text.push(' ');
        }
        text.push(letter.to_ascii_lowercase());
        before = letter;
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::pki_types::{ServerName, UnixTime};
    use rustls::{ContentType, ExtendedKeyPurpose, HandshakeType, InconsistentKeys, PeerMisbehaved};

    use super::*;

    /// Something that webpki or a provider might return, known by its name alone.
    #[derive(Debug)]
    struct Named(&'static str);

    impl std::fmt::Display for Named {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(self.0)
        }
    }

    impl std::error::Error for Named {}

    fn other(name: &'static str) -> OtherError {
        OtherError(Arc::new(Named(name)))
    }

    fn certificate_errors() -> Vec<CertificateError> {
        let time = |seconds| UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
        let mut errors = vec![
            CertificateError::BadEncoding,
            CertificateError::Expired,
            CertificateError::ExpiredContext { time: time(9), not_after: time(1) },
            CertificateError::NotValidYet,
            CertificateError::NotValidYetContext { time: time(1), not_before: time(1_000_000) },
            CertificateError::Revoked,
            CertificateError::UnhandledCriticalExtension,
            CertificateError::UnknownIssuer,
            CertificateError::UnknownRevocationStatus,
            CertificateError::ExpiredRevocationList,
            CertificateError::ExpiredRevocationListContext { time: time(9), next_update: time(1) },
            CertificateError::BadSignature,
            #[allow(deprecated)]
            CertificateError::UnsupportedSignatureAlgorithm,
            CertificateError::UnsupportedSignatureAlgorithmContext {
                signature_algorithm_id: vec![6, 3, 43, 101, 113],
                supported_algorithms: Vec::new(),
            },
            CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext {
                signature_algorithm_id: vec![6, 3, 43, 101, 112],
                public_key_algorithm_id: vec![1, 2, 3],
            },
            CertificateError::NotValidForName,
            CertificateError::NotValidForNameContext {
                expected: ServerName::try_from("a.example").unwrap(),
                presented: vec!["DnsName(\"b.example\")".to_owned(), "IpAddress(0::1)".to_owned()],
            },
            CertificateError::InvalidPurpose,
            CertificateError::InvalidPurposeContext {
                required: ExtendedKeyPurpose::ServerAuth,
                presented: vec![ExtendedKeyPurpose::ClientAuth, ExtendedKeyPurpose::Other(vec![1, 2, 3])],
            },
            CertificateError::InvalidOcspResponse,
            CertificateError::ApplicationVerificationFailure,
        ];
        let names = [
            "CaUsedAsEndEntity",
            "EndEntityUsedAsCa",
            "UnsupportedCertVersion",
            "UnsupportedCriticalExtension",
            "NameConstraintViolation",
            "PathLenConstraintViolated",
            "SignatureAlgorithmMismatch",
            "MalformedExtensions",
            "ExtensionValueInvalid",
            "MaximumPathDepthExceeded",
            "TrailingData(SignedData)",
            "SomethingNew { bytes: [1, 2, 3] }",
        ];
        errors.extend(names.map(|name| CertificateError::Other(other(name))));
        errors
    }

    fn errors() -> Vec<Error> {
        let mut errors = vec![
            Error::InappropriateMessage { expect_types: vec![], got_type: ContentType::ApplicationData },
            Error::InappropriateHandshakeMessage { expect_types: vec![], got_type: HandshakeType::ServerHelloDone },
            Error::InvalidMessage(InvalidMessage::MissingData("ServerHello")),
            Error::InvalidMessage(InvalidMessage::InvalidContentType),
            Error::InvalidMessage(InvalidMessage::DuplicateExtension(7)),
            Error::NoCertificatesPresented,
            Error::UnsupportedNameType,
            Error::DecryptError,
            Error::EncryptError,
            Error::PeerIncompatible(PeerIncompatible::NoCipherSuitesInCommon),
            Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13),
            Error::PeerIncompatible(PeerIncompatible::ServerRejectedEncryptedClientHello(None)),
            Error::PeerMisbehaved(PeerMisbehaved::SelectedUnofferedCipherSuite),
            Error::General("no room left".to_owned()),
            Error::FailedToGetCurrentTime,
            Error::FailedToGetRandomBytes,
            Error::HandshakeNotComplete,
            Error::PeerSentOversizedRecord,
            Error::NoApplicationProtocol,
            Error::BadMaxFragmentSize,
            Error::InconsistentKeys(InconsistentKeys::KeyMismatch),
            Error::Other(other("SomethingNew(1)")),
        ];
        errors.extend((0..=255).map(|number| Error::AlertReceived(number.into())));
        errors.extend(certificate_errors().into_iter().map(Error::InvalidCertificate));
        errors
    }

    #[test]
    fn describes_every_error_in_plain_words() {
        let names = ["basicConstraints", "subjectAltName", "serverAuth", "KiB"];
        for error in errors() {
            let text = describe(&error);
            let mut plain = text.clone();
            for name in names {
                plain = plain.replace(name, "");
            }
            for pair in plain.as_bytes().windows(2) {
                assert!(!(pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase()), "{text}");
            }
            assert!(!text.contains(['{', '[', '\\']) && !text.contains("(\"") && text.len() > 15, "{text}");
            assert!(text.starts_with(|first: char| first.is_lowercase()) || text.starts_with("TLS"), "{text}");
        }
    }

    #[test]
    fn shows_a_name_in_a_certificate_on_one_line_and_cut() {
        assert_eq!(plain_name("DnsName(\"*.a.example\")"), "*.a.example");
        assert_eq!(plain_name("DnsName(\"a\u{1b}[31m\nb\")"), r#""a\x1b[31m\nb""#);
        let long = "d".repeat(60_000);
        assert_eq!(plain_name(&format!("DnsName(\"{long}\")")), format!("\"{}\"... (60000 bytes)", &long[..200]));
    }

    #[test]
    fn names_alerts_as_the_standard_does() {
        for (number, name) in [(40, "handshake_failure"), (48, "unknown_ca"), (112, "unrecognized_name"), (99, "99")] {
            let text = describe_alert(number.into());
            assert!(text.starts_with(&format!("the server sent the alert {name}")), "{text}");
        }
    }
}
