#!lua flags=allow-oom
-- session: lease a session to one worker at a time, and say how it is.
--
-- What a keeper says of a session that it does not have any more changes nothing. Where the gate opens, the jobs that
-- wait at it are placed at once.
--
-- KEYS[1]  root
-- ARGV[1]  'want'      ARGV[2]  app       ARGV[3]  sender   ARGV[4]  microseconds that somebody listens from now on, or 0
--          returns     1, or 0 without such an app
-- ARGV[1]  'acquire'   ARGV[2]  worker    ARGV[3]  app      ARGV[4]  sender    ARGV[5]  microseconds of the lease
--          returns     1 if this worker has it now, else 0
-- ARGV[1]  'renew'     ARGV[2]  worker    ARGV[3]  microseconds of the lease
--                      ARGV[4]  JSON [[app, sender, state, why, job, again_at]…]
--          returns     the numbers of those that are another's, or nobody's
-- ARGV[1]  'release'   ARGV[2]  worker    ARGV[3]  JSON [app, sender, state, why, job, again_at]
--          returns     1 if it was this worker's
-- ARGV[1]  'cool'      ARGV[2]  app       ARGV[3]  sender   ARGV[4]  microseconds
-- ARGV[1]  'keep'      ARGV[2]  app       ARGV[3]  sender   ARGV[4]  its user token, sealed
--          returns     1, or 0 without such an app: then it is not kept
-- ARGV[1]  'tell'      ARGV[2]  app       ARGV[3]  sender   ARGV[4]  most that are kept   ARGV[5…] events as JSON
--          returns     how many were kept: none unless somebody listens
-- ARGV[1]  'views'     ARGV[2]  tenant or ''   ARGV[3]  app or ''   ARGV[4]  sender or ''
--          returns     [now, [app, sender, the fields as JSON]…]
-- ARGV[1]  'wanted'    ARGV[2]  cell      ARGV[3]  microseconds for which one is wanted
--          returns     the same

gates()
local DAY = 86400000000
local MOST = 20000        -- wanted sessions of a cell that are looked through, by their names alone
local UNWANTED = 500
local SHARE = 100         -- of them, how many of a tenant are told: a flood hides nobody else's
local PLACED = 250        -- jobs that are placed at once when the gate opens; the others look again by themselves
local EVENTS_KEPT = 3600  -- seconds

local function member_of(app, sender) return app .. ' ' .. sender end

local function hold(app, member, ends)
  redis.call('HSET', key('session', member), 'until', whole(ends))
  redis.call('ZADD', key('sessions', 'held', cell_of(app)), whole(ends), member)
end

local function parts_of(member) return string.match(member, '^(%S+) (.*)$') end

-- The jobs that wait for a session are placed where they belong now.
local function place_waiting(app, member)
  local name = key('session', member, 'jobs')
  local jobs = redis.call('SRANDMEMBER', name, PLACED)
  if #jobs == 0 then return end
  redis.call('DEL', name)
  for _, job in ipairs(jobs) do
    if redis.call('HGET', key('job', job), 'app') == app then place_job(app, job) end
  end
  place(app)
end

-- Writes what its keeper says of a session that had these fields before.
local function say(app, member, before, told)
  local state, why, job, again_at = unpack(told)
  local changed = { 'state', state, 'why', why, 'job', job, 'again_at', whole(again_at), 'told', whole(NOW) }
  if before.state ~= state then changed[11], changed[12] = 'since', whole(NOW) end
  redis.call('HSET', key('session', member), unpack(changed))
  if before.state == state and sessions.is_held(before) then return end
  if state == 'online' or state == 'failed' or state == 'unusable' then place_waiting(app, member) end
end

local function want(app, sender, listen)
  if redis.call('HEXISTS', key('app', app), 'base_url') == 0 then return 0 end
  local member = member_of(app, sender)
  sessions.want(member, cell_of(app))
  local name = key('session', member)
  if listen > 0 and num(redis.call('HGET', name, 'listen'), 0) < NOW + listen then
    redis.call('HSET', name, 'listen', whole(NOW + listen))
  end
  return 1
end

local function acquire(worker, app, sender, lease)
  local member = member_of(app, sender)
  local name, it = key('session', member), sessions.of(member)
  if sessions.is_held(it) and it.worker ~= worker then return 0 end
  if sessions.is_held(it) then
    hold(app, member, NOW + lease)
    return 1
  end
  -- Whatever the last worker said of it is over.
  redis.call('HSET', name, 'worker', worker, 'got', whole(NOW), 'state', 'connecting',
    'why', '', 'job', '', 'since', whole(NOW), 'told', whole(NOW))
  redis.call('HDEL', name, 'again_at')
  redis.call('EXPIRE', name, DAY / 1000000)
  redis.call('ZADD', key('sessions'), whole(NOW), member)
  hold(app, member, NOW + lease)
  return 1
end

local function renew(worker, lease, rows)
  local lost = {}
  for number, row in ipairs(rows) do
    local app, sender = row[1], row[2]
    local member = member_of(app, sender)
    local name, it = key('session', member), sessions.of(member)
    if it.worker == worker then
      hold(app, member, NOW + lease)
      redis.call('EXPIRE', name, DAY / 1000000)
      local before = { state = it.state, worker = it.worker, ['until'] = it['until'] }
      say(app, member, before, { row[3], row[4], row[5], row[6] })
    else
      lost[#lost + 1] = number
    end
  end
  return lost
end

-- What nobody has taken will not be sent by this worker: who asked need not wait until its time is over.
local function return_asks(member, session)
  local name, kept = key('asks', member), {}
  for _, text in ipairs(redis.call('LRANGE', name, 0, -1)) do
    local it = read_ask(text)
    if it.op == 'send' then withhold(it, session) else kept[#kept + 1] = text end
  end
  redis.call('DEL', name)
  for _, text in ipairs(kept) do redis.call('RPUSH', name, text) end
  if #kept > 0 then redis.call('EXPIRE', name, ASKS_KEPT) end
end

local function release(worker, row)
  local app, sender = row[1], row[2]
  local member = member_of(app, sender)
  local it = sessions.of(member)
  if it.worker ~= worker then return 0 end
  redis.call('ZREM', key('sessions', 'held', cell_of(app)), member)
  redis.call('HDEL', key('session', member), 'worker', 'until', 'got')
  return_asks(member, { state = row[3], why = row[4] })
  say(app, member, { state = it.state }, { row[3], row[4], row[5], row[6] })
  return 1
end

local function cool(app, sender, micros)
  local name = key('session', member_of(app, sender))
  if redis.call('EXISTS', name) == 0 then return 0 end
  redis.call('HSET', name, 'cool_until', whole(math.max(num(redis.call('HGET', name, 'cool_until'), 0), NOW + micros)))
  return 1
end

local function keep(app, sender, sealed)
  if redis.call('HEXISTS', key('app', app), 'base_url') == 0 then return 0 end
  redis.call('HSET', key('app', app, 'senders'), sender, sealed)
  return 1
end

local function tell(app, sender, most, events)
  local member = member_of(app, sender)
  if num(redis.call('HGET', key('session', member), 'listen'), 0) <= NOW then return 0 end
  local stream = key('events', member)
  for _, event in ipairs(events) do redis.call('XADD', stream, 'MAXLEN', '~', most, '*', 'event', event) end
  redis.call('EXPIRE', stream, EVENTS_KEPT)
  return #events
end

local function shown(member)
  local app, sender = parts_of(member)
  local it = read(key('session', member), 'state', 'why', 'worker', 'until', 'got', 'since', 'told', 'wanted', 'listen',
    'cool_until', 'job', 'again_at', 'asked', 'tat')
  if not it.state then return nil end
  it.queued = whole(redis.call('LLEN', key('asks', member)))
  return { app, sender, cjson.encode(it) }, it
end

local function views(tenant, app, sender)
  redis.call('ZREMRANGEBYSCORE', key('sessions'), '-inf', whole(NOW - DAY))
  local told = { whole(NOW) }
  local members = sender ~= '' and { member_of(app, sender) } or redis.call('ZREVRANGE', key('sessions'), 0, -1)
  local prefix = app ~= '' and app .. ' ' or (tenant ~= '' and tenant .. '/' or '')
  for _, member in ipairs(members) do
    if string.sub(member, 1, #prefix) == prefix then told[#told + 1] = shown(member) end
  end
  return told
end

-- No session is made for an app that may not call: its jobs would wait all the same.
local function may_be_used(about, it)
  return num(it.listen, 0) > NOW or about.state == 'active' and tenant_of(about.tenant).state == 'active'
end

-- Some of those go at each look that nobody needs any more.
local function forget_unwanted(set, seconds)
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', set, '-inf', whole(NOW - seconds - 1), 'LIMIT', 0, UNWANTED)) do
    if num(redis.call('HGET', key('session', member), 'listen'), 0) <= NOW then redis.call('ZREM', set, member) end
  end
end

-- The row of a session that nobody has, for workers of this cell; `gone` if it is not one of it.
local function free_row(cell, member, seconds)
  local row, it = shown(member)
  if not row then return nil, 'gone' end
  if NOW - num(it.wanted, 0) > seconds and num(it.listen, 0) <= NOW then return nil end
  local about = read(key('app', row[1]), 'state', 'tenant', 'cell')
  if about.cell ~= cell then return nil, 'gone' end
  return may_be_used(about, it) and row or nil
end

local function wanted(cell, seconds)
  local told, held = { whole(NOW) }, key('sessions', 'held', cell)
  local set, seen, of_tenant = key('sessions', 'wanted', cell), {}, {}
  tenants = {}
  redis.call('ZREMRANGEBYSCORE', held, '-inf', whole(NOW))
  forget_unwanted(set, seconds)
  for _, member in ipairs(redis.call('ZREVRANGE', held, 0, -1)) do
    local row = shown(member)
    if row and cell_of(row[1]) == cell then told[#told + 1] = row end
    seen[member] = true
  end
  for _, member in ipairs(redis.call('ZREVRANGE', set, 0, MOST - 1)) do
    local tenant = string.match(member, '^[^/]*')
    local shown_of = of_tenant[tenant] or 0
    if not seen[member] and shown_of < SHARE then
      local row, gone = free_row(cell, member, seconds)
      if gone then redis.call('ZREM', set, member) end
      told[#told + 1] = row
      of_tenant[tenant] = shown_of + 1
    end
  end
  return told
end

local verb = ARGV[1]
if verb == 'want' then return want(ARGV[2], ARGV[3], tonumber(ARGV[4])) end
if verb == 'acquire' then return acquire(ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])) end
if verb == 'renew' then return renew(ARGV[2], tonumber(ARGV[3]), cjson.decode(ARGV[4])) end
if verb == 'release' then return release(ARGV[2], cjson.decode(ARGV[3])) end
if verb == 'cool' then return cool(ARGV[2], ARGV[3], tonumber(ARGV[4])) end
if verb == 'keep' then return keep(ARGV[2], ARGV[3], ARGV[4]) end
if verb == 'tell' then return tell(ARGV[2], ARGV[3], ARGV[4], { unpack(ARGV, 5) }) end
if verb == 'views' then return views(ARGV[2], ARGV[3], ARGV[4]) end
if verb == 'wanted' then return wanted(ARGV[2], tonumber(ARGV[3])) end
