#!lua flags=allow-oom
-- settle: record what became of items of begun leases; the only way an item leaves `in flight`.
--
-- Fenced by lease and worker, and numbered: sent twice it changes nothing. After a lease was reaped,
-- a late truth may still replace `unknown`, and nothing else.
--
-- KEYS[1]  root
-- ARGV[1]  worker
-- ARGV[2]  JSON list, one entry a lease: {lease, seq, last, left, set: [[state, ranges]…], back, again,
--          retry: [[index, microseconds, tries, first_at, step]…], wait (absent if none is): [[the same, whom the
--          event is about]…], next: [[step, ranges]…],
--          codes: [[code, count, lines]…], free (items that needed no call), done, forget, revoked, calls,
--          stats ({calls: {'op|outcome': n}, users: [address…], sent, received} or null),
--          latency (mean, microseconds, 0 = none), throttled and troubled (calls answered so), after
--          (microseconds named by the backend, 0 = none), waiting (microseconds the oldest call is out),
--          lanes (still needed, -1 = unchanged), cool (microseconds or null), stop ([code, why] or null),
--          app_version (of the settings and token that the calls were made with, or ''),
--          creds ([[slot, JSON]…] of credentials that are in an app now) and push ([[part, field, JSON]…] of
--          options and debug windows), mids ([[item, low word of a mid, digest of the recipient]…] of messages
--          that were accepted) and groups ([['put' | 'drop' | 'end', what, JSON or '']…] of groups that are there,
--          are gone, or were not made), each only where there is one,
--          out, tokens (number of a packed value or 0)}
--          back = granted and never sent, permits refunded; again = sent and throttled, no attempt used;
--          why = [[index, words]…], where there are any: why an item goes on with a step, kept until '' is given;
--          next = this call was enough for now, the item goes on with another step
-- ARGV[3…] packed results, and sealed user tokens
-- returns  for each entry {'ok' | 'repeated' | 'late', state of the job}

local worker, entries = ARGV[1], cjson.decode(ARGV[2])
local TOKENS_KEPT = 86400    -- seconds

-- What outlives the job's counts: the record across jobs, and tokens for whoever asked for them.
local function keep(entry, app, job, it)
  remember(app, job, it, entry.done, entry.forget, entry.revoked)
  if entry.creds then
    for _, put in ipairs(entry.creds) do book_credential(app, put[1], put[2]) end
  end
  if entry.push then
    for _, told in ipairs(entry.push) do book_push(app, told[1], told[2], told[3], job) end
  end
  if entry.groups then
    for _, told in ipairs(entry.groups) do groups.book(app, told[1], told[2], told[3]) end
  end
  if entry.mids then deliveries().remember_mids(app, job, it, entry.mids) end
  if entry.tokens == 0 then return end
  redis.call('RPUSH', key('job', job, 'tokens'), ARGV[2 + entry.tokens])
  redis.call('EXPIRE', key('job', job, 'tokens'), TOKENS_KEPT)
end

local function late(entry, job)
  local changed = 0
  for _, pair in ipairs(entry.set) do
    for first, last in each_range(pair[2]) do
      for index = first, last do
        if hear_late(job, index, pair[1]) then changed = changed + 1 end
      end
    end
  end
  if changed > 0 then
    redis.call('HINCRBY', key('job', job), 'version', 1)
    redis.call('HINCRBY', key('job', job, 'codes'), 'NOT_CONFIRMED', -changed)
    local drops = redis.call('HGET', key('job', job), 'on_unknown') == 'drop'
    for _, code in ipairs(drops and {} or entry.codes) do
      if code[1] ~= 'NOT_CONFIRMED' then count_code(job, code[1], code[2], code[3]) end
    end
    if entry.out > 0 then add_results(job, ARGV[2 + entry.out]) end
    keep(entry, entry.app, job, {})
  end
  return { 'late', redis.call('HGET', key('job', job), 'state') or '' }
end

-- Items a second over about the last ten seconds.
local function pace_after(it, moved)
  local since = math.max((NOW - num(it.pace_at, num(it.started_at, NOW))) / 1000000, 0.001)
  local keep = math.exp(-since / 10)
  return num(it.pace, 0) * keep + (moved / since) * (1 - keep)
end

-- Adds up what an entry tells, in one write to its job and in `it`, the job's fields. Returns the items that ended.
local function account(lease, entry, it)
  local job, moved, returned = key('job', lease.job), 0, #entry.retry + #(entry.wait or {})
  local changed = {}
  local function add(field, number)
    it[field] = whole(num(it[field], 0) + number)
    changed[#changed + 1], changed[#changed + 2] = field, it[field]
  end
  for _, pair in ipairs(entry.set) do
    local items = count(pair[2])
    add(COUNT_OF[pair[1]], items)
    moved = moved + items
  end
  returned = returned + count(entry.back) + count(entry.again)
  for _, step in ipairs(entry.next) do returned = returned + count(step[2]) end
  add('in_flight', 0 - (moved + returned))
  add('calls', entry.calls)
  add('version', 1)
  it.pace = exact(pace_after(it, moved))
  changed[#changed + 1], changed[#changed + 2] = 'pace', it.pace
  changed[#changed + 1], changed[#changed + 2] = 'pace_at', whole(NOW)
  redis.call('HSET', job, unpack(changed))
  return moved, returned
end

-- A status may come before the report of who has given up waiting for it. True if one did.
local function confirm_heard(lease, entry)
  local confirmed = false
  for _, pair in ipairs(entry.set) do
    if pair[1] == UNKNOWN then
      for first, last in each_range(pair[2]) do
        for index = first, last do
          confirmed = deliveries().is_sent(lease.job, index) and confirm(lease.job, index) or confirmed
        end
      end
    end
  end
  return confirmed
end

local function record(lease, entry, it)
  for _, pair in ipairs(entry.set) do mark(lease.job, pair[2], pair[1]) end
  for _, code in ipairs(entry.codes) do count_code(lease.job, code[1], code[2], code[3]) end
  if entry.out > 0 then add_results(lease.job, ARGV[2 + entry.out]) end
  keep(entry, lease.app, lease.job, it)
end

-- Sets an item aside until its time, or until an event about `whom`.
local function set_aside(lease, back)
  local index, member = whole(back.index), lease.job .. ':' .. whole(back.index)
  if back.step ~= '' then member = member .. '@' .. back.step end
  redis.call('ZADD', key('app', lease.app, 'retry'), whole(NOW + back.after), member)
  redis.call('HSET', key('job', lease.job, 'tries'), index, whole(back.tries) .. ':' .. whole(back.first_at))
  if back.whom then redis.call('HSET', key('app', lease.app, 'awaits'), back.whom, member) end
end

-- What is tried again, and what waits for an event: neither holds a lease until then.
local function schedule(lease, entry)
  if #entry.retry == 0 and not entry.wait then return end
  local live = is_live(redis.call('HGET', key('job', lease.job), 'state'))
  local waiting = entry.wait or {}
  for _, rows in ipairs({ entry.retry, waiting }) do
    for _, row in ipairs(rows) do
      local index, step = whole(row[1]), row[5]
      if live then
        set_aside(lease, { index = row[1], after = row[2], tries = row[3], first_at = row[4], step = step, whom = row[6] })
      end
      mark(lease.job, index .. '-' .. index, PENDING)
      hold_unsure(lease.job, index .. '-' .. index, step)
    end
  end
  if #entry.retry + #waiting > 0 and live then
    if #entry.retry > 0 then redis.call('HINCRBY', key('job', lease.job), 'retries', #entry.retry) end
    wait_for_retries(lease.app, lease.cell or 'main')
  end
end

local function return_unsent(lease, entry)
  redo(lease.job, lease.app, entry.back, num(lease.deaths, 0), lease.step)
  redo(lease.job, lease.app, entry.again, 0, lease.step)
  mark(lease.job, entry.back, PENDING)
  mark(lease.job, entry.again, PENDING)
  hold_unsure(lease.job, entry.back, lease.step)
  hold_unsure(lease.job, entry.again, lease.step)
  local unused = unused_permits(lease, entry)
  if holds_permits(lease, unused) then
    credit(lease, unused)
    uncharge(lease, unused)
  end
end

local function keep_why(job, why)
  local name = key('job', job, 'why')
  for _, told in ipairs(why) do
    local index, words = whole(told[1]), told[2]
    if words == '' then redis.call('HDEL', name, index) else redis.call('HSET', name, index, words) end
  end
  expire_with(job, 'why')
end

local function go_on(lease, entry)
  if entry.why then keep_why(lease.job, entry.why) end
  for _, step in ipairs(entry.next) do
    redo(lease.job, lease.app, step[2], 0, step[1])
    mark(lease.job, step[2], PENDING)
    hold_unsure(lease.job, step[2], step[1])
  end
end

-- A job whose items are mostly done already is looked through without permits, until they are not.
local function look_through(lease, entry, items)
  local looks = lease.step == LOOK
  local mostly = entry.free > 0 and entry.free * 2 >= items
  -- A fleet job has no stretch of items to look through: each is another app's.
  if items > 0 and looks ~= mostly and redis.call('HEXISTS', key('job', lease.job), 'apps') == 0 then
    redis.call('HSET', key('job', lease.job), 'looks', mostly and 1 or 0)
  end
end

local function stop(lease, entry)
  -- A call that carried the old token says nothing about the new one.
  local version = redis.call('HGET', key('app', lease.app), 'version')
  if entry.app_version ~= '' and entry.app_version ~= version then return end
  local code, why = entry.stop[1], entry.stop[2]
  redis.call('HSET', key('app', lease.app), 'state', 'stopped', 'code', code, 'why', why, 'since', whole(NOW))
  follow({ state = 'stopped', why = why }, lease.app, lease.job)
  sweep(lease.app, '0')
end

tenants, dropped = {}, { lanes = {} }
local freed = {}    -- cells in which a worker has lanes again
local function settle(lease, entry)
  local job = key('job', lease.job)
  local it = read(job, 'calls', 'pace', 'pace_at', unpack(FINISH))
  living[lease.job] = is_live(it.state) or nil
  local moved, returned = account(lease, entry, it)
  record(lease, entry, it)
  schedule(lease, entry)
  return_unsent(lease, entry)
  go_on(lease, entry)
  look_through(lease, entry, moved + returned)
  count_stats(lease.app, entry.stats)
  local app = learn(lease, entry)
  app.classes = app.classes or ''
  correct_cost(lease, entry.calls, entry.latency)
  if type(entry.stop) == 'table' then stop(lease, entry) end
  if entry.last then
    freed[lease.cell or 'main'] = true
    drop_lease(lease)
    redis.call('SET', key('settled', lease.id), '1', 'EX', 60)
  else
    redis.call('HSET', key('lease', lease.id), 'left', entry.left, 'seq', entry.seq)
    if lease.permits then redis.call('HSET', key('lease', lease.id), 'permits', lease.permits) end
    local kept = num(entry.lanes, -1)
    if kept >= 0 and kept < lease.parallel then freed[lease.cell or 'main'] = true end
    keep_lanes(lease, kept)
  end
  -- What came back, or stopped its app, may have changed more of the job than was counted here.
  local heard = it.sender and confirm_heard(lease, entry)
  local plain = not heard and returned == 0 and entry.free == 0 and lease.step ~= LOOK and type(entry.stop) ~= 'table'
  local state, its = finish_if_over(lease.job, plain and it)
  its.state = state
  place_job(lease.app, lease.job, its, app)
  place(lease.app)
  return { 'ok', state }
end

local answers = {}
for i, entry in ipairs(entries) do
  local lease = read_lease(entry.lease)
  if lease.worker == worker and lease.state == 'begun' then
    if entry.seq <= num(lease.seq, 0) then
      answers[i] = { 'repeated', redis.call('HGET', key('job', lease.job), 'state') }
    else
      answers[i] = settle(lease, entry)
    end
  elseif redis.call('EXISTS', key('settled', entry.lease)) == 1 then
    answers[i] = { 'repeated', redis.call('HGET', key('job', entry.job), 'state') or '' }
  else
    answers[i] = late(entry, entry.job)
    count_stats(entry.app, entry.stats)
  end
end
if delivery.finish then delivery.finish() end
strike_out(worker)
write_means()
-- What was passed over for want of these lanes has nobody else to tell of it.
for cell in pairs(freed) do
  if redis.call('ZCARD', key('ready', cell)) > 0 then ring(cell) end
end
return answers
