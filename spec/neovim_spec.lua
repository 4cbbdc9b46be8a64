--- The adapter `websocket.loop.luv` in Neovim itself, whose loop also runs inside callbacks (`vim.wait`).
--- The other programs that host Lua are tried by `scripts/hosts`.

local client = require "client"
local servers = require "servers"
local shell = require "shell"

local PRELUDE = [[
   package.path, package.cpath = %q, %q
   local URL = %q
   local websocket = require "websocket"
   local function await(condition)
      if not vim.wait(30000, condition, 1) then error("it did not come in time", 0) end
   end
   local lines = {}
   local function note(...)
      local words = { ... }
      for index = 1, select("#", ...) do words[index] = tostring(words[index]) end
      lines[#lines + 1] = table.concat(words, " ")
   end
   local function main()
      require("websocket.loop.luv").attach()
      %s
   end
   local ok, problem = xpcall(main, debug.traceback)
   io.stdout:write(table.concat(lines, "\n"), ok and "" or problem)
   vim.cmd(ok and "quit!" or "cquit 3")
]]

-- Runs a script in Neovim, which then quits. Returns what it noted.
local function run(script, token)
   local source = PRELUDE:format(package.path, package.cpath, servers.url("/echo", { token = token }), script)
   local path = servers.write("neovim-" .. servers.token() .. ".lua", source)
   local output, status = shell.execute("timeout --kill-after=1 60 nvim --headless -u NONE -i NONE -c "
      .. shell.quote("luafile " .. path))
   assert.equal(0, status, output)
   return output
end

local _, missing = shell.execute("command -v nvim")

describe("In Neovim, websocket.loop.luv", function()
   local function check(name, test)
      it(name, function()
         if not rawget(_G, "jit") then
            return pending("Neovim loads the module of LuaJIT")
         elseif missing ~= 0 then
            return pending("nvim is not installed")
         end
         test()
      end)
   end

   check("delivers where the editor's API is allowed", function()
      local output = run([[
         local is_over = false
         websocket.new(URL, function(event, message, detail, ws)
            vim.api.nvim_buf_set_lines(0, 0, -1, false, { event })
            note(vim.fn.getline(1), message, detail)
            if event == "open" then ws:send("hello") end
            if event == "received" then websocket.after(0.01, function() note("timer") ws:close() end) end
            is_over = event == "closed"
         end)
         await(function() return is_over end)]])
      assert.equal("open nil nil\nreceived hello text\ntimer\nclosed  1000", output)
   end)

   check("neither raises nor loses nor reorders where a callback runs the loop again", function()
      local output = run([[
         local is_inside, is_over, turns = false, false, 0
         websocket.set_error_handler(function(problem) note("error", problem) end)
         websocket.new(URL, function(event, message, _, ws)
            if is_inside then note("inside of another") end
            is_inside = true
            if event == "open" then
               for number = 1, 10 do ws:send(tostring(number)) end
            elseif event == "received" then
               note(message)
               local has_turned = false
               vim.schedule(function() has_turned = true end)
               await(function() return has_turned end)
               vim.wait(5, function() return false end, 1)
               turns = turns + 1
               if message == "5" then is_inside = false error("five", 0) end
               if message == "10" then ws:close() end
            end
            is_over = event == "closed"
            is_inside = false
         end)
         await(function() return is_over end)
         note(turns)]])
      assert.equal("1\n2\n3\n4\n5\nerror five\n6\n7\n8\n9\n10\n10", output)
   end)

   check("runs functions that wait, while the editor goes on", function()
      local output = run([[
         local is_over, goes_on = false, false
         websocket.spawn(function()
            local ws = assert(websocket.connect(URL))
            assert(select(3, ws:receive(0.01)) == "timeout")
            vim.schedule(function() goes_on = true ws:send("from the editor") end)
            note(ws:receive())
            note(goes_on)
            ws:close()
            is_over = true
         end)
         await(function() return is_over end)]])
      assert.equal("from the editor text\ntrue", output)
   end)

   check("closes the connections when a callback quits the editor, and lets other plugins leave", function()
      local token = servers.token()
      local output = run([[
         vim.api.nvim_create_autocmd("VimLeavePre", { callback = function() io.stdout:write("left") end })
         websocket.new(URL, function(event)
            if event == "open" then vim.cmd("quit!") end
         end)
         vim.wait(30000, function() return false end)]], token)
      assert.equal("left", output)
      assert.equal(1001, tonumber(client.report(token, "close").close))
   end)

   check("closes the connections when the editor quits", function()
      local token = servers.token()
      run([[
         local is_open = false
         websocket.new(URL, function(event) is_open = event == "open" end)
         await(function() return is_open end)]], token)
      assert.equal(1001, tonumber(client.report(token, "close").close))
   end)
end)
