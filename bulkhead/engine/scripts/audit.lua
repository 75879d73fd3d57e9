#!lua flags=allow-oom
-- audit: all that says where the items of a job are, as of one instant; or its counts, corrected.
--
-- `look` changes nothing, and its work is bounded: the map comes as bytes, for the asker to count, so a
-- million items cost the store one copy of 500 kB. What is longer comes in pieces; the version tells
-- whether they belong together. `repair` writes counts that were counted, by compare-and-set on the
-- version, and never while a lease is open: what is being called is not to be counted away.
--
-- KEYS[1]  root
-- ARGV[1]  job     ARGV[2]  'look' | 'repair'
-- ARGV[3]  look: first byte of the map     ARGV[4]  most bytes     ARGV[5]  most entries of redo and of retry
-- returns  {} if there is no job; else {its fields {name, value…}, piece of the map, bytes of the whole map,
--          its leases {{state, left}…}, redo entries, how many there are, retries {index…}, how many
--          retries its app has, how many results, its codes {name, value…}, lanes that its app says are held,
--          lanes that leases hold}; redo and retries are empty where there are more than asked for
-- ARGV[3]  repair: expected version        ARGV[4] how often each code was counted, JSON
-- ARGV[5…] field, count…
-- returns  {'ok' | 'version' | 'leases', its version | how many are open}

local job, verb, name = ARGV[1], ARGV[2], key('job', ARGV[1])
local app, apps = unpack(redis.call('HMGET', name, 'app', 'apps'))
if not app then return {} end

-- Of the job, and how many lanes those of all jobs of its app hold.
local function leases()
  local found, lanes = {}, 0
  for _, id in ipairs(redis.call('ZRANGE', key('lease'), 0, -1)) do
    local it = read(key('lease', id), 'job', 'state', 'left', 'app', 'parallel')
    if it.app == app then lanes = lanes + num(it.parallel, 0) end
    if it.job == job then found[#found + 1] = { it.state, it.left or '' } end
  end
  return found, lanes
end

-- Of the job, in its app or its apps, and how many there are of all jobs.
local function retries(most)
  local names, all, found = apps and redis.call('LRANGE', key('job', job, 'apps'), 0, -1) or { app }, 0, {}
  for _, each in ipairs(names) do all = all + redis.call('ZCARD', key('app', each, 'retry')) end
  if all > most then return found, all end
  for _, each in ipairs(names) do
    for _, member in ipairs(redis.call('ZRANGE', key('app', each, 'retry'), 0, -1)) do
      local whose, index = string.match(member, '^([^:]+):(%d+)')
      if whose == job then found[#found + 1] = index end
    end
  end
  return found, all
end

local function look()
  local map, redo_list, most = key('job', job, 'map'), key('job', job, apps and 'due' or 'redo'), tonumber(ARGV[5])
  local first = tonumber(ARGV[3])
  local many = redis.call(apps and 'HLEN' or 'LLEN', redo_list)
  local back = {}
  if many <= most then back = apps and redis.call('HVALS', redo_list) or redis.call('LRANGE', redo_list, 0, -1) end
  local waiting, all = retries(most)
  local open, lanes = leases()
  return {
    redis.call('HGETALL', name),
    redis.call('GETRANGE', map, first, first + tonumber(ARGV[4]) - 1), redis.call('STRLEN', map),
    open,
    back, many,
    waiting, all,
    redis.call('LLEN', key('job', job, 'out')),
    redis.call('HGETALL', key('job', job, 'codes')),
    num(redis.call('HGET', key('app', app), 'held'), 0), lanes,
  }
end

local function set_codes(counted)
  local codes = key('job', job, 'codes')
  for _, code in ipairs(redis.call('HKEYS', codes)) do
    if not counted[string.match(code, '^[^|]*')] then redis.call('HDEL', codes, code) end
  end
  for code, items in pairs(counted) do redis.call('HSET', codes, code, whole(items)) end
  expire_with(job, 'codes')
end

local function repair()
  local version, open, lanes = redis.call('HGET', name, 'version'), leases()
  if version ~= ARGV[3] then return { 'version', version } end
  if #open > 0 then return { 'leases', #open } end
  redis.call('HSET', name, unpack(ARGV, 5))
  set_codes(cjson.decode(ARGV[4]))
  -- Leases of its other jobs may be open: they are of this same instant.
  if redis.call('EXISTS', key('app', app)) == 1 then redis.call('HSET', key('app', app), 'held', lanes) end
  redis.call('HINCRBY', name, 'version', 1)
  finish_if_over(job)
  tell_app(job, app, apps)
  return { 'ok', redis.call('HGET', name, 'version') }
end

return verb == 'repair' and repair() or look()
