#!lua
-- claim: pick who is fairest to serve now and lease slices of items that hold permits.
--
-- Promotes what is due, then takes the lowest tag at three levels: tenant, app, job. A grant is
-- partial: as many items as permits, cap, slots, slice and items left allow. Never repeated when
-- unanswered: what it granted ends by itself.
--
-- KEYS[1]  root
-- ARGV[1]  worker     ARGV[2]  cell     ARGV[3]  the worker's egress name
-- ARGV[4]  free slots (calls at once)   ARGV[5]  most items for this parcel
-- ARGV[6]  microseconds this worker needs from claim to first call: no permit falls due sooner
-- returns  {microseconds to the next due instant or -1 or, told to drain, -2, slice…}
--          slice = {lease, app, job, kind, ranges, parallel, "offset,offset…" microseconds from now, one a call, step,
--          1 if a call that is late for its instant must not be made, else 0, most items a call}

local function retries_due(name)
  local zset, touched = key('app', name, 'retry'), {}
  local most = math.min(DUE_AT_ONCE, retries_left)
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', zset, '-inf', whole(NOW), 'LIMIT', 0, most)) do
    local job, index, step = string.match(member, '^([^:]+):(%d+)@?(.*)$')
    redis.call('ZREM', zset, member)
    redo(job, name, index .. '-' .. index, 0, step)
    touched[job] = true
    retries_left = retries_left - 1
  end
  for job in pairs(touched) do place_job(name, job) end
  wait_for_retries(name, cell)
end

local function promote()
  local due = redis.call('ZRANGEBYSCORE', key('wait'), '-inf', whole(NOW), 'LIMIT', 0, DUE_AT_ONCE)
  for _, member in ipairs(due) do
    local kind, name = string.sub(member, 1, 2), string.sub(member, 3)
    if kind == 'j:' then
      start_scheduled(name)
    elseif kind == 'v:' then
      if visit_apps(name) then finish_if_over(name) end
    elseif kind == 'p:' then
      local job, app = string.match(name, '^([^@]+)@?(.*)$')
      if app == '' then app = redis.call('HGET', key('job', job), 'app') end
      redis.call('ZREM', key('wait'), member)
      if app then
        place_job(app, job)
        place(app)
      end
    else
      if kind == 'r:' then retries_due(name) end
      place(name)
    end
  end
end

local last_lease
local function lease_out(tenant, name, app, job, parallel, fields)
  last_lease = (last_lease or num(redis.call('GET', key('leases')), 0)) + 1
  local id = whole(last_lease)
  redis.call('HSET', key('lease', id), 'job', job, 'app', name, 'worker', worker, 'state', 'granted',
    'parallel', parallel, 'at', NOW_TEXT, 'cell', cell, unpack(fields))
  granted[#granted + 1] = id
  serving[tenant] = (serving[tenant] or 0) + parallel
  app.held = whole(num(app.held, 0) + parallel)
  gather(app, 'held', app.held)
  return id
end

-- Writes what all leases of this claim share.
local function enlist()
  if #granted == 0 then return end
  local until_then, expiring = whole(NOW + GRANT), {}
  for i, id in ipairs(granted) do expiring[2 * i - 1], expiring[2 * i] = until_then, id end
  redis.call('SET', key('leases'), whole(last_lease))
  redis.call('ZADD', key('lease'), unpack(expiring))
  redis.call('SADD', key('worker', worker, 'leases'), unpack(granted))
  for tenant, lanes in pairs(serving) do redis.call('HINCRBY', key('worker', worker, 'held'), tenant, lanes) end
  local times = { 'at/' .. cell, NOW_TEXT, cell, exact(virtual) }
  for tenant, tag in pairs(served_now) do
    times[#times + 1], times[#times + 2] = cell .. '/' .. tenant, exact(tag)
  end
  redis.call('HSET', key('vt'), unpack(times))
end

local mean    -- of the cell's latencies; read once
-- The new tags of job and app are written as they are placed.
local function charge(tenant, job, app, it, calls)
  local all = key('ready', cell)
  mean = mean or mean_of(cell) or 0
  local cost = mean > 0 and cost_of(num(app.latency, nil), mean) or 1
  local weight = num(tenant_of(tenant).weight, 1)
  gather(app, 'vt', exact(math.max(it.tag, num(app.vt, 0))))
  it.tag = it.tag + calls / num(it.weight, 4)
  -- The apps of a fleet job have no virtual time in common.
  if not it.apps then gather(it, 'finish', exact(it.tag)) end
  served_now[tenant] = app.tag
  app.tag = app.tag + calls * cost / num(app.weight, 1)
  local at_tenant = redis.call('ZINCRBY', all, exact(calls * cost / weight), tenant)
  virtual = at_tenant - calls * cost / weight
  served_at = NOW
  return cost
end

-- A job of this app to be looked through now: one that is next with nothing to call, or any
-- while the app has no permit.
local function job_to_look_through(name, app, first, it)
  local looked = key('app', name, 'looks')
  -- The first is asked after by name: drawn by lot among many, it would seldom come up.
  if it.looks == '1' and redis.call('SISMEMBER', looked, first) == 1
    and redis.call('EXISTS', key('job', first, 'redo')) == 0 then
    return first
  end
  local _, ahead = limiter(app)
  if math.max(num(app.cool_until, 0), num(app.tat, 0) - ahead - lead) <= NOW then return end
  local job = redis.call('SRANDMEMBER', looked)
  if job and not redis.call('ZSCORE', key('app', name, 'jobs'), job) then
    redis.call('SREM', looked, job)    -- it has ended since
    return
  end
  return job
end

-- A slice without permits, for what needs no call; looking costs a tenth of a call's virtual time.
local function grant_look(tenant, name, job, app)
  local it = read(key('job', job), unpack(JOB))
  local ranges, taken = take_new(job, it, math.min(SLICE, room))
  it.changed, it.tag = { 'next', it.next }, num(redis.call('ZSCORE', key('app', name, 'jobs'), job), 0)
  if taken == 0 then
    redis.call('HSET', key('job', job), 'next', it.next)
    place_job(name, job)
    return
  end
  charge(tenant, job, app, it, taken / 10)
  slots, room = slots - 1, room - taken
  shares.note(tenant, app, 1)
  local id = lease_out(tenant, name, app, job, 1, { 'left', ranges, 'deaths', 0, 'step', LOOK })
  redis.call('HSET', key('job', job), unpack(it.changed))
  app.jobs = place_job(name, job, it, app) or app.jobs
  return { id, name, job, it.kind, ranges, 1, '0' .. string.rep(',0', taken - 1), LOOK, 1, 1 }
end

-- Writes what the permits of a slice have moved; returns what its lease keeps for the way back.
local function spend(app, it, limits, offsets, tats, narrow, calls, loose)
  local pace = limiter(app)
  local kept = { 'first', whole(offsets[1]), 'due', whole(tats[calls]), 'credited', app.credited or '0',
    'pace', whole(pace) }
  app.tat = kept[4]
  gather(app, 'tat', app.tat)
  gather(app, 'latest', whole(math.max(num(app.latest, 0), offsets[calls])))
  gather(app, 'permits_granted', whole(num(app.permits_granted, 0) + calls))
  app.lead = LEAD_TEXT
  gather(app, 'lead', app.lead)
  if loose > 0 and loose <= calls then gather(app, 'loose', NOW_TEXT) end
  local due = ''
  for n, limit in ipairs(limits) do
    if limit.hash then
      local after = whole(narrow[n][calls + 1])
      redis.call('HSET', limit.hash, limit.field, after)
      if limit.name == 'job' then it.tat = after end
      due = due .. limit.name .. '=' .. after .. ' '
    end
  end
  if due ~= '' then kept[#kept + 1], kept[#kept + 2] = 'narrow', due end
  return kept
end

-- The most calls at once and in all that a slice of this app may have now.
local function size_of(app, lanes, safe, unpaced)
  local latency, pace = math.max(num(app.latency, 50000), 100), limiter(app)
  if is_canary(app) then return 1, 1, latency end
  local useful = math.ceil(1.5 * latency / pace) + 1
  -- Wide only where the calls start together: lanes that begin one after the other are held for longer than used.
  local widest = math.min(PARALLEL, math.max(TURN, math.floor(LAG / pace)))
  local parallel = math.max(1, math.min(widest, num(app.cap, 1) - num(app.held, 0), lanes, useful))
  local most = math.min(unpaced and WIDE or SLICE, room, math.max(1, math.floor(parallel * HORIZON / latency)))
  -- A call that may not be repeated is marked as sent before it starts; a slice of
  -- one window keeps `unknown` to the calls that can be on the wire.
  return parallel, safe and most or math.min(most, parallel), latency
end

-- The slice, and the app as it is now that it was served; or nothing, and the app is to be read again.
local function grant(tenant, name, lanes, contested, tag)
  local line, app = line_of(tenant), read(key('app', name), unpack(APP))
  if app.cell ~= cell then return unready(cell, tenant, name) end    -- it has moved since it was placed
  lanes = shares.of_app(tenant, app, slots, lanes, contested)
  if lanes <= 0 then
    passed, line.refused = true, true
    return bar(line, name)
  end
  app.classes = app.classes or ''
  local jobs = redis.call('ZRANGE', key('app', name, 'jobs'), 0, 1, 'WITHSCORES')
  local job = jobs[1]
  local it = read(key('job', job), unpack(JOB))
  app.tag, app.changed, app.jobs = tag, {}, #jobs > 2
  it.tag, it.changed = tonumber(jobs[2]), {}
  -- A pause of a fleet job is one write: each of its apps learns of it here.
  if it.apps and not is_open(it.state) then
    place_job(name, job)
    return
  end
  local stopped = app.state == 'stopped'
  -- The sweep has not come to it yet.
  if stopped and it.kind ~= 'apps.check_token' then
    follow(app, name, job)
    return
  end
  local looked = not stopped and job_to_look_through(name, app, job, it)
  if looked then
    app.jobs = app.jobs or looked ~= job
    return grant_look(tenant, name, looked, app), app
  end
  local step, entry = next_step(job, name, it)
  local safe = (step == '' and (it['repeat'] or 'once') or repeat_of(job, step)) == 'safe'
  local limits = narrower(name, job, it, app)
  local unpaced = safe and is_unpaced(app, limits)
  local parallel, most, latency = size_of(app, lanes, safe, unpaced)
  local lanes_of = { parallel = parallel, latency = latency, from = NOW + delay, unpaced = unpaced }
  local offsets, tats, narrow, loose = instants(app, most, lanes_of, limits)
  -- What is marked as sent together starts together: else most of it is not on the wire when a worker dies.
  while not safe and #offsets > 1 and offsets[#offsets] > offsets[1] + LEAD do offsets[#offsets] = nil end
  if #offsets == 0 then
    -- Its class was used up since it was placed; or it was made ready for a worker that needs more time than this.
    redis.call('HSET', key('app', name), 'lead', LEAD_TEXT)
    place_job(name, job)
    return
  end
  local before, join, hoped = it.next, joins(job, it, step)
  local ranges, taken, deaths = take(worker, name, job, it, wanted(#offsets, hoped), step, entry)
  if it.next ~= before then gather(it, 'next', it.next) end
  if taken == 0 then
    -- Suspects only, or a stretch of refused rows: then there is more to see behind it.
    if #it.changed > 0 then redis.call('HSET', key('job', job), unpack(it.changed)) end
    if it.apps or num(before, 0) == num(it.next, 0) then bar(line, name) end
    place_job(name, job)
    return
  end
  local calls = math.ceil(taken / hoped)
  parallel = math.min(parallel, calls)
  local fields = spend(app, it, limits, offsets, tats, narrow, calls, loose)
  local cost = charge(tenant, job, app, it, calls)
  slots, room = slots - parallel, room - calls
  shares.note(tenant, app, parallel)
  for i, value in ipairs({ 'left', ranges, 'deaths', deaths, 'step', step, 'cost', exact(cost) }) do
    fields[#fields + 1] = value
  end
  if join > 1 then
    for _, value in ipairs({ 'permits', calls, 'join', join }) do fields[#fields + 1] = value end
  end
  local id = lease_out(tenant, name, app, job, parallel, fields)
  if #it.changed > 0 then redis.call('HSET', key('job', job), unpack(it.changed)) end
  app.jobs = place_job(name, job, it, app) or app.jobs
  for i = 1, calls do offsets[i] = whole(offsets[i] - NOW) end
  offsets = table.concat(offsets, ',', 1, calls)
  return { id, name, job, it.kind, ranges, parallel, offsets, step, unpaced and 0 or 1, join }, app
end

if about.draining then
  -- The bell may have called this worker: then it is another's turn.
  if redis.call('ZCARD', key('ready', cell)) > 0 then ring(cell) end
  return { -2 }
end

silent = true
promote()
local answer = { -1 }
while slots > 0 and room > 0 do
  local tenant, name, lanes, contested, tag = pick()
  if name then
    local slice, app = grant(tenant, name, lanes, contested, tag)
    if slice then
      answer[#answer + 1] = slice
      line_up(line_of(tenant), name, place(name, app) and app.tag)
      redis.call('HSET', key('app', name), unpack(app.changed))
    elseif not barred[name] then
      -- What is passed over stays ready: to place it again would ring the bell for this worker.
      line_up(line_of(tenant), name, place(name) and num(redis.call('ZSCORE', key('ready', cell, tenant), name)))
    end
  elseif passed and not alone then
    alone = true
  else
    break
  end
end

-- Not for what this worker passed over: the bell would only call it back to the same. What it passed over for
-- want of lanes another may serve, and is told once for every parcel that this one takes.
enlist()
local more = slots <= 0 or room <= 0 or (passed and #answer > 1) or not (passed or next(barred))
more = more and redis.call('ZCARD', key('ready', cell)) > 0
if more or (sooner and slots <= 0) then ring(cell) end
local next_due = redis.call('ZRANGE', key('wait'), 0, 0, 'WITHSCORES')[2]
if next_due then answer[1] = math.max(0, math.ceil(tonumber(next_due) - NOW)) end
if held_back and (answer[1] < 0 or answer[1] > STILL) then answer[1] = STILL end
return answer
