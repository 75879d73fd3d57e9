-- place: where apps and jobs stand. Joined behind `fair`.
--
-- place() and place_job() are the only writers of the ready and wait sets and the only ringers of the bell
-- for new work; every verb ends with them for what it touched. What is ready or waits is the pair (app, job):
-- a job held back by its own rate or its operation class leaves `app:<a>:jobs` and stands in `wait` as
-- `p:<job>` until its next permit, so it never blocks its app; `a:<app>` waits for the app's own.

local BEHIND = 10         -- virtual time: forty items of normal priority

-- What is to be written to the hash of a served app or job: see place().
local function gather(served, field, value)
  local changed = served.changed
  changed[#changed + 1], changed[#changed + 2] = field, value
end

local function unready(cell, tenant, name, served)
  local ready = key('ready', cell, tenant)
  local tag = served and exact(served.tag) or redis.call('ZSCORE', ready, name)
  if not tag then return end
  if served then
    gather(served, 'finish', tag)
  else
    redis.call('HSET', key('app', name), 'finish', tag)
  end
  redis.call('ZREM', ready, name)
  if redis.call('ZCARD', ready) == 0 then
    local own = redis.call('ZSCORE', key('ready', cell), tenant)
    if own then redis.call('HSET', key('tenant', tenant), 'finish:' .. cell, own) end
    redis.call('ZREM', key('ready', cell), tenant)
  end
end

local function make_ready(cell, tenant, name, finish)
  local ready = key('ready', cell, tenant)
  if not redis.call('ZSCORE', ready, name) then
    local virtual = num(redis.call('HGET', key('vt'), cell .. '/' .. tenant), 0)
    redis.call('ZADD', ready, exact(math.max(virtual, num(finish, 0))), name)
  end
  if not redis.call('ZSCORE', key('ready', cell), tenant) then
    local before = num(redis.call('HGET', key('tenant', tenant), 'finish:' .. cell), 0)
    local virtual = num(redis.call('HGET', key('vt'), cell), 0)
    redis.call('ZADD', key('ready', cell), exact(math.max(virtual, before)), tenant)
  end
  ring(cell)
end

-- Where a job comes back that its own limits held back: it was not idle, so it is served before others and, of
-- several, the one that waited longest is first; yet never more than BEHIND ahead of them.
local function tag_of_held(virtual, tag)
  local behind = math.max(0, virtual - tag)
  return math.max(virtual, tag) - BEHIND * behind / (behind + BEHIND)
end

-- True if a job has something to claim for this app.
local function has_work(name, job, it)
  if not is_open(it.state) then return false end
  if it.apps then return redis.call('HEXISTS', key('job', job, 'due'), name) == 1 end
  return num(it.next, 0) < num(it.total, 0) or redis.call('EXISTS', key('job', job, 'redo')) == 1
end

-- Puts a job among its app's jobs that have items to give out, lets it wait for its own limits, or takes it
-- from there. One that meets what is on the record already is looked through: that needs no permits.
-- `known` are the job's fields, if they were read already; with a `tag` it is one of its app's jobs, to stand there
-- with this tag. True if it has work left there.
local function place_job(name, job, known, app)
  local it = known
    or read(key('job', job), 'state', 'next', 'total', 'finish', 'looks', 'rate', 'tat', 'class', 'held', 'apps',
      'sender')
  local jobs = key('app', name, 'jobs')
  if it.looks then
    local through = it.looks == '1' and is_open(it.state) and num(it.next, 0) < num(it.total, 0)
    redis.call(through and 'SADD' or 'SREM', key('app', name, 'looks'), job)
  end
  local work = has_work(name, job, it)
  local waits = 'p:' .. job .. (it.apps and '@' .. name or '')
  local limits = narrower(name, job, it, app)
  local lead = #limits > 0 and num(app and app.lead or redis.call('HGET', key('app', name), 'lead'), LEAD) or LEAD
  local wake = next_allowed(limits) - lead
  if work and wake > NOW then
    local tag = it.tag and exact(it.tag) or redis.call('ZSCORE', jobs, job)
    if tag and not it.apps then redis.call('HSET', key('job', job), 'held', tag) end
    redis.call('ZREM', jobs, job)
    local cell = cell_of(name)
    if it.sender then gates().wait(limits, job, cell) end
    wait_until(waits, wake, cell)
    return
  end
  -- The limits of a sender come and go with its session.
  if #limits > 0 or it.sender then redis.call('ZREM', key('wait'), waits) end
  if not work then
    redis.call('ZREM', jobs, job)
  elseif it.tag then
    redis.call('ZADD', jobs, exact(it.tag), job)
  elseif not redis.call('ZSCORE', jobs, job) then
    local virtual = num(redis.call('HGET', key('app', name), 'vt'), 0)
    local tag = it.held and tag_of_held(virtual, tonumber(it.held)) or math.max(virtual, num(it.finish, 0))
    redis.call('ZADD', jobs, exact(tag), job)
    if it.held then redis.call('HDEL', key('job', job), 'held') end
  end
  return work
end

-- A stopped app may make one kind of call: the one that tries the token it is to have next.
local function may_call(app, kind)
  return app.state == 'active' or (app.state == 'stopped' and app.rotation == 'checking' and kind == 'apps.check_token')
end

-- The app's lifetime set of public addresses takes five; a sixth would have mesibo disable it. The second is true
-- if it holds this one already.
local function may_reach(name, egress)
  local set = redis.call('SMEMBERS', key('app', name, 'egress'))
  for _, known in ipairs(set) do
    if known == egress then return true, true end
  end
  return #set < 5
end

-- True if an app may have no further call now, whatever its permits: its lanes are taken, or its canary is out.
local function is_full(app)
  local held = num(app.held, 0)
  return held >= num(app.cap, 1) or (held > 0 and is_canary(app))
end

-- Puts an app where it belongs: ready, waiting for an instant, or neither. True if it is ready.
-- Of one that was `served` a moment ago its caller knows everything: it was ready, with `tag` since, and has
-- `jobs` left or not; what is to be written to its hash it finds in `changed`.
local function place(name, served)
  local app = served or read(key('app', name), 'state', 'tenant', 'cell', 'rate', 'burst', 'tat', 'cap', 'held',
    'cool_until', 'finish', 'rotation', 'learned', 'lead')
  if not app.tenant then return end
  local idle = not may_call(app, 'apps.check_token') or tenant_of(app.tenant).state ~= 'active' or is_full(app)
  if not idle and served then idle = not served.jobs end
  if not idle and not served then idle = redis.call('EXISTS', key('app', name, 'jobs')) == 0 end
  if idle then
    if not served then redis.call('ZREM', key('wait'), 'a:' .. name) end
    return unready(app.cell, app.tenant, name, served)
  end
  local _, ahead = limiter(app)
  local wake = math.max(num(app.cool_until, 0), num(app.tat, 0) - ahead - num(app.lead, LEAD))
  if wake > NOW and redis.call('EXISTS', key('app', name, 'looks')) == 0 then
    wait_until('a:' .. name, wake, app.cell)
    return unready(app.cell, app.tenant, name, served)
  end
  if served then
    redis.call('ZADD', key('ready', app.cell, app.tenant), exact(served.tag), name)
    ring(app.cell)
  else
    redis.call('ZREM', key('wait'), 'a:' .. name)
    make_ready(app.cell, app.tenant, name, app.finish)
  end
  return true
end
