#!lua flags=allow-oom
-- discard: forget a job that was never sealed. One that was sealed runs, and stays.
--
-- Who asked to seal and got no answer cannot know which of the two it is; the store does.
--
-- KEYS[1]  root
-- ARGV[1]  job id     ARGV[2]  how many segments were written
-- returns  1 if it is gone, 0 if it was sealed

local job, segments = ARGV[1], tonumber(ARGV[2])
local it = read(key('job', job), 'state', 'tenant')
local state, tenant = it.state, it.tenant or ''
if state and state ~= 'validating' then return 0 end
for segment = 0, segments - 1 do redis.call('DEL', key('job', job, 'seg', whole(segment))) end
redis.call('DEL', key('job', job), key('job', job, 'map'), key('job', job, 'out'), key('job', job, 'apps'),
  key('job', job, 'file'))
redis.call('ZREM', key('jobs'), job)
redis.call('ZREM', key('expiry'), tenant .. ' ' .. job)
return 1
