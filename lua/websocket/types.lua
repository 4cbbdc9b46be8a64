--- @meta websocket
-- The public names of `require "websocket"` for language servers (LuaCATS); no program loads this file.

--- A WebSocket client: connections in the background, callbacks in `poll` and `run`.
--- @class websocket
local websocket = {}

--- Name and version, for instance "websocket-native 0.1.0".
--- @type string
websocket._VERSION = ""

--- @alias websocket.Status "connecting"|"open"|"closing"|"closed"|"unknown"

--- @alias websocket.Event "open"|"received"|"ping"|"pong"|"closing"|"closed"|"fail"

--- @alias websocket.ErrorCode "dns"|"connect"|"proxy"|"tls"|"timeout"|"handshake"|"http_status"|"reset"|"keepalive"|"buffer_full"|"closed"|"internal"

--- Called with (event, message, detail): "open"; "received", payload, "text" or "binary"; "ping" and "pong", payload;
--- "closing" and "closed", reason, code; "fail", text, error code. Anything callable will do.
--- @alias websocket.Callback fun(event: websocket.Event, message: string?, detail: string|integer|nil)

--- Where trust comes from, and who we are.
--- @class websocket.TlsOptions
--- @field ca_file? string PEM file of certificates that replace the system's roots
--- @field ca? string PEM text of certificates that replace the system's roots
--- @field cert_file? string PEM file with the client's certificate chain; goes with key_file
--- @field key_file? string PEM file with the client's private key; goes with cert_file
--- @field server_name? string the name to ask for and to verify, in place of the URL's host
--- @field insecure? boolean skips verification; for loopback addresses alone

--- What to choose of permessage-deflate (RFC 7692).
--- @class websocket.CompressionOptions
--- @field client_no_context_takeover? boolean we compress each message by itself; default false
--- @field server_no_context_takeover? boolean demands the same of the server, or the handshake fails; default false
--- @field client_max_window_bits? integer 8 to 15, the largest window to send with; 8 sends uncompressed; default 15
--- @field server_max_window_bits? integer 8 to 15, demanded of the server; default: its choice
--- @field threshold? integer bytes below which a message goes uncompressed; default 64
--- @field level? integer 1, the fastest, to 9, the smallest; default 6

--- What `send` may be told of one message.
--- @class websocket.SendOptions
--- @field compress? boolean false sends it uncompressed, for a message that holds a secret; default true

--- All times in seconds, all sizes in bytes. An unknown name raises.
--- @class websocket.Options
--- @field headers? table<string, string|string[]> further request headers; Host may be set, what the handshake owns not
--- @field protocols? string|string[] subprotocols to offer, the preferred first
--- @field require_protocol? boolean fails the handshake where the server chooses none; default false
--- @field origin? string the Origin header
--- @field basic_auth? { user: string, password: string } Basic authorization
--- @field open_timeout? number for name, TCP, TLS and upgrade together; default 10
--- @field close_timeout? number for the peer to answer our Close; default 10
--- @field ping_interval? number|false between keepalive pings; default 20
--- @field ping_timeout? number|false for the peer to send anything after one; default 20
--- @field max_message_size? integer largest message to accept; default 16 MiB
--- @field max_fragments? integer most frames of one message; default 131072
--- @field max_queue? integer payload and 128 an event that may wait for poll before reading rests; default 16 MiB
--- @field max_buffered? integer encoded bytes and 128 a message that may wait for the transport; default 16 MiB
--- @field report_pings? boolean tells the event "ping"; default false
--- @field report_closing? boolean tells the event "closing"; default false
--- @field compression? boolean|websocket.CompressionOptions offers permessage-deflate; default false
--- @field tls? websocket.TlsOptions

--- The server's answer to the opening handshake.
--- @class websocket.Response
--- @field status integer HTTP status; 101 where it succeeded
--- @field headers table<string, string|string[]> by lower-case name; repeated ones joined by ", "; set-cookie is a list
--- @field body string of a refusal, the first 4 KiB; else ""

--- How a connection ended.
--- @class websocket.EndInfo
--- @field failed boolean the event was "fail"
--- @field violation boolean we closed on the peer's breach of the protocol
--- @field clean boolean both Close frames were seen, and there was no violation
--- @field by "peer"|"us"|"transport"|"timeout" who ended it
--- @field code integer the peer's close code; ours after a violation; 1005 for none, 1006 without a Close
--- @field reason string the peer's reason; after a violation its text
--- @field error? websocket.ErrorCode what it failed of
--- @field text string what went wrong; "" where nothing did
--- @field header? string lower-case name of the header that a handshake was refused for
--- @field status? integer HTTP status of a refused handshake
--- @field sent_code? integer code of the Close that we wrote, 1005 for one without a body
--- @field received_code? integer code of the Close that arrived, 1005 for one without a body

--- The parts of a URL, without delimiters.
--- @class websocket.Url
--- @field href string the whole, serialised
--- @field scheme "ws"|"wss"|"http"|"https"
--- @field username string percent-encoded; "" for none
--- @field password string percent-encoded; "" for none
--- @field host string IPv6 in brackets
--- @field port integer the scheme's own where the URL has none
--- @field path string begins with "/"
--- @field query? string without "?"
--- @field fragment? string without "#"
--- @field origin string serialised, for instance "ws://localhost:8080"

--- Connects in the background and returns at once.
---
--- Raises on an argument that is wrong; what the world does wrong is told by the event "fail".
--- @param url string ws:// or wss://, without fragment; user:pass@ becomes Basic authorization
--- @param callback websocket.Callback
--- @param options? websocket.Options
--- @return websocket.Connection
function websocket.new(url, callback, options) end

--- Runs the callbacks of waiting events on this thread: of those that wait when it starts.
--- @param timeout? number seconds to wait for the first event; default 0; math.huge waits while a connection is alive
--- @return integer n callbacks run; 0 when called from inside a callback
function websocket.poll(timeout) end

--- Polls until no connection is alive and nothing is deferred, or until `stop`. Raises inside a callback.
function websocket.run() end

--- Ends the `run` that is running, after the callbacks of this turn. No effect outside of one.
function websocket.stop() end

--- Runs fn in the next poll, in order with the events; counts in its result and keeps `run` going.
--- @param fn fun()
function websocket.defer(fn) end

--- Returns how many polls have begun.
--- @return integer
function websocket.turn() end

--- Returns how many connections are alive: those whose end was not dispatched yet.
--- @return integer
function websocket.connections() end

--- Sets what hears of callbacks that raise; nil restores the default, which writes to stderr.
--- @param handler? fun(error: any, traceback: string)
function websocket.set_error_handler(handler) end

--- Calls fn(...) as `poll` calls a callback: an error goes to the error handler, and the caller goes on.
--- @param fn fun(...)
--- @param ... any
function websocket.call(fn, ...) end

--- Makes a full userdata with the given metatable and no contents, for objects that scripts must see as userdata. Its
--- finaliser runs on every Lua, if the metatable has `__gc` when this is called.
--- @param metatable table
--- @return userdata
function websocket.userdata(metatable) end

--- Replaces ill-formed parts by U+FFFD, as the Encoding standard does.
--- @param text string
--- @return string
function websocket.to_utf8(text) end

--- Parses and serialises a URL as the WHATWG URL standard does, without a base.
--- @param text string
--- @return websocket.Url? url nil where it is none
--- @return string? problem
function websocket.parse_url(text) end

--- One WebSocket connection. It stays alive until its end, also where the script has dropped it.
--- @class websocket.Connection
local connection = {}

--- Sends a message; never blocks. Before "open" it waits, and goes out first.
---
--- Raises where text is not UTF-8.
--- @param message string
--- @param is_binary? boolean default false: text
--- @param options? websocket.SendOptions
--- @return websocket.Connection? ws nil where it was not taken
--- @return string? text
--- @return "closed"|"buffer_full"|nil code
function connection:send(message, is_binary, options) end

--- Sends a Ping; the answer is told by the event "pong".
--- @param payload? string at most 125 bytes; default ""
--- @return websocket.Connection? ws
--- @return string? text
--- @return "closed"|"buffer_full"|nil code
function connection:ping(payload) end

--- Starts the closing handshake, after what waits; before "open" it gives up. A second call has no effect.
--- @param code? integer 1000-1003, 1007-1014 or 3000-4999; 1005 sends no code; default 1000
--- @param reason? string UTF-8, at most 123 bytes (RFC 6455 section 5.5)
--- @return websocket.Connection ws
function connection:close(code, reason) end

--- Drops the connection and what waits to be sent; what has arrived is delivered, then "closed" with 1006.
--- @return websocket.Connection ws
function connection:terminate() end

--- Waits until all that was sent is with the transport; runs no callback.
--- @param timeout? number seconds; default 10
--- @return websocket.Connection? ws
--- @return string? text
--- @return "timeout"|"closed"|nil code
function connection:flush(timeout) end

--- Returns where it stands, as far as events were dispatched; "unknown" in the child of a fork.
--- @return websocket.Status
function connection:status() end

--- Returns the URL without user and password.
--- @return string
function connection:url() end

--- Returns the subprotocol that the server chose, "" for none.
--- @return string
function connection:protocol() end

--- Returns the extensions in use, "" for none.
--- @return string
function connection:extensions() end

--- Returns the answer to the opening handshake, nil before it came.
--- @return websocket.Response?
function connection:response() end

--- Returns how it ended, nil while it is alive.
--- @return websocket.EndInfo?
function connection:end_info() end

--- Returns the bytes of payload accepted and not yet given to the transport; after the end, what never was.
--- @return integer
function connection:buffered_amount() end

--- Returns the seconds that the last keepalive Ping took there and back, nil before the first.
--- @return number?
function connection:latency() end

return websocket
