//! Parses certificates and private keys in PEM form (RFC 7468), in all variants that tools write.
//!
//! Comes in: the bytes of a file or an option. Goes out: the certificates or the key, or what was not understood,
//! because a certificate must never be skipped silently. Knows nothing of a certificate's contents, except where it
//! ends.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::der::{Elements, OBJECT_IDENTIFIER, SEQUENCE, contents, dotted};
use super::keys::unsupported;
use crate::quote::quoted;

const BEGIN: &[u8] = b"-----BEGIN ";
const DASHES: &[u8] = b"-----";

/// A certificate of a file.
pub(super) struct Certificate {
    pub der: CertificateDer<'static>,
    pub trust: Trust,
}

/// Says what a certificate that is trusted may be trusted for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// Nothing forbids to trust it for servers.
    Servers,
    /// A `TRUSTED CERTIFICATE` of OpenSSL whose own settings are for other uses, or against servers.
    OthersOnly,
}

/// Returns all certificates, in order; none if there is no PEM at all.
///
/// # Errors
/// PEM that is not understood.
pub(super) fn certificates(bytes: &[u8]) -> Result<Vec<Certificate>, String> {
    let mut found = Vec::new();
    for section in sections(bytes)? {
        match &*section.label {
            "CERTIFICATE" | "X509 CERTIFICATE" => {
                found.push(Certificate { der: section.certificate()?, trust: Trust::Servers });
            }
            "TRUSTED CERTIFICATE" => {
                // OpenSSL appends its settings to the certificate.
                let der = section.certificate()?;
                let length = Elements(&der).next().map_or(der.len(), |element| element.whole.len());
                let trust = trust(&der[length..]);
                found.push(Certificate { der: der[..length].to_vec().into(), trust });
            }
            label if is_no_certificate(label) => {}
            label => {
                return Err(format!(
                    "holds a PEM section {}, which is not understood: certificates are in sections \"CERTIFICATE\"",
                    quoted(label)
                ));
            }
        }
    }
    Ok(found)
}

/// Returns the first private key.
///
/// # Errors
/// PEM that is not understood, no private key, one that is encrypted or of another kind.
pub(super) fn private_key(bytes: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    let sections = sections(bytes)?;
    let Some(section) = sections.iter().find(|section| section.label.ends_with("PRIVATE KEY")) else {
        let instead = sections.first().map_or(String::new(), |other| format!(", only {}", other.describe()));
        return Err(format!("holds no private key in PEM form{instead}{}", hint(bytes)));
    };
    if section.label == "ENCRYPTED PRIVATE KEY" || section.body.contains("ENCRYPTED") {
        return Err("is encrypted: decrypt it, for example with openssl pkey -in FILE -out DECRYPTED".to_owned());
    }
    match &*section.label {
        "PRIVATE KEY" | "RSA PRIVATE KEY" | "EC PRIVATE KEY" => {}
        "DSA PRIVATE KEY" => return Err(format!("holds {}", unsupported("a DSA key"))),
        "OPENSSH PRIVATE KEY" => {
            return Err(
                "holds a private key in the format of OpenSSH, which is not supported: convert a copy of it, for \
                        example with ssh-keygen -p -m PKCS8 -f COPY"
                    .to_owned(),
            );
        }
        label => {
            return Err(format!(
                "holds a PEM section {}, which is not understood: keys are in PKCS #8, PKCS #1 or SEC 1 form",
                quoted(label)
            ));
        }
    }
    PrivateKeyDer::from_pem_slice(section.canonical(&section.label).as_bytes()).map_err(|_| section.bad_base64())
}

/// Returns an addition to the text about bytes that hold no PEM, if they look like DER; otherwise `""`.
pub(super) fn hint(bytes: &[u8]) -> &'static str {
    if bytes.first() == Some(&SEQUENCE) {
        " (it looks like DER: convert it, for example with openssl x509 -inform DER or openssl pkey -inform DER)"
    } else {
        ""
    }
}

/// Returns whether a section with this label is known to contain no certificate.
fn is_no_certificate(label: &str) -> bool {
    ["PRIVATE KEY", "PUBLIC KEY", "PARAMETERS"].iter().any(|end| label.ends_with(end)) || label == "X509 CRL"
}

/// One encapsulated text: what stands between a begin line and its end line.
struct Section {
    label: String,
    /// The lines, perhaps with headers before the base64, with one space between them.
    body: String,
}

impl Section {
    fn certificate(&self) -> Result<CertificateDer<'static>, String> {
        CertificateDer::from_pem_slice(self.canonical("CERTIFICATE").as_bytes()).map_err(|_| self.bad_base64())
    }

    /// Writes the section in the form of RFC 7468, with a label, for the decoder of rustls: it decodes keys in constant
    /// time.
    fn canonical(&self, label: &str) -> String {
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", self.body.replace(' ', "\n"))
    }

    fn bad_base64(&self) -> String {
        format!("holds a PEM section {} that is not valid base64", quoted(&self.label))
    }

    /// Says what a section holds that is no private key.
    fn describe(&self) -> String {
        match &*self.label {
            label if label.ends_with("PUBLIC KEY") => "a public key".to_owned(),
            label if label.ends_with("CERTIFICATE") => "a certificate".to_owned(),
            label => format!("a PEM section {}", quoted(label)),
        }
    }
}

/// Finds all sections. Lines may be indented and may end in any way. A section may begin on the line where another
/// ends, which happens when files without a final line end are concatenated.
fn sections(bytes: &[u8]) -> Result<Vec<Section>, String> {
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") || find(bytes, b"-\0-\0-").is_some() {
        return Err("is UTF-16 text, must be PEM in ASCII or UTF-8".to_owned());
    }
    let mut sections = Vec::new();
    let mut rest = bytes;
    while let Some(at) = find(rest, BEGIN) {
        check_between(&rest[..at])?;
        let line = &rest[at..];
        let label = label(&line[BEGIN.len()..]).ok_or_else(|| not_understood(line))?;
        let body = &line[BEGIN.len() + label.len() + DASHES.len()..];
        let end = format!("-----END {label}-----");
        let length = find(body, end.as_bytes()).filter(|length| find(&body[..*length], DASHES).is_none());
        let length = length.ok_or_else(|| {
            let (label, end) = (quoted(without_key(label.as_bytes())), quoted(without_key(end.as_bytes())));
            format!("holds a PEM section {label} without the line {end}")
        })?;
        let text = String::from_utf8_lossy(&body[..length]);
        let body_text = text.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
        sections.push(Section { label: label.to_owned(), body: body_text });
        rest = &body[length + end.len()..];
    }
    check_between(rest)?;
    Ok(sections)
}

/// Returns the label at the beginning of `bytes`, up to the dashes.
fn label(bytes: &[u8]) -> Option<&str> {
    let label = std::str::from_utf8(&bytes[..find(bytes, DASHES)?]).ok()?;
    label.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ').then_some(label)
}

/// Checks the text between sections. It may be anything, except a line that was meant to begin or end a section.
fn check_between(bytes: &[u8]) -> Result<(), String> {
    let upper = bytes.to_ascii_uppercase();
    match find(&upper, b"--BEGIN").or_else(|| find(&upper, b"--END")) {
        Some(at) => Err(not_understood(&bytes[at..])),
        None => Ok(()),
    }
}

fn not_understood(bytes: &[u8]) -> String {
    let line = without_key(bytes.split(|byte| b"\r\n".contains(byte)).next().unwrap_or_default());
    format!(
        "holds the line {}, which is not understood: PEM has -----BEGIN CERTIFICATE----- before, and \
         -----END CERTIFICATE----- behind a certificate",
        quoted(&line[..line.len().min(60)])
    )
}

/// Cuts what stands behind a label of a private key on the same line: it may be the key, which no text may show.
fn without_key(line: &[u8]) -> &[u8] {
    const LABEL: &[u8] = b"PRIVATE KEY";
    let Some(at) = find(&line.to_ascii_uppercase(), LABEL) else { return line };
    let (label, behind) = line.split_at(at + LABEL.len());
    let dashes = behind.iter().take_while(|byte| **byte == b'-').count();
    &line[..label.len() + dashes]
}

/// Parses OpenSSL's settings of a trusted certificate (X509_CERT_AUX): for which uses it is trusted or rejected.
fn trust(settings: &[u8]) -> Trust {
    let mut fields = Elements(contents(settings, SEQUENCE).unwrap_or_default()).peekable();
    let trusted = fields.next_if(|field| field.tag == SEQUENCE);
    let rejected = fields.next_if(|field| field.tag == 0xa0);
    let for_servers = trusted.is_none_or(|uses| names_servers(uses.contents));
    let against_servers = rejected.is_some_and(|uses| names_servers(uses.contents));
    if for_servers && !against_servers { Trust::Servers } else { Trust::OthersOnly }
}

/// Returns whether one of the uses is serverAuth or anyExtendedKeyUsage (RFC 5280 section 4.2.1.12).
fn names_servers(uses: &[u8]) -> bool {
    Elements(uses)
        .filter(|element| element.tag == OBJECT_IDENTIFIER)
        .any(|element| matches!(&*dotted(element.contents), "1.3.6.1.5.5.7.3.1" | "2.5.29.37.0"))
}

fn find(bytes: &[u8], pattern: &[u8]) -> Option<usize> {
    bytes.windows(pattern.len()).position(|window| window == pattern)
}
