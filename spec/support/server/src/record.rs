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
        let mut state = self.state();
        *state.counts.entry(key).or_default() += more;
        state.changed = true;
    }

    /// Sets a value.
    pub fn set(&self, key: &str, value: &[u8]) {
        let mut state = self.state();
        state.texts.insert(key.to_owned(), escape(value));
        state.changed = true;
    }

    /// Sets a value, and `<key>_ms`, the time since the record began.
    pub fn mark(&self, key: &str, value: &[u8]) {
        self.set(key, value);
        let mut state = self.state();
        let passed = state.begun.elapsed().as_millis();
        state.texts.insert(format!("{key}_ms"), passed.to_string());
    }

    /// Adds the line `log.N`.
    pub fn log(&self, text: &[u8]) {
        let mut state = self.state();
        state.logged += 1;
        let key = format!("log.{}", state.logged);
        state.texts.insert(key, escape(text));
        state.changed = true;
    }

    /// Counts a frame of the client; records the first frames, every Close, and the beginning of the last message.
    pub fn frame(&self, frame: &Frame) {
        self.add("frames", 1);
        let beginning = &frame.payload[..frame.payload.len().min(BYTES_KEPT)];
        match frame.opcode {
            0..=2 => {
                self.add(["continuations", "texts", "binaries"][usize::from(frame.opcode)], 1);
                self.add("bytes", frame.payload.len() as u64);
                self.set("last", beginning);
                if frame.fin {
                    self.add("messages", 1);
                }
            }
            8 => {
                let code = frame.close_code().map_or(1005, u64::from);
                self.mark("close", code.to_string().as_bytes());
                self.set("reason", frame.payload.get(2..).unwrap_or_default());
                self.add("closes", 1);
            }
            9 => self.add("pings", 1),
            10 => {
                self.add("pongs", 1);
                self.set("last_pong", beginning);
            }
            _ => self.add("unknown_frames", 1),
        }
        let number = self.state().counts.get("frames").copied().unwrap_or_default();
        if number <= FRAMES_KEPT {
            self.set(&format!("frame.{number}"), frame.describe(BYTES_KEPT).as_bytes());
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
}
