-- job: the life of a job, from its release to its end. Joined behind `lease`.
--
-- transition() is the only writer of a job's state; whatever ends a job leaves its counts to
-- finish_if_over(), its place in the lists to leave_open(), and its data to expire_job().

local SWEEP = 250         -- jobs of one app that are looked at in one go

-- Keeps a finished job for `retention` seconds, then lets the store forget all of it.
local function expire_job(job, segments, retention)
  local seldom = {}
  for i, part in ipairs({ 'redo', 'tries', 'codes', 'suspects', 'apps', 'due', 'why', 'dropped', 'delivery',
    'delivered', 'file' }) do
    seldom[i] = key('job', job, part)
  end
  if redis.call('EXISTS', unpack(seldom)) > 0 then
    for _, name in ipairs(seldom) do redis.call('EXPIRE', name, retention) end
  end
  redis.call('EXPIRE', key('job', job, 'map'), retention)
  redis.call('EXPIRE', key('job', job, 'out'), retention)
  for segment = 0, segments - 1 do redis.call('EXPIRE', key('job', job, 'seg', whole(segment)), retention) end
  redis.call('EXPIRE', key('job', job), retention)
end

-- Whoever asked to hear of the end is told by a worker that takes the job from this list.
local function announce(job, wanted)
  if wanted and wanted ~= '' then redis.call('LPUSH', key('notify'), job) end
end

-- What a job that has ended leaves behind: its place in its tenant's quotas and among the deadlines
-- is free at once, its id stays in the lists until the store has forgotten the rest.
local function leave_open(job, it)
  if it.apps then
    begin_visit(job, 0, num(it.apps))
  else
    redis.call('SREM', key('app', it.app, 'open'), job)
  end
  redis.call('ZREM', key('deadline'), job)
  if redis.call('HDEL', key('tenant', it.tenant, 'open'), job) == 1 then
    redis.call('HINCRBY', key('tenant', it.tenant), 'open_items', 0 - num(it.total, 0))
  end
  local kept = num(it.retention, 2592000)
  redis.call('ZADD', key('expiry'), whole(NOW + kept * 1000000), it.tenant .. ' ' .. job)
  -- What stands for the job on the record: the name `#` is no tenant's.
  if it.serial then redis.call('ZADD', key('expiry'), whole(NOW + kept * 1000000), '# ' .. it.serial) end
  local asked = it.idempotency_key or ''
  if asked ~= '' then redis.call('EXPIRE', key('idem', it.tenant, asked), kept) end
end

-- Moves a job to another state; a terminal one also leaves the lists of open jobs. `known` are its fields, if they
-- were read already: those of LIFE.
local LIFE = { 'app', 'tenant', 'segments', 'retention', 'started_at', 'at', 'total', 'serial', 'idempotency_key',
  'apps', 'version', 'notify', 'edges', 'window_said' }
local function transition(job, state, by, why, known)
  local name = key('job', job)
  local it = known or read(name, unpack(LIFE))
  local at = whole(NOW)
  local changed = { 'state', state, 'by', by or '', 'why', why or '', 'changed_at', at,
    'version', whole(num(it.version, 0) + 1) }
  if state == 'running' and not it.started_at then changed[11], changed[12] = 'started_at', at end
  if not is_live(state) then changed[#changed + 1], changed[#changed + 2] = 'finished_at', at end
  redis.call('HSET', name, unpack(changed))
  window.await(job, state, by, it)
  if is_live(state) then return end
  living[job] = nil
  give_up_unsure(job)
  leave_open(job, it)
  expire_job(job, num(it.segments, 0), num(it.retention, 2592000))
  announce(job, it.notify)
end

-- Lets the items of a job be claimed, unless its app's token is not accepted. A fleet job waits for none of
-- its apps: what cannot be called stays pending, app by app.
local function enqueue(job, name, it)
  if it.apps then
    transition(job, 'queued')
    return begin_visit(job, 0, num(it.apps))
  end
  local app = read(key('app', name), 'state', 'why', 'rotation')
  if app.state == 'stopped' and not may_call(app, redis.call('HGET', key('job', job), 'kind')) then
    transition(job, 'paused', 'auth_failure', app.why)
  else
    transition(job, window.freed(it))
  end
  place_job(name, job)
  place(name)
end

-- A job whose app was stopped since is shown as paused; one that waited for its app goes on. What tries
-- the next token goes on in any case: it is the way out.
local function follow(app, name, job)
  local it = read(key('job', job), 'state', 'kind', 'by', unpack(LIFE))
  if it.apps then return place_job(name, job) end
  if app.state == 'stopped' then
    if not is_open(it.state) or it.kind == 'apps.check_token' then return end
    transition(job, 'paused', 'auth_failure', app.why)
  elseif it.state == 'paused' and it.by == 'auth_failure' then
    transition(job, window.freed(it))
  end
  place_job(name, job)
end

-- Lets the open jobs of an app follow its state, some at a time: nobody else's call waits for an app with
-- thousands. Each tick goes on where the last one stopped; until then the app's own state is what counts.
local function sweep(name, from)
  local app = read(key('app', name), 'state', 'why', 'sweep')
  local cursor, jobs = from or app.sweep or '0', {}
  if app.state then
    cursor, jobs = unpack(redis.call('SSCAN', key('app', name, 'open'), cursor, 'COUNT', SWEEP))
    for _, job in ipairs(jobs) do follow(app, name, job) end
  end
  if cursor == '0' or not app.state then
    redis.call('HDEL', key('app', name), 'sweep')
    redis.call('SREM', key('sweeps'), name)
  else
    redis.call('HSET', key('app', name), 'sweep', cursor)
    redis.call('SADD', key('sweeps'), name)
  end
end

-- The window of a job has closed while it was open to claims: it rests until it opens again.
local function rest(job, it)
  transition(job, window.freed(it))
  tell_app(job, it.app, it.apps)
end

-- The time of a job has come: its start, or an edge of its window; or seems to, while NOW is ahead: then it is
-- looked at again when nine tenths of the wait are over, since NOW may run a tenth slower. True if it starts.
local function start_scheduled(job)
  local it = read(key('job', job), 'state', 'by', unpack(LIFE))
  redis.call('ZREM', key('wait'), 'j:' .. job)
  local open = it.edges and window.of(it.edges)
  if it.state == 'scheduled' and num(it.at, 0) > WALL then
    redis.call('ZADD', key('wait'), whole(window.look_at(num(it.at, 0))), 'j:' .. job)
  elseif it.state == 'scheduled' or open and it.state == 'paused' and it.by == window.BY then
    enqueue(job, it.app, it)
    return is_open(redis.call('HGET', key('job', job), 'state'))
  elseif it.edges and is_open(it.state) and not open then
    rest(job, it)
  elseif it.edges then
    window.await(job, it.state, it.by, it)
  end
  return false
end

-- The deadline of a job has passed: what is in flight is still recorded, nothing else is called.
local function time_out(job)
  local it = read(key('job', job), 'state', 'app', 'apps')
  redis.call('ZREM', key('deadline'), job)
  if not is_live(it.state) then return nil end
  transition(job, 'timed_out', 'deadline')
  tell_app(job, it.app, it.apps)
  return it.app
end

-- Pauses a job with more failed items than it bears. Who resumes it gives it as many again.
-- Returns the state it has then.
local function keep_budget(job, it)
  local failed, from, borne = num(it.failed, 0), num(it.budget_from, 0), num(it.max_failures, nil)
  if not borne or failed - from <= borne then return it.state end
  local since = from > 0 and string.format(', %d of them since it was resumed', failed - from) or ''
  transition(job, 'paused', 'error_budget', string.format('%d of %d rows have failed%s: more than the %d allowed',
    failed, num(it.total, 0), since, borne))
  return 'paused'
end

-- A job is over when nothing is pending and nothing is in flight, and not a moment before. One that
-- is not over may have failed too often to go on. `known` are its fields, if they were read
-- already. Returns its state then, and its fields before.
local FINISH = { 'state', 'succeeded', 'skipped', 'failed', 'unknown', 'in_flight', 'max_failures', 'budget_from',
  'next', 'visit', 'waves', 'soak', 'wave_from', 'wave_end', 'rollback', 'rolling', 'finish', 'looks', 'rate', 'tat',
  'class', 'held', 'by', 'sender', unpack(LIFE) }
local function finish_if_over(job, known)
  local it = known or read(key('job', job), unpack(FINISH))
  if not is_live(it.state) then return it.state, it end
  local over = num(it.succeeded, 0) + num(it.skipped, 0) + num(it.failed, 0) + num(it.unknown, 0)
  local released = it.apps and num(it.next, 0) or num(it.total, 0)
  if over < released or num(it.in_flight, 0) > 0 or it.visit then
    -- Outside its window, too: nobody looks at it again before it opens.
    local goes_on = is_open(it.state) or it.state == 'paused' and it.by == window.BY
    return goes_on and keep_budget(job, it) or it.state, it
  end
  if it.apps and next_wave(job, it) then return it.state, it end
  local state = (num(it.failed, 0) + num(it.unknown, 0) > 0) and 'completed_with_errors' or 'completed'
  transition(job, state, nil, nil, it)
  return state, it
end
