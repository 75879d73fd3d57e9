#!lua
-- inbound: keep the events of a delivery, each once, and count what became of them.
--
-- Bounded by number, bytes and age: whatever is over goes, the oldest first, and what goes before its time is
-- counted as dropped. A store that is full refuses the whole, so that whoever sent it may send it again.
--
-- KEYS[1]  root
-- ARGV[1]  app     ARGV[2]  most events     ARGV[3]  most bytes     ARGV[4]  ms that an event is kept
-- ARGV[5]  what to count besides, a name of `counts`, or ''         ARGV[6]  how many
-- ARGV[7…] for each event: its identity, or '' where it has none; the event as JSON; and what it says of a message, or
--          '', as JSON {low word of its mid, digests that the recipient may have, rank, digest of a member or 0}
-- returns  {kept, repeated, dropped, placed}, or nothing without such an app
--
-- Placed is what is about a message of a broadcast: that is counted with its job, and not kept here, where it would
-- push out what somebody may wait for.

local app = ARGV[1]
local most, room, age = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local stream, seen, counts = key('app', app, 'inbound'), key('app', app, 'inbound', 'seen'),
  key('app', app, 'inbound', 'counts')
if redis.call('HEXISTS', key('app', app), 'base_url') == 0 then return {} end

local function millis_of(id) return tonumber(string.match(id, '^%d+')) end

local at = math.floor(WALL / 1000)
local oldest = at - age
local last = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
-- Ids go on rising also when the clock was set back.
if last then at = math.max(at, millis_of(last[1])) end
local bytes = last and num(redis.call('HGET', counts, 'bytes'), 0) or 0

redis.call('ZREMRANGEBYSCORE', seen, '-inf', whole(oldest))
local kept, repeated, dropped, placed, statuses = 0, 0, 0, 0, 0
local epochs, awaited

-- True if the message that an event is about is known.
local function place_status(told)
  if not epochs then
    epochs = deliveries().epochs_of(app)
    -- A call that nobody has told of yet is of a job that is open.
    awaited = redis.call('EXISTS', key('app', app, 'open')) == 1
  end
  local mid, digests, rank, member = unpack(told)
  local job, index = delivery.find_sent(app, epochs, mid, digests)
  if job then delivery.raise(job, index, rank, member) end
  return job
end

for i = 7, #ARGV, 3 do
  local identity, event, told = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  told = told ~= '' and cjson.decode(told)
  if told then statuses = statuses + 1 end
  if told and place_status(told) then
    placed = placed + 1
  elseif identity ~= '' and redis.call('ZADD', seen, 'NX', whole(at), identity) == 0 then
    repeated = repeated + 1
  else
    redis.call('XADD', stream, whole(at) .. '-*', 'event', event)
    kept, bytes = kept + 1, bytes + #event
    if told and awaited then delivery.put_early(app, unpack(told)) end
  end
end

local length = redis.call('XLEN', stream)
while length > 0 do
  local first = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]
  local over = length > most or bytes > room
  if not over and millis_of(first[1]) > oldest then break end
  redis.call('XDEL', stream, first[1])
  length, bytes = length - 1, bytes - #first[2][2]
  if millis_of(first[1]) > oldest then dropped = dropped + 1 end
end
-- What is remembered of repeats is bounded as the events are.
redis.call('ZREMRANGEBYRANK', seen, 0, -2 * most - 1)
redis.call('PEXPIRE', stream, whole(age))
redis.call('PEXPIRE', seen, whole(age))

redis.call('HSET', counts, 'bytes', whole(bytes))
if delivery.finish then delivery.finish() end
local told = { received = kept, repeated = repeated, dropped = dropped, placed = placed, statuses = statuses }
if ARGV[5] ~= '' then told[ARGV[5]] = (told[ARGV[5]] or 0) + tonumber(ARGV[6]) end
for name, number in pairs(told) do
  if number > 0 then redis.call('HINCRBY', counts, name, whole(number)) end
end
return { kept, repeated, dropped, placed }
