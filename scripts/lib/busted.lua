-- Runs busted on the Lua that runs this file: busted's own command picks the system's default Lua.
require "busted.runner" { standalone = false }
