#!lua
-- credential: keep a sealed file once, note that it is in a slot of an app, or forget an app's record.
--
-- KEYS[1]  root
-- ARGV[1]  'put'      ARGV[2] id  ARGV[3] ms it is kept while no entry names it  ARGV[4…] fields and values
--          'book'     ARGV[2] app  ARGV[3] slot  ARGV[4] JSON of the entry, without a time
--          'forget'   ARGV[2] app
-- returns  1 if anything changed, else 0; what is sealed already stays as it is

local verb, name = ARGV[1], ARGV[2]

if verb == 'book' then
  if redis.call('EXISTS', key('app', name)) == 0 then return 0 end
  book_credential(name, ARGV[3], ARGV[4])
  return 1
end

if verb == 'forget' then
  local slots, history = key('app', name, 'creds'), key('app', name, 'creds', 'history')
  for _, entry in ipairs(redis.call('HVALS', slots)) do let_go_credential(entry) end
  for _, entry in ipairs(redis.call('LRANGE', history, 0, -1)) do let_go_credential(entry) end
  for _, slot in ipairs(redis.call('HKEYS', slots)) do watch_end(name, slot, nil) end
  return redis.call('DEL', slots, history, key('app', name, 'creds', 'doubt'), key('app', name, 'creds', 'told'),
    key('app', name, 'push_options'), key('app', name, 'push_debug'))
end

local kept = key('credential', name)
local known = redis.call('EXISTS', kept) == 1
if not known then
  redis.call('HSET', kept, 'refs', 0, 'since', whole(WALL), unpack(ARGV, 4))
  redis.call('SADD', key('credentials'), name)
end
local wanted, left = tonumber(ARGV[3]), redis.call('PTTL', kept)
if not known or left >= 0 and left < wanted then redis.call('PEXPIRE', kept, whole(wanted)) end
return known and 0 or 1
