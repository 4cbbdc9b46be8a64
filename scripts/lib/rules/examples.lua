-- For each rule small trees that break it and trees that keep it, so that a rule that finds nothing is noticed.

local M = {}

local mutual = {
   ["src/queue.rs"] = "use crate::process::{\n    fork, signals::Mask as Signals,\n};\n",
   ["src/process.rs"] = "mod signals;\npub use self::signals::Mask;\npub fn fork() {}\n",
   ["src/process/signals.rs"] = "pub struct Mask;\nfn f() -> crate::queue::Queue {}\n",
}

-- A tree with a spec, and a page of which every row names its test, but for one row.
local function faults(number, cell)
   local rows = { "" }
   for each = 1, 76 do
      rows[#rows + 1] = ("| %d | a | b | %s |"):format(each, each == number and cell or '`spec/a_spec.lua` "one"')
   end
   return {
      ["docs/reliability.md"] = table.concat(rows, "\n") .. "\n",
      ["spec/a_spec.lua"] = 'it("one", f)\nit("two " .. kind .. " (2)", f)\n',
      ["tests/a.rs"] = "fn one() {}\n",
   }
end

--- By rule: what must be found, and what must not be.
local examples = {
   ["rust.levels"] = {
      broken = {
         { ["src/queue.rs"] = "use crate::lua::Host;\n", ["src/lua/mod.rs"] = "pub struct Host;\n" },
         { ["src/error.rs"] = "fn f() { crate::queue::push() }\n", ["src/queue.rs"] = "pub fn push() {}\n" },
         { ["src/protocol/mod.rs"] = "use crate::transport::dial;\n", ["src/transport/mod.rs"] = "pub fn dial() {}\n" },
         { ["src/error.rs"] = "pub use crate::queue::Queue;\n", ["src/queue.rs"] = "pub struct Queue;\n" },
         { ["src/unknown.rs"] = "" },
      },
      kept = {
         { ["src/lua/mod.rs"] = "use crate::queue::Queue;\n", ["src/queue.rs"] = "pub struct Queue;\n" },
         { ["src/error.rs"] = "// crate::queue::Queue\n", ["src/queue.rs"] = "pub struct Queue;\n" },
         {
            ["src/error.rs"] = "pub fn f() {}\n#[cfg(test)]\nmod tests {\n    use crate::queue::Queue;\n}\n",
            ["src/queue.rs"] = "pub struct Queue;\n",
         },
      },
   },
   ["rust.circles"] = {
      broken = {
         mutual,
         { -- in the command-line client
            ["cli/src/input.rs"] = "use crate::lines::Lines;\npub struct Input;\n",
            ["cli/src/lines.rs"] = "use crate::input::Input;\npub struct Lines;\n",
         },
         { -- siblings inside a module, one of them by the name that their parent exports
            ["src/lua/mod.rs"] = "mod a;\nmod b;\npub use self::b::*;\n",
            ["src/lua/a.rs"] = "use super::B;\npub struct A;\n",
            ["src/lua/b.rs"] = "pub struct B(super::a::A);\n",
         },
         { -- three files, one of which is a child that its parent calls by a relative path
            ["src/url.rs"] = "mod parts;\nfn f() { parts::split() }\n",
            ["src/url/parts.rs"] = "use crate::close;\npub fn split() {}\n",
            ["src/close.rs"] = "fn f() { crate::url::f() }\n",
         },
      },
      kept = {
         { -- a child may use what its parent defines
            ["src/url.rs"] = "mod parts;\nconst LIMIT: usize = 1;\nfn f() { parts::split() }\n",
            ["src/url/parts.rs"] = "use super::LIMIT;\npub fn split() {}\n",
         },
         { -- an export of a child is no use of it
            ["src/url.rs"] = "mod parts;\npub use parts::split;\npub struct Url;\n",
            ["src/url/parts.rs"] = "use crate::close;\npub fn split() {}\n",
            ["src/close.rs"] = "use crate::url::Url;\n",
         },
         { -- tests may use anything
            ["src/url.rs"] = "use crate::close::Code;\n",
            ["src/close.rs"] = "pub struct Code;\n#[cfg(test)]\nmod tests {\n    use crate::url;\n}\n",
         },
         { -- the module and the client are two crates
            ["src/close.rs"] = "use crate::url::Url;\npub struct Code;\n",
            ["cli/src/url.rs"] = "use crate::close::Code;\npub struct Url;\n",
            ["src/url.rs"] = "pub struct Url;\n",
            ["cli/src/close.rs"] = "pub struct Code;\n",
         },
      },
   },
   ["rust.reserved"] = {
      broken = {
         { ["src/queue.rs"] = "use mlua::Lua;\n" },
         { ["src/queue.rs"] = "fn f() { unsafe { g() } }\n" },
         { ["src/protocol/frame.rs"] = "use tokio::io;\n" },
      },
      kept = {
         { ["src/lua/mod.rs"] = "use mlua::Lua;\n", ["src/queue.rs"] = "// mlua\nconst A: &str = \"unsafe\";\n" },
      },
   },
   ["rust.unwrap"] = {
      broken = {
         { ["src/queue.rs"] = "fn f() { g().unwrap() }\n" },
         { ["cli/src/input.rs"] = "fn f() { g().unwrap() }\n" },
      },
      kept = { { ["src/queue.rs"] = "fn f() {}\n#[cfg(test)]\nmod tests {\n    fn t() { f().unwrap() }\n}\n" } },
   },
   ["rust.boolean_parameters"] = {
      broken = {
         { ["src/queue.rs"] = "fn f(loud: bool) {}\n" },
         { ["cli/src/input.rs"] = "fn f(loud: bool) {}\n" },
         { ["src/queue.rs"] = "fn f<'a>(&self, blocked: &'a mut bool, at: u8) {}\n" },
         { ["src/queue.rs"] = "fn f(blocked: &mut bool) {}\n" },
         { ["src/queue.rs"] = "pub fn f<T: Into<u8>>(\n    &self,\n    value: T,\n    loud: bool,\n) {}\n" },
      },
      kept = {
         { ["src/queue.rs"] = "struct S {\n    loud: bool,\n}\nfn f(held: impl Fn(bool) -> bool) -> bool {}\n" },
      },
   },
   ["lua.circles"] = {
      broken = {
         {
            ["lua/websocket/a.lua"] = 'local b = require "websocket.b"\n',
            ["lua/websocket/b.lua"] = "local function late() return require('websocket.a') end\n",
         },
      },
      kept = {
         {
            ["lua/websocket/a.lua"] = 'local b = require "websocket.b"\n',
            ["lua/websocket/b.lua"] = '-- require "websocket.a"\n--[[ require "websocket.a" ]]\n',
         },
      },
   },
   ["lua.shapes"] = {
      broken = {
         { ["lua/websocket/whatwg.lua"] = 'require "websocket.overwolf"\n' },
         { ["lua/websocket/whatwg.lua"] = "require(name)\n" },
         { ["lua/websocket/whatwg/socket.lua"] = "local core = websocket._host\n" },
         { ["lua/websocket/loop/copas.lua"] = 'require "websocket.whatwg"\n' },
         { ["lua/websocket/whatwg.lua"] = 'require "copas"\n' },
      },
      kept = {
         { ["lua/websocket/client.lua"] = 'require "websocket.client_copas"\nrequire "websocket.loop.copas"\n' },
         { ["lua/websocket/loop/copas.lua"] = 'require "copas"\n' },
         { ["lua/websocket/whatwg.lua"] = 'require "websocket"\nrequire "websocket.whatwg.socket"\n' },
      },
   },
   ["lua.indentation"] = {
      broken = {
         { ["spec/a_spec.lua"] = "do\n  f()\nend\n" },
         { ["spec/a_spec.lua"] = "do\n\tf()\nend\n" },
      },
      kept = { { ["spec/a_spec.lua"] = "do\n   f()\n\n  \nend\n" } },
   },
   ["faults.tests"] = {
      broken = {
         { ["docs/reliability.md"] = "" },
         faults(5, "none"),
         faults(5, '`spec/a_spec.lua` "two"; "three"'),
         faults(5, '`spec/b_spec.lua` "one"'),
         faults(76, '`tests/a.rs` "on"'),
      },
      kept = { faults(5, '`spec/a_spec.lua` "two … (2)"; `tests/a.rs` "one"') },
   },
   ["links.targets"] = {
      broken = {
         { ["README.md"] = "see [the page](docs/page.md)\n" },
         { ["docs/a.md"] = "[b](b.md#two)\n", ["docs/b.md"] = "# One\n```sh\n# Two\n```\n" },
         { ["docs/a.md"] = "[b\nc](../b.md)\n", ["docs/b.md"] = "" },
         { ["docs/a.md"] = "# One\n[one](#one-1)\n" },
      },
      kept = {
         {
            ["docs/deep/a.md"] = "[b](../b.md#wsfast-now-a_b) ![c](../../c.svg) [d](https://example.com/d#e)\n",
            ["docs/b.md"] = "## `ws:fast()`, now: a_b\n",
            ["c.svg"] = "",
         },
         { ["docs/a.md"] = "# One\n# One\n[one](#one-1) `[two](two.md)`\n```lua\nt[f](x)\n```\n" },
      },
   },
   ["files.length"] = {
      broken = { { ["tests/long.rs"] = ("\n"):rep(401) } },
      kept = { { ["tests/long.rs"] = ("\n"):rep(400), ["spec/support/package-lock.json"] = ("\n"):rep(401) } },
   },
   ["files.names"] = {
      broken = { { ["src/utils.rs"] = "" }, { ["src/helpers/queue.rs"] = "" } },
      kept = { { ["src/queue.rs"] = "" } },
   },
}

--- Returns what is wrong with the rules: those without examples, and those that give an example the wrong answer.
--- @param rules table<string, fun(tree: table<string, string>): table[]>
--- @return string[]
function M.check(rules)
   local wrong = {}
   for name, rule in pairs(rules) do
      local example = examples[name] or { broken = {}, kept = {} }
      if #example.broken == 0 or #example.kept == 0 then
         wrong[#wrong + 1] = name .. ": examples.lua needs a tree that breaks it and one that keeps it"
      end
      for number, tree in ipairs(example.broken) do
         if #rule(tree) == 0 then
            wrong[#wrong + 1] = ("%s: does not find the breach of example %d"):format(name, number)
         end
      end
      for number, tree in ipairs(example.kept) do
         for _, breach in ipairs(rule(tree)) do
            wrong[#wrong + 1] = ("%s: finds in example %d what is allowed: %s"):format(name, number, breach.text)
         end
      end
   end
   return wrong
end

return M
