-- SHA-256 (FIPS 180-4) for the examples.
-- Comes in: bytes. Goes out: the digest of 32 bytes. Works with numbers below 2^53 alone, because Lua 5.1 has no
-- integers and no bit operators. It is for passwords and the like: a megabyte takes seconds.

local M = {}

-- The first 32 bits of the fractional parts of the cube roots of the first 64 primes (section 4.2.2).
local K = {
   0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
   0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
   0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
   0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
   0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
   0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
   0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
   0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
}

local WORD = 2 ^ 32

-- Makes a function that combines two words bit by bit, from its result for two bits.
local function bitwise(of_bits)
   local of_nibbles = {}
   for left = 0, 15 do
      of_nibbles[left] = {}
      for right = 0, 15 do
         local result = 0
         for bit = 0, 3 do
            local a, b = math.floor(left / 2 ^ bit) % 2, math.floor(right / 2 ^ bit) % 2
            result = result + of_bits(a, b) * 2 ^ bit
         end
         of_nibbles[left][right] = result
      end
   end
   return function(left, right)
      local result, place = 0, 1
      for _ = 1, 8 do
         local a, b = left % 16, right % 16
         result = result + of_nibbles[a][b] * place
         left, right, place = (left - a) / 16, (right - b) / 16, place * 16
      end
      return result
   end
end

local band = bitwise(function(a, b) return a * b end)
local bxor = bitwise(function(a, b) return (a + b) % 2 end)

local function shifted(word, bits)
   return (word - word % 2 ^ bits) / 2 ^ bits
end

local function rotated(word, bits)
   return shifted(word, bits) + word % 2 ^ bits * 2 ^ (32 - bits)
end

local function bxor3(a, b, c)
   return bxor(bxor(a, b), c)
end

-- Appends a one bit, zero bits, and the length in bits as 64 bits, up to a multiple of 64 bytes (section 5.1.1).
local function padded(bytes)
   local bits, length = #bytes * 8, {}
   for index = 8, 1, -1 do
      length[index] = string.char(bits % 256)
      bits = math.floor(bits / 256)
   end
   return bytes .. "\128" .. ("\0"):rep((55 - #bytes) % 64) .. table.concat(length)
end

-- Returns the 64 words of a block's message schedule (section 6.2.2).
local function schedule(bytes, at)
   local w = {}
   for t = 1, 16 do
      local a, b, c, d = bytes:byte(at + t * 4 - 4, at + t * 4 - 1)
      w[t] = a * 0x1000000 + b * 0x10000 + c * 0x100 + d
   end
   for t = 17, 64 do
      local x, y = w[t - 15], w[t - 2]
      local s0 = bxor3(rotated(x, 7), rotated(x, 18), shifted(x, 3))
      local s1 = bxor3(rotated(y, 17), rotated(y, 19), shifted(y, 10))
      w[t] = (w[t - 16] + s0 + w[t - 7] + s1) % WORD
   end
   return w
end

local function compress(state, w)
   local a, b, c, d, e, f, g, h = state[1], state[2], state[3], state[4], state[5], state[6], state[7], state[8]
   for t = 1, 64 do
      local s1 = bxor3(rotated(e, 6), rotated(e, 11), rotated(e, 25))
      local choice = bxor(g, band(e, bxor(f, g))) -- f where e has a one, g elsewhere
      local t1 = h + s1 + choice + K[t] + w[t]
      local s0 = bxor3(rotated(a, 2), rotated(a, 13), rotated(a, 22))
      local majority = bxor(band(a, bxor(b, c)), band(b, c))
      a, b, c, d, e, f, g, h = (t1 + s0 + majority) % WORD, a, b, c, (d + t1) % WORD, e, f, g
   end
   for index, value in ipairs({ a, b, c, d, e, f, g, h }) do
      state[index] = (state[index] + value) % WORD
   end
end

--- Returns the SHA-256 digest of some bytes.
--- @param bytes string
--- @return string digest 32 bytes
function M.digest(bytes)
   local state = {
      0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
   }
   local whole = padded(bytes)
   for at = 1, #whole, 64 do
      compress(state, schedule(whole, at))
   end
   local parts = {}
   for index, word in ipairs(state) do
      parts[index] = string.char(shifted(word, 24), shifted(word, 16) % 256, shifted(word, 8) % 256, word % 256)
   end
   return table.concat(parts)
end

return M
