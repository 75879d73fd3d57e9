-- fleet_audit: all that the store holds of one job over many apps, in one answer.
--
-- KEYS[1] root   ARGV[1] job

local root, job, call = KEYS[1], ARGV[1], redis.call

local function key(...) return root .. ':' .. table.concat({ ... }, ':') end

local apps, wait = {}, key('wait')
for i, name in ipairs(call('LRANGE', key('job', job, 'apps'), 0, -1)) do
  apps[i] = {
    call('HGET', key('job', job, 'due'), name),
    call('ZSCORE', key('app', name, 'jobs'), job),
    call('ZSCORE', wait, 'p:' .. job .. '@' .. name),
    call('ZSCORE', wait, 'r:' .. name),
    call('ZRANGE', key('app', name, 'retry'), 0, -1, 'WITHSCORES'),
    call('SISMEMBER', key('app', name, 'open'), job),
  }
end
return {
  call('HMGET', key('job', job), 'state', 'next', 'in_flight', 'succeeded', 'skipped', 'failed', 'unknown', 'visit',
    'wave_from', 'wave_end'),
  call('GET', key('job', job, 'map')),
  call('ZSCORE', wait, 'v:' .. job),
  apps,
}
