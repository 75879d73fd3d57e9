-- throttle: what an app's pace learns from the answers of its backend. Joined in front of settle.
--
-- In the app's hash: `learned` permits a second (absent = as configured, 0 = canaries: one call at a time) ·
-- `ceiling` the pace that was last too much · `flow` calls answered within about the last second, at `flow_at` ·
-- `ache` the part of about the last forty calls that were troubled · `slowed_at` when the pace was last lowered ·
-- `raised_at` when it was last looked at · `bad` calls since the last that was answered, the first of them at
-- `storm_at` when the pace was `storm_pace` · `cool_until` no call before it, since `cool_since`, after
-- `cool_streak` canaries that failed.

local learn
do    -- a script has room for 200 local names: from here to `end` they are this file's own

local EPOCH = 500000      -- the pace is lowered once in this time: calls on the wire together are one lesson
local LOWER = 0.85
local FLOOR = 0.2         -- permits a second
local NEAR = 0.95         -- of the ceiling: below it the pace doubles each second
local CREEP = 0.02        -- rise a second near the ceiling …
local PATIENCE = 4        -- … which gathers speed after so many seconds without a complaint
local ACHES = 1 / 3       -- the pace is lowered above this part of troubled calls …
local RECENT = 40         -- … of about so many: of few calls, chance alone may trouble most
local LESSON = 10         -- calls at a pace that show whether it was low enough
local SPARED = 0.2        -- of the configured rate, which is left: trouble may have other causes than pace
local BACK = 0.25         -- of the pace before a storm, after it
local STORM, STORM_CALLS = 600000, 3    -- with no answer for so long, and so many calls: canaries; of troubled calls
local UNLUCKY = 6         -- so many, because a few in a row may be chance
local LONGEST_PAUSE = 60000000

local FIELDS = { 'rate', 'learned', 'ceiling', 'flow', 'ache', 'flow_at', 'slowed_at', 'raised_at', 'bad', 'storm_at',
  'storm_pace', 'cool_until', 'cool_since', 'cool_streak', 'latency' }

local function no_call_before(app, instant)
  if num(app.cool_until, 0) <= NOW then app.cool_since = whole(NOW) end
  app.cool_until = whole(math.max(num(app.cool_until, 0), instant))
end

local function slow_down(app, from, to)
  app.ceiling, app.learned = exact(from), exact(to)
  app.slowed_at, app.raised_at = whole(NOW), whole(NOW)
end

-- Half of it at most: an app that was idle a moment ago has shown little of what its backend bears.
local function lower(app, pace)
  if NOW - num(app.slowed_at, 0) < EPOCH then return end
  local borne = math.max(math.min(pace, num(app.flow, 0)), 0.5 * pace / LOWER)
  slow_down(app, math.min(pace, borne), math.max(FLOOR, LOWER * math.min(pace, borne)))
end

local function is_sick(app) return num(app.ache, 0) > ACHES end

-- Trouble alone lowers no further.
local function least_of(app)
  local rate = num(app.rate, 20)
  return math.min(rate, math.max(1, SPARED * rate))
end

local function spare(app, pace)
  local least = least_of(app)
  if pace <= least or NOW - num(app.slowed_at, 0) < math.max(EPOCH, LESSON * 1000000 / pace) then return end
  slow_down(app, pace, math.max(least, LOWER * pace))
end

local function raise(app)
  local pace, ceiling, rate = tonumber(app.learned), num(app.ceiling, 0), num(app.rate, 20)
  -- Of the time without a call only as much as lies between two calls: nothing was learned in the rest.
  local most = math.max(1, 1.5 / pace)
  local seconds = math.max(0, math.min(most, (NOW - num(app.raised_at, NOW)) / 1000000))
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
  elseif NOW - num(app.storm_at, NOW) >= STORM and num(app.bad, 0) >= (throttled > 0 and STORM_CALLS or UNLUCKY) then
    app.learned = '0'
    if throttled == 0 then app.storm_pace = exact(math.max(tonumber(app.storm_pace), least_of(app) / BACK)) end
    if after == 0 then rest(app) end
  elseif throttled > 0 then
    lower(app, pace)
  elseif is_sick(app) then
    spare(app, pace)
  end
end

local function meet_answers(app, only)
  if is_canary(app) then
    app.ceiling = app.storm_pace or app.rate
    app.learned = exact(math.max(FLOOR, BACK * num(app.ceiling, 20)))
    app.raised_at, app.slowed_at, app.cool_until = whole(NOW), whole(NOW), '0'
  elseif only and app.learned and not is_sick(app) then
    raise(app)
  end
  app.bad, app.cool_streak, app.storm_at, app.storm_pace = nil, nil, nil, nil
end

local function count_flow(app, answered, troubled)
  local keep = math.exp(math.min(0, num(app.flow_at, NOW) - NOW) / 1000000)
  app.flow = string.format('%.6g', num(app.flow, 0) * keep + answered)
  app.flow_at = whole(NOW)
  local calls = answered + troubled
  if calls == 0 or (troubled == 0 and not app.ache) then return end
  local before = (1 - 1 / RECENT) ^ calls
  local ache = num(app.ache, 0) * before + troubled / calls * (1 - before)
  app.ache = ache > 0.01 and string.format('%.6g', ache) or nil
end

-- A call that hangs says nothing until it ends: its age counts as the app's latency meanwhile.
local function learn_latency(app, entry)
  local before = num(app.latency, entry.latency)
  local latency = entry.latency > 0 and before + (entry.latency - before) * 0.3 or before
  latency = math.max(latency, num(entry.waiting, 0))
  if latency > 0 then app.latency = whole(latency) end
end

-- Returns the app as it is then.
function learn(lease, entry)
  local name = key('app', lease.app)
  local app, before = read(name, 'classes', 'lead', unpack(FIELDS)), {}
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
  return app
end

end
