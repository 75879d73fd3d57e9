-- throttle: what an app's pace learns from the answers of its backend. Joined in front of settle.
--
-- In the app's hash: `learned` permits a second (absent = as configured, 0 = canaries: one call at a time) ·
-- `ceiling` the pace that was last too much · `flow`, `ache` calls answered and troubled within about the last
-- second, at `flow_at` · `slowed_at` when the pace was last lowered · `raised_at` when it was last looked at ·
-- `bad` calls since the last that was answered, the first of them at `storm_at` when the pace was `storm_pace`
-- · `cool_until` no call before it, since `cool_since`, after `cool_streak` canaries that failed.

local EPOCH = 500000      -- the pace is lowered once in this time: calls on the wire together are one lesson
local LOWER = 0.85
local FLOOR = 0.2         -- permits a second
local NEAR = 0.95         -- of the ceiling: below it the pace doubles each second
local CREEP = 0.02        -- rise a second near the ceiling …
local PATIENCE = 4        -- … which gathers speed after so many seconds without a complaint
local ACHES = 0.25        -- troubled calls, as a part of those answered, from which on the pace is lowered
local STORM, STORM_CALLS = 600000, 3    -- with no answer for so long, and so many calls: canaries
local LONGEST_PAUSE = 60000000

local FIELDS = { 'rate', 'learned', 'ceiling', 'flow', 'ache', 'flow_at', 'slowed_at', 'raised_at', 'bad', 'storm_at',
  'storm_pace', 'cool_until', 'cool_since', 'cool_streak', 'latency' }

local function no_call_before(app, instant)
  if num(app.cool_until, 0) <= NOW then app.cool_since = whole(NOW) end
  app.cool_until = whole(math.max(num(app.cool_until, 0), instant))
end

-- Half of it at most: an app that was idle a moment ago has shown little of what its backend bears.
local function lower(app, pace)
  if NOW - num(app.slowed_at, 0) < EPOCH then return end
  local borne = math.max(math.min(pace, num(app.flow, 0)), 0.5 * pace / LOWER)
  app.ceiling = exact(math.min(pace, borne))
  app.learned = exact(math.max(FLOOR, LOWER * math.min(pace, borne)))
  app.slowed_at, app.raised_at = whole(NOW), whole(NOW)
end

local function raise(app)
  local pace, ceiling, rate = tonumber(app.learned), num(app.ceiling, 0), num(app.rate, 20)
  local seconds = math.max(0, math.min(1, (NOW - num(app.raised_at, NOW)) / 1000000))
  local calm = (NOW - num(app.slowed_at, 0)) / 1000000
  if pace < NEAR * ceiling then
    pace = math.min(NEAR * ceiling, pace * 2 ^ seconds)
  else
    pace = pace * math.exp(seconds * CREEP * math.max(1, calm / PATIENCE))
  end
  app.raised_at = whole(NOW)
  app.learned = pace < rate and exact(pace) or nil
end

-- A storm is asked after ever more seldom, yet never later than half its age and a second.
local function rest(app)
  local streak = num(app.cool_streak, 0) + 1
  local age = NOW - num(app.storm_at, NOW)
  app.cool_streak = whole(streak)
  no_call_before(app, NOW + math.min(LONGEST_PAUSE, 1000000 * 2 ^ math.min(streak - 1, 6), age / 2 + 1000000))
end

local function meet_trouble(app, calls, throttled, after)
  local pace = num(app.learned, num(app.rate, 20))
  if num(app.bad, 0) == 0 then app.storm_at, app.storm_pace = whole(NOW), exact(pace) end
  app.bad = whole(num(app.bad, 0) + calls)
  local resting = num(app.cool_until, 0) > NOW
  -- Who was told when to come back comes back then, and not later.
  if after > 0 then no_call_before(app, NOW + after) end
  if is_canary(app) then
    if after == 0 and not resting then rest(app) end
  elseif NOW - num(app.storm_at, NOW) >= STORM and num(app.bad, 0) >= STORM_CALLS then
    app.learned = '0'
    if after == 0 then rest(app) end
  elseif throttled > 0 or num(app.ache, 0) > ACHES * num(app.flow, 0) then
    lower(app, pace)
  end
end

local function meet_answers(app, only)
  if is_canary(app) then
    app.ceiling = app.storm_pace or app.rate
    app.learned = exact(math.max(FLOOR, num(app.ceiling, 20) / 4))
    app.raised_at, app.slowed_at, app.cool_until = whole(NOW), whole(NOW), '0'
  elseif only and app.learned then
    raise(app)
  end
  app.bad, app.cool_streak, app.storm_at, app.storm_pace = nil, nil, nil, nil
end

-- Calls answered and troubled within about the last second.
local function count_flow(app, answered, troubled)
  local keep = math.exp(math.min(0, num(app.flow_at, NOW) - NOW) / 1000000)
  app.flow = string.format('%.6g', num(app.flow, 0) * keep + answered)
  if troubled > 0 or app.ache then
    local ache = num(app.ache, 0) * keep + troubled
    app.ache = ache > 0.01 and string.format('%.6g', ache) or nil
  end
  app.flow_at = whole(NOW)
end

-- A call that hangs says nothing until it ends: its age counts as the app's latency meanwhile.
local function learn_latency(app, entry)
  local before = num(app.latency, entry.latency)
  local latency = entry.latency > 0 and before + (entry.latency - before) * 0.3 or before
  latency = math.max(latency, num(entry.waiting, 0))
  if latency > 0 then app.latency = whole(latency) end
end

local function learn(lease, entry)
  local name = key('app', lease.app)
  local app, before = read(name, unpack(FIELDS)), {}
  for _, field in ipairs(FIELDS) do before[field] = app[field] end
  local throttled, troubled = num(entry.throttled, 0), num(entry.troubled, 0)
  local answered = math.max(0, entry.calls - throttled - troubled)
  learn_latency(app, entry)
  if answered + throttled + troubled > 0 then count_flow(app, answered, troubled) end
  if answered > 0 then meet_answers(app, throttled == 0) end
  if throttled + troubled > 0 then meet_trouble(app, throttled + troubled, throttled, num(entry.after, 0)) end
  if type(entry.cool) == 'number' then no_call_before(app, NOW + entry.cool) end
  local changed, gone = {}, {}
  for _, field in ipairs(FIELDS) do
    if app[field] == nil then
      if before[field] then gone[#gone + 1] = field end
    elseif app[field] ~= before[field] then
      changed[#changed + 1], changed[#changed + 2] = field, app[field]
    end
  end
  if #changed > 0 then redis.call('HSET', name, unpack(changed)) end
  if #gone > 0 then redis.call('HDEL', name, unpack(gone)) end
end
