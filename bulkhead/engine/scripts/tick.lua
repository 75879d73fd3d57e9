#!lua flags=allow-oom
-- tick: what falls due though no call asks for it: the start of scheduled jobs, deadlines, forgetting,
-- visits to the apps of fleet jobs, the rest of the jobs of an app that was stopped or goes on, and the ends of
-- push credentials.
--
-- A claim starts what is due just as well; a worker without a free slot still ticks. Bounded work:
-- what is left over is the next tick's.
--
-- KEYS[1]  root
-- ARGV[1]  most entries of each kind to look at
-- returns  {{job started…}, {{job timed out, its app}…}, ids forgotten,
--          {{app, slot, fingerprint, end of what is there, microseconds until then, days of which this is to be
--          told}…}: each of these is answered once, to one worker, and only the nearest where several were missed

local most = ARGV[1]
local DAY = 86400000000
local TELL_AT = { 60, 30, 14, 7, 1, 0 }    -- days before the end of a credential, the most first

local function due(set, at)
  return redis.call('ZRANGEBYSCORE', key(set), '-inf', whole(at or NOW), 'LIMIT', 0, most)
end

-- What is to be told now of the end of what is in an app's slot, if anything; notes when to look again.
local function near_end(member)
  local app, slot = string.match(member, '^(%S+) (.+)$')
  local entry = redis.call('HGET', key('app', app, 'creds'), slot)
  local it = entry and cjson.decode(entry) or {}
  if type(it.not_after) ~= 'number' then
    redis.call('ZREM', key('creds', 'ends'), member)
    return nil
  end
  local ends, nearest, next = math.floor(it.not_after * 1000000), nil, nil
  for _, days in ipairs(TELL_AT) do
    if ends - WALL <= days * DAY then nearest = days else next = next or days end
  end
  if next then
    redis.call('ZADD', key('creds', 'ends'), whole(ends - next * DAY), member)
  else
    redis.call('ZREM', key('creds', 'ends'), member)
  end
  local told, about = key('app', app, 'creds', 'told'), slot .. ' ' .. it.credential
  if not nearest or num(redis.call('HGET', told, about), math.huge) <= nearest then return nil end
  redis.call('HSET', told, about, nearest)
  return { app, slot, it.fingerprint, whole(ends), whole(ends - WALL), nearest }
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

local ending = {}
for _, member in ipairs(due('creds:ends', WALL)) do
  local told = near_end(member)
  if told then ending[#ending + 1] = told end
end

return { started, ended, forgotten, ending }
