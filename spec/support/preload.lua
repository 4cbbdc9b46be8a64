--- Loads the module under test once for the whole run of busted, which else would forget and load it anew for each
-- spec file: a script loads it once, too, and the connections of one spec file must not outlive the module's table.

require "websocket"
