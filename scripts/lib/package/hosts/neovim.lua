-- Runs inside of Neovim with nothing but the plugin. Talks to the echo server at g:url in the editor's loop, looks for
-- the help, and quits; the status is 1 if something fails.

local function check(condition, text)
   if not condition then
      io.stderr:write(text, "\n")
      vim.cmd("cquit 1")
   end
end

local function run()
   check(package.loaded.websocket == nil, "the plugin was loaded before anybody required it")
   vim.cmd("help websocket-native")
   check(vim.fn.expand("%:t") == "websocket.txt", "the help was not found")

   local websocket = require "websocket"
   require("websocket.loop.luv").attach()
   local answer
   local ws = websocket.new(vim.g.url, function(event, message, _, ws)
      if event == "received" then
         answer = message
         ws:close()
      end
   end)
   ws:send("hello from Neovim")
   check(vim.wait(30000, function() return answer and ws:status() == "closed" end, 5), "no answer in 30 seconds")
   print("answer: " .. answer)
   vim.cmd("qall!")
end

local ok, problem = pcall(run)
check(ok, tostring(problem))
