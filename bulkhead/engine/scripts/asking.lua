-- asking: asks on their way to a session, and their answers. Joined behind `gate`.
--
-- asks:<app> <sender>   list: the asks that nobody has taken yet
-- asks:bell:<worker>    list ≤ 1: one of the sessions that a worker has was asked something
-- asked:<worker>        list: answers to what a worker asked
--
-- An ask is written in lines: id, end (microseconds), operation, who asks, and as JSON what about.

local ASKS_KEPT = 3600    -- seconds

local function write_ask(it) return table.concat({ it.id, it.not_after, it.op, it.worker, it.about }, '\n') end

local function read_ask(text)
  local id, not_after, op, worker, about = string.match(text, '^([^\n]*)\n([^\n]*)\n([^\n]*)\n([^\n]*)\n(.*)$')
  return { id = id, not_after = not_after, op = op, worker = worker, about = about }
end

local function id_of(text) return string.match(text, '^[^\n]*') end

-- Says that an ask was certainly not carried out.
local function withhold(it, session)
  local name = key('asked', it.worker)
  local said = { withheld = true, state = session.state or 'closed', why = session.why or '' }
  redis.call('RPUSH', name, cjson.encode({ it.id, said }))
  redis.call('EXPIRE', name, ASKS_KEPT)
end

local function ring_keeper(worker)
  local bell = key('asks', 'bell', worker)
  if redis.call('LLEN', bell) == 0 then redis.call('RPUSH', bell, '1') end
  redis.call('EXPIRE', bell, ASKS_KEPT)
end
