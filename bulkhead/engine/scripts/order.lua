-- order: which tenant is next, and how far another is ahead of it. Joined in front of `slots` and claim.
--
-- Whoever is served out of turn, because who is next can use none of the lanes that are left, does not move
-- the virtual time of the cell (`vt`) beyond who is next: what lies between the two is a lead, and who has
-- one of more than FAR gets no kept lane. Those who are next are waited for so long as somebody in turn was
-- served within STILL (`at`): then their lanes may hang, the time goes on without them, and who fell further
-- behind than LOST is waited for no more and makes up for no more than that.

local FAR = 50            -- virtual time
local LOST = 200          -- virtual time: above it, what is late is not made up for
local STILL = 250000      -- lanes of quick calls are free again by then, on a busy machine as well

local function order_of(cell)
  local last = read(key('vt'), cell, 'at/' .. cell)
  local virtual, at = num(last[cell], 0), num(last['at/' .. cell], 0)
  local nearest           -- the lowest tag of those that are waited for

  -- A new round of looking for who is next.
  local function begin() nearest = nil end

  -- How far a tenant is ahead; to be asked for each that is looked at, lowest tag first.
  local function lead_of(tag)
    if not nearest and tag >= virtual - LOST then nearest = tag end
    return NOW - at < STILL and tag - virtual or 0
  end

  -- A tenant of this tag was served, at that cost by weight. Returns what its tag is to rise by beside that.
  local function served(tag, cost)
    local in_turn = tag <= (nearest or tag)
    if in_turn then
      virtual = math.max(virtual, tag)
    elseif NOW - at >= STILL then
      virtual = math.max(virtual, math.min(tag, virtual + cost))
    else
      virtual = math.max(virtual, nearest)
    end
    if in_turn then at = NOW end
    redis.call('HSET', key('vt'), cell, exact(virtual), 'at/' .. cell, whole(at))
    return math.max(0, virtual - LOST - tag)
  end

  -- Microseconds until nobody is waited for.
  local function patience() return math.max(0, at + STILL - NOW) end

  return { begin = begin, lead_of = lead_of, served = served, patience = patience }
end
