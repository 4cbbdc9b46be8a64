//! How the script plans the next attempt of a connection that is opened again.
//!
//! Comes in: the URL and the headers that `reconnect.before` has returned. Goes out, to the connection: a plan, checked
//! as `websocket.new` checks it. Knows no Lua function; new.rs has those.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use mlua::Value;

use super::answer::Raise;
use super::arguments::utf8;
use super::options;
use crate::connection::Answer;
use crate::options::Options;
use crate::transport::Plan;
use crate::url::Endpoint;

/// What a connection keeps for the next attempt.
pub struct Planning {
    /// The number of the script's function.
    pub function: u64,
    /// The URL of the last attempt, as the script gave it.
    url: RefCell<String>,
    options: RefCell<Options>,
    /// The plan that is made and not handed over, or none for the one before; nothing if it could not be made.
    made: Cell<Option<Answer>>,
}

impl Planning {
    /// Keeps the URL and the options of the first attempt.
    pub fn new(function: u64, url: String, options: &Options) -> Planning {
        Planning { function, url: RefCell::new(url), options: RefCell::new(options.clone()), made: Cell::new(None) }
    }

    /// Makes the plan of the next attempt; returns where it leads, if that is new. What is nil stays as it was.
    pub fn plan(&self, url: &Value, headers: &Value) -> Result<Option<Endpoint>, Raise> {
        if url.is_nil() && headers.is_nil() {
            self.made.set(Some(Answer::Same));
            return Ok(None);
        }
        let url = if url.is_nil() { self.url.borrow().clone() } else { utf8(url, "url")? };
        let mut options = self.options.borrow().clone();
        if !headers.is_nil() {
            options::read_headers_anew(headers, &mut options)?;
            options.check()?;
        }
        let endpoint = Endpoint::parse(&url)?;
        let plan = Plan::new(endpoint.clone(), &options)?;
        self.url.replace(url);
        self.options.replace(options);
        self.made.set(Some(Answer::New(Arc::new(plan))));
        Ok(Some(endpoint))
    }

    /// Forgets a plan that was never handed over.
    pub fn begin(&self) {
        self.made.take();
    }

    /// Takes the answer for the connection.
    pub fn take(&self) -> Answer {
        self.made.take().unwrap_or(Answer::Failed)
    }
}
