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

local function forget_the_oldest()
  local oldest, since = nil, math.huge
  local all = redis.call('HGETALL', name)
  for i = 1, #all, 2 do
    local last = tonumber(cjson.decode(all[i + 1]).last)
    if last < since then oldest, since = all[i], last end
  end
  redis.call('HDEL', name, oldest)
end

for _, heard in ipairs(cjson.decode(ARGV[2])) do
  local field = heard[1] .. ' ' .. heard[2]
  local kept = redis.call('HGET', name, field)
  local it = kept and cjson.decode(kept) or { count = 0, first = whole(NOW), op = heard[3] }
  if not kept and redis.call('HLEN', name) >= most then forget_the_oldest() end
  it.count, it.last = it.count + heard[4], whole(NOW)
  redis.call('HSET', name, field, cjson.encode(it))
end
return redis.call('HLEN', name)
