//! `websocket.new`, and the userdata that it returns.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use mlua::{
    AnyUserData, FromLuaMulti, Function, Lua, MetaMethod, Table, UserData, UserDataFields, UserDataMethods,
    UserDataRef, Value,
};

use super::answer::{Answer, Raise, nothing, one, raise, refused};
use super::arguments::{boolean, integer, string, type_name, utf8};
use super::builder::Builder;
use super::host::Host;
use super::{options, record};
use crate::close::{CloseCode, CloseFrame};
use crate::connection::{Connection, Outgoing, Progress, Refusal, Wish};
use crate::error::ErrorCode;
use crate::event::{End, Kind};
use crate::process;
use crate::protocol::MAX_CONTROL_PAYLOAD;
use crate::response::Response;
use crate::transport::Plan;
use crate::url::Endpoint;

/// The registry's name for the table of methods.
pub const METHODS: &str = "websocket.methods";

/// The state of a connection as the script sees it. It changes when events are dispatched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The opening handshake is under way.
    Connecting,
    /// Messages go both ways.
    Open,
    /// The script has closed before `open` was dispatched. The end is the only event that it will see.
    GivenUp,
    /// The script has closed, or the peer's Close was dispatched.
    Closing,
    /// The end was dispatched.
    Closed,
}

/// The userdata of a connection.
pub struct Socket {
    host: Rc<Host>,
    connection: Arc<Connection>,
    url: String,
    /// Scheme, host and port, which `tostring` shows.
    shown: String,
    max_buffered: usize,
    /// The option of the same name.
    pub report_closing: bool,
    /// Its state.
    pub status: Cell<Status>,
    /// The server's response, once the connection is open or refused.
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
    /// Returns the response. It is a copy of the reference, because a call that allocates in Lua may run a finaliser, which
    /// may poll and replace the response.
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
            // The engine may have seen more than was dispatched; what the script sees must not depend on that.
            (Status::Connecting, Wish::Close(_)) => (Wish::Terminate, Status::GivenUp),
            (Status::GivenUp, wish) => (wish, Status::GivenUp),
            (_, wish) => (wish, Status::Closing),
        };
        self.connection.outbox.end_by(wish);
        self.status.set(status);
    }

    fn put(&self, lua: &Lua, this: &AnyUserData, outgoing: Outgoing) -> Answer {
        match self.connection.outbox.send(outgoing) {
            Ok(()) => {
                if self.connection.outbox.is_ahead() {
                    self.host.write_ahead();
                }
                one(lua, this)
            }
            Err(refusal) => self.refuse(lua, &refusal),
        }
    }

    fn refuse(&self, lua: &Lua, refusal: &Refusal) -> Answer {
        match refusal {
            Refusal::Closed => refused(lua, "connection is closing or closed", ErrorCode::Closed),
            Refusal::Full(held) => {
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
        // What others can see comes last, after everything that may run out of memory.
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
    add_method(builder, methods, "send", |lua, this, socket, arguments: (Value, Value, Value)| {
        let (message, is_binary, table) = arguments;
        let message = string(&message, "message")?.as_bytes();
        let kind = if boolean(&is_binary, "is_binary")? { Kind::Binary } else { Kind::Text };
        let compress = options::read_send(&table)?;
        if kind == Kind::Text
            && let Err(error) = simdutf8::compat::from_utf8(&message)
        {
            let at = error.valid_up_to() + 1;
            return raise(format!("message is not valid UTF-8 at byte {at}; send binary by ws:send(message, true)"));
        }
        if let Err(refusal) = socket.connection.outbox.check(message.len()) {
            return socket.refuse(lua, &refusal);
        }
        let mut payload = Vec::new();
        if payload.try_reserve_exact(message.len()).is_err() {
            return raise(format!("not enough memory for a copy of {} bytes", message.len()));
        }
        payload.extend_from_slice(&message);
        socket.put(lua, this, Outgoing::Message { kind, payload, compress })
    })?;
    add_method(builder, methods, "ping", |lua, this, socket, payload: Value| {
        let payload = match &payload {
            Value::Nil => Vec::new(),
            payload => string(payload, "payload")?.as_bytes().to_vec(),
        };
        if payload.len() > MAX_CONTROL_PAYLOAD {
            let length = payload.len();
            return raise(format!("ping payload too long: {length} bytes, limit {MAX_CONTROL_PAYLOAD}"));
        }
        socket.put(lua, this, Outgoing::Ping(payload))
    })?;
    add_method(builder, methods, "close", |lua, this, socket, (code, reason): (Value, Value)| {
        let body = close_frame(&code, &reason)?;
        socket.close(body);
        one(lua, this)
    })?;
    add_method(builder, methods, "terminate", |lua, this, socket, ()| {
        socket.end_by(Wish::Terminate);
        one(lua, this)
    })?;
    add_queries(builder, methods)
}

fn add_queries(builder: &Builder, methods: &Table) -> mlua::Result<()> {
    add_query(builder, methods, "status", |lua, socket| {
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
    add_query(builder, methods, "url", |lua, socket| one(lua, &*socket.url))?;
    add_query(builder, methods, "protocol", |lua, socket| {
        one(lua, socket.response().as_ref().map_or("", |response| &response.protocol))
    })?;
    add_query(builder, methods, "extensions", |lua, socket| {
        one(lua, socket.response().as_ref().map_or("", |response| &response.extensions))
    })?;
    add_query(builder, methods, "response", |lua, socket| match socket.response() {
        Some(response) => one(lua, record::response(lua, &response)?),
        None => nothing(),
    })?;
    add_query(builder, methods, "end_info", |lua, socket| {
        let end = socket.end.borrow().clone();
        match end {
            Some(end) => one(lua, record::end(lua, &end, socket.response().as_deref())?),
            None => nothing(),
        }
    })?;
    add_method(builder, methods, "buffered_amount", |lua, _, socket, ()| {
        one(lua, socket.connection.outbox.buffered())
    })?;
    add_query(builder, methods, "latency", |lua, socket| {
        one(lua, socket.connection.latency().map(|latency| latency.as_secs_f64()))
    })
}

/// Adds what `flush` in `websocket/init.lua` is made of.
pub fn add_functions(builder: &Builder, inner: &Table) -> mlua::Result<()> {
    builder.add_raw(inner, "wait_written", |lua, host, (this, limit): (Value, f64)| {
        let (_, socket) = borrowed(&this, "flush")?;
        host.check_process()?;
        let limit = Duration::try_from_secs_f64(limit).unwrap_or_default();
        one(
            lua,
            match host.wait(limit, |cx| socket.connection.outbox.poll_written(cx)) {
                Some(Progress::Written) => "written",
                Some(Progress::Ended) => "ended",
                None => "waiting",
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

/// Adds a method, which raises in the child of a fork. It gets the userdata and its connection, and the other arguments.
fn add_method<A: FromLuaMulti>(
    builder: &Builder,
    methods: &Table,
    name: &'static str,
    method: impl Fn(&Lua, &AnyUserData, &Socket, A) -> Answer + 'static,
) -> mlua::Result<()> {
    builder.add(methods, name, move |lua, host, (this, arguments): (Value, A)| {
        let (userdata, socket) = borrowed(&this, name)?;
        host.check_process()?;
        method(lua, userdata, &socket, arguments)
    })
}

/// Adds a method that only tells what is known of the connection, which the child of a fork may ask, too.
fn add_query(
    builder: &Builder,
    methods: &Table,
    name: &'static str,
    query: impl Fn(&Lua, &Socket) -> Answer + 'static,
) -> mlua::Result<()> {
    builder.add(methods, name, move |lua, _, this: Value| query(lua, &borrowed(&this, name)?.1))
}

/// Returns the userdata that a method was called on, and its connection.
fn borrowed<'a>(this: &'a Value, method: &str) -> Result<(&'a AnyUserData, UserDataRef<Socket>), Raise> {
    if let Value::UserData(userdata) = this
        && let Ok(socket) = userdata.borrow::<Socket>()
    {
        return Ok((userdata, socket));
    }
    raise(format!("{method} must be called on a websocket with a colon (ws:{method}), got {}", type_name(this)))
}
