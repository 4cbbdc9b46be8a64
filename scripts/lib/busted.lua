-- Runs busted on the Lua that runs this file. The command `busted` would take the default Lua of the system.
require "busted.runner" { standalone = false }
