--- lua/websocket/types.lua, which language servers and docs/api.md are made from, and the running module have the same
--- public names.

local client = require "client"
local declared = require "declared"
local sample = require "sample"
local servers = require "servers"
local shell = require "shell"
local websocket = require "websocket"

local model = declared.whole()

-- A small file of annotations, for tests of the comparison itself.
local SMALL = [[
--- A module.
--- @class small
local small = {}

--- The version.
--- @type string
small._VERSION = ""

--- Runs.
--- @param fn fun(level: "a"|"b", ...)
--- @param count? integer how often
--- @return integer n runs
function small.run(fn, count) end

--- A record.
--- @class small.Record
--- @field name string its name
--- @field code? integer
]]

local function methods_of(object)
   return debug.getmetatable(object).__index
end

-- Connects, ends, and returns the recorder.
local function ended(url, options)
   local recorder = client.connect(url, options)
   client.drain(recorder)
   return recorder
end

describe("lua/websocket/types.lua", function()
   after_each(client.finish)

   it("declares the functions of the module and no others", function()
      assert.same({}, declared.compare_names("websocket", declared.names_of(model, "websocket"), websocket))
   end)

   it("declares the methods of connections and timers and no others", function()
      local recorder = client.connect(servers.url("/echo"))
      local timer = websocket.after(0, function() end)
      for owner, object in pairs({ connection = recorder.ws, timer = timer }) do
         assert.same({}, declared.compare_names(owner, declared.names_of(model, owner), methods_of(object)))
      end
      recorder.ws:close()
      client.drain(recorder)
   end)

   it("declares the fields of a URL", function()
      assert.same({}, declared.compare_record(model, "websocket.Url", websocket.parse_url("ws://a:b@c:1/d?e#f")))
      assert.same({}, declared.compare_record(model, "websocket.Url", websocket.parse_url("wss://c")))
   end)

   it("declares the fields of an answer and of an end, after a close and after failures", function()
      for _, url in ipairs({
         servers.url("/close", { code = 1000 }), servers.url("/status", { code = 403 }),
         servers.url("/", nil, "refused"),
      }) do
         local ws = ended(url).ws
         assert.same({}, declared.compare_record(model, "websocket.EndInfo", ws:end_info()), url)
         if ws:response() then
            assert.same({}, declared.compare_record(model, "websocket.Response", ws:response()))
         end
      end
   end)

   it("declares the fields that reconnecting tells", function()
      local detail
      local recorder = client.connect(servers.url("/", nil, "refused"), { reconnect = true }, function(recorder, event)
         if event == "reconnecting" then
            detail = recorder.events[#recorder.events][3]
            recorder.ws:close()
         end
      end)
      client.drain(recorder)
      assert.same({}, declared.compare_record(model, "websocket.Reconnecting", detail))
   end)

   it("annotates each parameter under its name, and each function with a text", function()
      assert.same({}, declared.compare_parameters(model))
   end)

   it("names classes and aliases that exist", function()
      local known = { websocket = true }
      for _, kind in ipairs({ "classes", "aliases" }) do
         for _, each in ipairs(model[kind]) do
            known[each.name] = true
         end
      end
      for _, path in ipairs({ "lua/websocket/types.lua", "lua/websocket/types/records.lua" }) do
         for name in sample.read(path):gmatch("%f[%w]websocket%.[A-Z]%l%w*") do
            assert.is_true(known[name], name)
         end
      end
   end)
end)

describe("The other modules", function()
   -- A module that is made for one program is loaded where that program is there.
   for path in shell.execute("ls lua/websocket/*.lua lua/websocket/loop/*.lua 2>/dev/null"):gmatch("[^\n]+") do
      local name = path:gsub("^lua/", ""):gsub("%.lua$", ""):gsub("/", ".")
      local ok, found = pcall(require, name)
      if ok and type(found) == "table" and name ~= "websocket.init" and name ~= "websocket.types" then
         it(("annotate each public name: %s"):format(name), function()
            assert.same({}, declared.unannotated(sample.read(path), found))
         end)
      end
   end
end)

describe("The comparison", function()
   local small = declared.model(SMALL)

   it("finds nothing where both are the same", function()
      local names = declared.names_of(small, "small")
      assert.same({}, declared.compare_names("small", names, { run = print, _VERSION = "1", _host = {} }))
      assert.same({}, declared.compare_record(small, "small.Record", { name = "a" }))
      assert.same({}, declared.compare_record(small, "small.Record", { name = "a", code = 1 }))
      assert.same({}, declared.compare_parameters(small))
      assert.same({}, declared.unannotated(SMALL, { run = print, name = "a" }))
   end)

   it("finds a name that one side alone has", function()
      assert.same({ "small has no _VERSION, which is declared", "small has stop, which is not declared" },
         declared.compare_names("small", declared.names_of(small, "small"), { run = print, stop = print }))
      assert.same({ "a small.Record has no name, which is declared", "a small.Record has size, which is not declared" },
         declared.compare_record(small, "small.Record", { size = 1 }))
      assert.same({ "stop is not annotated" }, declared.unannotated(SMALL, { run = print, stop = print }))
   end)

   it("finds a field of another type", function()
      assert.same({ "name of a small.Record is a number, declared as string" },
         declared.compare_record(small, "small.Record", { name = 1 }))
   end)

   it("finds a parameter of another name, and a function without a text", function()
      assert.same({ "small.run(fn, times) is annotated with (fn, count)" },
         declared.compare_parameters(declared.model((SMALL:gsub("%(fn, count%)", "(fn, times)")))))
      assert.same({ "small.run has no text" },
         declared.compare_parameters(declared.model((SMALL:gsub("%-%-%- Runs%.\n", "")))))
   end)

   it("refuses an annotation that it does not understand", function()
      assert.has_error(function() declared.model("--- @parm count integer\nfunction small.run(count) end\n") end,
         "an unknown tag: @parm")
   end)
end)
