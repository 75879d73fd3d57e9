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
--          slice = {lease, app, job, kind, ranges, parallel, "offset,offset…" microseconds from now, step,
--          1 if a call that is late for its instant must not be made, else 0}

local worker, cell, egress = ARGV[1], ARGV[2], ARGV[3]
local slots, room, delay = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local STILL = 25000       -- where nobody was served for so long, nobody is waited for: who is behind may be unable to
local TURN = 8            -- lanes of a slice where others wait, or where its calls start one by one
local lead = math.max(LEAD, delay)    -- a permit that falls due within it cannot be used sooner by this worker
local DUE_AT_ONCE, CANDIDATES, ATTEMPTS, ATTEMPTS_HERE = 200, 8, 256, 64

local retries_left = 400       -- of all apps: when a backend of many comes back, nobody waits for all of theirs
local barred, looks = {}, 0    -- apps that this claim passes over, and how many it has looked at
local passed = false           -- true if a tenant has its share of this worker already
local alone = false            -- true once nobody else who waits can use what is left of this worker
local looked = {}              -- how many apps of a tenant
local last = read(key('vt'), cell, 'at/' .. cell)
local virtual, served_at = num(last[cell], 0), num(last['at/' .. cell], 0)    -- of the tenant that was served last
local held_back = false        -- true if a tenant was refused kept lanes for being ahead

local about = read(key('worker', worker), 'draining', 'slots')
local shares = shares_of(worker, cell, num(about.slots, 0))

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
  local first = redis.call('ZRANGE', zset, 0, 0, 'WITHSCORES')
  if first[2] then
    wait_until('r:' .. name, tonumber(first[2]), cell)
  else
    redis.call('ZREM', key('wait'), 'r:' .. name)
  end
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

-- The app's lifetime set of public addresses takes five; a sixth would have mesibo disable it.
local function may_reach(name)
  local set = key('app', name, 'egress')
  return redis.call('SISMEMBER', set, egress) == 1 or redis.call('SCARD', set) < 5
end

-- The members of a sorted set, lowest first, and their tags if `tagged`, read in pages: nearly always the first
-- one is taken.
local function each_lowest(set, tagged)
  local page, at, from, width = {}, 0, 0, tagged and 2 or 1
  return function()
    if at == #page then
      local to = from + CANDIDATES - 1
      page = tagged and redis.call('ZRANGE', set, from, to, 'WITHSCORES') or redis.call('ZRANGE', set, from, to)
      at, from = 0, to + 1
    end
    at = at + width
    return page[at - width + 1], tagged and tonumber(page[at])
  end
end

-- The next tenant and app, and the lanes that this worker may give them. A tenant's apps are looked at a few
-- at a time: those that this worker may not serve now must hide nobody else's.
local function pick()
  local waited_for = NOW - served_at < STILL
  for tenant, tag in each_lowest(key('ready', cell), waited_for) do
    local contested = not alone and redis.call('ZCARD', key('ready', cell)) > 1
    -- How far the tenant is ahead of who was served last: 0 where nobody is waited for.
    local ahead = waited_for and tag - virtual or 0
    local lanes = shares.of_tenant(tenant, slots, ahead)
    held_back = held_back or (lanes <= 0 and ahead > 0)
    if lanes <= 0 then passed = true end
    -- In turns of a few lanes, where others wait for some too.
    if contested then lanes = math.min(lanes, TURN) end
    if lanes > 0 and (looked[tenant] or 0) < ATTEMPTS_HERE then
      for name in each_lowest(key('ready', cell, tenant)) do
        if not barred[name] then
          looks, looked[tenant] = looks + 1, (looked[tenant] or 0) + 1
          if looks > ATTEMPTS then return end
          if looked[tenant] > ATTEMPTS_HERE then break end
          if may_reach(name) then return tenant, name, lanes, contested end
          barred[name] = true
        end
      end
    end
  end
end

local function lease_out(name, job, parallel, fields)
  local id = whole(redis.call('INCR', key('leases')))
  redis.call('HSET', key('lease', id), 'job', job, 'app', name, 'worker', worker, 'state', 'granted',
    'parallel', parallel, 'at', whole(NOW), 'cell', cell, unpack(fields))
  redis.call('ZADD', key('lease'), whole(NOW + GRANT), id)
  redis.call('SADD', key('worker', worker, 'leases'), id)
  count_lanes(worker, name, parallel)
  return id
end

local mean    -- of the cell's latencies; read once
local function charge(tenant, name, job, app, it, items)
  local jobs, apps, tenants = key('app', name, 'jobs'), key('ready', cell, tenant), key('ready', cell)
  mean = mean or mean_of(cell) or 0
  local cost = mean > 0 and cost_of(num(app.latency, nil), mean) or 1
  local weight = num(redis.call('HGET', key('tenant', tenant), 'weight'), 1)
  local at_job = num(redis.call('ZSCORE', jobs, job), 0)
  local job_tag = redis.call('ZINCRBY', jobs, exact(items / num(it.weight, 4)), job)
  -- The apps of a fleet job have no virtual time in common.
  if not it.apps then redis.call('HSET', key('job', job), 'finish', job_tag) end
  local at_app = redis.call('ZINCRBY', apps, exact(items * cost / num(app.weight, 1)), name)
  local at_tenant = redis.call('ZINCRBY', tenants, exact(items * cost / weight), tenant)
  redis.call('HSET', key('app', name), 'vt', exact(math.max(at_job, num(app.vt, 0))))
  virtual = at_tenant - items * cost / weight
  served_at = NOW
  redis.call('HSET', key('vt'), cell, exact(virtual), 'at/' .. cell, whole(NOW),
    cell .. '/' .. tenant, exact(at_app - items * cost / num(app.weight, 1)))
  return cost
end

-- A job of this app to be looked through now: one that is next with nothing to call, or any
-- while the app has no permit.
local function job_to_look_through(name, app, first)
  local looked = key('app', name, 'looks')
  -- The first is asked after by name: drawn by lot among many, it would seldom come up.
  if redis.call('SISMEMBER', looked, first) == 1 and redis.call('EXISTS', key('job', first, 'redo')) == 0 then
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
  local it = read(key('job', job), 'next', 'total', 'weight', 'kind')
  local ranges, taken = take_new(job, it, math.min(SLICE, room))
  if taken == 0 then return place_job(name, job) end
  charge(tenant, name, job, app, it, taken / 10)
  slots, room = slots - 1, room - taken
  shares.note(tenant, app, 1)
  local id = lease_out(name, job, 1, { 'left', ranges, 'deaths', 0, 'step', LOOK })
  place_job(name, job)
  return { id, name, job, it.kind, ranges, 1, '0' .. string.rep(',0', taken - 1), LOOK, 1 }
end

-- Writes what the permits of a slice have moved; returns what its lease keeps for the way back.
local function spend(name, app, limits, offsets, tats, narrow, taken, loose)
  local pace = limiter(app)
  local written = { 'tat', whole(tats[taken]), 'latest', whole(math.max(num(app.latest, 0), offsets[taken])),
    'permits_granted', whole(num(app.permits_granted, 0) + taken), 'lead', whole(lead) }
  if loose > 0 and loose <= taken then
    written[#written + 1], written[#written + 2] = 'loose', whole(NOW)
  end
  redis.call('HSET', key('app', name), unpack(written))
  local kept = { 'first', whole(offsets[1]), 'due', whole(tats[taken]), 'credited', app.credited or '0',
    'pace', whole(pace) }
  local due = ''
  for n, limit in ipairs(limits) do
    redis.call('HSET', limit.hash, limit.field, whole(narrow[n][taken + 1]))
    due = due .. limit.name .. '=' .. whole(narrow[n][taken + 1]) .. ' '
  end
  if due ~= '' then kept[#kept + 1], kept[#kept + 2] = 'narrow', due end
  return kept
end

-- The most calls at once and items that a slice of this app may have now.
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

local function grant(tenant, name, lanes, contested)
  local app = read(key('app', name), 'rate', 'burst', 'learned', 'tat', 'cap', 'held', 'weight', 'latency', 'cell',
    'latest', 'credited', 'cool_until', 'state', 'why', 'permits_granted', 'vt')
  if app.cell ~= cell then return unready(cell, tenant, name) end    -- it has moved since it was placed
  lanes = shares.of_app(tenant, app, slots, lanes, contested)
  if lanes <= 0 then
    barred[name], passed = true, true
    return
  end
  local job = redis.call('ZRANGE', key('app', name, 'jobs'), 0, 0)[1]
  local it = read(key('job', job), 'next', 'total', 'weight', 'kind', 'looks', 'rate', 'tat', 'class', 'apps', 'state')
  -- A pause of a fleet job is one write: each of its apps learns of it here.
  if it.apps and not is_open(it.state) then return place_job(name, job) end
  local stopped = app.state == 'stopped'
  -- The sweep has not come to it yet.
  if stopped and it.kind ~= 'apps.check_token' then return follow(app, name, job) end
  local looked = not stopped and job_to_look_through(name, app, job)
  if looked then return grant_look(tenant, name, looked, app) end
  local step = next_step(job, name, it)
  local safe = repeat_of(job, step) == 'safe'
  local limits = narrower(name, job, it)
  local unpaced = safe and is_unpaced(app, limits)
  local parallel, most, latency = size_of(app, lanes, safe, unpaced)
  local lanes_of = { parallel = parallel, latency = latency, from = NOW + delay, unpaced = unpaced }
  local offsets, tats, narrow, loose = instants(app, most, lanes_of, limits)
  -- What is marked as sent together starts together: else most of it is not on the wire when a worker dies.
  while not safe and #offsets > 1 and offsets[#offsets] > offsets[1] + LEAD do offsets[#offsets] = nil end
  if #offsets == 0 then
    -- Its class was used up since it was placed; or it was made ready for a worker that needs more time than this.
    redis.call('HSET', key('app', name), 'lead', whole(lead))
    return place_job(name, job)
  end
  local ranges, taken, deaths = take(worker, name, job, it, #offsets, step)
  if taken == 0 then
    -- Suspects only, or a stretch of refused rows: then there is more to see behind it.
    local at = redis.call('HGET', key('job', job), 'next')
    if it.apps or num(at, 0) == num(it.next, 0) then barred[name] = true end
    return place_job(name, job)
  end
  parallel = math.min(parallel, taken)
  local fields = spend(name, app, limits, offsets, tats, narrow, taken, loose)
  local cost = charge(tenant, name, job, app, it, taken)
  slots, room = slots - parallel, room - taken
  shares.note(tenant, app, parallel)
  for i, value in ipairs({ 'left', ranges, 'deaths', deaths, 'step', step, 'cost', exact(cost) }) do
    fields[#fields + 1] = value
  end
  local id = lease_out(name, job, parallel, fields)
  place_job(name, job)
  for i = 1, taken do offsets[i] = whole(offsets[i] - NOW) end
  return { id, name, job, it.kind, ranges, parallel, table.concat(offsets, ',', 1, taken), step, unpaced and 0 or 1 }
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
  local tenant, name, lanes, contested = pick()
  if name then
    local slice = grant(tenant, name, lanes, contested)
    if slice then answer[#answer + 1] = slice end
    -- What is passed over stays ready: to place it again would ring the bell for this worker.
    if not barred[name] then place(name) end
  elseif passed and not alone then
    alone = true
  else
    break
  end
end

-- Not for what this worker passed over: the bell would only call it back to the same. What it passed over for
-- want of lanes another may serve, and is told once for every parcel that this one takes.
local more = slots <= 0 or room <= 0 or (passed and #answer > 1) or not (passed or next(barred))
more = more and redis.call('ZCARD', key('ready', cell)) > 0
if more or (sooner and slots <= 0) then ring(cell) end
local next_due = redis.call('ZRANGE', key('wait'), 0, 0, 'WITHSCORES')[2]
if next_due then answer[1] = math.max(0, math.ceil(tonumber(next_due) - NOW)) end
if held_back and (answer[1] < 0 or answer[1] > STILL) then answer[1] = STILL end
return answer
