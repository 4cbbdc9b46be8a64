--- @meta websocket
-- The public names of `require "websocket"` for language servers (LuaCATS); no program loads this file. docs/api.md is
-- made from it and from types/records.lua.

--- A WebSocket client: connections in the background, callbacks in `poll` and `run`.
--- @class websocket
local websocket = {}

--- Name and version, for instance "websocket-native 0.2.0".
--- @type string
websocket._VERSION = ""

--- The clients of lua-websockets, loaded when this is touched: docs/migration/lua-websockets.md.
--- @type websocket.client
websocket.client = nil

--- The opcode of a text message, for `send` and `receive` of the clients of lua-websockets.
--- @type integer
websocket.TEXT = 1

--- The opcode of a binary message. The other opcodes of lua-websockets are there, too: CONTINUATION, CLOSE, PING, PONG.
--- @type integer
websocket.BINARY = 2

--- @alias websocket.Status "connecting"|"open"|"closing"|"closed"|"unknown"

--- @alias websocket.Event "open"|"received"|"ping"|"pong"|"closing"|"drain"|"reconnecting"|"closed"|"fail"

--- @alias websocket.ErrorCode "dns"|"connect"|"proxy"|"tls"|"timeout"|"handshake"|"http_status"|"reset"|"keepalive"|"buffer_full"|"closed"|"internal"

--- Called with (event, message, detail, ws); anything callable will do. The arguments `message` and `detail` are for
--- "open" nil; for "received" the payload and "text" or "binary"; for "ping" and "pong" the payload and nil; for
--- "closing" and "closed" the reason and the close code; for "drain" nil; for "reconnecting" a text and a table; for
--- "fail" a text and an error code.
--- @alias websocket.Callback fun(event: websocket.Event, message: string?, detail: string|integer|websocket.Reconnecting|nil, ws: websocket.Connection)

-- Written by `UPDATE_OPTIONS=1 cargo test --test options`, up to the end mark.

--- Credentials for Basic authorization (RFC 7617).
--- @class websocket.BasicAuth
--- @field user string The user name, without a colon.
--- @field password? string The password; empty if it is left out.

--- Which servers a `wss` connection trusts, and the client's own certificate.
--- @class websocket.TlsOptions
--- @field ca_file? string Path of a PEM file with the root certificates to trust in place of the system's.
--- @field ca? string The same root certificates as PEM text, in place of `ca_file`.
--- @field fingerprint? string|string[] SHA-256 fingerprint of the only certificate to accept, or of each, as `openssl x509 -noout -fingerprint -sha256` prints it. Issuer, names and dates of the certificate do not matter. Excludes `ca`, `ca_file` and `insecure`.
--- @field cert_file? string Path of a PEM file with the client's certificate chain. Must be given together with `key_file` or `key`.
--- @field cert? string The client's certificate chain as PEM text, in place of `cert_file`.
--- @field key_file? string Path of a PEM file with the client's private key. Must be given together with `cert_file` or `cert`.
--- @field key? string The client's private key as PEM text, in place of `key_file`.
--- @field server_name? string The host name to send to the server (SNI) and to verify, in place of the URL's host.
--- @field insecure? boolean Skips verification of the server's certificate. Accepted for loopback addresses only. (default false)
--- @field keylog? boolean Appends the secrets of the session to the file that the environment variable `SSLKEYLOGFILE` names, so that Wireshark can decrypt a recording. Without the variable it has no effect. (default false)

--- The parameters of permessage-deflate (RFC 7692 section 7.1).
--- @class websocket.CompressionOptions
--- @field client_no_context_takeover? boolean Compresses each message by itself: needs no memory between messages, but more bytes on the wire. (default false)
--- @field server_no_context_takeover? boolean Demands the same of the server. The handshake fails if it does not agree. (default false)
--- @field client_max_window_bits? integer|false Compresses with a window of at most 2^n bytes; with 8, messages go uncompressed. False leaves the parameter out of the offer, for servers that refuse it. (8 to 15; default 15)
--- @field server_max_window_bits? integer Demands that the server's window is at most 2^n bytes. The handshake fails if it does not agree. (8 to 15)
--- @field threshold? integer Messages below this size go uncompressed. (0 to 2^53 bytes; default 64)
--- @field level? integer How hard to compress: 1 is the fastest, 9 gives the smallest messages. (1 to 9; default 6)

--- How a lost connection is opened again.
--- @class websocket.ReconnectOptions
--- @field min_delay? number The delay before the first attempt. (above 0, up to 1e9 seconds; default 0.5)
--- @field max_delay? number The longest delay between two attempts. A server may ask for more, up to an hour, by the header Retry-After of a refusal (RFC 9110 section 10.2.3). (above 0, up to 1e9 seconds; default 30)
--- @field factor? number What each delay is multiplied by to get the next. (1 to 100; default 2)
--- @field jitter? number The part of each delay that is left to chance, so that clients do not all come back at once: with 0.5, a delay of 4 s takes 2 to 4 s. (0 to 1; default 0.5)
--- @field max_retries? integer The most attempts in a row; then the connection ends as it was lost. Without it there is no limit. (0 to 2^53 attempts)
--- @field stable_after? number How long a connection must have been open so that the next attempt is the first again. (above 0, up to 1e9 seconds; default 5)
--- @field before? fun(attempt: integer): string?, table<string, string|string[]|false>? `before(attempt)` is called by `poll` before each attempt, and returns the URL and the `headers` for it, for instance with a fresh token; nil keeps those of the last attempt. An error in it counts as a failed attempt.

--- The options of `websocket.new`.
--- @class websocket.Options
--- @field headers? table<string, string|string[]|false> Request headers to add, by name; the values of a list are sent as one line each. Host and User-Agent may be replaced, and User-Agent is left out by false; headers that belong to the opening handshake are refused.
--- @field protocols? string|string[] Subprotocols to offer, the preferred one first; together at most 64 KiB.
--- @field require_protocol? boolean Fails the handshake when the server chooses none of `protocols`. (default false)
--- @field origin? string The Origin header (RFC 6454).
--- @field basic_auth? websocket.BasicAuth Credentials for Basic authorization. They may stand in the URL instead (`ws://user:password@host/`).
--- @field proxy? string|false The proxy to connect by: `http://user:password@host:port`, `https://`, `socks5://` or `socks5h://`. False uses none. By default the variables `http_proxy` and the like of the environment decide.
--- @field connect_to? string Where to dial in place of the URL's host and port. The Host header, the server name and the certificate stay those of the URL.
--- @field local_address? string The address of this machine from which to dial. Addresses of the other family are not tried.
--- @field max_redirects? integer How many redirects to follow. Another origin gets no credentials, and none leads from wss to ws. (0 to 20; default 0)
--- @field open_timeout? number How long opening may take: name resolution, TCP, proxy, TLS, the opening handshake and redirects together. (above 0, up to 1e9 seconds; default 10)
--- @field close_timeout? number How long the peer may take to answer our Close frame once it is written, whatever else it sends. Until then, the longest time without progress in sending the messages before it. (above 0, up to 1e9 seconds; default 10)
--- @field ping_interval? number|false Time between keepalive pings; false sends none. (above 0, up to 1e9 seconds; default 20)
--- @field ping_timeout? number|false How long the peer may show no sign of life after a keepalive ping was due, even if the ping could not be written. Signs of life are any byte that arrives and capacity that opens in a transport that was full. False waits for ever. (above 0, up to 1e9 seconds; default 20)
--- @field max_message_size? integer Size of the largest message to accept, after decompression. A larger one closes the connection with 1009. (1 to 2^53 bytes; default 16 MiB)
--- @field max_fragments? integer The most frames that one message may come in. More close the connection with 1009. (1 to 2^53 frames; default 131072)
--- @field max_queue? integer How much may wait for `poll` or `receive`: the payload of each event and 128 bytes more. At the limit, reading from the connection is paused until half of it is free. (1 to 2^53 bytes; default 16 MiB)
--- @field max_buffered? integer How much may wait to be sent, before compression: each message as encoded and 128 bytes more. The limit is checked before a message is added, so one message of any size is accepted below the limit. (1 to 2^53 bytes; default 16 MiB)
--- @field report_pings? boolean Delivers the event `ping` for each Ping of the peer. The engine has answered it already. (default false)
--- @field report_closing? boolean Delivers the event `closing` when the peer's Close frame arrives. (default false)
--- @field report_drain? boolean Delivers the event `drain` when a connection that has answered `buffer_full` holds at most half of `max_buffered` again. (default false)
--- @field reconnect? boolean|websocket.ReconnectOptions Opens the connection again after an end that may heal; a table also chooses how. (default false)
--- @field compression? boolean|websocket.CompressionOptions Offers permessage-deflate (RFC 7692); a table also chooses its parameters. (default false)
--- @field tls? websocket.TlsOptions Certificates and verification, for `wss` URLs.

--- The options of `ws:send`.
--- @class websocket.SendOptions
--- @field compress? boolean False sends the message uncompressed, for one that holds a secret. (default true)

-- End mark.

--- Connects in the background and returns at once.
---
--- Raises if an argument is wrong. If the connection cannot be made, the callback gets the event "fail".
--- @param url string ws://, wss:// or ws+unix:///path/of/socket:/path, without a fragment, at most 65534 bytes; user:pass@ becomes Basic authorization
--- @param callback? websocket.Callback nil makes a connection whose messages wait for `receive`
--- @param options? websocket.Options
--- @return websocket.Connection
function websocket.new(url, callback, options) end

--- Connects, and waits until the connection is open. Its messages wait for `receive`.
---
--- In a coroutine of `spawn` or of a loop that is attached it yields; elsewhere it runs the loop meanwhile, so other
--- callbacks and timers go on. Raises if an argument is wrong, and inside a callback.
--- @param url string as for `new`
--- @param options? websocket.Options
--- @return websocket.Connection? ws nil if the connection could not be made
--- @return string? text
--- @return websocket.ErrorCode? code
function websocket.connect(url, options) end

--- Starts a coroutine in the next poll. In it `connect`, `receive` and `sleep` yield. An error in it goes to the error
--- handler with the coroutine's traceback. `run` goes on while it waits.
--- @param fn fun(...)
--- @param ... any what fn is called with
--- @return thread
function websocket.spawn(fn, ...) end

--- Waits: yields in a coroutine of `spawn` or of a loop that is attached, and runs the loop elsewhere. Raises inside a
--- callback.
--- @param seconds number 0 to 1e9
function websocket.sleep(seconds) end

--- Runs the callbacks of waiting events on this thread: of those that wait when it starts, in their order.
---
--- Raises inside a callback: return from it; the next poll delivers later events. Raises the error of an interrupt and one
--- that the abort test knows at once; what was not dispatched then stays for the next poll.
--- @param timeout? number seconds to wait for the first event; default 0, and a negative time means 0; math.huge waits while a connection is alive or a timer is set
--- @param max? integer the most callbacks to run, 1 to 2^53; the others wait for the next poll, which then does not wait; default no bound
--- @return integer n callbacks run
function websocket.poll(timeout, max) end

--- Polls until no connection is alive, no timer is set, no spawned function waits and nothing is deferred, or until
--- `stop`. Raises inside a callback.
function websocket.run() end

--- Ends the `run` that is running, after the callbacks of this turn. No effect outside of one.
function websocket.stop() end

--- Runs fn in the next poll, in order with the events. It counts in the result of `poll` and keeps `run` going.
--- @param fn fun()
function websocket.defer(fn) end

--- Calls fn once in the poll that runs when the time has passed, in order with the events. The timer keeps `run` going
--- until it has fired or was cancelled.
--- @param seconds number 0 to 1e9; 0 means the next poll
--- @param fn fun()
--- @return websocket.Timer
function websocket.after(seconds, fn) end

--- Calls fn each time that the period has passed, as `after` does. Calls that were missed are skipped, and the others
--- stay at multiples of the period, counted from now.
--- @param seconds number the period: 0.001 to 1e9
--- @param fn fun()
--- @return websocket.Timer
function websocket.every(seconds, fn) end

--- Returns seconds from a clock that only goes forward; only differences between two calls count.
--- @return number
function websocket.now() end

--- Returns a descriptor that is readable while something waits for `poll`, for a loop of your own. It stays the same, and
--- belongs to the module: do not read from it or close it. On Windows it is the handle of a socket, for `select`.
--- @return integer
function websocket.fileno() end

--- Returns how long a loop of your own may wait before it calls `poll`, if the descriptor does not become readable.
--- @return number? seconds until the next timer; 0 if something waits, nil if no timer is set
function websocket.next_timeout() end

--- Joins the module to a loop: the adapter watches the descriptor, and calls back when it is readable. The modules
--- `websocket.loop.*` do this for the loops that they are named after.
---
--- Replaces one of the same name, as when its file is loaded again. Raises if another adapter is attached.
--- @param adapter websocket.LoopAdapter
function websocket.attach(adapter) end

--- Ends what `attach` began with this adapter. No effect if that is not attached.
--- @param adapter websocket.LoopAdapter
function websocket.detach(adapter) end

--- Sets what is called for each line that tells what connections do, for a bug report: addresses, proxy, TLS, handshake,
--- pings, and why connections end. It is called in `poll`, in order with the events, and counts as a callback. Lines hold no
--- headers, query strings, credentials or payload. At most 256 KiB wait for `poll`; then lines are left out, and a line
--- says how many.
--- @param fn? fun(level: "debug"|"info"|"warning", text: string, ws: websocket.Connection) nil ends that
function websocket.set_logger(fn) end

--- Returns how many polls have begun.
--- @return integer
function websocket.turn() end

--- Returns how many connections are alive: those whose end was not dispatched yet. With "list" returns them in a new
--- list, in the order of their making.
--- @return integer
--- @overload fun(what: "list"): websocket.Connection[]
function websocket.connections() end

--- Closes every connection that is alive as `ws:close` does, for instance those that a script lost when it was reloaded.
--- Raises before it closes any if an argument is wrong.
--- @param code? integer 1000-1003, 1007-1014 or 3000-4999; 1005 sends no code; default 1000
--- @param reason? string UTF-8, at most 123 bytes
--- @return integer n how many were closed by this call; those that were closing already are not counted
function websocket.close_all(code, reason) end

--- Sets what becomes of the errors of callbacks. A handler is called for each; its traceback shows the script's own lines.
--- With "raise", `poll` and `run` raise the first error of a turn, as it is, after the turn's other callbacks have run; the
--- others, and those outside of a poll, are written to stderr. nil restores the default, which writes all to stderr.
--- @param handler? "raise"|fun(error: any, traceback: string)
function websocket.set_error_handler(handler) end

--- Sets the test of errors that must leave `poll` and `run` at once, as an interrupt does: those by which a host stops a
--- script, for instance from a debug hook. What was not dispatched stays for the next poll.
--- @param fn? fun(error: any): boolean? nil removes it; one that raises has said no, and its error is reported
function websocket.set_abort_test(fn) end

--- Tells whether an error must leave `poll` at once, because it is an interrupt or the abort test says so. For code that
--- catches errors between a callback and `poll`, and must raise such an error again.
--- @param error any
--- @return boolean
function websocket.is_abort(error) end

--- Calls fn(...) as `poll` calls a callback: an error goes to the error handler, and the caller goes on.
--- @param fn fun(...)
--- @param ... any
function websocket.call(fn, ...) end

--- Tells whether a value can be called: a function, or anything whose metatable has `__call`.
--- @param value any
--- @return boolean
function websocket.is_callable(value) end

--- Makes a full userdata with the given metatable and no contents, for objects that scripts must see as userdata. Its
--- finaliser runs on every Lua, if the metatable has `__gc` when this is called. A metatable by which C code knows its own
--- userdata, such as that of a file, is refused.
--- @param metatable table
--- @return userdata
function websocket.userdata(metatable) end

--- Replaces each ill-formed part by U+FFFD, as the Encoding standard does.
--- @param text string
--- @return string
function websocket.to_utf8(text) end

--- Parses and serialises a URL as the WHATWG URL standard does, without a base.
--- @param text string
--- @return websocket.Url? url nil if the text is no URL
--- @return string? problem
function websocket.parse_url(text) end

--- What `after` and `every` return. The timer fires even if the script keeps no reference to it.
--- @class websocket.Timer
local timer = {}

--- Cancels the timer: its function is not called any more, even if the timer is due already.
--- @return boolean was_set whether it would still have fired
function timer:cancel() end

--- One WebSocket connection. It stays alive until its end, even if the script keeps no reference to it. `tostring` shows
--- scheme, host and port.
--- @class websocket.Connection
local connection = {}

--- Sends a message; never blocks. A message sent before "open" waits, and goes out first.
---
--- Raises if a text message is not UTF-8.
--- @param message string
--- @param is_binary? boolean default false, which sends text
--- @param options? websocket.SendOptions
--- @return websocket.Connection? ws nil if the message was not accepted
--- @return string? text
--- @return "closed"|"buffer_full"|nil code
function connection:send(message, is_binary, options) end

--- Waits until the connection is open, as `connect` does. For connections without a callback that `new` has made.
--- @param timeout? number seconds; 0 does not wait, nil waits without end
--- @return websocket.Connection? ws nil if the connection did not open in time, or has ended
--- @return string? text
--- @return "timeout"|"closed"|websocket.ErrorCode|nil code "timeout" leaves the connection alive
function connection:opened(timeout) end

--- Returns the next message, and waits for it if there is none: in a coroutine of `spawn` or of a loop that is attached
--- it yields, elsewhere it runs the loop meanwhile. For connections without a callback.
---
--- Messages count towards `max_queue` until they are received. Raises inside a callback if it would have to wait, and
--- while another coroutine receives from the same connection.
--- @param timeout? number seconds; 0 does not wait, nil waits without end
--- @return string? message nil if none came in time, or the connection has ended and all messages were received
--- @return string? kind "text" or "binary"; without a message a text for people
--- @return "timeout"|"closed"|websocket.ErrorCode|nil code why there is no message; "timeout" leaves the connection alive
--- @return integer? close_code with "closed": the peer's close code, or ours after a violation
function connection:receive(timeout) end

--- Iterates over the messages until the end of the connection, as `receive` without a time-out; `end_info` then tells how
--- it ended: `for message, kind in ws:messages() do`. On Lua 5.1 a `for` cannot wait in a coroutine, and it raises.
--- @return fun(ws: websocket.Connection): string?, string? next_message
--- @return websocket.Connection ws
function connection:messages() end

--- Sends a Ping frame; the answer arrives as the event "pong".
--- @param payload? string at most 125 bytes; default ""
--- @return websocket.Connection? ws
--- @return string? text
--- @return "closed"|"buffer_full"|nil code
function connection:ping(payload) end

--- Starts the closing handshake after the messages that wait; before "open" it drops the connection. A second call has no
--- effect.
--- @param code? integer 1000-1003, 1007-1014 or 3000-4999; 1005 sends no code; default 1000
--- @param reason? string UTF-8, at most 123 bytes (RFC 6455 section 5.5)
--- @return websocket.Connection ws
function connection:close(code, reason) end

--- Drops the connection and the messages that wait to be sent. What has arrived is delivered, then "closed" with 1006.
--- @return websocket.Connection ws
function connection:terminate() end

--- Stops reading, so that TCP slows the peer down; what was read is still delivered. Meanwhile pings are not answered and
--- silence does not count. No effect on a connection that is closing; closing ends the pause.
--- @return websocket.Connection ws
function connection:pause() end

--- Ends the pause. No effect without one.
--- @return websocket.Connection ws
function connection:resume() end

--- Waits until the transport has taken everything that was sent: yields in a coroutine of `spawn` or of a loop that is
--- attached, and runs no callback elsewhere.
--- @param timeout? number seconds; default 10, and a negative time means 0
--- @return websocket.Connection? ws
--- @return string? text
--- @return "timeout"|"closed"|"reset"|nil code
function connection:flush(timeout) end

--- Returns the state of the connection, as far as events were dispatched; "unknown" in the child of a fork.
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

--- Returns the server's answer to the opening handshake, nil before it has arrived.
--- @return websocket.Response?
function connection:response() end

--- Returns how the connection ended, nil while it is alive.
--- @return websocket.EndInfo?
function connection:end_info() end

--- Returns the bytes of payload that were accepted and not yet given to the transport; after the end, those that never were.
--- @return integer
function connection:buffered_amount() end

--- Returns the round-trip time of the last keepalive Ping in seconds, nil before the first.
--- @return number?
function connection:latency() end

return websocket
