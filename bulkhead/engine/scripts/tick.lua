#!lua flags=allow-oom
-- tick: what falls due though no call asks for it: the start of scheduled jobs, deadlines, forgetting,
-- visits to the apps of fleet jobs, and the rest of the jobs of an app that was stopped or goes on.
--
-- A claim starts what is due just as well; a worker without a free slot still ticks. Bounded work:
-- what is left over is the next tick's.
--
-- KEYS[1]  root
-- ARGV[1]  most entries of each kind to look at
-- returns  {{job started…}, {{job timed out, its app}…}, ids forgotten}

local most = ARGV[1]

local function due(set, at)
  return redis.call('ZRANGEBYSCORE', key(set), '-inf', whole(at or NOW), 'LIMIT', 0, most)
end

local started, ended, forgotten = {}, {}, 0

for _, member in ipairs(due('wait')) do
  if string.sub(member, 1, 2) == 'j:' then
    local job = string.sub(member, 3)
    if start_scheduled(job) then started[#started + 1] = job end
  elseif string.sub(member, 1, 2) == 'v:' then
    local job = string.sub(member, 3)
    if visit_apps(job) then finish_if_over(job) end
  end
end

for _, job in ipairs(due('deadline', WALL)) do
  local app = time_out(job)
  if app then ended[#ended + 1] = { job, app } end
end

for _, name in ipairs(redis.call('SRANDMEMBER', key('sweeps'), 1)) do
  sweep(name)
  place(name)
end

for _, member in ipairs(due('expiry')) do
  local tenant, job = string.match(member, '^(%S+) (%S+)$')
  local left = tenant == '#' and -1 or redis.call('PTTL', key('job', job))
  if left > 0 then
    -- The machine that wrote the entry was ahead of the store's clock.
    redis.call('ZADD', key('expiry'), whole(NOW + left * 1000), member)
  else
    redis.call('ZREM', key('expiry'), member)
    if tenant == '#' then
      redis.call('HDEL', key('serials'), job)
    elseif left == -2 then
      redis.call('ZREM', key('jobs'), job)
      redis.call('ZREM', key('tenant', tenant, 'jobs'), job)
      forgotten = forgotten + 1
    end
  end
end

return { started, ended, forgotten }
