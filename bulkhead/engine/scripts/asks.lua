#!lua flags=allow-oom
-- asks: put asks before sessions, take them, or take them back.
--
-- A message goes to a session that is online, or is withheld at once; what else is asked waits for one. Only who has
-- the session's lease takes its asks, and what was taken cannot be taken back.
--
-- KEYS[1]  root
-- ARGV[1]  'ask'        ARGV[2]  JSON [[id, app, sender, operation, not after, left, worker, about as JSON, lease]…]
--          returns      how many were withheld
-- ARGV[1]  'take'       ARGV[2]  worker   ARGV[3]  most of a session   ARGV[4…] sessions, as "app sender"
--          returns      [the number of the session, id, operation, not after, microseconds until then, worker, about]…
-- ARGV[1]  'withdraw'   ARGV[2]  session  ARGV[3…] ids
--          returns      those that nobody had taken

gates()

-- When the last call of a slice may start: who asks may have stood still since it began it. Nothing of a slice that
-- is not its worker's any more, or whose job may not go on, is sent at all.
local function lease_ends(lease, worker)
  local it = read(key('lease', lease), 'worker', 'state', 'at', 'job')
  if it.worker ~= worker or it.state ~= 'begun' then return 0 end
  return is_open(redis.call('HGET', key('job', it.job), 'state')) and tonumber(it.at) + GRANT or 0
end

local function put(asks)
  local seen, lists, withheld, ends = {}, {}, 0, {}
  for _, row in ipairs(asks) do
    local id, app, sender, op, not_after, left, worker, about, lease = unpack(row)
    local member, in_time = app .. ' ' .. sender, true
    if left > 0 then not_after = NOW + left end
    if lease ~= '' then
      ends[lease] = ends[lease] or lease_ends(lease, worker)
      not_after = math.min(not_after, ends[lease])
      in_time = NOW < not_after
    end
    local it = { id = id, op = op, not_after = whole(not_after), worker = worker, about = about }
    if not seen[member] then
      seen[member] = sessions.of(member)
      sessions.want(member, cell_of(app))
    end
    local session = seen[member]
    if not in_time or (op == 'send' and not sessions.is_online(session)) then
      withhold(it, session)
      withheld = withheld + 1
    else
      lists[member] = lists[member] or {}
      table.insert(lists[member], write_ask(it))
    end
  end
  for member, list in pairs(lists) do
    for _, text in ipairs(list) do redis.call('RPUSH', key('asks', member), text) end
    redis.call('EXPIRE', key('asks', member), ASKS_KEPT)
    redis.call('HINCRBY', key('session', member), 'asked', #list)
    if sessions.is_held(seen[member]) then ring_keeper(seen[member].worker) end
  end
  return withheld
end

local function take(worker, most, members)
  local taken, more = {}, false
  for number, member in ipairs(members) do
    local session = sessions.of(member)
    if session.worker == worker and sessions.is_held(session) then
      local list = redis.call('LPOP', key('asks', member), most) or {}
      more = more or #list == most
      for _, text in ipairs(list) do
        local it = read_ask(text)
        local ends = tonumber(it.not_after)
        if ends > 0 and ends <= NOW then
          withhold(it, session)
        else
          taken[#taken + 1] = { number, it.id, it.op, it.not_after, whole(math.max(ends - NOW, 0)), it.worker, it.about }
        end
      end
    end
  end
  if more then ring_keeper(worker) end
  return taken
end

local function withdraw(member, ids)
  local wanted, found = {}, {}
  for _, id in ipairs(ids) do wanted[id] = true end
  for _, text in ipairs(redis.call('LRANGE', key('asks', member), 0, -1)) do
    local id = id_of(text)
    if wanted[id] then
      redis.call('LREM', key('asks', member), 1, text)
      found[#found + 1] = id
    end
  end
  return found
end

if ARGV[1] == 'ask' then return put(cjson.decode(ARGV[2])) end
if ARGV[1] == 'take' then return take(ARGV[2], tonumber(ARGV[3]), { unpack(ARGV, 4) }) end
return withdraw(ARGV[2], { unpack(ARGV, 3) })
