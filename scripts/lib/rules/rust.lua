-- The rules for the Rust files of the module, some of them also for those of the command-line client.
-- Comes in: a tree, paths to texts. Goes out: breaches, `{path, text}`. ARCHITECTURE.md gives the reasons.

local circles = require "circles"
local graph = require "rust_graph"
local source = require "rust_source"

local M = {}

-- Imports point down: to a lower level, or to the same top-level module. The modules of one level from 2 on do not know
-- each other.
local levels = {
   batch = 0, buffers = 0, close = 0, error = 0, event = 0, extension = 0, header = 0, options = 0, quote = 0,
   response = 0, sync = 0, url = 0,
   log = 1, mailbox = 1, process = 1, queue = 1, readiness = 1, runtime = 1,
   protocol = 2, timers = 2, transport = 2,
   connection = 3,
   lua = 4,
   lib = 5,
}

local unsafe_places = {
   "^src/process/", "^src/lua/entry%.rs$", "^src/lua/bare%.rs$", "^src/lua/handle%.rs$", "^src/lua/send%.rs$",
   "^src/lua/dispatch%.rs$", "^src/lua/calls%.rs$", "^src/lua/poll%.rs$", "^src/lua/nested%.rs$",
   "^src/lua/push%.rs$", "^src/lua/receive%.rs$", "^src/lua/exports%.rs$",
}

-- A word, and the only places that may have it.
local reserved = {
   { word = "mlua", places = { "^src/lua/", "^src/lib%.rs$" } },
   { word = "tungstenite", places = { "^src/transport/handshake%.rs$" } },
   { word = "tokio_tungstenite", places = { "^src/transport/handshake%.rs$" } },
   { word = "rustls", places = { "^src/transport/tls/" } },
   { word = "tokio_rustls", places = { "^src/transport/tls/" } },
   { word = "tokio_socks", places = { "^src/transport/proxy/socks%.rs$" } },
   { word = "zlib_rs", places = { "^src/protocol/deflate%.rs$", "^src/protocol/inflate%.rs$" } },
   { word = "unsafe", places = unsafe_places },
   { word = "unsafe_code", places = unsafe_places },
}

local function is_source(path)
   return path:find("^src/.*%.rs$") ~= nil and not path:find("tests")
end

local function top_module(path)
   return path:match("^src/([%w_]+)")
end

local function sources(tree)
   local files = {}
   for path, text in pairs(tree) do
      files[path] = is_source(path) and text or nil
   end
   return files
end

-- The files of the command-line client, which is a crate of its own, by the paths that they have in it.
local function client_sources(tree)
   local files = {}
   for path, text in pairs(tree) do
      local inner = path:match("^cli/(.*)$")
      if inner and is_source(inner) then
         files[inner] = text
      end
   end
   return files
end

-- Calls `check` with the path, the bare code and a function that adds a breach, for each of these files.
local function each_of(files, prefix, check, breaches)
   for _, path in ipairs(circles.sorted_keys(files)) do
      check(path, source.bare(files[path]), function(text, ...)
         breaches[#breaches + 1] = { path = prefix .. path, text = text:format(...) }
      end)
   end
   return breaches
end

-- The same for each Rust file under src/.
local function each_file(tree, check)
   return each_of(sources(tree), "", check, {})
end

-- The same for each Rust file under src/ and cli/src/.
local function each_file_of_both(tree, check)
   return each_of(client_sources(tree), "cli/", check, each_file(tree, check))
end

--- Imports point down the levels.
function M.levels(tree)
   local edges = graph.edges(sources(tree))
   return each_file(tree, function(path, _, breach)
      local from = top_module(path)
      if not levels[from] then
         return breach("the module %q has no level in scripts/lib/rules/rust.lua", from)
      end
      for _, target in ipairs(circles.sorted_keys(edges[path])) do
         local to = top_module(target)
         local up = levels[to] and (levels[to] > levels[from] or levels[to] == levels[from] and levels[to] >= 2)
         if up and to ~= from then
            breach("%s may not import %s", from, to)
         end
      end
   end)
end

--- No two files take from each other, directly or by others; inside a top-level module, too.
function M.circles(tree)
   local breaches = circles.breaches(graph.edges(sources(tree)))
   for _, breach in ipairs(circles.breaches(graph.edges(client_sources(tree)))) do
      breaches[#breaches + 1] = { path = "cli/" .. breach.path, text = breach.text }
   end
   return breaches
end

--- Each library that few files may know, and `unsafe`, stays in its places.
function M.reserved(tree)
   return each_file(tree, function(path, code, breach)
      for _, rule in ipairs(reserved) do
         local allowed = false
         for _, place in ipairs(rule.places) do
            allowed = allowed or path:find(place) ~= nil
         end
         if not allowed and code:find("%f[%w_]" .. rule.word .. "%f[^%w_]") then
            breach("%s is named here; its place is %s", rule.word, (rule.places[1]:gsub("[%^%$%%]", "")))
         end
      end
      if path:find("^src/protocol/") and code:find("%f[%w_]tokio%f[^%w_]") then
         breach("tokio is named here; src/protocol does no I/O")
      end
   end)
end

--- A driven failure is handled: no `unwrap` outside tests.
function M.unwrap(tree)
   return each_file_of_both(tree, function(_, code, breach)
      if code:find(".unwrap()", 1, true) then
         breach("unwrap outside tests")
      end
   end)
end

--- A caller reads what an argument means: no parameter is a `bool` or `&mut bool`; two functions or an enum say it.
function M.boolean_parameters(tree)
   return each_file_of_both(tree, function(_, code, breach)
      for _, parameter in ipairs(source.boolean_parameters(code)) do
         breach("boolean parameter: %s", parameter)
      end
   end)
end

return M
