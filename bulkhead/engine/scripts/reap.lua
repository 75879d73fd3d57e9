#!lua flags=allow-oom
-- reap: end what outlived its worker or its time; any worker may call it, as often as it likes.
--
-- A granted lease ends quietly. Items of a begun one run again if they may be repeated, and are read
-- back if that tells; those that were marked as sent and may not become `unknown`, or go where their kind says.
-- A slice that died twice is split to single items; one of them that then dies twice more, as its worker's only
-- suspect, is POISON, unless workers die just as well without it: see is_guilty.
--
-- KEYS[1]  root
-- ARGV[1]  most leases to end in this call
-- returns  {{dead worker…}, {{lease, job, app, items again, items unknown, items failed, ranges,
--          1 if those unknown count as failed in their job, else 0}…}}

local most = tonumber(ARGV[1])
local FATAL_DEATHS = 3     -- of which two with its slice, and one alone
local MOST_DEATHS = 12     -- nobody is unlucky so often

local function fail_poison(lease)
  local index = tonumber(string.match(lease.left, '^(%d+)-'))
  mark(lease.job, lease.left, FAILED)
  redis.call('HINCRBY', key('job', lease.job), 'failed', 1)
  count_code(lease.job, 'POISON', 1, '')
  local row = result_row(index, FAILED, 'POISON', 'the worker died each time this item ran')
  add_results(lease.job, cjson.encode({ row }))
end

-- Counts the death of a worker, once; one that said good-bye has not died.
local function count_death(worker)
  if redis.call('HGET', key('worker', worker), 'left') then return end
  if redis.call('HSETNX', key('worker', worker), 'counted', 1) == 1 then
    redis.call('HINCRBY', key('reaped'), 'deaths', 1)
  end
end

-- Notes at the first death of an item alone how many workers had died before.
local function suspect(lease)
  local before = num(redis.call('HGET', key('reaped'), 'deaths'), 0) - 1
  redis.call('HSET', key('job', lease.job, 'suspects'), string.match(lease.left, '^%d+'), whole(before))
  expire_with(lease.job, 'suspects')
end

-- Where workers are killed from outside, an item may be with several of them by chance. It is guilty if it
-- was alone with at least half of all workers that have died since it first was.
local function is_guilty(lease, deaths)
  local before = redis.call('HGET', key('job', lease.job, 'suspects'), string.match(lease.left, '^%d+'))
  if not before or deaths >= MOST_DEATHS then return true end
  local since = num(redis.call('HGET', key('reaped'), 'deaths'), 0) - tonumber(before)
  return (deaths - FATAL_DEATHS + 1) * 2 >= since
end

-- The step at which a job sends again what it may have sent before; nil if it does not.
local function resent_at(lease)
  if redis.call('HGET', key('job', lease.job), 'on_unknown') ~= 'resend' then return nil end
  return string.match(lease.step, '^(.-)!?$') .. RESENT
end

local function end_begun(lease)
  -- A worker that was told to stop did not die of the calls that it could not finish.
  local stopped = redis.call('HGET', key('worker', lease.worker), 'left')
  local items, deaths = count(lease.left), num(lease.deaths, 0) + (stopped and 0 or 1)
  local again, unknown, failed, left, dropped = 0, 0, 0, lease.left, false
  if items > 0 then
    local may_repeat = repeat_of(lease.job, lease.step)
    -- Some kinds have a step that makes good what was lost at this one.
    local instead = redis.call('HGET', key('job', lease.job), 'lost:' .. lease.step)
    if instead then may_repeat = 'check' end
    local resent = may_repeat == 'once' and resent_at(lease)
    local fatal = items == 1 and deaths > FATAL_DEATHS and is_guilty(lease, deaths)
    if may_repeat == 'once' and (fatal or not resent) then
      become_unknown(lease.job, lease.left, 'sent, and the worker died before the answer')
      unknown = items
    elseif fatal then
      fail_poison(lease)
      failed = 1
    else
      if items == 1 and deaths == FATAL_DEATHS and not stopped then suspect(lease) end
      local step = instead or resent or may_repeat == 'check' and 'read_back' or lease.step
      redo(lease.job, lease.app, lease.left, deaths, step)
      if may_repeat ~= 'safe' then mark(lease.job, lease.left, PENDING) end
      if hold_unsure(lease.job, lease.left, step) then again = items else unknown = items end
    end
    dropped = unknown > 0 and redis.call('HGET', key('job', lease.job), 'on_unknown') == 'drop'
    redis.call('HINCRBY', key('job', lease.job), 'in_flight', -items)
    redis.call('HINCRBY', key('job', lease.job), 'version', 1)
  end
  drop_lease(lease)
  finish_if_over(lease.job)
  place_job(lease.app, lease.job)
  place(lease.app)
  return { lease.id, lease.job, lease.app, again, unknown, failed, left, dropped and 1 or 0 }
end

local ended, begun = {}, 0
local function finish(id)
  local lease = read_lease(id)
  if not lease.worker then
    redis.call('ZREM', key('lease'), id)
  elseif lease.state == 'begun' then
    begun = begun + 1
    ended[#ended + 1] = end_begun(lease)
  else
    local items = count(lease.left)
    end_granted(lease)
    ended[#ended + 1] = { lease.id, lease.job, lease.app, items, 0, 0, lease.left, 0 }
  end
end

local dead = {}
for _, worker in ipairs(redis.call('ZRANGEBYSCORE', key('worker'), '-inf', whole(NOW))) do
  count_death(worker)
  local leases = redis.call('SRANDMEMBER', key('worker', worker, 'leases'), most)
  for _, id in ipairs(leases) do
    finish(id)
    redis.call('SREM', key('worker', worker, 'leases'), id)
  end
  if #leases < most then
    redis.call('ZREM', key('worker'), worker)
    redis.call('DEL', key('worker', worker), key('worker', worker, 'held'))
    dead[#dead + 1] = worker
  end
end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', key('lease'), '-inf', whole(NOW), 'LIMIT', 0, most)) do finish(id) end
-- For whoever is on call: what was ended since the store was made.
local sums = { workers = #dead, granted = #ended - begun, begun = begun, unknown = 0, poison = 0 }
for _, told in ipairs(ended) do
  sums.unknown, sums.poison = sums.unknown + told[5], sums.poison + told[6]
end
for name, number in pairs(sums) do
  if number > 0 then redis.call('HINCRBY', key('reaped'), name, number) end
end
return { dead, ended }
