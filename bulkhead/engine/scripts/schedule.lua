#!lua flags=allow-oom
-- schedule: recurring schedules. One is advanced by compare-and-set on the instant it stands at: of several
-- workers that fire it, or of one that died on the way, one advance counts. What a firing makes is a job with
-- an idempotency key, so that doing it again makes no second one.
--
-- Names are tenant/name. `schedule` holds the instants (of the wall clock, with jitter) at which those that are
-- active fire; `schedule:<name>` is the schedule itself; `schedules` and `schedules:<tenant>` list them all.
--
-- KEYS[1]  root
-- ARGV[1]  what is done
--
-- 'create'   2 name  3 tenant  4 draft or ''  5 its segments  6 due  7… fields and values
--            takes the draft's rows over; returns 'ok' | 'exists' | 'expired' | 'no_app'
-- 'delete'   2 name  3 tenant; returns 1, or 0 without such a one
-- 'due'      2 worker  3 how long its lease holds  4 most names
--            returns {microseconds until the next, the wall clock, names that are due…}: -1 where none comes, and
--            no names while another worker's lease holds
-- 'keep'     2 worker  3 how long its lease holds; returns 1 while it is this worker's
-- 'advance'  2 name  3 id  4 the instant it stands at  5 the next or ''  6 its due or ''  7 firing  8 job  9 error
--            returns 1, or 0 where it was advanced, made anew or deleted meanwhile
-- 'note'     2 name  3 id  4 firing  5 job: a firing beside the line; returns 1 or 0
-- 'put_off'  2 name  3 microseconds: looked at again so much later
-- 'pause'    2 name; returns 'ok' | 'same' | 'none'
-- 'resume'   2 name  3 the next instant or ''  4 its due or ''; returns likewise

local SHOWN = 20

local deeds = {}

local function segments_of(name) return num(redis.call('HGET', key('schedule', name), 'segments'), 0) end

local function stand_at(name, next, due)
  redis.call('HSET', key('schedule', name), 'planned', next)
  if next ~= '' and redis.call('HGET', key('schedule', name), 'state') == 'active' then
    redis.call('ZADD', key('schedule'), due, name)
  else
    redis.call('ZREM', key('schedule'), name)
  end
end

local function told(name, firing, job)
  redis.call('LPUSH', key('schedule', name, 'firings'), firing)
  redis.call('LTRIM', key('schedule', name, 'firings'), 0, SHOWN - 1)
  if job ~= '' then redis.call('HSET', key('schedule', name), 'last_job', job) end
end

-- The draft is forgotten as a job, and its rows stay as the schedule's.
local function take_over(name, draft, segments, tenant)
  if redis.call('HGET', key('job', draft), 'state') ~= 'validating' then return false end
  for segment = 0, segments - 1 do
    if redis.call('EXISTS', key('job', draft, 'seg', whole(segment))) == 0 then return false end
  end
  local parts = { { 'map' }, { 'out' }, { 'file' } }
  for segment = 0, segments - 1 do parts[#parts + 1] = { 'seg', whole(segment) } end
  for _, part in ipairs(parts) do
    local from, to = key('job', draft, unpack(part)), key('schedule', name, unpack(part))
    if redis.call('EXISTS', from) == 1 then
      redis.call('RENAME', from, to)
      redis.call('PERSIST', to)
    end
  end
  redis.call('DEL', key('job', draft))
  redis.call('ZREM', key('jobs'), draft)
  redis.call('ZREM', key('expiry'), tenant .. ' ' .. draft)
  return true
end

function deeds.create(name, tenant, draft, segments, due, ...)
  if redis.call('EXISTS', key('schedule', name)) == 1 then return 'exists' end
  local fields = {}
  for place = 1, select('#', ...), 2 do fields[select(place, ...)] = select(place + 1, ...) end
  if redis.call('EXISTS', key('app', fields.app)) == 0 then return 'no_app' end
  if draft ~= '' and not take_over(name, draft, tonumber(segments), tenant) then return 'expired' end
  redis.call('HSET', key('schedule', name), 'created_at', whole(WALL), 'segments', segments, ...)
  redis.call('SADD', key('schedules'), name)
  redis.call('SADD', key('schedules', tenant), name)
  stand_at(name, fields.planned, due)
  return 'ok'
end

function deeds.delete(name, tenant)
  for segment = 0, segments_of(name) - 1 do redis.call('DEL', key('schedule', name, 'seg', whole(segment))) end
  redis.call('DEL', key('schedule', name, 'map'), key('schedule', name, 'out'), key('schedule', name, 'file'),
    key('schedule', name, 'firings'))
  redis.call('ZREM', key('schedule'), name)
  redis.call('SREM', key('schedules'), name)
  redis.call('SREM', key('schedules', tenant), name)
  return redis.call('DEL', key('schedule', name))
end

local function leased(worker)
  local lease = read(key('schedule', 'lease'), 'worker', 'until')
  return lease.worker and lease.worker ~= worker and num(lease['until'], 0) > NOW
end

function deeds.keep(worker, for_)
  if leased(worker) then return 0 end
  redis.call('HSET', key('schedule', 'lease'), 'worker', worker, 'until', whole(NOW + tonumber(for_)))
  return 1
end

function deeds.due(worker, for_, most)
  local first = redis.call('ZRANGE', key('schedule'), 0, 0, 'WITHSCORES')
  if not first[1] then return { -1, whole(WALL) } end
  local left = tonumber(first[2]) - WALL
  if left > 0 then return { math.ceil(left), whole(WALL) } end
  if deeds.keep(worker, for_) == 0 then return { 0, whole(WALL) } end
  return { 0, whole(WALL), unpack(redis.call('ZRANGEBYSCORE', key('schedule'), '-inf', whole(WALL), 'LIMIT', 0, most)) }
end

function deeds.advance(name, id, planned, next, due, firing, job, error)
  local it = read(key('schedule', name), 'id', 'planned')
  if it.id ~= id or it.planned ~= planned then return 0 end
  stand_at(name, next, due)
  told(name, firing, job)
  redis.call('HSET', key('schedule', name), 'last_error', error)
  return 1
end

function deeds.note(name, id, firing, job)
  if redis.call('HGET', key('schedule', name), 'id') ~= id then return 0 end
  told(name, firing, job)
  return 1
end

function deeds.put_off(name, later)
  redis.call('ZADD', key('schedule'), 'XX', whole(WALL + tonumber(later)), name)
  return 1
end

local function set_state(name, state)
  local before = redis.call('HGET', key('schedule', name), 'state')
  if not before then return 'none' end
  if before == state then return 'same' end
  redis.call('HSET', key('schedule', name), 'state', state)
  return 'ok'
end

function deeds.pause(name)
  local verdict = set_state(name, 'paused')
  if verdict == 'ok' then stand_at(name, '', '') end
  return verdict
end

function deeds.resume(name, next, due)
  local verdict = set_state(name, 'active')
  if verdict == 'ok' then stand_at(name, next, due) end
  return verdict
end

return deeds[ARGV[1]](unpack(ARGV, 2))
