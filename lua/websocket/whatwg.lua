-- What `require "websocket.whatwg"` returns: the classes of the WHATWG WebSockets standard.
-- Comes in: nothing. Goes out: the classes. Knows nothing of the protocol. docs/shapes/whatwg.md says what is ours.

local abort = require "websocket.whatwg.abort"
local buffer = require "websocket.whatwg.buffer"
local event = require "websocket.whatwg.event"
local socket = require "websocket.whatwg.socket"
local target = require "websocket.whatwg.target"

--- Calling a class makes an object of it, and `is(x)` of a class tells whether x is one of its objects.
--- @class websocket.whatwg
local M = {}

--- @class websocket.whatwg.WebSocketClass
--- @overload fun(url: string, protocols?: string|string[], options?: websocket.Options): websocket.whatwg.WebSocket
--- @field CONNECTING 0
--- @field OPEN 1
--- @field CLOSING 2
--- @field CLOSED 3
--- @field is fun(value: any): boolean
M.WebSocket = socket.WebSocket.public

--- @class websocket.whatwg.EventTargetClass
--- @overload fun(): websocket.whatwg.EventTarget
--- @field is fun(value: any): boolean
M.EventTarget = target.EventTarget.public

--- @class websocket.whatwg.EventClass
--- @overload fun(type: string, init?: { bubbles?: boolean, cancelable?: boolean }): websocket.whatwg.Event
--- @field is fun(value: any): boolean
M.Event = event.Event.public

--- @class websocket.whatwg.MessageEventInit
--- @field data? any
--- @field origin? string default ""
--- @field lastEventId? string default ""

--- @class websocket.whatwg.MessageEventClass
--- @overload fun(type: string, init?: websocket.whatwg.MessageEventInit): websocket.whatwg.MessageEvent
--- @field is fun(value: any): boolean
M.MessageEvent = event.MessageEvent.public

--- @class websocket.whatwg.CloseEventInit
--- @field wasClean? boolean default false
--- @field code? integer default 0
--- @field reason? string default ""

--- @class websocket.whatwg.CloseEventClass
--- @overload fun(type: string, init?: websocket.whatwg.CloseEventInit): websocket.whatwg.CloseEvent
--- @field is fun(value: any): boolean
M.CloseEvent = event.CloseEvent.public

--- @class websocket.whatwg.BlobClass
--- @overload fun(parts?: any[], options?: { type?: string }): websocket.whatwg.Blob
--- @field is fun(value: any): boolean
M.Blob = buffer.Blob.public

--- @class websocket.whatwg.ArrayBufferClass
--- @overload fun(source: string|integer[]): websocket.whatwg.ArrayBuffer
--- @field is fun(value: any): boolean
M.ArrayBuffer = buffer.ArrayBuffer.public

--- @class websocket.whatwg.AbortControllerClass
--- @overload fun(): websocket.whatwg.AbortController
--- @field is fun(value: any): boolean
M.AbortController = abort.AbortController.public

--- @class websocket.whatwg.AbortSignalClass
--- @field abort fun(reason: any): websocket.whatwg.AbortSignal a signal that is aborted already
--- @field is fun(value: any): boolean
M.AbortSignal = abort.AbortSignal.public

return M
