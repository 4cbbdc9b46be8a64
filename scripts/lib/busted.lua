-- Runs busted on the Lua that runs this file. The command `busted` would take the default Lua of the system.
if os.getenv("BUSTED_PATH") then
   dofile("scripts/lib/borrow-busted.lua")
end
require "busted.runner" { standalone = false }
