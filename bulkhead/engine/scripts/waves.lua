-- waves: a fleet job, which has one item for each of many apps. Joined in front of `job`.
--
-- `job:<j>:apps` lists the apps in the order of the items; items below `next` were released, each into
-- `job:<j>:due`. They are released wave by wave: the first one whose items do not all succeed is the last.
-- Whatever concerns all apps is done by a visit, STRIDE apps at a time, so that nobody else's call waits for
-- a fleet: `v:<job>` in `wait` says when it goes on, `visit` and `visit_to` in the job's hash where.

local STRIDE = 200

-- Lets somebody visit the apps of items `from` up to `to`, no sooner than `at`.
local function begin_visit(job, from, to, at)
  redis.call('HSET', key('job', job), 'visit', whole(from), 'visit_to', whole(to))
  wait_until('v:' .. job, at or NOW, cell_of(redis.call('LINDEX', key('job', job, 'apps'), 0)))
end

-- A job that has changed has its app look at it again. Those of a fleet job do at a visit, or at their next claim.
local function tell_app(job, name, apps)
  if apps then return end
  place_job(name, job)
  place(name)
end

local function single(index) return whole(index) .. '-' .. whole(index) end

local function release(job, name, index)
  if redis.call('EXISTS', key('app', name)) == 1 then return redo(job, name, single(index), 0, '') end
  mark(job, single(index), FAILED)
  redis.call('HINCRBY', key('job', job), 'failed', 1)
  count_code(job, 'APP_GONE', 1, '')
  add_results(job, cjson.encode({ result_row(index, FAILED, 'APP_GONE', 'the app was removed') }))
end

-- The item goes back to what it was before its wave, if it had succeeded.
local function return_item(job, name, index)
  if redis.call('BITFIELD', key('job', job, 'map'), 'GET', 'u4', '#' .. whole(index))[1] ~= SUCCEEDED then return end
  mark(job, single(index), PENDING)
  redis.call('HINCRBY', key('job', job), 'succeeded', -1)
  redo(job, name, single(index), 0, 'roll_back')
  hold_unsure(job, single(index), 'roll_back')
end

-- Goes on with a visit. True if it is over: then the job may be, too.
local function visit_apps(job)
  local it = read(key('job', job), 'state', 'next', 'visit', 'visit_to', 'wave_from', 'wave_end', 'release_at',
    'rolling')
  redis.call('ZREM', key('wait'), 'v:' .. job)
  if not it.visit then return false end
  local from, to, next = tonumber(it.visit), tonumber(it.visit_to), num(it.next, 0)
  local wave_from, wave_end = num(it.wave_from, 0), num(it.wave_end, 0)
  local live, open = is_live(it.state), is_open(it.state)
  local may_release = open and NOW >= num(it.release_at, 0)
  local names = redis.call('LRANGE', key('job', job, 'apps'), whole(from), whole(math.min(to, from + STRIDE) - 1))
  for i, name in ipairs(names) do
    local index = from + i - 1
    redis.call(live and 'SADD' or 'SREM', key('app', name, 'open'), job)
    if may_release and index == next and index < wave_end then
      next = next + 1
      release(job, name, index)
    elseif it.rolling and live and index >= wave_from and index < next then
      return_item(job, name, index)
    end
    place_job(name, job)
    place(name)
  end
  redis.call('HSET', key('job', job), 'next', whole(next))
  if from + #names < to and #names > 0 then
    begin_visit(job, from + #names, to)
    return false
  end
  redis.call('HDEL', key('job', job), 'visit', 'visit_to')
  if open and next < wave_end then begin_visit(job, next, wave_end, num(it.release_at, 0)) end
  return true
end

-- What follows when all that was released has ended; true if the job goes on.
local function next_wave(job, it)
  local next = num(it.next, 0)
  if num(it.failed, 0) + num(it.unknown, 0) > 0 then
    -- All of the waves before succeeded or needed nothing: none more has, then none of this wave.
    local well = num(it.succeeded, 0) + num(it.skipped, 0)
    if it.rollback ~= '1' or it.rolling or well <= num(it.wave_from, 0) then return false end
    redis.call('HSET', key('job', job), 'rolling', 1)
    begin_visit(job, num(it.wave_from, 0), next)
    return true
  end
  if next >= num(it.total, 0) then return false end
  -- It was paused while its wave was released: who resumes it releases the rest.
  if next < num(it.wave_end, 0) then return true end
  local ends = next + 1
  for each in string.gmatch(it.waves or '', '%d+') do
    ends = tonumber(each)
    if ends > next then break end
  end
  local at = NOW + num(it.soak, 0)
  redis.call('HSET', key('job', job), 'wave_from', whole(next), 'wave_end', whole(ends), 'release_at', whole(at))
  begin_visit(job, next, ends, at)
  return true
end
