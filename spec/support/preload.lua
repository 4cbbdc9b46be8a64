--- Loads the module under test once for the whole run of busted. A script loads it once, too; and busted would unload
--- it after each spec file, so that the connections of one file would outlive the table of the module.

require "websocket"
