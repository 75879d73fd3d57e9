-- clock: the store's time in microseconds, the only clock that a shared limit may follow.
--
-- The simulator joins another clock in its place, which reads a key instead of the machine.

local root = KEYS[1]

-- The only builder of key names. All share the hash tag in `root`.
local function key(kind, name, part, ...)
  if ... then return root .. ':' .. table.concat({ kind, name, part, ... }, ':') end
  if part then return root .. ':' .. kind .. ':' .. name .. ':' .. part end
  return root .. ':' .. (name and kind .. ':' .. name or kind)
end

-- Microseconds that never run backwards, and how far they are ahead of the store's clock: 0, until that
-- was set back or a store took over whose clock is behind. Then time goes on from where it was, a tenth
-- slower until both agree again. To stand still instead would keep every lease and permit waiting.
local function now()
  local clock, kept = redis.call('TIME'), redis.call('MGET', key('clock'), key('clock', 'ahead'))
  local seen, before = tonumber(kept[1] or 0), tonumber(kept[2] or 0)
  local at, ahead = clock[1] * 1000000 + clock[2] + before, before
  -- What was seen is remembered ten times a second at most.
  if at >= seen and at <= seen + 100000 then return at, ahead end
  if at < seen then
    at, ahead = seen, before + seen - at
  else
    local back = math.min(before, math.floor((at - seen) / 10))
    at, ahead = at - back, before - back
  end
  redis.call('SET', key('clock'), string.format('%.0f', at))
  if ahead ~= before then redis.call('SET', key('clock', 'ahead'), string.format('%.0f', ahead)) end
  return at, ahead
end
