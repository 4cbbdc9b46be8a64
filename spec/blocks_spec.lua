--- The runner of the documents' blocks finds the blocks that do not do what their page says, and those that do.

local child = require "child"
local sample = require "sample"
local servers = require "servers"
local shell = require "shell"

local quote = shell.quote

-- Runs the blocks of a page, and returns what the runner printed and its exit status.
local function run(page)
   local path = servers.write("page-" .. servers.token(), (page:gsub("~~~", "```")))
   local ports = servers.ports()
   local output, status = shell.execute(("python3 scripts/lib/blocks/run.py --lua %s --ws %d --wss %d %s"):format(
      quote(child.interpreter()), ports.ws, ports.wss, quote(path)))
   return output, status
end

-- What a page must hold for the runner to complain, by what it says.
local faulty = {
   ["names no language"] = "~~~\nprint(1)\n~~~\n",
   ["an indented block"] = "Text.\n\n    print(1)\n",
   ["ends with status 1"] = '~~~lua\nerror("no")\n~~~\n',
   ["prints nothing"] = "~~~lua\nlocal one = 1\n~~~\n",
   ["did not hold its conversation"] = '~~~lua\nprint("fail", "no server")\n~~~\n',
   ["the page shows"] = "~~~lua\nprint(1)\n~~~\n\n<!-- block: printed -->\n~~~text\n2\n~~~\n",
   ["nothing runs a block of cobol"] = "~~~cobol\nSTOP RUN\n~~~\n",
   ["ends with status 3"] = "~~~sh\nexit 3\n~~~\n",
   ["no imitation of emacs"] = "<!-- block: in emacs -->\n~~~lua\nprint(1)\n~~~\n",
}

-- Pages of which each block does what it should.
local right = {
   ["a script that talks to the echo server"] = [[
~~~lua
require("websocket").new("ws://127.0.0.1:8765/", function(event, message, _, ws)
   print(event, message)
   if event == "open" then
      ws:send("hello")
   elseif event == "received" then
      ws:close()
   end
end)
require("websocket").run()
~~~

<!-- block: printed -->
~~~text
open     nil
received hello
closed
~~~
]],
   ["a script that goes on"] = [[
~~~lua
local one = 1
print(one)
~~~

<!-- block: continues -->
~~~lua
print(one + 1)
~~~

<!-- block: printed -->
~~~text
1
2
~~~
]],
   ["a block of the shell inside of a list"] = "1. Run this:\n\n   ~~~sh\n   echo one\n   ~~~\n",
   ["a server of the page"] = [[
<!-- block: server -->
~~~python
import socket
server = socket.create_server(("127.0.0.1", 8767))
print("listening")
while True:
   server.accept()[0].close()
~~~

~~~lua
require("websocket").new("ws://127.0.0.1:8767/", function(event, _, code) print("ended", event, code) end)
require("websocket").run()
~~~
]],
}

describe("The runner of the documents' blocks", function()
   for text, page in pairs(faulty) do
      it(("finds: %s"):format(text), function()
         local output, status = run(page)
         assert.equal(1, status, output)
         assert.truthy(output:find(text, 1, true), output)
      end)
   end

   for name, page in pairs(right) do
      it(("runs %s"):format(name), function()
         local output, status = run(page)
         assert.equal(0, status, output)
         assert.truthy(output:find(" 0 faults", 1, true), output)
      end)
   end

   it("knows a reason for each block that does not run", function()
      for line in sample.read("scripts/lib/blocks/not-run.txt"):gmatch("[^\n]+") do
         assert.matches("^#", line:match(" (# %S.*)$") or line)
      end
   end)
end)
