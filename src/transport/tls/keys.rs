//! Describes the keys and signatures that cannot be used.
//!
//! Comes in: certificates and private keys in DER form. Goes out: words, or nothing where there is no objection. What
//! it objects to in a certificate is exactly what ring cannot verify.

use rustls::pki_types::PrivateKeyDer;

use super::der::{BIT_STRING, Element, Elements, INTEGER, OBJECT_IDENTIFIER, SEQUENCE, contents, dotted};

/// The size of RSA keys that ring verifies signatures with, in bits.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// The sizes of RSA keys that ring signs with, in bits: each prime must have a multiple of 512.
const PRIVATE_RSA_BITS: [usize; 3] = [2048, 3072, 4096];

/// The kinds of keys that ring knows.
const KINDS: &str = "use P-256, P-384, Ed25519 or RSA";

/// The parts of a certificate that texts need (RFC 5280 section 4.1).
pub(super) struct Certificate<'a> {
    /// The contents of the issuer's name.
    pub issuer: &'a [u8],
    /// The subject's public key info.
    pub key: Element<'a>,
}

impl<'a> Certificate<'a> {
    /// Parses a certificate; `None` if it is malformed.
    pub fn parse(der: &'a [u8]) -> Option<Certificate<'a>> {
        let to_be_signed = contents(contents(der, SEQUENCE)?, SEQUENCE)?;
        // The version has a tag of its own and is left out for version 1.
        let fields: Vec<Element<'a>> = Elements(to_be_signed).filter(|field| field.tag != 0xa0).take(6).collect();
        let [_serial, _algorithm, issuer, _validity, _subject, key] = fields[..] else { return None };
        Some(Certificate { issuer: issuer.contents, key })
    }
}

/// Says why a public key cannot be used; `None` if it can be used, or cannot be parsed.
///
/// `info`: the contents of a SubjectPublicKeyInfo.
pub(super) fn objection(info: &[u8]) -> Option<String> {
    let mut fields = Elements(info);
    let algorithm = fields.next()?.contents;
    if !is_rsa(algorithm) {
        return kind_objection(algorithm);
    }
    let key = fields.next().filter(|field| field.tag == BIT_STRING)?.contents.get(1..)?;
    rsa_objection(contents(contents(key, SEQUENCE)?, INTEGER)?)
}

/// Says what a private key is that ring has refused, and what it should be.
pub(super) fn private_objection(key: &PrivateKeyDer) -> String {
    let known = match key {
        PrivateKeyDer::Pkcs8(key) => pkcs8_objection(key.secret_pkcs8_der()),
        PrivateKeyDer::Pkcs1(key) => private_rsa_objection(key.secret_pkcs1_der()),
        PrivateKeyDer::Sec1(key) => sec1_objection(key.secret_sec1_der()),
        _ => None,
    };
    known.unwrap_or_else(|| {
        format!("a private key that cannot be read: it is malformed, or of a kind that is not supported: {KINDS}")
    })
}

/// `der`: a PrivateKeyInfo (RFC 5208 section 5).
fn pkcs8_objection(der: &[u8]) -> Option<String> {
    let mut fields = Elements(contents(der, SEQUENCE)?).skip(1);
    let algorithm = fields.next()?.contents;
    if is_rsa(algorithm) { private_rsa_objection(fields.next()?.contents) } else { kind_objection(algorithm) }
}

/// `der`: an RSAPrivateKey (RFC 8017 appendix A.1.2).
fn private_rsa_objection(der: &[u8]) -> Option<String> {
    let modulus = Elements(contents(der, SEQUENCE)?).nth(1).filter(|field| field.tag == INTEGER)?;
    let bits = bits(modulus.contents)?;
    let [small, medium, large] = PRIVATE_RSA_BITS;
    (!PRIVATE_RSA_BITS.contains(&bits)).then(|| {
        format!("an RSA key of {bits} bits, which is not supported: it must have {small}, {medium} or {large} bits")
    })
}

/// `der`: an ECPrivateKey (RFC 5915 section 3).
fn sec1_objection(der: &[u8]) -> Option<String> {
    let parameters = Elements(contents(der, SEQUENCE)?).find(|field| field.tag == 0xa0)?;
    curve_objection(contents(parameters.contents, OBJECT_IDENTIFIER)?)
}

/// `algorithm`: the contents of an AlgorithmIdentifier.
fn is_rsa(algorithm: &[u8]) -> bool {
    contents(algorithm, OBJECT_IDENTIFIER).is_some_and(|identifier| dotted(identifier) == "1.2.840.113549.1.1.1")
}

/// Says why no key of a kind other than RSA can be used.
///
/// `algorithm`: the contents of an AlgorithmIdentifier.
fn kind_objection(algorithm: &[u8]) -> Option<String> {
    let kind = match &*dotted(contents(algorithm, OBJECT_IDENTIFIER)?) {
        "1.2.840.10045.2.1" => {
            let parameters = Elements(algorithm).nth(1);
            return curve_objection(parameters.filter(|field| field.tag == OBJECT_IDENTIFIER)?.contents);
        }
        "1.3.101.112" => return None,
        "1.2.840.10040.4.1" => "a DSA key".to_owned(),
        "1.2.840.113549.1.1.10" => "a key for RSASSA-PSS alone".to_owned(),
        "1.3.101.110" => "an X25519 key".to_owned(),
        "1.3.101.113" => "an Ed448 key".to_owned(),
        other => format!("a key of the kind {other}"),
    };
    Some(unsupported(&kind))
}

/// `identifier`: the contents of the object identifier of a curve.
fn curve_objection(identifier: &[u8]) -> Option<String> {
    let curve = match &*dotted(identifier) {
        "1.2.840.10045.3.1.7" | "1.3.132.0.34" => return None,
        "1.3.132.0.35" => "P-521".to_owned(),
        "1.3.132.0.10" => "secp256k1".to_owned(),
        "1.3.132.0.33" => "P-224".to_owned(),
        other => format!("the curve {other}"),
    };
    Some(unsupported(&format!("an elliptic-curve key on {curve}")))
}

/// Says that a kind of key is not supported, and which kinds are.
pub(super) fn unsupported(kind: &str) -> String {
    format!("{kind}, which is not supported: {KINDS}")
}

fn rsa_objection(modulus: &[u8]) -> Option<String> {
    let bits = bits(modulus)?;
    // ring rounds a key's size up to whole bytes before it compares.
    let size = if bits.next_multiple_of(8) < *RSA_BITS.start() {
        "too weak"
    } else if bits > *RSA_BITS.end() {
        "too large"
    } else {
        return None;
    };
    let (least, most) = RSA_BITS.into_inner();
    Some(format!("an RSA key of {bits} bits, which is {size}: it must have {least} to {most} bits"))
}

/// Returns the size of a number above 0, in bits.
fn bits(number: &[u8]) -> Option<usize> {
    let leading_zeros = number.iter().take_while(|byte| **byte == 0).count();
    let significant = &number[leading_zeros..];
    Some(8 * significant.len() - significant.first()?.leading_zeros() as usize)
}

/// Names the algorithm of a signature.
///
/// `identifier`: an AlgorithmIdentifier, its contents, or only the contents of its object identifier.
pub(super) fn signature_name(identifier: &[u8]) -> String {
    let inner = contents(identifier, SEQUENCE).unwrap_or(identifier);
    let name = dotted(contents(inner, OBJECT_IDENTIFIER).unwrap_or(inner));
    let known = match &*name {
        "1.2.840.113549.1.1.2" => "MD2 and RSA",
        "1.2.840.113549.1.1.4" => "MD5 and RSA",
        "1.2.840.113549.1.1.5" => "SHA-1 and RSA",
        "1.2.840.113549.1.1.10" => "RSASSA-PSS",
        "1.2.840.113549.1.1.11" => "SHA-256 and RSA",
        "1.2.840.113549.1.1.12" => "SHA-384 and RSA",
        "1.2.840.113549.1.1.13" => "SHA-512 and RSA",
        "1.2.840.113549.1.1.14" => "SHA-224 and RSA",
        "1.2.840.10040.4.3" => "SHA-1 and DSA",
        "2.16.840.1.101.3.4.3.2" => "SHA-256 and DSA",
        "1.2.840.10045.4.1" => "SHA-1 and ECDSA",
        "1.2.840.10045.4.3.1" => "SHA-224 and ECDSA",
        "1.2.840.10045.4.3.2" => "SHA-256 and ECDSA",
        "1.2.840.10045.4.3.3" => "SHA-384 and ECDSA",
        "1.2.840.10045.4.3.4" => "SHA-512 and ECDSA",
        "1.3.101.112" => "Ed25519",
        "1.3.101.113" => "Ed448",
        _ => return format!("the algorithm {name}"),
    };
    known.to_owned()
}
