-- Checks the rules of the house: which room may name what, which way imports point, sizes and names of files.
-- Run in the project's folder; prints every breach and exits 1 where there is one. ARCHITECTURE.md says why.

-- Imports point down, to a lower level or to the same file's room; the two rooms of level 2 do not know each other.
local levels = {
   error = 0, event = 0, close = 0, extension = 0, options = 0, url = 0, sync = 0,
   queue = 1, runtime = 1, process = 1,
   transport = 2, protocol = 2,
   connection = 3,
   lua = 4,
   lib = 5,
}

-- A word, and the only places under src/ that may have it. Tests, in a file's last part, may name anything.
local reserved = {
   { word = "mlua", places = { "^src/lua/", "^src/lua%.rs$", "^src/lib%.rs$" } },
   { word = "tungstenite", places = { "^src/transport/handshake%.rs$" } },
   { word = "tokio_tungstenite", places = { "^src/transport/handshake%.rs$" } },
   { word = "rustls", places = { "^src/transport/tls%.rs$" } },
   { word = "tokio_rustls", places = { "^src/transport/tls%.rs$" } },
   { word = "zlib_rs", places = { "^src/protocol/deflate%.rs$", "^src/protocol/inflate%.rs$" } },
   { word = "unsafe", places = { "^src/process%.rs$", "^src/lua/entry%.rs$", "^src/lua/bare%.rs$", "^src/lua/begin%.rs$" } },
   { word = "unsafe_code", places = { "^src/process%.rs$", "^src/lua/entry%.rs$", "^src/lua/bare%.rs$", "^src/lua/begin%.rs$" } },
}

local longest_file = 400
local vague_names = { util = true, utils = true, helper = true, helpers = true, manager = true }

local breaches = 0
local function breach(path, text, ...)
   breaches = breaches + 1
   io.stderr:write(path, ": ", text:format(...), "\n")
end

local function read(path)
   local file = assert(io.open(path))
   local text = file:read("*a")
   file:close()
   return text
end

local function files_under(folders)
   local paths = {}
   local listing = io.popen("find " .. folders .. " -type f -not -path '*/node_modules/*' 2>/dev/null")
   for path in listing:lines() do
      paths[#paths + 1] = path
   end
   listing:close()
   table.sort(paths)
   return paths
end

-- The code without texts, comments and the tests at its end.
local function bare_code(text)
   local code = ("\n" .. text):gsub("\n#%[cfg%(test%)%]\nmod [%w_]+ {.*$", "\n")
   return (code:gsub('"[^"\n]*"', '""'):gsub("//[^\n]*", ""))
end

local function room_of(path)
   return path:match("^src/([%w_]+)")
end

-- The rooms named in a path's first place: `crate::error::Error`, `crate::{error::Error, event}`.
local function imported_rooms(code)
   local rooms = {}
   for name in code:gmatch("crate::([%l_][%w_]*)") do
      rooms[name] = true
   end
   for group in code:gmatch("crate::(%b{})") do
      local names = group:sub(2, -2):gsub("%b{}", "")
      for item in names:gmatch("[^,]+") do
         local name = item:match("^%s*([%l_][%w_]*)")
         if name then
            rooms[name] = true
         end
      end
   end
   return rooms
end

local function check_imports(path, code)
   local room = room_of(path)
   local level = levels[room]
   if not level then
      return breach(path, "room %q has no level in scripts/house-rules.lua", room)
   end
   for name in pairs(imported_rooms(code)) do
      local other = levels[name]
      if other and name ~= room and (other > level or other == level and level >= 2) then
         breach(path, "%s may not import %s", room, name)
      end
   end
end

local function check_reserved(path, code)
   for _, rule in ipairs(reserved) do
      local allowed = false
      for _, place in ipairs(rule.places) do
         allowed = allowed or path:find(place)
      end
      if not allowed and code:find("%f[%w_]" .. rule.word .. "%f[^%w_]") then
         breach(path, "%s is named here; its place is %s", rule.word, (rule.places[1]:gsub("[%^%$%%]", "")))
      end
   end
   if path:find("^src/protocol/") and code:find("%f[%w_]tokio%f[^%w_]") then
      breach(path, "tokio is named here; src/protocol does no I/O")
   end
   if code:find(".unwrap()", 1, true) then
      breach(path, "unwrap outside tests")
   end
end

for _, path in ipairs(files_under("src")) do
   if path:find("%.rs$") and not path:find("tests") then
      local code = bare_code(read(path))
      check_imports(path, code)
      check_reserved(path, code)
   end
end

-- A shape stands on the engine's public calls: anyone could write one.
local function check_shape(path)
   local text = read(path)
   local room = path:match("^lua/websocket/([%w_]+)")
   local code = ("\n" .. text):gsub("%-%-[^\n]*", "")
   for what in code:gmatch("%f[%w_]require%f[^%w_]%s*%(?%s*([^\n]*)") do
      local name = what:match('^"([%w_.]+)"')
      local other = name and (name .. "."):match("^websocket%.([%w_]+)%.")
      if name ~= "websocket" and other ~= "shape" and other ~= room then
         breach(path, "a shape may require websocket, websocket.shape.* and its own rooms, not %s", name or what)
      end
   end
   for _, door in ipairs({ "_host", "websocket.core", "package.loaded", "getregistry" }) do
      if text:find(door, 1, true) then
         breach(path, "%s is named here; a shape uses the public calls of websocket alone", door)
      end
   end
end

for _, path in ipairs(files_under("lua/websocket")) do
   if path:find("%.lua$") and path ~= "lua/websocket/init.lua" and path ~= "lua/websocket/types.lua" then
      check_shape(path)
   end
end

for _, path in ipairs(files_under("src lua tests spec examples scripts rockspec benches fuzz")) do
   if path:find("%.rs$") or path:find("%.lua$") or path:find("%.py$") or path:find("%.js$") then
      local _, lines = read(path):gsub("\n", "")
      if lines > longest_file then
         breach(path, "%d lines, limit %d: part it", lines, longest_file)
      end
   end
   if vague_names[path:match("([^/]+)/[^/]*$")] or vague_names[path:match("([^/]+)%.%w+$")] then
      breach(path, "the name says nothing of what is in it")
   end
end

os.exit(breaches == 0 and 0 or 1)
