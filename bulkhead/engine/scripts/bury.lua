#!lua flags=allow-oom
-- bury: keep a message that was refused, with the reason; or forget one, or only those too old.
--
-- Also in a full store: what is kept is bounded, and to forget makes room. Bounded by number, bytes and age: whatever is over goes, the oldest first. The same message
-- refused again takes the place of its first burial.
--
-- KEYS[1]  root
-- ARGV[1]  'add' | 'drop' | 'trim'   ARGV[2]  id
-- ARGV[3]  what is known, JSON; for 'drop' when it was buried, or '' for whenever
-- ARGV[4]  message or ''
-- ARGV[5]  most messages             ARGV[6]  most bytes   ARGV[7]  oldest, in seconds
-- returns  how many were forgotten

local verb, id = ARGV[1], ARGV[2]
local about, kept, bytes = key('dead', 'about'), key('dead', 'kept'), key('dead', 'bytes')

local function forget(one)
  redis.call('DECRBY', bytes, redis.call('HSTRLEN', kept, one))
  redis.call('HDEL', about, one)
  redis.call('HDEL', kept, one)
  return redis.call('ZREM', key('dead'), one)
end

if verb == 'drop' then
  -- One that came back meanwhile, and was refused again, stays.
  if ARGV[3] ~= '' and num(redis.call('ZSCORE', key('dead'), id), 0) ~= tonumber(ARGV[3]) then return 0 end
  return forget(id)
end
if verb == 'add' then
  forget(id)
  redis.call('ZADD', key('dead'), whole(NOW), id)
  redis.call('HSET', about, id, ARGV[3])
  if ARGV[4] ~= '' then
    redis.call('HSET', kept, id, ARGV[4])
    redis.call('INCRBY', bytes, #ARGV[4])
  end
end

local forgotten = 0
local most, room, age = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]) * 1000000
while true do
  local oldest = redis.call('ZRANGE', key('dead'), 0, 0, 'WITHSCORES')
  if not oldest[1] then break end
  local over = redis.call('ZCARD', key('dead')) > most or num(redis.call('GET', bytes), 0) > room
  if not over and num(oldest[2], 0) > NOW - age then break end
  forget(oldest[1])
  forgotten = forgotten + 1
end
return forgotten
