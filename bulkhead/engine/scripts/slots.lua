-- slots: how many of a worker's lanes (calls at once) a tenant may have. Joined in front of claim.
--
-- A call that hangs cannot be taken back, so the lanes it may hold are limited before it is made. With
-- `slots` lanes, as the worker says with each beat, and `worker:<w>:held` tenant → lanes in use:
--   * while another tenant waits that this worker could serve, and unless the app is quick, half of them, or
--     a tenant's part by weight among those who are served here where that is more: lanes of quick calls are
--     free again at once, so tags alone keep to the weights;
--   * on apps that take a second or more, or that have answered nobody yet, half of them, even alone;
--   * a twelfth, one at least, is kept for quick apps of tenants that hold less than that, and are not
--     ahead of others: who comes anew finds a lane, and nobody gets by it more than the weights give.
-- A worker that has not said how many it has is given all it asks for.

local shares_of
do    -- a script has room for 200 local names: from here to `end` they are this file's own

local QUICK, SLOW = 250000, 1000000
local FAR = 50            -- virtual time before whoever was served last
local NEIGHBOURS = 16     -- ready tenants whose weights are looked at

local function is_slow(latency) return latency == nil or latency >= SLOW end

function shares_of(worker, cell, total)
  local used, slow, new = nil, {}, {}
  local half, kept = math.max(1, math.floor(total / 2)), total >= 4 and math.max(1, math.floor(total / 12)) or 0

  local function lanes_used(tenant)
    if not used then
      local all = redis.call('HGETALL', key('worker', worker, 'held'))
      used = {}
      for i = 1, #all, 2 do used[all[i]] = tonumber(all[i + 1]) end
    end
    return used[tenant] or 0
  end

  local function slow_lanes(tenant)
    if slow[tenant] then return slow[tenant] end
    local found = new[tenant] or 0
    for _, id in ipairs(redis.call('SMEMBERS', key('worker', worker, 'leases'))) do
      local lease = read(key('lease', id), 'app', 'parallel')
      if lease.app and string.match(lease.app, '^[^/]+') == tenant
        and is_slow(num(redis.call('HGET', key('app', lease.app), 'latency'), nil)) then
        found = found + num(lease.parallel, 0)
      end
    end
    slow[tenant] = found
    return found
  end

  -- The part of the lanes that is a tenant's beside those that are ready or served here.
  local function part_of(tenant)
    local weights, sum = {}, 0
    local function add(name)
      if weights[name] then return end
      weights[name] = num(redis.call('HGET', key('tenant', name), 'weight'), 1)
      sum = sum + weights[name]
    end
    add(tenant)
    for _, name in ipairs(redis.call('ZRANGE', key('ready', cell), 0, NEIGHBOURS - 1)) do add(name) end
    for name in pairs(used) do add(name) end
    return math.max(half, math.ceil(total * weights[tenant] / sum))
  end

  -- The most lanes of `free` ones that any app of the tenant may have, being so far ahead of who was served last.
  local function of_tenant(tenant, free, ahead)
    if total == 0 then return free end
    if ahead > FAR then return free - kept end
    return math.max(free - kept, math.min(free, kept - lanes_used(tenant)))
  end

  -- The most lanes of those that this app of the tenant may have.
  local function of_app(tenant, app, free, most, contested)
    if total == 0 then return most end
    local latency, mine = num(app.latency, nil), lanes_used(tenant)
    local quick = latency and latency < QUICK or latency == nil and mine == 0
    if not quick then
      most = math.min(most, free - kept)
      if contested and mine + most > half then most = math.min(most, part_of(tenant) - mine) end
    end
    if is_slow(latency) then most = math.min(most, half - slow_lanes(tenant)) end
    return most
  end

  local function note(tenant, app, lanes)
    if total == 0 then return end
    used[tenant] = lanes_used(tenant) + lanes
    -- The worker's leases tell of those that are granted now only after this claim.
    if is_slow(num(app.latency, nil)) then
      local sum = slow[tenant] and slow or new
      sum[tenant] = (sum[tenant] or 0) + lanes
    end
  end

  return { of_tenant = of_tenant, of_app = of_app, note = note }
end

end
