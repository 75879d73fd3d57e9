#!lua
-- part: keep one part of a job that comes in several messages, each once by its task id.
--
-- KEYS[1]  root
-- ARGV[1]  tenant   ARGV[2]  idempotency key   ARGV[3]  app      ARGV[4]  task id
-- ARGV[5]  the part's number or ''             ARGV[6]  its packed items
-- ARGV[7]  what the last part says about the job, JSON, or ''    ARGV[8]  seconds to keep it all
-- returns  {'ok' | 'sealed' | 'other_app' | 'numbering' | 'taken' | 'late', job id or ''}
--          'ok' is followed by 1 if all parts are there, else 0

local tenant, idem, app, task, number = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local name, keep = key('parts', tenant, idem), tonumber(ARGV[8])
local it = read(name, 'app', 'numbered', 'next', 'last', 'last_number', 'sealed', 'have')
local known = redis.call('HGET', name, 'task:' .. task)
local numbered = number ~= '' and '1' or '0'

if it.sealed then return { known and 'sealed' or 'late', it.sealed } end
if it.app and it.app ~= app then return { 'other_app', '' } end
if it.numbered and it.numbered ~= numbered then return { 'numbering', '' } end

if not known then
  local place = number ~= '' and number or whole(num(it.next, 0) + 1)
  -- Beyond the last one, or a second last one, or the place of another part.
  if redis.call('HEXISTS', name, 'place:' .. place) == 1 then return { 'taken', '' } end
  if ARGV[7] ~= '' and tonumber(place) < num(it.next, 0) then return { 'taken', '' } end
  if it.last and (ARGV[7] ~= '' or number == '' or tonumber(number) > num(it.last_number, 0)) then
    return { 'taken', '' }
  end
  redis.call('HSET', name, 'app', app, 'numbered', numbered, 'next', math.max(num(it.next, 0), tonumber(place)),
    'task:' .. task, place, 'place:' .. place, 1)
  redis.call('HSET', key('parts', tenant, idem, 'items'), place, ARGV[6])
  it.have = redis.call('HINCRBY', name, 'have', 1)
  if ARGV[7] ~= '' then
    redis.call('HSET', name, 'last', ARGV[7], 'last_number', place)
    it.last, it.last_number = ARGV[7], place
  end
end
for _, one in ipairs({ name, key('parts', tenant, idem, 'items') }) do redis.call('EXPIRE', one, keep + 3600) end
redis.call('ZADD', key('parts'), whole(NOW + keep * 1000000), tenant .. ' ' .. idem)
local complete = it.last and num(it.have, 0) >= num(it.last_number, 0)
return { 'ok', '', complete and 1 or 0 }
