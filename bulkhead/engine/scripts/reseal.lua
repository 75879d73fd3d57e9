#!lua flags=allow-oom
-- reseal: put a newly sealed box in an app's field, unless another token was stored there meanwhile.
--
-- The token is the same, so the app's version stays: nobody need look it up again.
--
-- KEYS[1]  root
-- ARGV[1]  app     ARGV[2]  field     ARGV[3]  the box as it was read     ARGV[4]  the new box
-- returns  1 if it was put there, else 0

local name = key('app', ARGV[1])
if redis.call('HGET', name, ARGV[2]) ~= ARGV[3] then return 0 end
redis.call('HSET', name, ARGV[2], ARGV[4])
return 1
