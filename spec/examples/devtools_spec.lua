--- examples/devtools.lua against Chromium. Skipped where that is not installed: it takes 400 MB.

local example = require "example"
local servers = require "servers"
local shell = require "shell"

local _, missing = shell.execute("command -v chromium || command -v chromium-browser || command -v google-chrome")

describe("examples/devtools.lua", function()
   -- Returns the profile and the URL of the page. Skips the test where there is no Chromium.
   local function chromium()
      if missing ~= 0 then
         pending("Chromium is not installed")
      end
      local ports = servers.program("chromium")
      return servers.file("chromium-profile"), ("http://127.0.0.1:%d/page.html"):format(ports.page)
   end

   it("loads a page, evaluates, and takes a screenshot of more than 16 MiB in base64", function()
      local profile, page = chromium()
      local path = servers.file("screenshot.png")
      local lines = example.lines("devtools", { profile, page, path })
      assert.matches("^connected .*Chrom", lines[1])
      assert.same({ "loaded A page with noise", "evaluated number 42" }, { lines[2], lines[3] })
      local file = assert(io.open(path, "rb"))
      local image = file:read("*a")
      file:close()
      os.remove(path)
      assert.equal("\137PNG\r\n\26\n", image:sub(1, 8))
      assert.equal("IEND", image:sub(-8, -5))
      assert.is_true(#image * 4 / 3 > 16 * 1024 * 1024, #image .. " bytes")
      assert.equal(("screenshot %s %d bytes"):format(path, #image), lines[4])
   end)

   it("says why a page cannot be loaded", function()
      local profile = chromium()
      local output, status = example.run("devtools", { profile, "http://127.0.0.1:1/" })
      assert.equal(1, status)
      assert.matches("http://127.0.0.1:1/: net::ERR_UNSAFE_PORT", output)
   end)

   it("says that no Chromium runs with this profile", function()
      local output, status = example.run("devtools", { "/nonexistent" })
      assert.equal(1, status)
      assert.matches("/nonexistent/DevToolsActivePort: No such file", output)
   end)
end)
