-- ordered: what the store answers in an order of its own comes sorted here, so that a seed replays.

local redis = setmetatable({ call = (function(call)
  return function(command, name, most, ...)
    if command == 'SMEMBERS' then
      local members = call(command, name)
      table.sort(members)
      return members
    elseif command == 'SRANDMEMBER' then
      local members = call('SMEMBERS', name)
      table.sort(members)
      local first = #members > 0 and tonumber(redis.call('GET', key('test-clock'))) % #members or 0
      if not most then return members[first + 1] or false end
      local drawn = {}
      for i = 1, math.min(#members, tonumber(most)) do drawn[i] = members[(first + i - 1) % #members + 1] end
      return drawn
    end
    if most == nil then return call(command, name) end
    return call(command, name, most, ...)
  end
end)(redis.call) }, { __index = redis })

