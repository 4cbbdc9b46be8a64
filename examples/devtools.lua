-- Drives Chromium by its DevTools protocol: loads a page, waits until it is loaded, evaluates an expression, and takes
-- a screenshot.
--
--   scripts/example devtools
--   lua examples/devtools.lua [WHERE [PAGE [FILE]]]
--
-- WHERE is the folder of Chromium's profile, or the URL that Chromium prints; by default ./chromium-profile, after
--
--   chromium --headless --remote-debugging-port=0 --user-data-dir=./chromium-profile
--
-- PAGE is the URL of a page, and FILE gets the screenshot; by default screenshot.png.
-- The protocol: https://chromedevtools.github.io/devtools-protocol/

package.path = (arg[0]:match("^.*/") or "./") .. "?.lua;" .. package.path -- json and base64 are beside this file

local base64 = require "base64"
local json = require "json"
local websocket = require "websocket"

local where = arg[1] or "./chromium-profile"
local page = arg[2] or "data:text/html,<title>A page</title><h1>Hello!</h1>"
local path = arg[3] or "screenshot.png"
local PATIENCE = 30 -- seconds to wait for each answer and event

-- Chromium writes the port that it has chosen, and the path of its WebSocket, into this file of its profile.
local function url_of(profile)
   local file = assert(io.open(profile .. "/DevToolsActivePort"))
   local port, rest = file:read("*l", "*l")
   file:close()
   return ("ws://127.0.0.1:%s%s"):format(port, rest)
end

-- The screenshot of a large page takes more than the 16 MiB that a message may have by default.
local ws = assert(websocket.connect(where:match("^ws://") and where or url_of(where), {
   max_message_size = 256 * 1024 * 1024,
   max_queue = 256 * 1024 * 1024,
}))

local last_id, session, events = 0, nil, {}

-- Returns the next message: the answer to a request has its id, an event has none.
local function next_message()
   local message = assert(json.decode((assert(ws:receive(PATIENCE)))))
   if message.method then
      events[#events + 1] = message
   end
   return message
end

-- Calls a method and returns its result. Events that come before the answer are kept for `wait_for`.
local function call(method, params)
   last_id = last_id + 1
   assert(ws:send(json.encode { id = last_id, method = method, params = params or {}, sessionId = session }))
   while true do
      local message = next_message()
      if message.id == last_id then
         if message.error then
            error(("%s: %s (%d)"):format(method, message.error.message, message.error.code), 2)
         end
         return message.result
      end
   end
end

-- Waits for the event of this name, drops those before it, and returns its parameters.
local function wait_for(name)
   while true do
      while events[1] do
         local event = table.remove(events, 1)
         if event.method == name then
            return event.params
         end
      end
      next_message()
   end
end

print("connected", call("Browser.getVersion").product)

-- Opens a tab, and a session that carries what follows to that tab.
local target = call("Target.createTarget", { url = "about:blank" }).targetId
session = call("Target.attachToTarget", { targetId = target, flatten = true }).sessionId

call("Page.enable")
local navigation = call("Page.navigate", { url = page })
if navigation.errorText then
   error(("%s: %s"):format(page, navigation.errorText), 0)
end
wait_for("Page.loadEventFired")
print("loaded", call("Runtime.evaluate", { expression = "document.title" }).result.value)

local sum = call("Runtime.evaluate", { expression = "Promise.resolve(6 * 7)", awaitPromise = true }).result
print("evaluated", sum.type, sum.value)

-- Of the whole page, not only of what the window shows.
local size = call("Page.getLayoutMetrics").cssContentSize
local screenshot = call("Page.captureScreenshot", {
   format = "png",
   captureBeyondViewport = true,
   clip = { x = 0, y = 0, width = size.width, height = size.height, scale = 1 },
})
local file = assert(io.open(path, "wb"))
local image = assert(base64.decode(screenshot.data))
file:write(image)
file:close()
print("screenshot", path, #image .. " bytes")

session = nil
call("Target.closeTarget", { targetId = target })
ws:close()
