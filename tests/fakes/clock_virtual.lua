-- clock_virtual: joined in place of clock.lua, so that a test moves time instead of sleeping.

local root = KEYS[1]

local function key(kind, name, part, ...)
  if ... then return root .. ':' .. table.concat({ kind, name, part, ... }, ':') end
  if part then return root .. ':' .. kind .. ':' .. name .. ':' .. part end
  return root .. ':' .. (name and kind .. ':' .. name or kind)
end

local function now()
  return tonumber(redis.call('GET', key('test-clock')))
end
