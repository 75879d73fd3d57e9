#!lua flags=allow-oom
-- beat: say that a worker lives; its begun leases live as long as it does.
--
-- KEYS[1]  root
-- ARGV[1]  worker     ARGV[2]  seconds without a beat after which it is dead; 0 = it has left
-- ARGV[3…] fields and values that describe it
-- returns  {1 if there is something for `reap`, 1 for `tick`, 1 for who keeps sessions in its cell, else 0}: an idle
--          store is asked no more than this

local worker, seconds = ARGV[1], tonumber(ARGV[2])
if seconds == 0 then
  -- The reaper must not wait for the beat of one that said good-bye, nor blame its items for the end.
  redis.call('HSET', key('worker', worker), 'left', 1)
  redis.call('ZADD', key('worker'), whole(NOW), worker)
else
  redis.call('ZADD', key('worker'), whole(NOW + seconds * 1000000), worker)
  redis.call('HDEL', key('worker', worker), 'left', 'counted')
  redis.call('HSET', key('worker', worker), 'beat_at', whole(NOW), unpack(ARGV, 3))
end

local function overdue(set, at) return redis.call('ZCOUNT', key(set), '-inf', whole(at or NOW)) > 0 end

local reap = overdue('worker') or overdue('lease')
local tick = overdue('wait') or overdue('deadline', WALL) or overdue('expiry')
  or overdue('creds:ends', WALL) or redis.call('EXISTS', key('sweeps')) == 1
-- Its cell is one of the fields that describe it.
local function cell_told()
  for place = 3, #ARGV - 1, 2 do
    if ARGV[place] == 'cell' then return ARGV[place + 1] end
  end
  return ''
end

local sessions = redis.call('EXISTS', key('sessions', 'wanted', cell_told()))
return { reap and 1 or 0, tick and 1 or 0, sessions }
