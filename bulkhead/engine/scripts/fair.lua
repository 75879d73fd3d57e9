-- fair: who is served next, and what it costs them. Joined behind `limiter`.
--
-- Start-time fair queuing at three levels: tenants of a cell (`ready:<cell>`), apps of a tenant
-- (`ready:<cell>:<tenant>`) and jobs of an app (`app:<a>:jobs`). A member's tag is the virtual time at which
-- it is served next, lowest first; being served adds cost ÷ weight. Whoever comes back begins at the level's
-- own virtual time (`vt`), or at its last tag (`finish`) where that is later: to be idle saves nothing up.
--
-- What runs out is calls at once, not items: for tenants and apps an item costs the time of its call over
-- the mean of the cell where that is twice as long or more, else 1. It is charged by what the app is known to
-- take, and corrected when the call was made.

local MEAN_SHARE = 0.05   -- of each report in the cell's mean latency
local QUEUED = 50000      -- a call may take so long for want of our own processor: nobody pays for that
local ALIKE = 2           -- times the mean: calls up to that cost the same, as they differ by our own queue as well
local ROUGH = 0.25        -- a cost that was right within this part is not corrected

-- What an item of an app with this latency costs.
local function cost_of(latency, mean)
  if not latency or not mean then return 1 end
  local times = latency / math.max(mean, QUEUED)
  return times < ALIKE and 1 or math.min(1000, times)
end

local means = {}
local function mean_of(cell)
  return means[cell] or num(redis.call('HGET', key('vt'), 'mean/' .. cell), nil)
end

-- What is known of a tenant: its state and its weight. A verb that serves many apps and changes no tenant reads it
-- once: it makes `tenants` a table.
local tenants
local function tenant_of(name)
  local found = tenants and tenants[name]
  if found then return found end
  found = read(key('tenant', name), 'state', 'weight')
  if tenants then tenants[name] = found end
  return found
end

-- Adds to the tags of an app and of its tenant, wherever they are.
local function add_cost(name, cost)
  local app = read(key('app', name), 'tenant', 'cell', 'weight')
  if not app.tenant then return end
  local ready, all = key('ready', app.cell, app.tenant), key('ready', app.cell)
  local weight = num(tenant_of(app.tenant).weight, 1)
  if redis.call('ZSCORE', ready, name) then
    redis.call('ZINCRBY', ready, exact(cost / num(app.weight, 1)), name)
  else
    redis.call('HINCRBYFLOAT', key('app', name), 'finish', exact(cost / num(app.weight, 1)))
  end
  if redis.call('ZSCORE', all, app.tenant) then
    redis.call('ZINCRBY', all, exact(cost / weight), app.tenant)
  else
    redis.call('HINCRBYFLOAT', key('tenant', app.tenant), 'finish:' .. app.cell, exact(cost / weight))
  end
end

local function write_means()
  for cell, mean in pairs(means) do redis.call('HSET', key('vt'), 'mean/' .. cell, exact(mean)) end
end

-- What calls really took, where that is another thing than what they were charged with; and the cell's mean,
-- of the logarithm: one call that hung for half a minute must not make all others look cheap. It is
-- written by write_means().
local function correct_cost(lease, calls, latency)
  if calls == 0 or latency <= 0 then return end
  local cell = lease.cell or 'main'
  local mean = mean_of(cell) or latency
  means[cell] = mean * (latency / mean) ^ MEAN_SHARE
  local charged, used = num(lease.cost, 1), cost_of(latency, mean)
  if math.abs(used - charged) > ROUGH * charged then add_cost(lease.app, (used - charged) * calls) end
end

-- Takes back what items cost that were granted and never sent.
local function uncharge(lease, items)
  add_cost(lease.app, -items * num(lease.cost, 1))
  local jobs = key('app', lease.app, 'jobs')
  if redis.call('ZSCORE', jobs, lease.job) then
    local weight = num(redis.call('HGET', key('job', lease.job), 'weight'), 4)
    redis.call('ZINCRBY', jobs, exact(-items / weight), lease.job)
  end
end
