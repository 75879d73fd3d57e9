-- pick: what a claim is asked for, and who is served next. Joined in front of claim, behind `slots`.
--
-- ARGV is claim's.

local worker, cell, egress = ARGV[1], ARGV[2], ARGV[3]
local slots, room, delay = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local STILL = 25000       -- where nobody was served for so long, nobody is waited for: who is behind may be unable to
local TURN = 8            -- lanes of a slice where others wait, or where its calls start one by one
local lead = math.max(LEAD, delay)    -- a permit that falls due within it cannot be used sooner by this worker
local LEAD_TEXT, NOW_TEXT = whole(lead), whole(NOW)
local APP = { 'rate', 'burst', 'learned', 'tat', 'cap', 'held', 'weight', 'latency', 'cell', 'latest', 'credited',
  'cool_until', 'state', 'why', 'permits_granted', 'vt', 'classes', 'tenant', 'rotation', 'lead' }
local JOB = { 'next', 'total', 'weight', 'kind', 'looks', 'rate', 'tat', 'class', 'apps', 'state', 'repeat',
  'join', 'fill', 'sender' }
local DUE_AT_ONCE, CANDIDATES, ATTEMPTS, ATTEMPTS_HERE = 200, 8, 256, 64

local retries_left = 400       -- of all apps: when a backend of many comes back, nobody waits for all of theirs
local barred, looks = {}, 0    -- apps that this claim passes over, and how many it has looked at
local passed = false           -- true if a tenant has its share of this worker already
local alone = false            -- true once nobody else who waits can use what is left of this worker
local looked = {}              -- how many apps of a tenant
local lines = {}               -- the apps of a tenant as they come next
local granted, serving = {}, {}    -- the leases of this claim, and its lanes by tenant
local served_now = {}          -- what it changes of the virtual times
tenants = {}
local last = read(key('vt'), cell, 'at/' .. cell)
local virtual, served_at = num(last[cell], 0), num(last['at/' .. cell], 0)    -- of the tenant that was served last
local held_back = false        -- true if a tenant was refused kept lanes for being ahead

local about = read(key('worker', worker), 'draining', 'slots')
local shares = shares_of(worker, cell, num(about.slots, 0))

-- The members of a sorted set, lowest first, and their tags if `tagged`, read in pages: nearly always the first
-- one is taken. The third is true if there are several.
local function each_lowest(set, tagged)
  local page, at, from, width = {}, 0, 0, tagged and 2 or 1
  local several = false
  return function()
    if at == #page then
      local to = from + CANDIDATES - 1
      page = tagged and redis.call('ZRANGE', set, from, to, 'WITHSCORES') or redis.call('ZRANGE', set, from, to)
      at, from, several = 0, to + 1, several or #page > width
    end
    at = at + width
    return page[at - width + 1], tagged and tonumber(page[at]), several
  end
end

-- The line of a tenant's ready apps: `names` and `tags` from `at` on, and how many were `barred` in front of them.
-- It is read in pages; who was served stands in it again where its new tag puts it.
local function line_of(tenant)
  local line = lines[tenant] or { names = {}, tags = {}, at = 1, barred = 0, set = key('ready', cell, tenant) }
  lines[tenant] = line
  return line
end

local function read_on(line)
  line.names, line.tags, line.at = {}, {}, 1
  local from = line.barred
  while not line.whole and #line.names == 0 do
    local page = redis.call('ZRANGE', line.set, from, from + CANDIDATES - 1, 'WITHSCORES')
    for i = 1, #page, 2 do
      if not barred[page[i]] then
        line.names[#line.names + 1], line.tags[#line.tags + 1] = page[i], tonumber(page[i + 1])
      end
    end
    from, line.whole = from + CANDIDATES, #page < 2 * CANDIDATES
  end
end

local function first_of(line)
  if line.at > #line.names then read_on(line) end
  return line.names[line.at], line.tags[line.at]
end

local function bar(line, name)
  barred[name] = true
  line.at, line.barred = line.at + 1, line.barred + 1
end

-- The first one was served, and has this tag now, or none if it is not ready any more.
local function line_up(line, name, tag)
  line.at = line.at + 1
  local last = line.tags[#line.tags]
  if not tag or not line.whole and (line.at > #line.names or tag >= last) then return end
  local place = #line.names + 1
  while place > line.at and tag < line.tags[place - 1] do place = place - 1 end
  table.insert(line.names, place, name)
  table.insert(line.tags, place, tag)
end

-- Asked before an app is read: of a tenant that has its share most others have to wait, too.
local function may_have_lanes(line, tenant, name, lanes, contested)
  if not line.refused then return true end
  local latency = redis.call('HGET', key('app', name), 'latency') or nil
  return shares.of_app(tenant, { latency = latency }, slots, lanes, contested) > 0
end

-- The next tenant and app, and the lanes that this worker may give them. A tenant's apps are looked at a few
-- at a time: those that this worker may not serve now must hide nobody else's.
local function pick()
  local waited_for = NOW - served_at < STILL
  for tenant, tag, several in each_lowest(key('ready', cell), waited_for) do
    local contested = not alone and several
    -- How far the tenant is ahead of who was served last: 0 where nobody is waited for.
    local ahead = waited_for and tag - virtual or 0
    local lanes = shares.of_tenant(tenant, slots, ahead)
    held_back = held_back or (lanes <= 0 and ahead > 0)
    if lanes <= 0 then passed = true end
    -- In turns of a few lanes, where others wait for some too.
    if contested then lanes = math.min(lanes, TURN) end
    if lanes > 0 and (looked[tenant] or 0) < ATTEMPTS_HERE then
      local line = line_of(tenant)
      local name, app_tag = first_of(line)
      while name do
        looks, looked[tenant] = looks + 1, (looked[tenant] or 0) + 1
        if looks > ATTEMPTS then return end
        if looked[tenant] > ATTEMPTS_HERE then break end
        if may_have_lanes(line, tenant, name, lanes, contested) and may_reach(name, egress) then
          return tenant, name, lanes, contested, app_tag
        end
        bar(line, name)
        name, app_tag = first_of(line)
      end
    end
  end
end
