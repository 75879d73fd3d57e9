-- lease: what a worker holds. Joined behind `place`.
--
-- `lease:<id>` names items, job, app, worker and lanes (`parallel`), and what its permits and its fair share
-- cost, for the way back. Where a call may carry several items, `permits` are those that are left; else each item
-- has one. The lanes count in the app's `held` and, by tenant, in `worker:<w>:held`.

local function read_lease(id)
  local lease = read(key('lease', id), 'job', 'app', 'worker', 'state', 'left', 'parallel', 'at', 'seq', 'deaths',
    'first', 'due', 'credited', 'step', 'opens', 'pace', 'cost', 'narrow', 'cell', 'permits', 'join')
  lease.id = id
  lease.step = lease.step or ''
  lease.parallel = num(lease.parallel, 0)
  return lease
end

-- A verb that drops many leases of one worker makes this a table: what they share is then written by strike_out().
local dropped

-- Counts lanes that a worker uses for an app, or (less than none) no longer uses.
local function count_lanes(worker, name, lanes)
  redis.call('HINCRBY', key('app', name), 'held', lanes)
  local tenant = string.match(name, '^[^/]+')
  if dropped then
    dropped.lanes[tenant] = (dropped.lanes[tenant] or 0) + lanes
    return
  end
  if redis.call('HINCRBY', key('worker', worker, 'held'), tenant, lanes) <= 0 then
    redis.call('HDEL', key('worker', worker, 'held'), tenant)
  end
end

-- Keeps only so many lanes of a lease whose last calls are out: the others may serve somebody else.
local function keep_lanes(lease, lanes)
  if lanes < 0 or lanes >= lease.parallel then return end
  count_lanes(lease.worker, lease.app, lanes - lease.parallel)
  redis.call('HSET', key('lease', lease.id), 'parallel', lanes)
  lease.parallel = lanes
end

-- True if a lease holds permits for so many items: those that are only looked up need none.
local function holds_permits(lease, items) return items > 0 and lease.step ~= LOOK end

-- The permits that a lease of so many items was granted.
local function permits_of(lease, items) return num(lease.permits, items) end

local function drop_lease(lease)
  redis.call('DEL', key('lease', lease.id))
  if dropped then
    dropped[#dropped + 1] = lease.id
  else
    redis.call('ZREM', key('lease'), lease.id)
    redis.call('SREM', key('worker', lease.worker, 'leases'), lease.id)
  end
  count_lanes(lease.worker, lease.app, -lease.parallel)
end

local function strike_out(worker)
  local held = key('worker', worker, 'held')
  for tenant, lanes in pairs(dropped.lanes) do
    if redis.call('HINCRBY', held, tenant, lanes) <= 0 then redis.call('HDEL', held, tenant) end
  end
  if #dropped == 0 then return end
  redis.call('ZREM', key('lease'), unpack(dropped))
  redis.call('SREM', key('worker', worker, 'leases'), unpack(dropped))
end

-- Ends a lease that never began: its items are pending again, and cost nothing.
local function end_granted(lease)
  redo(lease.job, lease.app, lease.left, num(lease.deaths, 0), lease.step)
  drop_lease(lease)
  local items = count(lease.left)
  local paid, permits = holds_permits(lease, items), permits_of(lease, items)
  if paid then credit(lease, permits) end
  place_job(lease.app, lease.job)
  if paid then uncharge(lease, permits) end
  place(lease.app)
end
