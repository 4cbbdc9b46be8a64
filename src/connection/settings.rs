//! What an open connection needs to know of the options.

use std::time::Duration;

use super::outgoing::AfterLoss;
use crate::extension::Compression;
use crate::options::Options;
use crate::protocol::Limits;

/// What an open connection needs to know of the options.
pub struct Settings {
    pub(super) limits: Limits,
    pub(super) compression: Option<Compression>,
    pub(super) close_timeout: Duration,
    pub(super) ping_interval: Option<Duration>,
    pub(super) ping_timeout: Option<Duration>,
    pub(super) max_queue: usize,
    pub(super) report_pings: bool,
    pub(super) report_drain: bool,
    pub(super) after_loss: AfterLoss,
}

impl Settings {
    /// Takes them from the options.
    pub fn of(options: &Options) -> Settings {
        Settings {
            limits: Limits { max_message_size: options.max_message_size, max_fragments: options.max_fragments },
            compression: options.compression.clone(),
            close_timeout: options.close_timeout,
            ping_interval: options.ping_interval,
            ping_timeout: options.ping_timeout,
            max_queue: options.max_queue,
            report_pings: options.report_pings,
            report_drain: options.report_drain,
            after_loss: AfterLoss::of(options),
        }
    }
}

impl AfterLoss {
    /// Takes it from the options.
    pub(super) fn of(options: &Options) -> AfterLoss {
        if options.reconnect.is_some() { AfterLoss::Another } else { AfterLoss::Nothing }
    }
}
