#!lua flags=allow-oom
-- begin: turn granted leases into begun ones, just before their first call.
--
-- The answer's microseconds are the time left in which a call may start: the proof that a pause or
-- a cancel is obeyed within two seconds. Sent twice by the same worker it answers the same.
--
-- KEYS[1]  root
-- ARGV[1]  worker     ARGV[2]  the worker's egress name
-- ARGV[3…] in threes: a lease, what to look up on the record for it: '' or JSON [[index, address, digest]…], and
--          how many of its items its calls reach, where that is known and not all: the others go back, unsent
-- returns  for each lease {'ok', microseconds left, version of the app's settings, microseconds since
--          the claim, "index=tries:first_at …", "index=same:token:job …" of the items on the record, how many
--          packed results the job began with if this is the first slice of it to begin, or ''}
--          or {'gone' | 'expired' | 'held' | 'egress', 0, 0, 0, '', '', ''}

local worker, egress = ARGV[1], ARGV[2]

local function tries_of(job, ranges)
  local tries = key('job', job, 'tries')
  if redis.call('EXISTS', tries) == 0 then return '' end
  local found = {}
  for first, last in each_range(ranges) do
    for index = first, last do
      local value = redis.call('HGET', tries, whole(index))
      if value then found[#found + 1] = whole(index) .. '=' .. value end
    end
  end
  return table.concat(found, ' ')
end

-- What the record says: the same content as now or not, a token issued or none, and by which job.
local function known_of(lease, asked)
  if asked == '' or redis.call('EXISTS', key('done', lease.app)) == 0 then return '' end
  local book, jobs, found = record_of(lease.app), {}, {}
  for _, item in ipairs(cjson.decode(asked)) do
    local entry = look_up(book, item[2])
    if entry then
      local serial = entry.serial
      jobs[serial] = jobs[serial] or redis.call('HGET', key('serials'), whole(serial)) or ''
      found[#found + 1] = string.format('%.0f=%d:%d:%s', item[1], entry.digest == item[3] and 1 or 0,
        entry.flags % 2, jobs[serial])
    end
  end
  return table.concat(found, ' ')
end

local function may_start(lease, app, it)
  if NOW >= tonumber(lease.at) + GRANT then return 'expired' end
  if not is_open(it.state) then return 'held' end
  if num(it.deadline, WALL + 1) <= WALL then
    time_out(lease.job)
    return 'held'
  end
  if it.edges and not window.of(it.edges) then
    rest(lease.job, it)
    return 'held'
  end
  if not may_call(app, it.kind) then return 'held' end
  if num(app.cool_until, 0) > NOW then return 'held' end
  if tenant_of(app.tenant).state ~= 'active' then return 'held' end
  local reaches, known = may_reach(lease.app, egress)
  if not reaches then return 'egress' end
  if not known then redis.call('SADD', key('app', lease.app, 'egress'), egress) end
  return 'ok'
end

local begun = {}    -- leases and when they end
local function start(lease, app, it)
  local items, job = count(lease.left), key('job', lease.job)
  local longest = math.ceil(permits_of(lease, items) / lease.parallel) * num(app.read_timeout, 30) * 1000000 + 5000000
  local changed = { 'state', 'begun', 'app_version', app.version or 0 }
  begun[#begun + 1], begun[#begun + 2] = whole(NOW + longest), lease.id
  redis.call('HINCRBY', job, 'in_flight', items)
  let_go_unsure(lease.job, lease.left, lease.step)
  if repeat_of(lease.job, lease.step) ~= 'safe' then mark(lease.job, lease.left, SENT) end
  if it.state == 'queued' then
    transition(lease.job, 'running', nil, nil, it)
    -- Nothing can have been settled before: these are the rows that were refused while reading.
    lease.opens = whole(redis.call('LLEN', key('job', lease.job, 'out')))
    changed[5], changed[6] = 'opens', lease.opens
  end
  redis.call('HSET', key('lease', lease.id), unpack(changed))
end

tenants = {}
local answers = {}
for i = 3, #ARGV, 3 do
  local lease = read_lease(ARGV[i])
  local verdict = 'gone'
  if lease.worker == worker then
    local app = read(key('app', lease.app), 'state', 'tenant', 'version', 'read_timeout', 'rotation', 'cool_until')
    local it = read(key('job', lease.job), 'state', 'deadline', 'kind', unpack(LIFE))
    if lease.state == 'begun' then
      verdict = 'ok'
    else
      verdict = may_start(lease, app, it)
      if verdict == 'ok' then
        local parted = ARGV[i + 2] ~= '' and keep_first(lease, tonumber(ARGV[i + 2]))
        start(lease, app, it)
        if parted then
          place_job(lease.app, lease.job)
          place(lease.app)
        end
      else
        end_granted(lease)
      end
    end
    if verdict == 'ok' then
      local ends = tonumber(lease.at) + GRANT
      local left = math.max(0, math.min(ends - NOW, window.left(it)))
      answers[#answers + 1] = { 'ok', whole(left), app.version or '0', whole(NOW - tonumber(lease.at)),
        tries_of(lease.job, lease.left), known_of(lease, ARGV[i + 1]), lease.opens or '' }
    end
  end
  if verdict ~= 'ok' then answers[#answers + 1] = { verdict, '0', '0', '0', '', '', '' } end
end
if #begun > 0 then redis.call('ZADD', key('lease'), unpack(begun)) end
return answers
