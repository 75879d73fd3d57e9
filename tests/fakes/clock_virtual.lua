-- clock_virtual: joined in place of clock.lua, so that a test moves time instead of sleeping.

local root = KEYS[1]

local function key(...)
  return root .. ':' .. table.concat({ ... }, ':')
end

local function now()
  return tonumber(redis.call('GET', key('test-clock')))
end
