-- The workloads for a library whose `receive` waits for the next message; README.md, in the folder above, has them all.
-- Comes in: the CPU time before the library was loaded, a function that connects to an address, and the arguments of
-- the program: WORKLOAD URL COUNT SIZE. Goes out: one line of JSON.

--- @param cpu_before number
--- @param connect_to fun(address: string): table
return function(cpu_before, connect_to)
   local workload, url = arg[1], arg[2]
   local count, size = tonumber(arg[3]), tonumber(arg[4])

   local function connect(path)
      return connect_to(url .. path)
   end

   if workload == "startup" then
      connect("/echo")
      local cpu = os.clock() - cpu_before
      print(('{"wall": %.6f, "cpu": %.6f, "operations": 1}'):format(cpu, cpu))
      os.exit(0)
   end

   local measure = require "measure"

   local workloads = {}

   function workloads.loop()
      local texts, warm_up = measure.texts(size), math.floor(count / 10)
      local ws, read = connect("/echo"), nil
      for number = 0, count + warm_up - 1 do
         if number == warm_up then
            read = measure.start()
         end
         assert(ws:send(texts[number % #texts + 1]))
         assert(#assert(ws:receive()) == size)
      end
      measure.report(read(), count)
   end

   workloads.callback = workloads.loop

   function workloads.receive()
      local ws, read = connect("/flood/" .. size), nil
      for _, messages in ipairs({ math.floor(count / 10), count }) do
         read = measure.start()
         assert(ws:send(tostring(messages)))
         for _ = 1, messages do
            assert(#assert(ws:receive()) == size)
         end
      end
      measure.report(read(), count)
   end

   function workloads.send()
      local texts = measure.texts(size)
      local ws, read = connect("/sink"), nil
      for _, messages in ipairs({ math.floor(count / 10), count }) do
         read = measure.start()
         for number = 1, messages do
            assert(ws:send(texts[number % #texts + 1]))
         end
         assert(ws:send("."))
         assert(ws:receive())
      end
      measure.report(read(), count)
   end

   workloads[workload]()
end
