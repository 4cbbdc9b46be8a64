//! The userdata of connections, and their methods.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use mlua::{FromLuaMulti, Function, Lua, Table, Value};

use super::answer::{Answer, Raise, nothing, one, raise, refused, three};
use super::arguments::{boolean, close_frame, string, type_name};
use super::builder::Builder;
use super::handle::{Handles, Held};
use super::host::Host;
use super::planning::Planning;
use super::{options, record};
use crate::close::CloseFrame;
use crate::connection::{Connection, Outgoing, Progress, Refusal, Wish};
use crate::error::ErrorCode;
use crate::event::{End, Kind};
use crate::mailbox::Mailbox;
use crate::options::Options;
use crate::process;
use crate::protocol::{MAX_CONTROL_PAYLOAD, is_utf8};
use crate::response::Response;
use crate::runtime::Wait;
use crate::url::Endpoint;

/// The state of a connection as the script sees it. It changes when events are dispatched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The opening handshake is under way.
    Connecting,
    /// Messages go both ways.
    Open,
    /// The script has closed before `open` was dispatched. The end is the only event that it will see.
    GivenUp,
    /// The script has closed.
    Closing,
    /// The peer's Close was dispatched, and the script has not closed.
    PeerClosing,
    /// The end was dispatched.
    Closed,
}

/// What the userdata of a connection holds.
pub struct Socket {
    host: Rc<Host>,
    /// What it shares with the engine.
    pub connection: Arc<Connection>,
    /// The URL without user and password.
    url: RefCell<String>,
    /// Scheme, host and port, which `tostring` shows.
    shown: RefCell<String>,
    max_buffered: usize,
    /// Present if the script has given no callback: where messages wait until it receives them.
    pub mailbox: Option<Box<Mailbox>>,
    /// Present if the script plans the attempts to open it again.
    pub planning: Option<Planning>,
    /// The option of the same name.
    pub report_closing: bool,
    /// Why [`Socket::send`] did not send. The outbox is asked once, because it may report `drain` between two answers.
    refusal: Cell<Option<Refusal>>,
    /// Its state.
    pub status: Cell<Status>,
    /// The server's response, once the connection is open or refused.
    pub response: RefCell<Option<Rc<Response>>>,
    /// How it ended.
    pub end: RefCell<Option<Rc<End>>>,
}

/// Why a message was not sent.
enum NotSent {
    Refused(Refusal),
    /// The system has no memory for a copy of so many bytes.
    NoMemory(usize),
}

impl From<Refusal> for NotSent {
    fn from(refusal: Refusal) -> NotSent {
        NotSent::Refused(refusal)
    }
}

impl Socket {
    /// Makes a connection that is not started.
    pub fn new(
        host: &Rc<Host>,
        connection: &Arc<Connection>,
        endpoint: &Endpoint,
        options: &Options,
        planning: Option<Planning>,
    ) -> Socket {
        Socket {
            host: Rc::clone(host),
            connection: Arc::clone(connection),
            url: RefCell::new(endpoint.href.clone()),
            shown: RefCell::new(endpoint.to_string()),
            max_buffered: options.max_buffered,
            mailbox: None,
            planning,
            report_closing: options.report_closing,
            refusal: Cell::new(None),
            status: Cell::new(Status::Connecting),
            response: RefCell::new(None),
            end: RefCell::new(None),
        }
    }

    /// Has the messages wait for `receive`.
    pub fn with_mailbox(self, options: &Options) -> Socket {
        Socket { mailbox: Some(Box::new(Mailbox::new(options.max_queue))), ..self }
    }

    /// Notes where the next attempt leads.
    pub fn set_endpoint(&self, endpoint: &Endpoint) {
        self.url.replace(endpoint.href.clone());
        self.shown.replace(endpoint.to_string());
    }

    /// Returns the response. It is a copy of the reference, because a call that allocates in Lua may run a finaliser,
    /// which may poll and replace the response.
    fn response(&self) -> Option<Rc<Response>> {
        self.response.borrow().clone()
    }

    /// Tells whether its end was dispatched, or the Lua state has ended.
    pub fn is_over(&self) -> bool {
        self.status.get() == Status::Closed || self.host.has_ended()
    }

    /// Sends a message without options; tells whether the connection has accepted it. If not, the method that Lua falls
    /// back to knows why.
    pub fn send(&self, kind: Kind, message: &[u8]) -> bool {
        if process::is_forked_child() || (kind == Kind::Text && !is_utf8(message)) {
            return false;
        }
        let sent = self.put_copy(kind, message, |payload| Outgoing::Message { kind, payload, compress: true });
        if let Err(NotSent::Refused(refusal)) = &sent {
            self.refusal.set(Some(*refusal));
        }
        sent.is_ok()
    }

    fn put_copy(&self, kind: Kind, message: &[u8], outgoing: impl FnOnce(Vec<u8>) -> Outgoing) -> Result<(), NotSent> {
        if let Some(encoded) = self.connection.outbox.encode(kind, message) {
            return self.accepted(encoded);
        }
        self.connection.outbox.check(message.len())?;
        let mut payload = Vec::new();
        if payload.try_reserve_exact(message.len()).is_err() {
            return Err(NotSent::NoMemory(message.len()));
        }
        payload.extend_from_slice(message);
        self.put(outgoing(payload))
    }

    fn put(&self, outgoing: Outgoing) -> Result<(), NotSent> {
        self.accepted(self.connection.outbox.send(outgoing))
    }

    /// Passes on what the outbox has answered. If 64 KiB or more were sent since the last time, lets the connection
    /// write now.
    fn accepted(&self, answer: Result<(), Refusal>) -> Result<(), NotSent> {
        if answer.is_ok() && self.connection.outbox.is_ahead() {
            self.host.write_ahead();
        }
        Ok(answer?)
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
        // A connection that is not read would not see the peer's Close.
        if let Some(mailbox) = &self.mailbox {
            mailbox.close();
        }
        self.connection.budget.resume();
        self.status.set(status);
    }

    /// Answers a call of `send` or `ping`.
    fn answer(&self, lua: &Lua, this: &Value, result: Result<(), NotSent>) -> Answer {
        match result {
            Ok(()) => one(lua, this),
            Err(NotSent::Refused(refusal)) => self.refuse(lua, &refusal),
            Err(NotSent::NoMemory(length)) => raise(format!("not enough memory for a copy of {length} bytes")),
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

impl Held for Socket {
    const TAG: u64 = 0x9d2c_5680_e3a1_47f6;
}

/// The userdata of connections.
pub type Sockets = Rc<Handles<Socket>>;

/// Prepares the userdata of connections. One that was finalised gets the metatable `remains`.
pub fn handles(builder: &Builder, methods: &Table, remains: &Table) -> mlua::Result<Sockets> {
    let metatable = builder.lua.create_table()?;
    metatable.raw_set("__name", "websocket")?;
    metatable.raw_set("__index", methods)?;
    Handles::new(builder.lua, "websocket", metatable, remains)
}

/// Adds the methods that a script calls with `:`, but for `send`.
pub fn add_methods(builder: &Builder, methods: &Table, sockets: &Sockets) -> mlua::Result<()> {
    add_method(builder, methods, sockets, "ping", |lua, this, socket, payload: Value| {
        let payload = match &payload {
            Value::Nil => Vec::new(),
            payload => string(payload, "payload")?.as_bytes().to_vec(),
        };
        if payload.len() > MAX_CONTROL_PAYLOAD {
            let length = payload.len();
            return raise(format!("ping payload too long: {length} bytes, limit {MAX_CONTROL_PAYLOAD}"));
        }
        socket.answer(lua, this, socket.put(Outgoing::Ping(payload)))
    })?;
    add_method(builder, methods, sockets, "close", |lua, this, socket, (code, reason): (Value, Value)| {
        let body = close_frame(&code, &reason)?;
        socket.close(body);
        one(lua, this)
    })?;
    add_method(builder, methods, sockets, "terminate", |lua, this, socket, ()| {
        socket.end_by(Wish::Terminate);
        one(lua, this)
    })?;
    add_method(builder, methods, sockets, "pause", |lua, this, socket, ()| {
        if matches!(socket.status.get(), Status::Connecting | Status::Open) {
            socket.connection.budget.pause();
        }
        one(lua, this)
    })?;
    add_method(builder, methods, sockets, "resume", |lua, this, socket, ()| {
        socket.connection.budget.resume();
        one(lua, this)
    })?;
    add_queries(builder, methods, sockets)
}

/// Makes `send` with all its checks, for what [`super::send`] does not do itself.
pub fn unusual_send(builder: &Builder, sockets: &Sockets) -> mlua::Result<Function> {
    builder.make_for_c(method(sockets, "send", |lua, this, socket, arguments: (Value, Value, Value)| {
        if let Some(refusal) = socket.refusal.take() {
            return socket.refuse(lua, &refusal);
        }
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
        let sent = socket.put_copy(kind, &message, |payload| Outgoing::Message { kind, payload, compress });
        socket.answer(lua, this, sent)
    }))
}

/// Adds what `tostring` calls.
pub fn add_tostring(builder: &Builder, sockets: &Sockets) -> mlua::Result<()> {
    add_query(builder, sockets.metatable(), sockets, "__tostring", |lua, socket| {
        one(lua, format!("websocket ({})", socket.shown.borrow()))
    })
}

fn add_queries(builder: &Builder, methods: &Table, sockets: &Sockets) -> mlua::Result<()> {
    add_query(builder, methods, sockets, "status", |lua, socket| {
        one(
            lua,
            match socket.status.get() {
                _ if process::is_forked_child() => "unknown",
                _ if socket.is_over() => "closed",
                Status::Connecting => "connecting",
                Status::Open => "open",
                Status::GivenUp | Status::Closing | Status::PeerClosing => "closing",
                Status::Closed => "closed",
            },
        )
    })?;
    add_query(builder, methods, sockets, "url", |lua, socket| one(lua, &**socket.url.borrow()))?;
    add_query(builder, methods, sockets, "protocol", |lua, socket| {
        one(lua, socket.response().as_ref().map_or("", |response| &response.protocol))
    })?;
    add_query(builder, methods, sockets, "extensions", |lua, socket| {
        one(lua, socket.response().as_ref().map_or("", |response| &response.extensions))
    })?;
    add_query(builder, methods, sockets, "response", |lua, socket| match socket.response() {
        Some(response) => one(lua, record::response(lua, &response)?),
        None => nothing(),
    })?;
    add_query(builder, methods, sockets, "end_info", |lua, socket| {
        let end = socket.end.borrow().clone();
        match end {
            Some(end) => one(lua, record::end(lua, &end, socket.response().as_deref())?),
            None => nothing(),
        }
    })?;
    add_method(builder, methods, sockets, "buffered_amount", |lua, _, socket, ()| {
        one(lua, socket.connection.outbox.buffered())
    })?;
    add_query(builder, methods, sockets, "latency", |lua, socket| {
        one(lua, socket.connection.latency().map(|latency| latency.as_secs_f64()))
    })
}

/// Adds what `flush` in `websocket/init.lua` is made of.
pub fn add_functions(builder: &Builder, inner: &Table, sockets: &Sockets) -> mlua::Result<()> {
    let sockets = Rc::clone(sockets);
    builder.add_raw(inner, "wait_written", move |lua, host, (this, limit): (Value, f64)| {
        let socket = borrowed(&sockets, &this, "flush")?;
        host.check_process()?;
        let limit = Duration::try_from_secs_f64(limit).unwrap_or_default();
        let outbox = &socket.connection.outbox;
        let losses_before = outbox.losses();
        let state = match host.wait(Wait::up_to(limit), |cx| outbox.poll_written(cx)) {
            Some(Progress::Written) => "written",
            Some(Progress::Ended) => "ended",
            None => "waiting",
        };
        three(lua, state, losses_before, outbox.losses())
    })
}

/// Adds a method, which raises in the child of a fork. It gets the userdata and its connection, and the other
/// arguments.
fn add_method<A: FromLuaMulti>(
    builder: &Builder,
    methods: &Table,
    sockets: &Sockets,
    name: &'static str,
    function: impl Fn(&Lua, &Value, &Socket, A) -> Answer + 'static,
) -> mlua::Result<()> {
    builder.add(methods, name, method(sockets, name, function))
}

fn method<A>(
    sockets: &Sockets,
    name: &'static str,
    function: impl Fn(&Lua, &Value, &Socket, A) -> Answer + 'static,
) -> impl Fn(&Lua, &Rc<Host>, (Value, A)) -> Answer + 'static {
    let sockets = Rc::clone(sockets);
    move |lua, host, (this, arguments)| {
        let socket = borrowed(&sockets, &this, name)?;
        host.check_process()?;
        function(lua, &this, &socket, arguments)
    }
}

/// Adds a method that only tells what is known of the connection, which the child of a fork may ask, too.
fn add_query(
    builder: &Builder,
    methods: &Table,
    sockets: &Sockets,
    name: &'static str,
    query: impl Fn(&Lua, &Socket) -> Answer + 'static,
) -> mlua::Result<()> {
    let sockets = Rc::clone(sockets);
    builder.add(methods, name, move |lua, _, this: Value| query(lua, &*borrowed(&sockets, &this, name)?))
}

/// Returns the connection that a method was called on.
pub fn borrowed(sockets: &Sockets, this: &Value, method: &str) -> Result<Rc<Socket>, Raise> {
    match sockets.held(this) {
        Some(socket) => Ok(socket),
        None => {
            raise(format!("{method} must be called on a websocket with a colon (ws:{method}), got {}", type_name(this)))
        }
    }
}
