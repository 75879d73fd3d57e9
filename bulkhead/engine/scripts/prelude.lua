-- prelude: what every verb shares. Joined in front of each of them, behind the clock.
--
-- Tags are virtual time of start-time fair queuing: lowest is next. Times are microseconds.

local NOW = now()

local GRANT = 2000000     -- a granted lease ends by itself: no call starts later than this
local HORIZON = 250000    -- permits are granted for this long ahead, spaced
local LEAD = 20000        -- an app is ready this long before its next permit falls due
local MARGIN = 0.05       -- seconds of the rate that are kept back from the burst
local PARALLEL = 8        -- calls at once within a slice
local SLICE = 50          -- items in a slice
local LAG = 5000          -- a call may wait this long for its lane and still use its permit

local SWEEP = 250         -- jobs of one app that are looked at in one go

local LOOK = 'look'       -- the step of a slice that only looks items up on the record: it holds no permits

local PENDING, SENT, SUCCEEDED, SKIPPED, FAILED, UNKNOWN = 0, 1, 2, 3, 4, 5
local COUNT_OF = { [SUCCEEDED] = 'succeeded', [SKIPPED] = 'skipped', [FAILED] = 'failed', [UNKNOWN] = 'unknown' }

local function whole(number) return string.format('%.0f', number) end
local function exact(number) return string.format('%.17g', number) end
local function num(value, default) return tonumber(value or default or '') or default end

-- Reads the named fields of a hash into a table; a missing field is nil.
local function read(name, ...)
  local values, fields = redis.call('HMGET', name, ...), {}
  for i, field in ipairs({ ... }) do fields[field] = values[i] or nil end
  return fields
end

-- Ranges are written "3-9,12-12": whole numbers, both ends included.
local function each_range(ranges)
  local step = string.gmatch(ranges, '(%d+)-(%d+)')
  return function()
    local first, last = step()
    if first then return tonumber(first), tonumber(last) end
  end
end

local function count(ranges)
  local items = 0
  for first, last in each_range(ranges) do items = items + last - first + 1 end
  return items
end

-- Two items share a byte, the even one in its upper half: a run is whole bytes, and a half at either end.
local function mark(job, ranges, state)
  local map = key('job', job, 'map')
  for first, last in each_range(ranges) do
    if first % 2 == 1 then
      redis.call('BITFIELD', map, 'SET', 'u4', '#' .. whole(first), state)
      first = first + 1
    end
    if last % 2 == 0 and last >= first then
      redis.call('BITFIELD', map, 'SET', 'u4', '#' .. whole(last), state)
      last = last - 1
    end
    local bytes = (last - first + 1) / 2
    if bytes > 0 then redis.call('SETRANGE', map, whole(first / 2), string.rep(string.char(state * 17), bytes)) end
  end
end

local function is_open(state) return state == 'queued' or state == 'running' end

local function is_live(state) return is_open(state) or state == 'paused' or state == 'scheduled' end

-- An entry of the redo list: "first-last/deaths@step", each part only where it says something.
local function redo_entry(first, last, deaths, step)
  local entry = whole(first) .. '-' .. whole(last)
  if deaths > 0 then entry = entry .. '/' .. whole(deaths) end
  return step == '' and entry or entry .. '@' .. step
end

local function read_entry(entry)
  local first, last, deaths, step = string.match(entry, '^(%d+)-(%d+)/?(%d*)@?(.*)$')
  return tonumber(first), tonumber(last), tonumber(deaths) or 0, step
end

-- What comes back to a job that has ended stays where it is: its pending items are its cancelled ones.
-- What was only looked up comes back to be called.
local function redo(job, ranges, deaths, step)
  if not is_live(redis.call('HGET', key('job', job), 'state')) then return end
  for first, last in each_range(ranges) do
    redis.call('RPUSH', key('job', job, 'redo'), redo_entry(first, last, deaths, step == LOOK and '' or step))
  end
end

-- What may be done about a lost answer at this step: 'safe', 'check' or 'once'.
local function repeat_of(job, step)
  if step == LOOK then return 'safe' end
  return redis.call('HGET', key('job', job), step == '' and 'repeat' or 'repeat:' .. step) or 'once'
end

-- The bell holds one token at most: it says "something became ready", not how much.
local function ring(cell)
  if redis.call('LLEN', key('bell', cell)) == 0 then redis.call('LPUSH', key('bell', cell), '1') end
end

-- Pace: microseconds between permits, and how far ahead of it the burst may run.
local function limiter(app)
  local rate, burst = num(app.rate, 20), num(app.burst, 1)
  local usable = burst
  if burst > 1 then usable = math.max(1, burst - math.max(1, math.ceil(rate * MARGIN))) end
  local pace = 1000000 / rate
  return pace, (usable - 1) * pace
end

local function unready(cell, tenant, name)
  local ready = key('ready', cell, tenant)
  local tag = redis.call('ZSCORE', ready, name)
  if not tag then return end
  redis.call('HSET', key('app', name), 'finish', tag)
  redis.call('ZREM', ready, name)
  if redis.call('ZCARD', ready) == 0 then
    local own = redis.call('ZSCORE', key('ready', cell), tenant)
    if own then redis.call('HSET', key('tenant', tenant), 'finish:' .. cell, own) end
    redis.call('ZREM', key('ready', cell), tenant)
  end
end

local function make_ready(cell, tenant, name, finish)
  local virtual = read(key('vt'), cell, cell .. '/' .. tenant)
  local ready = key('ready', cell, tenant)
  if not redis.call('ZSCORE', ready, name) then
    local tag = math.max(num(virtual[cell .. '/' .. tenant], 0), num(finish, 0))
    redis.call('ZADD', ready, exact(tag), name)
  end
  if not redis.call('ZSCORE', key('ready', cell), tenant) then
    local before = num(redis.call('HGET', key('tenant', tenant), 'finish:' .. cell), 0)
    redis.call('ZADD', key('ready', cell), exact(math.max(num(virtual[cell], 0), before)), tenant)
  end
  ring(cell)
end

-- Puts a job among its app's jobs that have items to give out, or takes it from there. One that meets
-- what is on the record already is looked through: that needs no permits.
local function place_job(name, job)
  local it = read(key('job', job), 'state', 'next', 'total', 'finish', 'looks')
  local jobs = key('app', name, 'jobs')
  if it.looks then
    local through = it.looks == '1' and is_open(it.state) and num(it.next, 0) < num(it.total, 0)
    redis.call(through and 'SADD' or 'SREM', key('app', name, 'looks'), job)
  end
  local work = is_open(it.state)
    and (num(it.next, 0) < num(it.total, 0) or redis.call('EXISTS', key('job', job, 'redo')) == 1)
  if not work then
    redis.call('ZREM', jobs, job)
  elseif not redis.call('ZSCORE', jobs, job) then
    local virtual = num(redis.call('HGET', key('app', name), 'vt'), 0)
    redis.call('ZADD', jobs, exact(math.max(virtual, num(it.finish, 0))), job)
  end
end

-- A stopped app may make one kind of call: the one that tries the token it is to have next.
local function may_call(app, kind)
  return app.state == 'active' or (app.state == 'stopped' and app.rotation == 'checking' and kind == 'apps.check_token')
end

-- Puts an app where it belongs: ready, waiting for an instant, or neither. With place_job
-- the only writer of the ready and wait sets; every verb ends with it for what it touched.
local function place(name)
  local app = read(key('app', name), 'state', 'tenant', 'cell', 'rate', 'burst', 'tat', 'cap', 'held',
    'cool_until', 'finish', 'rotation')
  if not app.tenant then return end
  local tenant_state = redis.call('HGET', key('tenant', app.tenant), 'state')
  local idle = not may_call(app, 'apps.check_token') or tenant_state ~= 'active' or num(app.held, 0) >= num(app.cap, 1)
    or redis.call('ZCARD', key('app', name, 'jobs')) == 0
  if idle then
    redis.call('ZREM', key('wait'), 'a:' .. name)
    return unready(app.cell, app.tenant, name)
  end
  local _, ahead = limiter(app)
  local wake = math.max(num(app.cool_until, 0), num(app.tat, 0) - ahead - LEAD)
  if wake > NOW and redis.call('EXISTS', key('app', name, 'looks')) == 0 then
    redis.call('ZADD', key('wait'), whole(wake), 'a:' .. name)
    return unready(app.cell, app.tenant, name)
  end
  redis.call('ZREM', key('wait'), 'a:' .. name)
  make_ready(app.cell, app.tenant, name, app.finish)
end

-- How much of `cost` microseconds of permits the limiter may take back. All, where a lease returns whole
-- and nothing was granted after it. Else only what the calls granted since have left: had these permits
-- never been taken, some would have fallen due unused, and to grant them now would break the rate.
local function creditable(app, lease, cost, ahead)
  if lease.state == 'granted' and lease.due == app.tat then return cost end
  local left = cost - math.max(0, num(app.latest, 0) - num(lease.first, 0))
  if num(lease.at, 0) > num(app.loose, 0) then left = math.max(left, ahead - LAG) end
  return math.max(0, math.min(cost, left - (num(app.credited, 0) - num(lease.credited, 0))))
end

-- Gives permits and virtual time of items back that were granted and never sent.
local function refund(lease, items)
  if items == 0 or lease.step == LOOK then return end
  local name, job = lease.app, lease.job
  local app = read(key('app', name), 'rate', 'burst', 'tat', 'latest', 'loose', 'credited')
  local pace, ahead = limiter(app)
  local credit = creditable(app, lease, items * pace, ahead)
  redis.call('HSET', key('app', name), 'tat', whole(num(app.tat, 0) - credit),
    'credited', whole(num(app.credited, 0) + credit))
  redis.call('HINCRBY', key('app', name), 'permits_returned', items)
  local weight = num(redis.call('HGET', key('job', job), 'weight'), 4)
  if redis.call('ZSCORE', key('app', name, 'jobs'), job) then
    redis.call('ZINCRBY', key('app', name, 'jobs'), exact(-items / weight), job)
  end
end

local function read_lease(id)
  local lease = read(key('lease', id), 'job', 'app', 'worker', 'state', 'left', 'parallel', 'at', 'seq', 'deaths',
    'first', 'due', 'credited', 'step', 'opens')
  lease.id = id
  lease.step = lease.step or ''
  lease.parallel = num(lease.parallel, 0)
  return lease
end

local function drop_lease(lease)
  redis.call('DEL', key('lease', lease.id))
  redis.call('ZREM', key('lease'), lease.id)
  redis.call('SREM', key('worker', lease.worker, 'leases'), lease.id)
  redis.call('HINCRBY', key('app', lease.app), 'held', -lease.parallel)
end

-- Ends a lease that never began: its items are pending again, and cost nothing.
local function end_granted(lease)
  redo(lease.job, lease.left, num(lease.deaths, 0), lease.step)
  drop_lease(lease)
  place_job(lease.app, lease.job)
  refund(lease, count(lease.left))
  place(lease.app)
end

-- What is written about a job after its end is forgotten with it.
local function expire_with(job, part)
  local left = redis.call('TTL', key('job', job))
  if left > 0 then redis.call('EXPIRE', key('job', job, part), left) end
end

local function add_results(job, rows)
  redis.call('RPUSH', key('job', job, 'out'), rows)
  expire_with(job, 'out')
end

-- Keeps a finished job for `retention` seconds, then lets the store forget all of it.
local function expire_job(job, segments, retention)
  for _, part in ipairs({ 'map', 'out', 'redo', 'tries', 'codes' }) do
    redis.call('EXPIRE', key('job', job, part), retention)
  end
  for segment = 0, segments - 1 do redis.call('EXPIRE', key('job', job, 'seg', whole(segment)), retention) end
  redis.call('EXPIRE', key('job', job), retention)
end

-- Whoever asked to hear of the end is told by a worker that takes the job from this list.
local function announce(job)
  local wanted = redis.call('HGET', key('job', job), 'notify')
  if wanted and wanted ~= '' then redis.call('LPUSH', key('notify'), job) end
end

-- What a job that has ended leaves behind: its place in its tenant's quotas and among the deadlines
-- is free at once, its id stays in the lists until the store has forgotten the rest.
local function leave_open(job, it)
  redis.call('SREM', key('app', it.app, 'open'), job)
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

-- Moves a job to another state; a terminal one also leaves the lists of open jobs.
local function transition(job, state, by, why)
  local name = key('job', job)
  local it = read(name, 'app', 'tenant', 'segments', 'retention', 'started_at', 'at', 'total', 'serial',
    'idempotency_key')
  redis.call('HSET', name, 'state', state, 'by', by or '', 'why', why or '', 'changed_at', whole(NOW))
  redis.call('HINCRBY', name, 'version', 1)
  if state == 'running' and not it.started_at then redis.call('HSET', name, 'started_at', whole(NOW)) end
  if state == 'scheduled' then
    redis.call('ZADD', key('wait'), it.at, 'j:' .. job)
  else
    redis.call('ZREM', key('wait'), 'j:' .. job)
  end
  if is_live(state) then return end
  redis.call('HSET', name, 'finished_at', whole(NOW))
  leave_open(job, it)
  expire_job(job, num(it.segments, 0), num(it.retention, 2592000))
  announce(job)
end

-- The state of a job that nothing holds any more: before its time, or where it stopped.
local function freed(it)
  if num(it.at, 0) > NOW then return 'scheduled' end
  return it.started_at and 'running' or 'queued'
end

-- Lets the items of a job be claimed, unless its app's token is not accepted.
local function enqueue(job, name)
  local app = read(key('app', name), 'state', 'why', 'rotation')
  if app.state == 'stopped' and not may_call(app, redis.call('HGET', key('job', job), 'kind')) then
    transition(job, 'paused', 'auth_failure', app.why)
  else
    transition(job, 'queued')
  end
  place_job(name, job)
  place(name)
end

-- A job whose app was stopped since is shown as paused; one that waited for its app goes on. What tries
-- the next token goes on in any case: it is the way out.
local function follow(app, name, job)
  local it = read(key('job', job), 'state', 'kind', 'by', 'started_at', 'at')
  if app.state == 'stopped' then
    if not is_open(it.state) or it.kind == 'apps.check_token' then return end
    transition(job, 'paused', 'auth_failure', app.why)
  elseif it.state == 'paused' and it.by == 'auth_failure' then
    transition(job, freed(it))
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

-- The time of a scheduled job has come.
local function start_scheduled(job)
  local it = read(key('job', job), 'state', 'app')
  redis.call('ZREM', key('wait'), 'j:' .. job)
  if it.state ~= 'scheduled' then return false end
  enqueue(job, it.app)
  return true
end

-- The deadline of a job has passed: what is in flight is still recorded, nothing else is called.
local function time_out(job)
  local it = read(key('job', job), 'state', 'app')
  redis.call('ZREM', key('deadline'), job)
  if not is_live(it.state) then return nil end
  transition(job, 'timed_out', 'deadline')
  place_job(it.app, job)
  place(it.app)
  return it.app
end

-- Pauses a job with more failed items than it bears. Who resumes it gives it as many again.
local function keep_budget(job, it)
  local failed, from, borne = num(it.failed, 0), num(it.budget_from, 0), num(it.max_failures, nil)
  if not borne or failed - from <= borne then return it.state end
  local since = from > 0 and string.format(', %d of them since it was resumed', failed - from) or ''
  transition(job, 'paused', 'error_budget', string.format('%d of %d rows have failed%s: more than the %d allowed',
    failed, num(it.total, 0), since, borne))
  return 'paused'
end

-- A job is over when nothing is pending and nothing is in flight, and not a moment before. One that
-- is not over may have failed too often to go on.
local function finish_if_over(job)
  local it = read(key('job', job), 'state', 'total', 'succeeded', 'skipped', 'failed', 'unknown', 'in_flight',
    'max_failures', 'budget_from')
  if not is_live(it.state) then return it.state end
  local over = num(it.succeeded, 0) + num(it.skipped, 0) + num(it.failed, 0) + num(it.unknown, 0)
  if over < num(it.total, 0) or num(it.in_flight, 0) > 0 then
    return is_open(it.state) and keep_budget(job, it) or it.state
  end
  local state = (num(it.failed, 0) + num(it.unknown, 0) > 0) and 'completed_with_errors' or 'completed'
  transition(job, state)
  return state
end

local function count_code(job, code, items, lines)
  redis.call('HINCRBY', key('job', job, 'codes'), code, items)
  local known = redis.call('HGET', key('job', job, 'codes'), code .. '|lines') or ''
  local _, commas = string.gsub(known, ',', '')
  if commas < 4 and lines ~= '' then
    redis.call('HSET', key('job', job, 'codes'), code .. '|lines', known == '' and lines or (known .. ',' .. lines))
  end
  expire_with(job, 'codes')
end
