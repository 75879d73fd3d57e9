#!lua
-- submit: make a job whose whole input lies in the store already, and let its items be claimed.
--
-- The client has made the job's id and stored segments, map and refused rows under it, with an
-- expiry; this verb checks, seals and places. Sent twice it answers the same. What a tenant's quota
-- does not allow is refused before anything of it is kept.
--
-- KEYS[1]  root
-- ARGV[1]  job id
-- ARGV[2]  the job's fields as a JSON object of strings
-- ARGV[3]  JSON: codes {code, count, lines}… of the rows refused while reading
-- returns  {'ok' | 'same' | 'conflict' | 'no_app' | 'expired', job id, state}
--          or {'quota', 'open_jobs' | 'open_items' | 'items_per_job', "asked for,limit"}

local job, fields, codes = ARGV[1], cjson.decode(ARGV[2]), cjson.decode(ARGV[3])
local name = key('job', job)

local function seal()
  for segment = 0, num(fields.segments, 0) - 1 do
    if redis.call('PERSIST', key('job', job, 'seg', whole(segment))) == 0 then return false end
  end
  redis.call('PERSIST', key('job', job, 'map'))
  redis.call('PERSIST', key('job', job, 'out'))
  if fields.apps and redis.call('PERSIST', key('job', job, 'apps')) == 0 then return false end
  if fields.file and redis.call('PERSIST', key('job', job, 'file')) == 0 then return false end
  return true
end

-- The first limit that this job would pass, and by what number; nil if it passes none.
local function passed_quota()
  local tenant = key('tenant', fields.tenant)
  local it = read(tenant, 'max_open_jobs', 'max_open_items', 'max_items_per_job', 'open_items')
  local items = num(fields.total, 0)
  for _, check in ipairs({
    { 'items_per_job', items, it.max_items_per_job },
    { 'open_jobs', redis.call('HLEN', key('tenant', fields.tenant, 'open')) + 1, it.max_open_jobs },
    { 'open_items', num(it.open_items, 0) + items, it.max_open_items },
  }) do
    local limit = num(check[3], nil)
    if limit and check[2] > limit then return { 'quota', check[1], whole(check[2]) .. ',' .. whole(limit) } end
  end
end

-- The numbers of a job's messages, item by item: of 32 bits, never 0, and never used twice in a row of four billion.
local function number_messages()
  local counter, total = key('app', fields.app, 'mid'), num(fields.total, 0)
  local first = num(redis.call('GET', counter), nil)
  -- Nobody else's numbers begin there: the id was drawn by lot.
  if not first then first = tonumber(string.sub(redis.sha1hex(job), 1, 8), 16) % 4294967295 + 1 end
  if first + total > 4294967296 then first = 1 end
  redis.call('SET', counter, whole(first + total))
  fields.mid = whole(first)
  -- So that a status finds its job; of those that are forgotten some go each time.
  local jobs = key('app', fields.app, 'mid', 'ranges')
  for _, other in ipairs(redis.call('ZRANDMEMBER', jobs, 2)) do
    if redis.call('EXISTS', key('job', other)) == 0 then redis.call('ZREM', jobs, other) end
  end
  redis.call('ZADD', jobs, fields.mid, job)
end

local before = redis.call('HGET', name, 'state')
-- The hash was written first, so it is also the first part of a draft to expire.
if not before then return { 'expired', job, '' } end
if before ~= 'validating' then return { 'ok', job, before } end

if not fields.apps and redis.call('EXISTS', key('app', fields.app)) == 0 then return { 'no_app', job, '' } end

if fields.idempotency_key ~= '' then
  local first = redis.call('GET', key('idem', fields.tenant, fields.idempotency_key))
  if first and redis.call('EXISTS', key('job', first)) == 1 then
    local same = redis.call('HGET', key('job', first), 'digest') == fields.digest
    return { same and 'same' or 'conflict', first, redis.call('HGET', key('job', first), 'state') or '' }
  end
end

local refused = passed_quota()
if refused then return refused end
if not seal() then return { 'expired', job, '' } end
if fields.idempotency_key ~= '' then
  -- It expires with its job: one that begins in half a year must not be made twice until then.
  redis.call('SET', key('idem', fields.tenant, fields.idempotency_key), job)
end

if fields.sender then number_messages() end
local flat = {}
for field, value in pairs(fields) do
  flat[#flat + 1] = field
  flat[#flat + 1] = value
end
redis.call('PERSIST', name)
redis.call('HSET', name, unpack(flat))
for _, code in ipairs(codes) do count_code(job, code[1], code[2], code[3]) end

redis.call('HSET', name, 'validated_at', whole(NOW), 'next', 0)
redis.call('ZADD', key('jobs'), whole(NOW), job)
redis.call('ZADD', key('tenant', fields.tenant, 'jobs'), whole(NOW), job)
if not fields.apps then redis.call('SADD', key('app', fields.app, 'open'), job) end
redis.call('HSET', key('tenant', fields.tenant, 'open'), job, fields.total)
redis.call('HINCRBY', key('tenant', fields.tenant), 'open_items', fields.total)
if num(fields.deadline, nil) then redis.call('ZADD', key('deadline'), fields.deadline, job) end

local function start()
  if num(fields.failed, 0) >= num(fields.total, 0) then return transition(job, 'rejected') end
  if num(fields.deadline, WALL + 1) <= WALL then return transition(job, 'timed_out', 'deadline') end
  if keep_budget(job, fields) == 'paused' then return end
  if fields.hold then return transition(job, 'paused', 'user', 'held from the start') end
  if num(fields.at, 0) > WALL then
    transition(job, 'scheduled')
    -- Who sleeps for longer than until then learns of it.
    return ring(cell_of(fields.apps and redis.call('LINDEX', key('job', job, 'apps'), 0) or fields.app))
  end
  enqueue(job, fields.app, fields)
end

start()
return { 'ok', job, redis.call('HGET', name, 'state') }
