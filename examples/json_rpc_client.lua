-- A client for JSON-RPC 2.0 (https://www.jsonrpc.org/specification) on a connection of `websocket.connect`.
--
-- Many functions of `websocket.spawn` may call at once: one coroutine receives, and resumes each with its answer.
-- Comes in: a connection without a callback, and functions for the notifications of the server. Goes out: the results.

local json = require "json"
local websocket = require "websocket"

local Client = {}
Client.__index = Client

--- Seconds that a call waits for its answer unless it says otherwise.
local PATIENCE = 10

-- Lets a call go on in the next poll, so that its errors are its own and not those of the coroutine that receives.
local function finish(client, call, problem, code)
   if call.is_over then
      return
   end
   call.is_over = true
   call.timer:cancel()
   for _, id in ipairs(call.ids) do
      client.calls[id] = nil
   end
   websocket.defer(function()
      local ok, raised = coroutine.resume(call.thread, not problem and call.answers or nil, problem, code)
      if not ok then
         error(debug.traceback(call.thread, raised), 0)
      end
   end)
end

-- Handles a message of the server: an answer, a notification, or a list of these.
local function handle(client, message)
   if type(message) ~= "table" then
      return
   elseif message[1] then
      for _, each in ipairs(message) do
         handle(client, each)
      end
   elseif message.method then
      local method = client.methods[message.method]
      if method then
         websocket.call(method, message.params)
      end
   elseif client.calls[message.id] then
      local call = client.calls[message.id]
      client.calls[message.id] = nil
      call.answers[message.id] = message
      call.missing = call.missing - 1
      if call.missing == 0 then
         finish(client, call)
      end
   end
end

local function receive(client)
   local text, problem, code = client.ws:receive()
   while text do
      handle(client, json.decode(text)) -- what is no JSON answers no call
      text, problem, code = client.ws:receive()
   end
   local calls = client.calls
   client.calls = {}
   for _, call in pairs(calls) do
      finish(client, call, problem, code)
   end
end

-- Sends requests and yields until all are answered. Returns the answers in order, or nil, a text and a code.
local function perform(client, requests, timeout)
   local thread, is_main = coroutine.running()
   if not thread or is_main then
      error("call this in a function that websocket.spawn has started", 3)
   end
   local call = { thread = thread, ids = {}, answers = {}, missing = #requests }
   for index, request in ipairs(requests) do
      client.last_id = client.last_id + 1
      request.jsonrpc, request.id, call.ids[index] = "2.0", client.last_id, client.last_id
   end
   local sent, problem, code = client.ws:send(json.encode(#requests == 1 and requests[1] or requests))
   if not sent then
      return nil, problem, code
   end
   for _, id in ipairs(call.ids) do
      client.calls[id] = call
   end
   timeout = timeout or PATIENCE
   call.timer = websocket.after(timeout, function()
      finish(client, call, ("no answer within %g s"):format(timeout), "timeout")
   end)
   local by_id
   by_id, problem, code = coroutine.yield()
   local answers = {}
   for index, id in ipairs(by_id and call.ids or {}) do
      answers[index] = by_id[id]
   end
   return by_id and answers, problem, code
end

--- Calls a method and returns its result. Where there is none, it returns nil, a text and a code: the number of a
--- JSON-RPC error, or "timeout", "closed" or another code of the connection.
--- @param method string
--- @param params? table a list or an object
--- @param timeout? number seconds, default 10
--- @return any result
--- @return string? problem
--- @return integer|string? code
function Client:call(method, params, timeout)
   local answers, problem, code = perform(self, { { method = method, params = params } }, timeout)
   if not answers then
      return nil, problem, code
   elseif answers[1].error then
      return nil, answers[1].error.message, answers[1].error.code
   end
   return answers[1].result
end

--- Calls several methods by one message, and returns the answers in the order of the calls: tables with `result`, or
--- with `error`, which has `code` and `message`.
--- @param requests { method: string, params?: table }[] at least one
--- @param timeout? number seconds for all of them, default 10
--- @return { result?: any, error?: table }[]? answers
--- @return string? problem
--- @return string? code
function Client:batch(requests, timeout)
   local answers, problem, code = perform(self, requests, timeout)
   return answers, problem, code
end

--- Sends a notification, which has no answer.
--- @param method string
--- @param params? table a list or an object
--- @return table? ws
--- @return string? problem
--- @return string? code
function Client:notify(method, params)
   return self.ws:send(json.encode { jsonrpc = "2.0", method = method, params = params })
end

local M = {}

--- Makes the client of a connection, from which nothing else may receive.
--- @param ws table
--- @param methods? table<string, fun(params?: table)> what to do with the server's notifications, by method
function M.new(ws, methods)
   local client = setmetatable({ ws = ws, methods = methods or {}, calls = {}, last_id = 0 }, Client)
   websocket.spawn(receive, client)
   return client
end

return M
