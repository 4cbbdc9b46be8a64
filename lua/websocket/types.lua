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

--- @alias websocket.ErrorCode "dns"|"connect"|"tls"|"timeout"|"handshake"|"http_status"|"reset"|"keepalive"|"buffer_full"|"closed"|"internal"

--- Called with (event, message, detail): "open"; "received", payload, "text" or "binary"; "ping" and "pong", payload;
--- "closing" and "closed", reason, code; "fail", text, error code. Anything callable will do.
--- @alias websocket.Callback fun(event: websocket.Event, message: string?, detail: string|integer|nil)

-- Written by `UPDATE_OPTIONS=1 cargo test --test options`, up to the end mark.

--- Credentials for Basic authorization (RFC 7617).
--- @class websocket.BasicAuth
--- @field user string The user name, without a colon.
--- @field password? string The password; empty if it is left out.

--- Which servers a `wss` connection trusts, and the client's own certificate.
--- @class websocket.TlsOptions
--- @field ca_file? string Path of a PEM file with the root certificates to trust in place of the system's.
--- @field ca? string The same root certificates as PEM text, in place of `ca_file`.
--- @field cert_file? string Path of a PEM file with the client's certificate chain. Must be given together with `key_file`.
--- @field key_file? string Path of a PEM file with the client's private key. Must be given together with `cert_file`.
--- @field server_name? string The host name to send to the server (SNI) and to verify, in place of the URL's host.
--- @field insecure? boolean Skips verification of the server's certificate. Accepted for loopback addresses only. (default false)

--- The parameters of permessage-deflate (RFC 7692 section 7.1).
--- @class websocket.CompressionOptions
--- @field client_no_context_takeover? boolean Compresses each message by itself: needs no memory between messages, but more bytes on the wire. (default false)
--- @field server_no_context_takeover? boolean Demands the same of the server. The handshake fails if it does not agree. (default false)
--- @field client_max_window_bits? integer|false Compresses with a window of at most 2^n bytes; with 8, messages go uncompressed. False leaves the parameter out of the offer, for servers that refuse it. (8 to 15; default 15)
--- @field server_max_window_bits? integer Demands that the server's window is at most 2^n bytes. The handshake fails if it does not agree. (8 to 15)
--- @field threshold? integer Messages below this size go uncompressed. (0 to 2^53 bytes; default 64)
--- @field level? integer How hard to compress: 1 is the fastest, 9 gives the smallest messages. (1 to 9; default 6)

--- What `websocket.new` may be told about one connection.
--- @class websocket.Options
--- @field headers? table<string, string|string[]> Request headers to add, by name; the values of a list are sent as one line each. Host may be replaced; headers that belong to the opening handshake are refused.
--- @field protocols? string|string[] Subprotocols to offer, the preferred one first.
--- @field require_protocol? boolean Fails the handshake when the server chooses none of `protocols`. (default false)
--- @field origin? string The Origin header (RFC 6454).
--- @field basic_auth? websocket.BasicAuth Credentials for Basic authorization. They may stand in the URL instead (`ws://user:password@host/`).
--- @field open_timeout? number How long opening may take: name resolution, TCP, TLS and the opening handshake together. (above 0, up to 1e9 seconds; default 10)
--- @field close_timeout? number How long the peer may take to answer our Close frame, once it is written. (above 0, up to 1e9 seconds; default 10)
--- @field ping_interval? number|false Time between keepalive pings; false sends none. (above 0, up to 1e9 seconds; default 20)
--- @field ping_timeout? number|false How long the peer may stay silent after a keepalive ping; any byte it sends is a sign of life. False waits for ever. (above 0, up to 1e9 seconds; default 20)
--- @field max_message_size? integer Size of the largest message to accept, after decompression. A larger one closes the connection with 1009. (1 to 2^53 bytes; default 16 MiB)
--- @field max_fragments? integer The most frames that one message may come in. More close the connection with 1009. (1 to 2^53 frames; default 131072)
--- @field max_queue? integer How much may wait for `poll`: the payload of each event and 128 bytes more. At the limit the engine stops reading from the connection until half of it is free. (1 to 2^53 bytes; default 16 MiB)
--- @field max_buffered? integer How much may wait to be sent, before compression: each message as encoded and 128 bytes more. The limit is checked before a message is added, so one message of any size is accepted below the limit. (1 to 2^53 bytes; default 16 MiB)
--- @field report_pings? boolean Delivers the event `ping` for each Ping of the peer. The engine has answered it already. (default false)
--- @field report_closing? boolean Delivers the event `closing` when the peer's Close frame arrives. (default false)
--- @field compression? boolean|websocket.CompressionOptions Offers permessage-deflate (RFC 7692); a table also chooses its parameters. (default false)
--- @field tls? websocket.TlsOptions Certificates and verification, for `wss` URLs.

--- What `send` may be told about one message.
--- @class websocket.SendOptions
--- @field compress? boolean False sends the message uncompressed, for one that holds a secret. (default true)

-- End mark.

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
