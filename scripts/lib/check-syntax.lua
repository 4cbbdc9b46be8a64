-- Compiles each file that it is given, and runs none.
for _, path in ipairs(arg) do
   assert(loadfile(path))
end
