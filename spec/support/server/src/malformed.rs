//! Streams of a broken or hostile server.
//!
//! Comes in: the number of a case, and a seed. Goes out: the bytes that the server sends, cut into pieces, and how it
//! ends. A case is the same on every machine: it begins as a valid response and valid frames, of which parts are
//! replaced by what the RFCs forbid, and then bytes are damaged anywhere. Some cases remain valid.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

use crate::frames::{close_body, encode};
use crate::head::Request;
use crate::random::Random;
use crate::stream::Stream;

/// The time that a client may take to end the stream after the server has sent its last byte.
const PARTING: Duration = Duration::from_secs(30);

/// Lengths at which the forms of a frame's header, and the limit of the client, change.
const LENGTHS: [usize; 12] = [0, 1, 2, 7, 125, 126, 127, 1000, 4096, 65_535, 65_536, 70_000];

/// Close codes that may and that must not be sent (RFC 6455 section 7.4).
const CODES: [u16; 14] = [0, 999, 1000, 1001, 1004, 1005, 1006, 1011, 1015, 2999, 3000, 4999, 5000, 65_535];

/// Bytes that are not UTF-8, and some that are.
const TEXTS: [&[u8]; 8] =
    [b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"a\xe2\x82", b"\x80", b"\xe2\x82\xac", b"\xc3\xa9"];

/// "Hello" as RFC 7692 section 7.2.3.1 compresses it.
const DEFLATED: &[u8] = b"\xf2\x48\xcd\xc9\xc9\x07\x00";

/// Lines that stand in no valid answer to a request that asks for nothing, or that make one strange.
const LINES: [&[u8]; 14] = [
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
    b"Sec-WebSocket-Protocol: unasked",
    b"Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=99",
    b"Sec-WebSocket-Extensions: ;=,\"",
    b"Upgrade: h2c",
    b"Connection: close",
    b"Content-Length: 18446744073709551616",
    b"Transfer-Encoding: chunked, chunked",
    b" folded",
    b"No colon",
    b": no name",
    b"X-Nul: a\0b",
    b"Bad name: x",
    b"X-Bytes: \x80\xff",
];

const STATUS_LINES: [&[u8]; 9] = [
    b"HTTP/1.1 200 OK",
    b"HTTP/1.0 101 Switching Protocols",
    b"HTTP/1.1 301 Moved",
    b"HTTP/1.1 503 Busy",
    b"HTTP/1.1 100 Continue",
    b"HTTP/2 101",
    b"HTTP/1.1 10",
    b"HTTP/1.1 99999 Much",
    b"SSH-2.0-OpenSSH_9.2",
];

/// What separates the lines of a broken head.
const SEPARATORS: [&[u8]; 3] = [b"\n", b"\r", b"\r\r\n"];

/// How the server ends a stream.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Finish,
    Reset,
    /// The server sends nothing more, and waits for the client.
    Silence,
}

#[derive(Debug, PartialEq)]
struct Case {
    pieces: Vec<Vec<u8>>,
    end: End,
}

/// Serves the case that `case=` and `seed=` of the request name.
///
/// # Errors
/// Those of the stream: the client often ends it first.
pub async fn serve(mut stream: Stream, request: &Request) -> io::Result<()> {
    let compressed = request.header("sec-websocket-extensions").contains("permessage-deflate");
    let mut random = Random::new(request.number("seed").unwrap_or(1), request.number("case").unwrap_or(0));
    let case = Case::make(&mut random, &request.accept(), compressed);
    for piece in &case.pieces {
        stream.write_all(piece).await?;
        stream.flush().await?;
        if random.chance(3) {
            sleep(Duration::from_millis(1)).await;
        }
    }
    match case.end {
        End::Reset => return stream.reset(),
        End::Finish => stream.finish().await?,
        End::Silence => {}
    }
    let mut buffer = [0; 4096];
    let _ = timeout(PARTING, async { while stream.read(&mut buffer).await.is_ok_and(|count| count > 0) {} }).await;
    Ok(())
}

impl Case {
    fn make(random: &mut Random, accept: &str, compressed: bool) -> Case {
        let mut bytes = head(random, accept, compressed);
        for _ in 0..random.below(8) {
            item(random, compressed, &mut bytes);
        }
        if random.chance(50) {
            // Damage close to the beginning would nearly always fail the opening handshake.
            let from = if random.chance(20) { 0 } else { bytes.len() / 2 };
            for _ in 0..=random.below(3) {
                damage(random, from, &mut bytes);
            }
        }
        let end = match random.below(100) {
            0..70 => End::Finish,
            70..96 => End::Reset,
            _ => End::Silence,
        };
        Case { pieces: cut(random, bytes), end }
    }
}

fn head(random: &mut Random, accept: &str, compressed: bool) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> = vec![
        b"HTTP/1.1 101 Switching Protocols".to_vec(),
        b"Upgrade: websocket".to_vec(),
        b"Connection: Upgrade".to_vec(),
        format!("Sec-WebSocket-Accept: {accept}").into_bytes(),
    ];
    if compressed {
        lines.push(b"Sec-WebSocket-Extensions: permessage-deflate".to_vec());
    }
    let mut separator: &[u8] = b"\r\n";
    if random.chance(25) {
        let at = random.below(lines.len());
        match random.below(8) {
            0 => drop(lines.remove(at)),
            1 => lines.push(lines[at].clone()),
            2 => lines.insert(at, random.pick(&LINES).to_vec()),
            3 => lines[0] = random.pick(&STATUS_LINES).to_vec(),
            4 => lines.push([b"X-Long: ", &*vec![b'x'; random.below(70_000)]].concat()),
            5 => lines.extend((0..random.below(140)).map(|number| format!("X-{number}: x").into_bytes())),
            6 => separator = random.pick(&SEPARATORS),
            _ => lines.insert(at, random.bytes(64)),
        }
    }
    let mut bytes = lines.join(separator);
    bytes.extend_from_slice(separator);
    bytes.extend_from_slice(separator);
    bytes
}

/// Appends a few frames: whole messages, parts of messages, control frames, or what no server may send.
fn item(random: &mut Random, compressed: bool, bytes: &mut Vec<u8>) {
    match random.below(18) {
        0..3 => encode(0x81, &vec![b'x'; length(random)], bytes),
        3..5 => encode(0x82, &vec![0xff; length(random)], bytes),
        5..8 => {
            let count = 2 + random.below(4);
            for number in 0..count {
                let first = u8::from(number == 0) | if number == count - 1 { 0x80 } else { 0 };
                encode(first, &vec![b'f'; length(random)], bytes);
                if random.chance(30) {
                    encode(0x89, b"between", bytes);
                }
            }
        }
        8 => encode(random.pick(&[0x89, 0x8a]), &vec![b'p'; random.below(126)], bytes),
        9 => encode(0x88, &close_body(random.pick(&[None, Some(1000), Some(4000)]), b"bye"), bytes),
        10 => encode(0x88, &close_body(Some(random.pick(&CODES)), random.pick(&TEXTS)), bytes),
        11 => encode(if random.chance(50) { 0x81 } else { 0x01 }, random.pick(&TEXTS), bytes),
        // Often without having been agreed.
        12 => encode(0xc1, if compressed || random.chance(50) { DEFLATED } else { b"\xff\xff" }, bytes),
        13 => encode(0xc2, &random.bytes(200), bytes),
        // Any opcode, reserved bits, control frames in fragments or too long.
        14 => encode(random.byte(), &vec![b'a'; length(random)], bytes),
        15 => {
            // A masked frame, or a length that is not in its shortest form or may never arrive.
            let second = random.pick(&[0x85, 0xfe, 0x7e, 0x7f, 0xff]);
            bytes.extend_from_slice(&[0x82, second]);
            let mut more = random.bytes(16);
            if random.chance(50) {
                more.iter_mut().take(7).for_each(|byte| *byte = 0);
            }
            bytes.extend_from_slice(&more);
        }
        16 => {
            encode(0x01, b"", bytes);
            for _ in 0..random.below(600) {
                encode(0x00, b"", bytes);
            }
        }
        _ => bytes.extend_from_slice(&random.bytes(40)),
    }
}

/// Short lengths are more frequent, so that a case costs little.
fn length(random: &mut Random) -> usize {
    if random.chance(90) { random.pick(&LENGTHS[..8]) } else { random.pick(&LENGTHS) }
}

/// Changes a few bytes from `from` on.
fn damage(random: &mut Random, from: usize, bytes: &mut Vec<u8>) {
    let at = from + random.below(bytes.len() - from + 1);
    let end = (at + 1 + random.below(32)).min(bytes.len());
    match random.below(6) {
        0 if at < end => bytes[at] ^= 1 << random.below(8),
        1 if at < end => bytes[at] = random.pick(&[0, 0x7d, 0x7e, 0x7f, 0x80, 0xff]),
        2 => drop(bytes.drain(at..end)),
        3 => drop(bytes.splice(at..at, random.bytes(16))),
        4 => bytes.extend_from_within(at..end),
        _ => bytes.truncate(at),
    }
}

/// Cuts a stream into up to five pieces, each of which is written by itself.
fn cut(random: &mut Random, mut bytes: Vec<u8>) -> Vec<Vec<u8>> {
    let mut pieces = Vec::new();
    for _ in 0..random.below(5) {
        let rest = bytes.split_off(random.below(bytes.len() + 1));
        pieces.push(std::mem::replace(&mut bytes, rest));
    }
    pieces.push(bytes);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(seed: u64, number: u64) -> Case {
        Case::make(&mut Random::new(seed, number), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", number.is_multiple_of(2))
    }

    #[test]
    fn a_case_is_the_same_each_time_and_unlike_others() {
        for number in 0..1000 {
            assert_eq!(case(1, number), case(1, number));
            assert_ne!(case(1, number), case(2, number));
        }
    }

    #[test]
    fn most_cases_get_past_the_first_line_of_the_response() {
        let whole = |case: Case| case.pieces.concat();
        let valid = (0..1000).filter(|number| whole(case(1, *number)).starts_with(b"HTTP/1.1 101 Switching")).count();
        assert!((500..950).contains(&valid), "{valid}");
    }

    #[test]
    fn a_case_never_costs_much() {
        let longest = (0..5000).map(|number| case(3, number).pieces.concat().len()).max();
        assert!(longest.is_some_and(|length| length < 2 * 1024 * 1024), "{longest:?}");
    }
}
