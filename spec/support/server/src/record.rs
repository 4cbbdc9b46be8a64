//! Records what the server has seen, for the specs, under the token that a request names.
//!
//! Comes in: counts, values and frames. Goes out: `key=value` lines, over `/report` and as files under `DIR/reports`,
//! so that a script that must not poll can read them too. Knows nothing of connections.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::frames::Frame;

/// The number of frames that are recorded one by one. All frames are counted.
const FRAMES_KEPT: u64 = 200;
/// The bytes that are recorded of a frame's payload and of the last message.
const BYTES_KEPT: usize = 64;

/// Everything recorded for one token. Clones share it.
#[derive(Clone)]
pub struct Record(Arc<Mutex<State>>);

struct State {
    counts: BTreeMap<&'static str, u64>,
    texts: BTreeMap<String, String>,
    logged: u64,
    begun: Instant,
    changed: bool,
}

impl State {
    fn add(&mut self, key: &'static str, more: u64) {
        *self.counts.entry(key).or_default() += more;
        self.changed = true;
    }

    fn set(&mut self, key: &str, value: &[u8]) {
        self.texts.insert(key.to_owned(), escape(value));
        self.changed = true;
    }

    fn mark(&mut self, key: &str, value: &[u8]) {
        self.set(key, value);
        let passed = self.begun.elapsed().as_millis();
        self.set(&format!("{key}_ms"), passed.to_string().as_bytes());
    }

    fn close(&mut self, code: Option<u16>, reason: &[u8]) {
        self.mark("close", code.unwrap_or(1005).to_string().as_bytes());
        self.set("reason", reason);
    }
}

impl Record {
    fn new() -> Record {
        Record(Arc::new(Mutex::new(State {
            counts: BTreeMap::new(),
            texts: BTreeMap::new(),
            logged: 0,
            begun: Instant::now(),
            changed: true,
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds to a count.
    pub fn add(&self, key: &'static str, more: u64) {
        self.state().add(key, more);
    }

    /// Sets a value.
    pub fn set(&self, key: &str, value: &[u8]) {
        self.state().set(key, value);
    }

    /// Sets a value, and `<key>_ms`, the time since the record began.
    pub fn mark(&self, key: &str, value: &[u8]) {
        self.state().mark(key, value);
    }

    /// Adds the line `log.N`.
    pub fn log(&self, text: &[u8]) {
        let mut state = self.state();
        state.logged += 1;
        let key = format!("log.{}", state.logged);
        state.set(&key, text);
    }

    /// Records a Close frame: `close`, its code, which is 1005 for none, and `reason`.
    pub fn close(&self, code: Option<u16>, reason: &[u8]) {
        self.state().close(code, reason);
    }

    /// Counts a frame of the client; records the first frames, every Close, and the beginning of the last message. No
    /// reader sees a part of that, because a spec that has waited for one value reads the others at once.
    pub fn frame(&self, frame: &Frame) {
        let mut state = self.state();
        state.add("frames", 1);
        let beginning = &frame.payload[..frame.payload.len().min(BYTES_KEPT)];
        match frame.opcode {
            0..=2 => {
                state.add(["continuations", "texts", "binaries"][usize::from(frame.opcode)], 1);
                state.add("bytes", frame.payload.len() as u64);
                state.set("last", beginning);
                if frame.fin {
                    state.add("messages", 1);
                }
            }
            8 => {
                state.close(frame.close_code(), frame.payload.get(2..).unwrap_or_default());
                state.add("closes", 1);
            }
            9 => state.add("pings", 1),
            10 => {
                state.add("pongs", 1);
                state.set("last_pong", beginning);
            }
            _ => state.add("unknown_frames", 1),
        }
        let number = state.counts.get("frames").copied().unwrap_or_default();
        if number <= FRAMES_KEPT {
            state.set(&format!("frame.{number}"), frame.describe(BYTES_KEPT).as_bytes());
        }
    }

    /// Tells whether the value is there, and, where it is a count, is at least `least`.
    pub fn has(&self, key: &str, least: u64) -> bool {
        let state = self.state();
        state.counts.get(key).is_some_and(|count| *count >= least) || state.texts.contains_key(key)
    }

    /// Returns the `key=value` lines; bytes outside printable ASCII, and `%`, are percent-encoded.
    pub fn lines(&self) -> String {
        let state = self.state();
        let mut lines = String::new();
        for (key, count) in &state.counts {
            let _ = writeln!(lines, "{key}={count}");
        }
        for (key, value) in &state.texts {
            let _ = writeln!(lines, "{key}={value}");
        }
        lines
    }

    fn take_changed(&self) -> bool {
        std::mem::take(&mut self.state().changed)
    }
}

/// All records of this run.
pub struct Records {
    directory: PathBuf,
    records: Mutex<HashMap<String, Record>>,
}

impl Records {
    /// Makes the directory for the files.
    ///
    /// # Errors
    /// The directory cannot be made.
    pub fn new(directory: &Path) -> io::Result<Records> {
        fs::create_dir_all(directory.join("reports"))?;
        Ok(Records { directory: directory.to_owned(), records: Mutex::new(HashMap::new()) })
    }

    /// Returns the directory of the run.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns the record of a token, and makes it at the first use. Without a token nobody reads the record.
    pub fn get(&self, token: &str) -> Record {
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)) {
            return Record::new();
        }
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        records.entry(token.to_owned()).or_insert_with(Record::new).clone()
    }

    /// Writes the files every 20 ms as long as the server runs.
    pub async fn keep_files(&self) {
        loop {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let records: Vec<(String, Record)> = {
                let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
                records.iter().map(|(token, record)| (token.clone(), record.clone())).collect()
            };
            for (token, record) in records {
                if record.take_changed()
                    && write_whole(&self.directory.join("reports").join(&token), &record.lines()).is_err()
                {
                    // The directory is gone, because the specs have ended.
                    return;
                }
            }
        }
    }
}

/// Writes a file so that no reader sees an incomplete one.
///
/// # Errors
/// Those of the file system.
pub fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push("~");
    fs::write(&unfinished, text)?;
    fs::rename(&unfinished, path)
}

fn escape(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        if *byte == b'%' || !(b' '..=b'~').contains(byte) {
            let _ = write!(text, "%{byte:02X}");
        } else {
            text.push(char::from(*byte));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_what_was_recorded_line_by_line() {
        let record = Record::new();
        record.add("messages", 2);
        record.set("last", b"50%\n\xff");
        record.log(b"here");
        assert_eq!(record.lines(), "messages=2\nlast=50%25%0A%FF\nlog.1=here\n");
        assert!(record.has("messages", 2) && !record.has("messages", 3) && record.has("last", 1));
    }

    #[test]
    fn shows_all_or_nothing_of_a_close_frame() {
        let close = Frame { fin: true, reserved: 0, opcode: 8, key: Some([0; 4]), payload: b"\x03\xf2bye".to_vec() };
        for _ in 0..200 {
            let record = Record::new();
            let recorded = record.clone();
            std::thread::scope(|scope| {
                scope.spawn(|| recorded.frame(&close));
                while !record.has("frames", 1) {
                    std::hint::spin_loop();
                }
                let lines = record.lines();
                for part in ["close=1010\n", "close_ms=", "reason=bye\n", "closes=1\n", "frame.1=opcode=8 "] {
                    assert!(lines.contains(part), "without {part:?}:\n{lines}");
                }
            });
        }
    }
}
