-- clock: the store's time in microseconds, the only clock that a shared limit may follow.
--
-- The simulator joins another clock in its place, which reads a key instead of the machine.

local root = KEYS[1]

-- The only builder of key names. All share the hash tag in `root`.
local function key(...)
  return root .. ':' .. table.concat({ ... }, ':')
end

local function now()
  local clock = redis.call('TIME')
  local microseconds = clock[1] * 1000000 + clock[2]
  local seen = tonumber(redis.call('GET', key('clock')) or 0)
  if microseconds > seen + 100000 then
    -- Remembered ten times a second at most: after a fail-over to a store whose clock
    -- is behind, time stands still until it has caught up, and never runs backwards.
    redis.call('SET', key('clock'), string.format('%.0f', microseconds))
  end
  return math.max(microseconds, seen)
end
