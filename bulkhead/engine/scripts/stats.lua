-- stats: what an app's calls came to, month by month. Joined in front of settle.

local count_stats
do    -- a script has room for 200 local names: from here to `end` they are this file's own

local KEPT = 34560000      -- seconds (400 days) of an app's statistics of a month
local WORDS = 500          -- operations and what came of them, in an app's statistics of a month

-- The month of the store's clock in UTC, as 202611 (civil date from days, after Hinnant).
local this_month
local function month()
  if this_month then return this_month end
  local z = math.floor(NOW / 86400000000) + 719468
  local era = math.floor(z / 146097)
  local day = z - era * 146097
  local year = math.floor((day - math.floor(day / 1460) + math.floor(day / 36524) - math.floor(day / 146096)) / 365)
  local left = day - (365 * year + math.floor(year / 4) - math.floor(year / 100))
  local moon = math.floor((5 * left + 2) / 153)
  local number = moon < 10 and moon + 3 or moon - 9
  this_month = string.format('%04.0f%02.0f', year + era * 400 + (number <= 2 and 1 or 0), number)
  return this_month
end

-- What `apps stats` shows, kept for 400 days; `took` of the statistics: operation → microseconds of its calls.
function count_stats(app, stats)
  if type(stats) ~= 'table' then return end
  local name = key('stats', app, month())
  local users = name .. ':users'
  local fields, more, others = { 'since', 'sent', 'received' }, { [2] = stats.sent, [3] = stats.received }, {}
  local function add(field, other, number)
    fields[#fields + 1], more[#fields + 1], others[#fields + 1] = field, number, other
  end
  for word, calls in pairs(stats.calls) do add('calls|' .. word, 'calls|other' .. string.match(word, '|.*$'), calls) end
  for op, took in pairs(stats.took or {}) do add('took|' .. op, 'took|other', took) end
  local before, changed, full = redis.call('HMGET', name, unpack(fields)), {}, nil
  local new = not before[1]
  for i = 2, #fields do
    -- An operation may have any name: beyond so many, new ones are counted together.
    if full == nil and not before[i] then full = not new and redis.call('HLEN', name) >= WORDS end
    if others[i] and not before[i] and full then
      redis.call('HINCRBY', name, others[i], whole(more[i]))
    else
      changed[#changed + 1], changed[#changed + 2] = fields[i], whole(num(before[i], 0) + more[i])
    end
  end
  if new then changed[#changed + 1], changed[#changed + 2] = 'since', whole(NOW) end
  redis.call('HSET', name, unpack(changed))
  if new then redis.call('EXPIRE', name, KEPT) end
  if #stats.users == 0 or redis.call('PFADD', users, unpack(stats.users)) == 0 then return end
  if new or redis.call('TTL', users) == -1 then redis.call('EXPIRE', users, KEPT) end
end

end
