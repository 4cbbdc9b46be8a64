-- A program of GLib (lgi), for scripts/hosts.

local GLib = require("lgi").GLib
local conversation = dofile("scripts/lib/hosts/conversation.lua")

GLib.timeout_add(GLib.PRIORITY_DEFAULT, 5, conversation.tick)

conversation.hold_beside("examples/hosts/glib.lua")
