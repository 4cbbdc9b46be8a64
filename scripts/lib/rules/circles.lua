-- Finds circles in a graph of files.
-- Comes in: edges, `edges[from][to] = true`. Goes out: every set of files that reach each other, each as a sorted list.
-- Knows nothing of languages.

local M = {}

--- Returns the keys of a table in order.
--- @param set table<string, any>
--- @return string[]
function M.sorted_keys(set)
   local keys = {}
   for key in pairs(set) do
      keys[#keys + 1] = key
   end
   table.sort(keys)
   return keys
end

--- Returns the circles of a graph: its strongly connected components of two or more files (Tarjan's algorithm).
--- @param edges table<string, table<string, true>>
--- @return string[][]
function M.find(edges)
   local count, index, low = 0, {}, {}
   local stack, on_stack, circles = {}, {}, {}

   local function visit(node)
      count = count + 1
      index[node], low[node] = count, count
      stack[#stack + 1] = node
      on_stack[node] = true
      for _, other in ipairs(M.sorted_keys(edges[node] or {})) do
         if not index[other] then
            visit(other)
            low[node] = math.min(low[node], low[other])
         elseif on_stack[other] then
            low[node] = math.min(low[node], index[other])
         end
      end
      if low[node] == index[node] then
         local members = {}
         repeat
            local member = table.remove(stack)
            on_stack[member] = nil
            members[#members + 1] = member
         until member == node
         if #members > 1 then
            table.sort(members)
            circles[#circles + 1] = members
         end
      end
   end

   for _, node in ipairs(M.sorted_keys(edges)) do
      if not index[node] then
         visit(node)
      end
   end
   return circles
end

--- Returns a breach for each circle of a graph, which names the first file and lists every edge inside the circle.
--- @param edges table<string, table<string, true>>
--- @return {path: string, text: string}[]
function M.breaches(edges)
   local breaches = {}
   for _, members in ipairs(M.find(edges)) do
      local inside, ties = {}, {}
      for _, member in ipairs(members) do
         inside[member] = true
      end
      for _, from in ipairs(members) do
         for _, to in ipairs(M.sorted_keys(edges[from])) do
            if inside[to] then
               ties[#ties + 1] = from .. " takes from " .. to
            end
         end
      end
      breaches[#breaches + 1] = { path = members[1], text = "circle: " .. table.concat(ties, "; ") }
   end
   return breaches
end

return M
