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
--          slice = {lease, app, job, kind, ranges, parallel, "offset,offset…" microseconds from now, step}

local worker, cell, egress = ARGV[1], ARGV[2], ARGV[3]
local slots, room, delay = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local DUE_AT_ONCE, CANDIDATES, SCAN, ATTEMPTS = 200, 8, 512, 256

local retries_left = 400       -- of all apps: when a backend of many comes back, nobody waits for all of theirs
local barred, looks = {}, 0    -- apps that this claim passes over, and how many it has looked at

local function retries_due(name)
  local zset, touched = key('app', name, 'retry'), {}
  local most = math.min(DUE_AT_ONCE, retries_left)
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', zset, '-inf', whole(NOW), 'LIMIT', 0, most)) do
    local job, index, step = string.match(member, '^([^:]+):(%d+)@?(.*)$')
    redis.call('ZREM', zset, member)
    redo(job, index .. '-' .. index, 0, step)
    touched[job] = true
    retries_left = retries_left - 1
  end
  for job in pairs(touched) do place_job(name, job) end
  local first = redis.call('ZRANGE', zset, 0, 0, 'WITHSCORES')
  if first[2] then
    redis.call('ZADD', key('wait'), first[2], 'r:' .. name)
  else
    redis.call('ZREM', key('wait'), 'r:' .. name)
  end
end

local function promote()
  local due = redis.call('ZRANGEBYSCORE', key('wait'), '-inf', whole(NOW), 'LIMIT', 0, DUE_AT_ONCE)
  for _, member in ipairs(due) do
    local kind, name = string.sub(member, 1, 2), string.sub(member, 3)
    if kind == 'r:' then retries_due(name) end
    if kind == 'j:' then start_scheduled(name) else place(name) end
  end
end

-- The app's lifetime set of public addresses takes five; a sixth would have mesibo disable it.
local function may_call(name)
  local set = key('app', name, 'egress')
  return redis.call('SISMEMBER', set, egress) == 1 or redis.call('SCARD', set) < 5
end

-- The members of a sorted set, lowest first, read in pages: nearly always the first one is taken.
local function each_lowest(set)
  local page, at, from = nil, 0, 0
  return function()
    if not page or at == #page then
      page, at, from = redis.call('ZRANGE', set, from, from + CANDIDATES - 1), 0, from + CANDIDATES
    end
    at = at + 1
    return page[at]
  end
end

local function pick()
  for tenant in each_lowest(key('ready', cell)) do
    for name in each_lowest(key('ready', cell, tenant)) do
      if not barred[name] then
        looks = looks + 1
        if looks > ATTEMPTS then return end
        if may_call(name) then return tenant, name end
        barred[name] = true
      end
    end
  end
end

-- What died twice is a suspect. A worker runs one at a time: else one guilty item that ends the
-- process would have all the others that were in it convicted with it.
local suspects
local function has_suspect()
  if suspects == nil then
    suspects = false
    for _, id in ipairs(redis.call('SMEMBERS', key('worker', worker, 'leases'))) do
      suspects = suspects or num(redis.call('HGET', key('lease', id), 'deaths'), 0) >= 2
    end
  end
  return suspects
end

-- Takes up to `most` items of one step from what came back, in ranges, and how often they died with a worker.
local function take_redo(job, most, step)
  local list, taken, ranges = key('job', job, 'redo'), 0, {}
  while taken < most do
    local entry = redis.call('LINDEX', list, 0)
    if not entry then break end
    local first, last, deaths, its_step = read_entry(entry)
    if its_step ~= step then break end
    -- What died twice goes alone, so that the guilty item is found and the others are not.
    if deaths > 0 and taken > 0 or deaths >= 2 and has_suspect() then break end
    if deaths >= 2 then suspects = true end
    local size = math.min(last - first + 1, most - taken, deaths >= 2 and 1 or SLICE)
    redis.call('LPOP', list)
    if first + size <= last then
      redis.call('LPUSH', list, redo_entry(first + size, last, deaths, step))
    end
    ranges[#ranges + 1] = whole(first) .. '-' .. whole(first + size - 1)
    taken = taken + size
    if deaths > 0 then return table.concat(ranges, ','), taken, deaths end
  end
  return table.concat(ranges, ','), taken, 0
end

-- Takes up to `most` pending items from the untouched rest, past those refused while reading.
local function take_new(job, it, most)
  local first, total, taken, ranges = num(it.next, 0), num(it.total, 0), 0, {}
  local limit = math.min(total, first + SCAN)
  local base = math.floor(first / 2)
  local bytes = redis.call('GETRANGE', key('job', job, 'map'), base, math.floor((limit - 1) / 2))
  local start, index = nil, first
  while index < limit and taken < most do
    local byte = string.byte(bytes, math.floor(index / 2) - base + 1) or 0
    local state = (index % 2 == 0) and math.floor(byte / 16) or byte % 16
    if state == PENDING then
      start = start or index
      taken = taken + 1
    elseif start then
      ranges[#ranges + 1] = whole(start) .. '-' .. whole(index - 1)
      start = nil
    end
    index = index + 1
  end
  if start then ranges[#ranges + 1] = whole(start) .. '-' .. whole(index - 1) end
  redis.call('HSET', key('job', job), 'next', whole(index))
  return table.concat(ranges, ','), taken
end

-- When each of `most` calls may start: the limiter's instant, or when a lane is free for it.
-- Where the app may have more lanes, a slice ends as soon as its own fall behind the limiter:
-- permits that they cannot use belong to another slice.
local function instants(app, most, parallel, latency)
  local pace, ahead = limiter(app)
  local tat, offsets, loose = num(app.tat, 0), {}, false
  local alone = parallel >= num(app.cap, 1)
  for i = 1, most do
    local wave = math.floor((i - 1) / parallel)
    local lane_free, permit = NOW + delay + wave * latency * 0.9, tat - ahead
    if not alone and wave > 0 and lane_free > permit + LAG then break end
    local at = math.max(lane_free, permit)
    if at > NOW + delay + HORIZON then break end
    loose = loose or at > permit + LAG
    if wave == 0 or alone then tat = math.max(tat, at) end
    tat = tat + pace
    offsets[i] = whole(at - NOW)
  end
  return offsets, tat, loose
end

local function lease_out(name, job, ranges, parallel, deaths, step)
  local id = whole(redis.call('INCR', key('leases')))
  redis.call('HSET', key('lease', id), 'job', job, 'app', name, 'worker', worker, 'state', 'granted',
    'left', ranges, 'parallel', parallel, 'at', whole(NOW), 'deaths', deaths, 'step', step)
  redis.call('ZADD', key('lease'), whole(NOW + GRANT), id)
  redis.call('SADD', key('worker', worker, 'leases'), id)
  return id
end

local function charge(tenant, name, job, app, it, items)
  local jobs, apps, tenants = key('app', name, 'jobs'), key('ready', cell, tenant), key('ready', cell)
  local at_job = num(redis.call('ZSCORE', jobs, job), 0)
  local at_app = num(redis.call('ZSCORE', apps, name), 0)
  local at_tenant = num(redis.call('ZSCORE', tenants, tenant), 0)
  local tenant_weight = num(redis.call('HGET', key('tenant', tenant), 'weight'), 1)
  local job_tag = at_job + items / num(it.weight, 4)
  redis.call('ZADD', jobs, exact(job_tag), job)
  redis.call('HSET', key('job', job), 'finish', exact(job_tag))
  redis.call('ZADD', apps, exact(at_app + items / num(app.weight, 1)), name)
  redis.call('ZADD', tenants, exact(at_tenant + items / tenant_weight), tenant)
  redis.call('HSET', key('app', name), 'vt', exact(at_job))
  redis.call('HSET', key('vt'), cell, exact(at_tenant), cell .. '/' .. tenant, exact(at_app))
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
  if math.max(num(app.cool_until, 0), num(app.tat, 0) - ahead - LEAD) <= NOW then return end
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
  redis.call('HSET', key('app', name), 'held', whole(num(app.held, 0) + 1))
  charge(tenant, name, job, app, it, taken / 10)
  slots, room = slots - 1, room - taken
  local id = lease_out(name, job, ranges, 1, 0, LOOK)
  place_job(name, job)
  return { id, name, job, it.kind, ranges, 1, '0' .. string.rep(',0', taken - 1), LOOK }
end

local function grant(tenant, name)
  local app = read(key('app', name), 'rate', 'burst', 'tat', 'cap', 'held', 'weight', 'latency', 'cell',
    'latest', 'credited', 'cool_until', 'state', 'why')
  if app.cell ~= cell then return unready(cell, tenant, name) end    -- it has moved since it was placed
  local job = redis.call('ZRANGE', key('app', name, 'jobs'), 0, 0)[1]
  local it = read(key('job', job), 'next', 'total', 'weight', 'kind', 'looks')
  local stopped = app.state == 'stopped'
  -- The sweep has not come to it yet.
  if stopped and it.kind ~= 'apps.check_token' then return follow(app, name, job) end
  local looked = not stopped and job_to_look_through(name, app, job)
  if looked then return grant_look(tenant, name, looked, app) end
  local _, _, _, step = read_entry(redis.call('LINDEX', key('job', job, 'redo'), 0) or '0-0')
  local latency, pace = math.max(num(app.latency, 50000), 100), limiter(app)
  local useful = math.ceil(1.5 * latency / pace) + 1
  local parallel = math.max(1, math.min(PARALLEL, num(app.cap, 1) - num(app.held, 0), slots, useful))
  local most = math.min(SLICE, room, math.max(1, math.floor(parallel * HORIZON / latency)))
  -- A call that may not be repeated is marked as sent before it starts; a slice of
  -- one window keeps `unknown` to the calls that can be on the wire.
  local unsafe = repeat_of(job, step) ~= 'safe'
  if unsafe then most = math.min(most, parallel) end
  local offsets = instants(app, most, parallel, latency)
  while unsafe and #offsets > 1 and tonumber(offsets[#offsets]) > offsets[1] + LEAD do offsets[#offsets] = nil end
  local ranges, taken, deaths = take_redo(job, #offsets, step)
  if deaths == 0 and step == '' and it.looks ~= '1' and taken < #offsets then
    local more, extra = take_new(job, it, #offsets - taken)
    ranges = (ranges ~= '' and more ~= '') and (ranges .. ',' .. more) or (ranges .. more)
    taken = taken + extra
  end
  if taken == 0 then
    -- Suspects only, or a stretch of refused rows: then there is more to see behind it.
    if num(redis.call('HGET', key('job', job), 'next'), 0) == num(it.next, 0) then barred[name] = true end
    return place_job(name, job)
  end
  offsets = { unpack(offsets, 1, taken) }
  local _, tat, loose = instants(app, taken, parallel, latency)
  parallel = math.min(parallel, taken)
  redis.call('HSET', key('app', name), 'tat', whole(tat), 'held', whole(num(app.held, 0) + parallel),
    'latest', whole(math.max(num(app.latest, 0), NOW + offsets[taken])))
  if loose then redis.call('HSET', key('app', name), 'loose', whole(NOW)) end
  redis.call('HINCRBY', key('app', name), 'permits_granted', taken)
  charge(tenant, name, job, app, it, taken)
  slots, room = slots - parallel, room - taken
  local id = lease_out(name, job, ranges, parallel, deaths, step)
  redis.call('HSET', key('lease', id), 'first', whole(NOW + offsets[1]), 'due', whole(tat),
    'credited', app.credited or '0')
  place_job(name, job)
  return { id, name, job, it.kind, ranges, parallel, table.concat(offsets, ','), step }
end

if redis.call('HEXISTS', key('worker', worker), 'draining') == 1 then
  -- The bell may have called this worker: then it is another's turn.
  if redis.call('ZCARD', key('ready', cell)) > 0 then ring(cell) end
  return { -2 }
end

promote()
local answer = { -1 }
while slots > 0 and room > 0 do
  local tenant, name = pick()
  if not name then break end
  local slice = grant(tenant, name)
  if slice then answer[#answer + 1] = slice end
  place(name)
end

-- Not for what this worker passed over: the bell would only call it back to the same.
local more = slots <= 0 or room <= 0 or not next(barred)
if more and redis.call('ZCARD', key('ready', cell)) > 0 then ring(cell) end
local next_due = redis.call('ZRANGE', key('wait'), 0, 0, 'WITHSCORES')[2]
if next_due then answer[1] = math.max(0, math.ceil(tonumber(next_due) - NOW)) end
return answer
