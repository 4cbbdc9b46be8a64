//! The TLS configurations that were used last, so that later connections with the same options resume their sessions.
//!
//! Comes in: what the options of TLS contain. Goes out: the configuration that belongs to exactly that. rustls keeps
//! the sessions of a configuration inside of it, by the name that was verified, so a session is never resumed under
//! options that might not have accepted the server's certificate.

use std::collections::VecDeque;
use std::sync::Arc;

use ring::digest::{Context, SHA256};
use rustls::ClientConfig;

use crate::sync::Mutex;

/// The most configurations that are kept. Beyond that the one that was not used for the longest time is dropped.
const MAX_CONFIGS: usize = 32;

static CONFIGS: Mutex<Configs<ClientConfig>> = Mutex::new(Configs(VecDeque::new()));

/// A digest of the contents of all options that a configuration is made from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Key([u8; 32]);

impl Key {
    /// Makes the key of an ordered list of contents. Different lists have different keys (SHA-256).
    pub fn of(contents: &[&[u8]]) -> Key {
        let mut context = Context::new(&SHA256);
        for content in contents {
            context.update(&(content.len() as u64).to_be_bytes());
            context.update(content);
        }
        let mut key = [0; 32];
        key.copy_from_slice(context.finish().as_ref());
        Key(key)
    }
}

/// Returns the configuration with this key, if it is kept.
pub(super) fn find(key: Key) -> Option<Arc<ClientConfig>> {
    CONFIGS.lock().find(key)
}

/// Keeps a configuration. Returns the one to use: another connection may have been faster.
pub(super) fn keep(key: Key, config: ClientConfig) -> Arc<ClientConfig> {
    CONFIGS.lock().keep(key, config)
}

/// What is kept, the least recently used first.
struct Configs<T>(VecDeque<(Key, Arc<T>)>);

impl<T> Configs<T> {
    fn find(&mut self, key: Key) -> Option<Arc<T>> {
        let at = self.0.iter().position(|(kept, _)| *kept == key)?;
        let entry = self.0.remove(at)?;
        let config = entry.1.clone();
        self.0.push_back(entry);
        Some(config)
    }

    fn keep(&mut self, key: Key, config: T) -> Arc<T> {
        if let Some(config) = self.find(key) {
            return config;
        }
        if self.0.len() == MAX_CONFIGS {
            self.0.pop_front();
        }
        let config = Arc::new(config);
        self.0.push_back((key, config.clone()));
        config
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_configurations_that_were_used_last() {
        let key = |number: usize| Key::of(&[&number.to_be_bytes()]);
        let mut configs = Configs(VecDeque::new());
        for number in 0..MAX_CONFIGS {
            configs.keep(key(number), number);
        }
        assert_eq!(configs.find(key(0)).as_deref(), Some(&0));
        configs.keep(key(MAX_CONFIGS), MAX_CONFIGS);
        assert_eq!(configs.0.len(), MAX_CONFIGS);
        assert_eq!(configs.find(key(1)), None);
        for number in [0, 2, MAX_CONFIGS] {
            assert_eq!(configs.find(key(number)).as_deref(), Some(&number));
        }
    }

    #[test]
    fn returns_the_configuration_that_was_kept_first() {
        let mut configs = Configs(VecDeque::new());
        configs.keep(Key::of(&[]), 1);
        assert_eq!(*configs.keep(Key::of(&[]), 2), 1);
        assert_eq!(configs.0.len(), 1);
    }

    #[test]
    fn different_contents_have_different_keys() {
        let lists: [&[&[u8]]; 7] = [&[], &[b""], &[b"", b""], &[b"a"], &[b"a", b"b"], &[b"ab"], &[b"b", b"a"]];
        for (at, one) in lists.iter().enumerate() {
            for (other_at, other) in lists.iter().enumerate() {
                assert_eq!(Key::of(one) == Key::of(other), at == other_at, "{one:?} {other:?}");
            }
        }
    }
}
