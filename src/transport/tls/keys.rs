//! Describes the public keys and signatures of certificates that cannot be used.
//!
//! Comes in: certificates in DER form. Goes out: words, or nothing where there is no objection. What it objects to is
//! exactly what ring cannot verify.

use super::der::{BIT_STRING, Element, Elements, INTEGER, OBJECT_IDENTIFIER, SEQUENCE, contents, dotted};

/// The size of RSA keys that ring verifies signatures with, in bits.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// The parts of a certificate that texts need (RFC 5280 section 4.1).
pub(super) struct Certificate<'a> {
    /// The contents of the issuer's name.
    pub issuer: &'a [u8],
    /// The contents of the subject's public key info.
    pub key: &'a [u8],
}

impl<'a> Certificate<'a> {
    /// Parses a certificate; `None` if it is malformed.
    pub fn parse(der: &'a [u8]) -> Option<Certificate<'a>> {
        let to_be_signed = contents(contents(der, SEQUENCE)?, SEQUENCE)?;
        // The version has a tag of its own and is left out for version 1.
        let fields: Vec<Element<'a>> = Elements(to_be_signed).filter(|field| field.tag != 0xa0).take(6).collect();
        let [_serial, _algorithm, issuer, _validity, _subject, key] = fields[..] else { return None };
        Some(Certificate { issuer: issuer.contents, key: key.contents })
    }
}

/// Says why a public key cannot be used; `None` if it can be used, or cannot be parsed.
///
/// `info`: the contents of a SubjectPublicKeyInfo.
pub(super) fn objection(info: &[u8]) -> Option<String> {
    let mut fields = Elements(info);
    let algorithm = fields.next()?.contents;
    let identifier = dotted(contents(algorithm, OBJECT_IDENTIFIER)?);
    let parameters = Elements(algorithm).nth(1);
    match &*identifier {
        "1.2.840.113549.1.1.1" => {
            let key = fields.next().filter(|field| field.tag == BIT_STRING)?.contents.get(1..)?;
            rsa_objection(contents(contents(key, SEQUENCE)?, INTEGER)?)
        }
        "1.2.840.10045.2.1" => {
            let curve = match &*dotted(parameters.filter(|field| field.tag == OBJECT_IDENTIFIER)?.contents) {
                "1.2.840.10045.3.1.7" | "1.3.132.0.34" => return None,
                "1.3.132.0.35" => "P-521".to_owned(),
                "1.3.132.0.10" => "secp256k1".to_owned(),
                "1.3.132.0.33" => "P-224".to_owned(),
                other => format!("the curve {other}"),
            };
            Some(format!("an elliptic-curve key on {curve}, which is not supported: use P-256, P-384, Ed25519 or RSA"))
        }
        "1.3.101.112" => None,
        other => {
            let kind = match other {
                "1.2.840.10040.4.1" => "a DSA key".to_owned(),
                "1.2.840.113549.1.1.10" => "a key for RSASSA-PSS alone".to_owned(),
                "1.3.101.113" => "an Ed448 key".to_owned(),
                other => format!("a key of the kind {other}"),
            };
            Some(format!("{kind}, which is not supported: use P-256, P-384, Ed25519 or RSA"))
        }
    }
}

fn rsa_objection(modulus: &[u8]) -> Option<String> {
    let leading_zeros = modulus.iter().take_while(|byte| **byte == 0).count();
    let significant = &modulus[leading_zeros..];
    let bits = 8 * significant.len() - significant.first()?.leading_zeros() as usize;
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
