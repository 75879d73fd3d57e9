-- audit: all that the store holds of some jobs, apps and leases, in one answer.
--
-- KEYS[1] root   ARGV[1] JSON {jobs: [[job, app]…], apps: [[app, tenant]…], leases: [id…], workers: [name…]}

local root = KEYS[1]

local function key(...) return root .. ':' .. table.concat({ ... }, ':') end

local asked, call = cjson.decode(ARGV[1]), redis.call
local wait, ready = key('wait'), key('ready', 'main')
local jobs, apps, leases = {}, {}, {}

for i, pair in ipairs(asked.jobs) do
  local name = key('job', pair[1])
  jobs[i] = {
    call('HMGET', name, 'state', 'next', 'in_flight', 'succeeded', 'skipped', 'failed', 'unknown'),
    call('GET', name .. ':map'),
    call('LRANGE', name .. ':redo', 0, -1),
    call('ZSCORE', key('app', pair[2], 'jobs'), pair[1]),
    call('ZSCORE', wait, 'p:' .. pair[1]),
  }
end

for i, pair in ipairs(asked.apps) do
  local name, tenant = pair[1], pair[2]
  apps[i] = {
    call('HMGET', key('app', name), 'state', 'cap', 'held', 'permits_granted', 'permits_returned', 'rate',
      'cool_until', 'learned'),
    call('ZCARD', key('app', name, 'jobs')),
    call('ZSCORE', ready .. ':' .. tenant, name),
    call('ZSCORE', ready, tenant),
    call('ZSCORE', wait, 'a:' .. name),
    call('ZRANGE', key('app', name, 'retry'), 0, -1, 'WITHSCORES'),
    call('ZSCORE', wait, 'r:' .. name),
    call('HGET', key('tenant', tenant), 'state'),
  }
end

for i, id in ipairs(asked.leases) do
  leases[i] = call('HMGET', key('lease', id), 'job', 'app', 'state', 'left', 'parallel')
end

local workers = {}
for i, name in ipairs(asked.workers) do workers[i] = call('SCARD', key('worker', name, 'leases')) end

return { jobs, apps, leases, call('ZRANGE', key('lease'), 0, -1), workers }
