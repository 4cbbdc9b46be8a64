//! `/script`: sends raw bytes and ends the stream as a spec asks for, step by step.
//!
//! Comes in: a program from the query or a file. Goes out: exactly its bytes. What the client sends is read only if a
//! step says so, and recorded. README.md of spec/support describes the steps.

use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::frames::encode;
use crate::head::{Request, percent_decode, refusal};
use crate::peer::Peer;
use crate::record::Record;

/// The time that a step waits for the client.
const PATIENCE: u64 = 30_000;

enum Step {
    /// Sends a valid 101 response.
    Switch,
    /// Sends bytes in which `{accept}` is replaced by the right Sec-WebSocket-Accept.
    Head(Vec<u8>),
    Bytes(Vec<u8>),
    Repeat(u64, Vec<u8>),
    /// Sends the following bytes one by one with this pause; without a pause they are sent at once again.
    Drip(Duration),
    Sleep(Duration),
    /// Reads for this time.
    Read(Duration),
    /// Reads until the record has the value.
    Await(String, Duration),
    /// Answers the Close of the client with the same code.
    ReplyClose,
    Finish,
    Cut,
    Reset,
    Stall,
    Log(Vec<u8>),
}

/// Runs the program of the request, then ends the stream cleanly and reads until the client ends it, too.
///
/// # Errors
/// Those of the stream.
pub async fn run(mut peer: Peer, request: &Request, directory: &Path, record: &Record) -> io::Result<()> {
    let steps = match program(request, directory).and_then(|text| parse(&text)) {
        Ok(steps) => steps,
        Err(text) => {
            record.set("script_error", text.as_bytes());
            peer.write(&refusal(400, "", &format!("script: {text}\n"))).await?;
            return peer.finish().await;
        }
    };
    let mut pace = Duration::ZERO;
    for step in steps {
        match step {
            Step::Switch => write(&mut peer, &request.switching(), pace).await?,
            Step::Head(bytes) => {
                let head = replace(&bytes, b"{accept}", request.accept().as_bytes());
                write(&mut peer, &head, pace).await?;
            }
            Step::Bytes(bytes) => write(&mut peer, &bytes, pace).await?,
            Step::Repeat(count, bytes) => repeat(&mut peer, count, &bytes, pace).await?,
            Step::Drip(pause) => pace = pause,
            Step::Sleep(time) => sleep(time).await,
            Step::Read(time) => {
                let _ = timeout(time, peer.ignore()).await;
            }
            Step::Await(what, time) => {
                let (key, least) = condition(&what);
                let arrived = async { while !record.has(key, least) && peer.read().await {} };
                let late = timeout(time, arrived).await.is_err();
                if late || !record.has(key, least) {
                    record.set("missed", what.as_bytes());
                }
            }
            Step::ReplyClose => {
                while let Some(frame) = peer.next().await {
                    if frame.opcode == 8 {
                        peer.send(0x88, frame.payload.get(..2).unwrap_or_default()).await?;
                        break;
                    }
                }
            }
            Step::Finish => peer.end().await?,
            Step::Cut => peer.end_abruptly().await?,
            Step::Reset => return peer.reset(),
            Step::Stall => {
                peer.stall().await;
                return Ok(());
            }
            Step::Log(text) => record.log(&text),
        }
    }
    record.mark("script_done", b"1");
    peer.finish().await
}

/// Parses `key` or `key:least`, which `/report` and the steps wait for.
pub fn condition(text: &str) -> (&str, u64) {
    let (key, least) = text.split_once(':').unwrap_or((text, "1"));
    (key, least.parse().unwrap_or(1))
}

fn program(request: &Request, directory: &Path) -> Result<String, String> {
    let name = request.text("file");
    if name.is_empty() {
        return Ok(request.text("program").to_owned());
    }
    std::fs::read_to_string(directory.join(name)).map_err(|error| format!("{name}: {error}"))
}

fn parse(text: &str) -> Result<Vec<Step>, String> {
    text.split(';').map(str::trim).filter(|step| !step.is_empty()).map(parse_step).collect()
}

fn parse_step(step: &str) -> Result<Step, String> {
    let (name, argument) = step.split_once(':').unwrap_or((step, ""));
    let time = || argument.parse().map(Duration::from_millis).map_err(|_| format!("{step}: no milliseconds"));
    Ok(match name {
        "status101" => Step::Switch,
        "head" => Step::Head(percent_decode(argument.as_bytes())),
        "text" => Step::Bytes(percent_decode(argument.as_bytes())),
        "hex" => Step::Bytes(hexadecimal(argument)?),
        "frame" => {
            let (first, payload) = argument.split_once(':').unwrap_or((argument, ""));
            let mut bytes = Vec::new();
            let first = *hexadecimal(first)?.first().ok_or_else(|| format!("{step}: no first byte"))?;
            encode(first, &percent_decode(payload.as_bytes()), &mut bytes);
            Step::Bytes(bytes)
        }
        "repeat" => {
            let (count, bytes) = argument.split_once(':').ok_or_else(|| format!("{step}: not N:hex"))?;
            Step::Repeat(count.parse().map_err(|_| format!("{step}: no number"))?, hexadecimal(bytes)?)
        }
        "drip" => Step::Drip(time()?),
        "sleep" => Step::Sleep(time()?),
        "read" => Step::Read(time()?),
        "await" => Step::Await(argument.to_owned(), Duration::from_millis(PATIENCE)),
        "await-close" => Step::Await("close".to_owned(), patience(argument)),
        "await-eof" => Step::Await("eof".to_owned(), patience(argument)),
        "reply-close" => Step::ReplyClose,
        "fin" => Step::Finish,
        "cut" => Step::Cut,
        "rst" => Step::Reset,
        "stall" => Step::Stall,
        "log" => Step::Log(percent_decode(argument.as_bytes())),
        _ => return Err(format!("{step}: no such step")),
    })
}

fn patience(argument: &str) -> Duration {
    Duration::from_millis(argument.parse().unwrap_or(PATIENCE))
}

fn hexadecimal(text: &str) -> Result<Vec<u8>, String> {
    data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).map_err(|error| format!("{text}: {error}"))
}

async fn write(peer: &mut Peer, bytes: &[u8], pace: Duration) -> io::Result<()> {
    if pace.is_zero() {
        return peer.write(bytes).await;
    }
    for byte in bytes {
        peer.write(&[*byte]).await?;
        sleep(pace).await;
    }
    Ok(())
}

async fn repeat(peer: &mut Peer, count: u64, bytes: &[u8], pace: Duration) -> io::Result<()> {
    // This needs one system call for many small pieces.
    let at_once = if pace.is_zero() { (64 * 1024 / bytes.len().max(1)).max(1) as u64 } else { 1 };
    let batch = bytes.repeat(at_once.min(count) as usize);
    let mut left = count;
    while left > 0 {
        let now = left.min(at_once);
        write(peer, &batch[..now as usize * bytes.len()], pace).await?;
        left -= now;
    }
    Ok(())
}

fn replace(bytes: &[u8], mark: &[u8], by: &[u8]) -> Vec<u8> {
    let mut replaced = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = rest.windows(mark.len()).position(|window| window == mark) {
        replaced.extend_from_slice(&rest[..at]);
        replaced.extend_from_slice(by);
        rest = &rest[at + mark.len()..];
    }
    replaced.extend_from_slice(rest);
    replaced
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_steps_with_encoded_arguments() {
        let steps = parse("status101; text:a%3Bb ;frame:81:%41;repeat:3:ff;").unwrap();
        assert_eq!(steps.len(), 4);
        assert!(matches!(&steps[1], Step::Bytes(bytes) if bytes == b"a;b"));
        assert!(matches!(&steps[2], Step::Bytes(bytes) if bytes == b"\x81\x01A"));
        assert!(matches!(&steps[3], Step::Repeat(3, bytes) if bytes == b"\xff"));
    }

    #[test]
    fn refuses_a_step_it_does_not_know() {
        for text in ["hex:8", "hex:zz", "sleep:soon", "repeat:3", "jump:1"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn replaces_every_mark() {
        assert_eq!(replace(b"a{x}b{x}", b"{x}", b"12"), b"a12b12");
    }
}
