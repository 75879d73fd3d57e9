#!lua flags=allow-oom
-- reseal: put a newly sealed box in a field, unless another was stored there meanwhile.
--
-- What is in it is the same, so an app's version stays: nobody need look its token up again.
--
-- KEYS[1]  root
-- ARGV[1]  'app' | 'credential' | 'senders'     ARGV[2]  its name, or whose they are     ARGV[3]  field
-- ARGV[4]  the box as it was read   ARGV[5]  the new box
-- returns  1 if it was put there, else 0

local name = ARGV[1] == 'senders' and key('app', ARGV[2], 'senders') or key(ARGV[1], ARGV[2])
if redis.call('HGET', name, ARGV[3]) ~= ARGV[4] then return 0 end
redis.call('HSET', name, ARGV[3], ARGV[5])
return 1
