//! `websocket.new`, and the userdata that it returns.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use mlua::{
    AnyUserData, Function, Lua, MetaMethod, Table, UserData, UserDataFields, UserDataMethods, UserDataRef, Value,
};

use super::answer::{Answer, Raise, nothing, one, raise, refused};
use super::arguments::{boolean, integer, string, type_name, utf8};
use super::builder::Builder;
use super::host::Host;
use super::{options, record};
use crate::close::{CloseCode, CloseFrame};
use crate::connection::{Connection, Outgoing, Progress, Refusal, Wish};
use crate::error::ErrorCode;
use crate::event::{End, Kind, Response};
use crate::process;
use crate::protocol::MAX_CONTROL_PAYLOAD;
use crate::transport::Plan;
use crate::url::Endpoint;

/// Where the registry has the table of methods.
pub const METHODS: &str = "websocket.methods";

/// What a script knows of its connection: it changes when events are dispatched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The opening handshake is under way.
    Connecting,
    /// Messages go both ways.
    Open,
    /// The script has closed before `open` was dispatched: it is told of nothing but the end.
    GivenUp,
    /// The script has closed, or the peer's Close was dispatched.
    Closing,
    /// The end was dispatched.
    Closed,
}

/// The userdata.
pub struct Socket {
    host: Rc<Host>,
    connection: Arc<Connection>,
    url: String,
    /// Scheme, host and port.
    shown: String,
    max_buffered: usize,
    /// The option of this name.
    pub report_closing: bool,
    /// Where it stands.
    pub status: Cell<Status>,
    /// The response, once it is open or refused.
    pub response: RefCell<Option<Rc<Response>>>,
    /// How it ended.
    pub end: RefCell<Option<Rc<End>>>,
}

impl UserData for Socket {
    fn add_fields<F: UserDataFields<Self>>(fields: &mut F) {
        fields.add_meta_field("__name", "websocket");
        fields.add_meta_field_with("__index", |lua| lua.named_registry_value::<Table>(METHODS));
    }

    fn add_methods<M: UserDataMethods<Self>>(methods: &mut M) {
        methods.add_meta_method(MetaMethod::ToString, |_, socket, ()| Ok(format!("websocket ({})", socket.shown)));
    }
}

impl Socket {
    /// Returns the response, and holds nothing: whatever takes Lua's memory may run a finaliser, which may poll.
    fn response(&self) -> Option<Rc<Response>> {
        self.response.borrow().clone()
    }

    fn is_over(&self) -> bool {
        self.status.get() == Status::Closed || self.host.has_ended()
    }

    /// Closes the connection as `ws:close` does. Tells whether that was to be done: neither the script nor the peer has
    /// closed before, as far as the script knows.
    pub fn close(&self, body: Option<CloseFrame>) -> bool {
        let had_effect = matches!(self.status.get(), Status::Connecting | Status::Open) && !self.is_over();
        self.end_by(Wish::Close(body));
        had_effect
    }

    /// Asks the engine for the end; the status follows at once.
    fn end_by(&self, wish: Wish) {
        if self.is_over() {
            return;
        }
        let (wish, status) = match (self.status.get(), wish) {
            // The engine may be further than the script knows; what the script sees must not depend on that.
            (Status::Connecting, Wish::Close(_)) => (Wish::Terminate, Status::GivenUp),
            (Status::GivenUp, wish) => (wish, Status::GivenUp),
            (_, wish) => (wish, Status::Closing),
        };
        self.connection.outbox.end_by(wish);
        self.status.set(status);
    }

    fn put(&self, lua: &Lua, this: &AnyUserData, make: impl FnOnce() -> Outgoing) -> Answer {
        match self.connection.outbox.send(make) {
            Ok(()) => one(lua, this),
            Err(Refusal::Closed) => refused(lua, "connection is closing or closed", ErrorCode::Closed),
            Err(Refusal::Full(held)) => {
                let text = format!("send buffer full: {held} bytes wait, limit {}", self.max_buffered);
                refused(lua, &text, ErrorCode::BufferFull)
            }
        }
    }
}

/// Adds `new(url, callback[, options])`.
pub fn add_new(builder: &Builder, core: &Table, callable: Function) -> mlua::Result<()> {
    builder.add(core, "new", move |lua, host, (url, callback, table): (Value, Value, Value)| {
        let url = utf8(&url, "url")?;
        if !callable.call::<bool>(&callback)? {
            return raise(format!("callback must be a function or callable, got {}", type_name(&callback)));
        }
        let options = options::read(&table)?;
        host.check_process()?;
        let endpoint = Endpoint::parse(&url)?;
        let (url, shown) = (endpoint.href.clone(), endpoint.to_string());
        let plan = Plan::new(endpoint, &options)?;

        let id = host.number();
        let connection = Connection::new(&options);
        let socket = lua.create_userdata(Socket {
            host: Rc::clone(host),
            connection: Arc::clone(&connection),
            url,
            shown,
            max_buffered: options.max_buffered,
            report_closing: options.report_closing,
            status: Cell::new(Status::Connecting),
            response: RefCell::new(None),
            end: RefCell::new(None),
        })?;
        // Last what others see: all that may run out of memory comes before.
        let started = host
            .callbacks
            .raw_set(id, callback)
            .and_then(|()| host.sockets.raw_set(id, &socket))
            .map_err(Raise::from)
            .and_then(|()| host.start(&connection, plan, &options, id));
        if let Err(raise) = started {
            // The first error is the one to raise; values that could not be dropped are dropped later.
            let _ = host.forget_values(id);
            return Err(raise);
        }
        one(lua, socket)
    })
}

/// Adds the methods that a script calls with `:`.
pub fn add_methods(builder: &Builder, methods: &Table) -> mlua::Result<()> {
    builder.add(methods, "send", |lua, host, (this, message, is_binary, table): (Value, Value, Value, Value)| {
        let (this, socket) = receiver(host, &this, "send")?;
        let message = string(&message, "message")?.as_bytes();
        let kind = if boolean(&is_binary, "is_binary")? { Kind::Binary } else { Kind::Text };
        let compress = options::read_send(&table)?;
        if kind == Kind::Text
            && let Err(error) = simdutf8::compat::from_utf8(&message)
        {
            let at = error.valid_up_to() + 1;
            return raise(format!("message is not valid UTF-8 at byte {at}; send binary by ws:send(message, true)"));
        }
        let mut payload = Vec::new();
        if payload.try_reserve_exact(message.len()).is_err() {
            return raise(format!("not enough memory for a copy of {} bytes", message.len()));
        }
        socket.put(lua, this, || {
            payload.extend_from_slice(&message);
            Outgoing::Message { kind, payload, compress }
        })
    })?;
    builder.add(methods, "ping", |lua, host, (this, payload): (Value, Value)| {
        let (this, socket) = receiver(host, &this, "ping")?;
        let payload = match &payload {
            Value::Nil => Vec::new(),
            payload => string(payload, "payload")?.as_bytes().to_vec(),
        };
        if payload.len() > MAX_CONTROL_PAYLOAD {
            let length = payload.len();
            return raise(format!("ping payload too long: {length} bytes, limit {MAX_CONTROL_PAYLOAD}"));
        }
        socket.put(lua, this, || Outgoing::Ping(payload))
    })?;
    builder.add(methods, "close", |lua, host, (this, code, reason): (Value, Value, Value)| {
        let (this, socket) = receiver(host, &this, "close")?;
        let body = close_frame(&code, &reason)?;
        socket.close(body);
        one(lua, this)
    })?;
    builder.add(methods, "terminate", |lua, host, this: Value| {
        let (this, socket) = receiver(host, &this, "terminate")?;
        socket.end_by(Wish::Terminate);
        one(lua, this)
    })?;
    add_queries(builder, methods)
}

fn add_queries(builder: &Builder, methods: &Table) -> mlua::Result<()> {
    builder.add(methods, "status", |lua, _, this: Value| {
        let (_, socket) = borrowed(&this, "status")?;
        one(
            lua,
            match socket.status.get() {
                _ if process::is_forked_child() => "unknown",
                _ if socket.is_over() => "closed",
                Status::Connecting => "connecting",
                Status::Open => "open",
                Status::GivenUp | Status::Closing => "closing",
                Status::Closed => "closed",
            },
        )
    })?;
    builder.add(methods, "url", |lua, _, this: Value| one(lua, &*borrowed(&this, "url")?.1.url))?;
    builder.add(methods, "protocol", |lua, _, this: Value| {
        let (_, socket) = borrowed(&this, "protocol")?;
        one(lua, socket.response().as_ref().map_or("", |response| &response.protocol))
    })?;
    builder.add(methods, "extensions", |lua, _, this: Value| {
        let (_, socket) = borrowed(&this, "extensions")?;
        one(lua, socket.response().as_ref().map_or("", |response| &response.extensions))
    })?;
    builder.add(methods, "response", |lua, _, this: Value| {
        let (_, socket) = borrowed(&this, "response")?;
        match socket.response() {
            Some(response) => one(lua, record::response(lua, &response)?),
            None => nothing(),
        }
    })?;
    builder.add(methods, "end_info", |lua, _, this: Value| {
        let (_, socket) = borrowed(&this, "end_info")?;
        let end = socket.end.borrow().clone();
        match end {
            Some(end) => one(lua, record::end(lua, &end, socket.response().as_deref())?),
            None => nothing(),
        }
    })?;
    builder.add(methods, "buffered_amount", |lua, host, this: Value| {
        let (_, socket) = receiver(host, &this, "buffered_amount")?;
        one(lua, socket.connection.outbox.buffered())
    })?;
    builder.add(methods, "latency", |lua, _, this: Value| {
        let (_, socket) = borrowed(&this, "latency")?;
        one(lua, socket.connection.latency().map(|latency| latency.as_secs_f64()))
    })
}

/// Adds what `flush` in `websocket/init.lua` is made of.
pub fn add_functions(builder: &Builder, inner: &Table) -> mlua::Result<()> {
    builder.add_raw(inner, "wait_written", |lua, host, (this, limit): (Value, f64)| {
        let (_, socket) = receiver(host, &this, "flush")?;
        let limit = Duration::try_from_secs_f64(limit).unwrap_or_default();
        one(
            lua,
            match socket.connection.outbox.wait_written(limit) {
                Progress::Written => "written",
                Progress::Waiting => "waiting",
                Progress::Ended => "ended",
            },
        )
    })
}

/// Makes the Close frame of the arguments of `close`; none for the code 1005.
pub fn close_frame(code: &Value, reason: &Value) -> Result<Option<CloseFrame>, Raise> {
    let code = match code {
        Value::Nil => i64::from(CloseCode::NORMAL.get()),
        code => integer(code, "close code")?,
    };
    Ok(match reason {
        Value::Nil => CloseFrame::from_script(code, b"")?,
        reason => CloseFrame::from_script(code, &string(reason, "close reason")?.as_bytes())?,
    })
}

/// Returns the socket that a method was called on, in the process that owns it.
fn receiver<'a>(host: &Host, this: &'a Value, method: &str) -> Result<(&'a AnyUserData, UserDataRef<Socket>), Raise> {
    let found = borrowed(this, method)?;
    host.check_process()?;
    Ok(found)
}

fn borrowed<'a>(this: &'a Value, method: &str) -> Result<(&'a AnyUserData, UserDataRef<Socket>), Raise> {
    if let Value::UserData(userdata) = this
        && let Ok(socket) = userdata.borrow::<Socket>()
    {
        return Ok((userdata, socket));
    }
    raise(format!("{method} must be called on a websocket with a colon (ws:{method}), got {}", type_name(this)))
}
