#!lua flags=allow-oom
-- hear: count the words that backends refused with, for people to look at; nothing is decided by it.
--
-- Sent twice it counts twice, which is why nobody repeats it.
--
-- KEYS[1]  root
-- ARGV[1]  words that are kept, of all apps together
-- ARGV[2]  JSON list of {app, word, op, count}
-- returns  the number of words kept

local most, name = tonumber(ARGV[1]), key('unlisted')

-- The fields there were before this call, the one not heard for the longest time last. Read once, however
-- many words are new: a backend that never says the same twice must not hold up everybody.
local oldest
local function read_all()
  local all, last = redis.call('HGETALL', name), {}
  oldest = {}
  for i = 1, #all, 2 do
    oldest[#oldest + 1], last[all[i]] = all[i], tonumber(cjson.decode(all[i + 1]).last)
  end
  table.sort(oldest, function(one, other) return last[one] > last[other] end)
end

-- True if there is room for one more word.
local touched = {}
local function make_room()
  if redis.call('HLEN', name) < most then return true end
  if not oldest then read_all() end
  while #oldest > 0 do
    local field = table.remove(oldest)
    if not touched[field] then return redis.call('HDEL', name, field) == 1 end
  end
  return false
end

for _, heard in ipairs(cjson.decode(ARGV[2])) do
  local field = heard[1] .. ' ' .. heard[2]
  local kept = redis.call('HGET', name, field)
  local it = kept and cjson.decode(kept) or { count = 0, first = whole(NOW), op = heard[3] }
  if kept or make_room() then
    it.count, it.last = it.count + heard[4], whole(NOW)
    redis.call('HSET', name, field, cjson.encode(it))
    touched[field] = true
  end
end
return redis.call('HLEN', name)
