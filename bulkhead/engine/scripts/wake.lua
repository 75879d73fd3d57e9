#!lua flags=allow-oom
-- wake: items that wait for an event go on now. Sent twice it changes nothing more.
--
-- KEYS[1]  root
-- ARGV[1]  app     ARGV[2…]  whom its events are about
-- returns  how many items go on

local app, woken = ARGV[1], 0
local awaits, zset = key('app', app, 'awaits'), key('app', app, 'retry')
for i = 2, #ARGV do
  local member = redis.call('HGET', awaits, ARGV[i])
  if member then
    redis.call('HDEL', awaits, ARGV[i])
    if redis.call('ZSCORE', zset, member) then
      redis.call('ZADD', zset, whole(NOW), member)
      woken = woken + 1
    end
  end
end
if woken > 0 then wait_for_retries(app, cell_of(app)) end
return woken
