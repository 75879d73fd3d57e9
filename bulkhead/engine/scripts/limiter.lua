-- limiter: how fast an app, an operation class and a job may call. Joined behind the prelude.
--
-- Each limit is GCRA, one number: `tat`, the instant at which its next permit falls due. An app's stands in
-- its hash beside `rate`, `burst` and `learned` (permits a second that its backend was seen to bear; 0 = one
-- call at a time). The narrower limits have no burst: of an operation class `class:<name>:tat` in the app's
-- hash, its rate in `classes`; of a job `tat` and `rate` in the job's hash; of a real-time sender `tat` in its
-- session's hash, its rate the one of the class `sender`. See `gate` for when a session is not there.

-- Pace: microseconds between permits, and how far ahead of it the burst may run.
local function limiter(app)
  local rate, burst, learned = num(app.rate, 20), num(app.burst, 1), num(app.learned, 0)
  -- A backend that asked for fewer calls is not sent a burst.
  if app.learned then burst = 1 end
  if learned > 0 then rate = math.min(rate, learned) end
  local usable = burst
  if burst > 1 then usable = math.max(1, burst - math.max(1, math.ceil(rate * MARGIN))) end
  local pace = 1000000 / rate
  return pace, (usable - 1) * pace
end

-- True while one call at a time asks a throttled backend whether it works again.
local function is_canary(app) return num(app.learned, 1) == 0 end

-- Another token may be borne better, or not at all: what was learned with the last one is forgotten.
local function forget_pace(name)
  redis.call('HDEL', key('app', name), 'learned', 'ceiling', 'slowed_at', 'raised_at', 'bad', 'storm_at',
    'storm_pace', 'cool_until', 'cool_since', 'cool_streak')
end

-- The limits of a job beside its app's: {pace, tat, the hash and the field where tat is kept, name}…; `app` if its
-- `classes` were read already. A gate has no pace and is kept nowhere.
local function narrower(name, job, it, app)
  local found = {}
  local rate = num(it.rate, 0)
  if rate > 0 then
    found[1] = { pace = 1000000 / rate, tat = num(it.tat, 0), hash = key('job', job), field = 'tat', name = 'job' }
  end
  if not it.class or it.class == '' then return found end
  local classes = app and app.classes
  if not app then classes = redis.call('HGET', key('app', name), 'classes') end
  local rates = classes and classes ~= '' and classes ~= '{}' and cjson.decode(classes)
  local own = rates and num(rates[it.class], 0) or 0
  if own > 0 then
    local field = 'class:' .. it.class .. ':tat'
    found[#found + 1] = { pace = 1000000 / own, tat = num(redis.call('HGET', key('app', name), field), 0),
      hash = key('app', name), field = field, name = 'class' }
  end
  if it.sender then gates().add_limits(found, name, job, it, rates and num(rates.sender, 0) or 0) end
  return found
end

-- When the narrower limits allow a job's next call.
local function next_allowed(limits)
  local at = 0
  for _, limit in ipairs(limits) do at = math.max(at, limit.tat) end
  return at
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

-- Gives permits of items back that were granted and never sent; those of narrower limits only where the
-- lease returns whole and nothing was granted after it: what is lost makes a job slower, never too fast.
local function credit(lease, items)
  local name = key('app', lease.app)
  local app = read(name, 'rate', 'burst', 'learned', 'tat', 'latest', 'loose', 'credited')
  local pace, ahead = limiter(app)
  local back = creditable(app, lease, items * num(lease.pace, pace), ahead)
  redis.call('HSET', name, 'tat', whole(num(app.tat, 0) - back), 'credited', whole(num(app.credited, 0) + back))
  redis.call('HINCRBY', name, 'permits_returned', items)
  if not lease.narrow or lease.state ~= 'granted' then return end
  local limits = narrower(lease.app, lease.job, read(key('job', lease.job), 'rate', 'tat', 'class', 'sender'))
  for _, limit in ipairs(limits) do
    if limit.hash and string.find(lease.narrow, limit.name .. '=' .. whole(limit.tat) .. ' ', 1, true) then
      redis.call('HSET', limit.hash, limit.field, whole(limit.tat - items * limit.pace))
    end
  end
end

-- True if the app's permits come so fast that the instants of a slice's calls tell nothing: they start as lanes
-- are free. All that can be late at once is then less than LAG of the rate for each slice.
local function is_unpaced(app, limits)
  local pace, ahead = limiter(app)
  return #limits == 0 and pace * WIDE <= LAG and num(app.tat, 0) - ahead + pace * WIDE <= NOW and not is_canary(app)
end

-- When each of `most` calls may start: the instant of the slowest of its limits, or when a lane is free for
-- it. Where the app may have more lanes, a slice ends as soon as its own fall behind the limiter: permits
-- that they cannot use belong to another slice. So it does when a narrower limit falls behind the app's.
-- Returns the instants, the app's and the narrower limits' tat after each, and whether lanes were late.
-- Where the permits of a whole slice are there within LAG, no call waits for another's lane: see is_unpaced.
local function instants(app, most, lanes, limits)
  local pace, ahead = limiter(app)
  local tat, offsets, tats, loose = num(app.tat, 0), {}, {}, 0
  local alone, soonest = lanes.parallel >= num(app.cap, 1), lanes.from
  local narrow = {}
  for n, limit in ipairs(limits) do narrow[n] = { limit.tat } end
  for i = 1, most do
    local wave = math.floor((i - 1) / lanes.parallel)
    local lane_free, permit = soonest + wave * lanes.latency * 0.9, tat - ahead
    if lanes.unpaced then lane_free = soonest end
    if not alone and wave > 0 and lane_free > permit + LAG and not lanes.unpaced then break end
    local own = math.max(lane_free, permit)
    local at = own
    for n in ipairs(limits) do at = math.max(at, narrow[n][i]) end
    if at > soonest + HORIZON or at > own + SLACK then break end
    if loose == 0 and own > permit + LAG then loose = i end
    -- What a slow worker will use later than others could does not hold those up, where instants tell nothing.
    local from = lanes.unpaced and math.max(NOW, permit) or own
    if wave == 0 or alone then tat = math.max(tat, from) end
    tat = tat + pace
    offsets[i], tats[i] = at, tat
    for n, limit in ipairs(limits) do narrow[n][i + 1] = math.max(narrow[n][i], at - SLACK) + limit.pace end
  end
  return offsets, tats, narrow, loose
end
