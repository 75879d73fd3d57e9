#!lua
-- credential: keep a sealed file once, note that it is in a slot of an app, or forget an app's record.
--
-- KEYS[1]  root
-- ARGV[1]  'put'      ARGV[2] id  ARGV[3] ms it is kept while no entry names it  ARGV[4…] fields and values
--          'book'     ARGV[2] app  ARGV[3] slot  ARGV[4] JSON of the entry, without a time
--          'forget'   ARGV[2] app
--          'claim'    ARGV[2] JSON list of {app, job, wants: list of {slot, credential, force, expected (ids, one of
--                     which the slot must hold, '' for none; absent: any)}}: what the jobs are about to send
-- returns  1 if anything changed, else 0; what is sealed already stays as it is
--          'claim': for each app a list, for each of its wants {'own' | 'same' | 'taken' | 'changed', JSON of what the slot holds or '', a job or ''}
--          own = the job has the slot until it has told what came of the file; the job named had left it in doubt
--          same = this file is there, and no call is due; taken = by the job named; changed = not what was expected

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

local function holds_expected(id, expected)
  if not expected then return true end
  for _, each in ipairs(expected) do
    if each == id then return true end
  end
  return false
end

local function claim(app, job, want)
  local doubts, held = key('app', app, 'creds', 'doubt'), redis.call('HGET', key('app', app, 'creds'), want.slot)
  local text, id = redis.call('HGET', doubts, want.slot), held and cjson.decode(held).credential or ''
  local doubt = text and cjson.decode(text)
  held = held or ''
  if doubt and doubt.job == job then return { 'own', held, doubt.before or '' } end
  if doubt and may_send(doubt.job) then return { 'taken', held, doubt.job } end
  if not holds_expected(id, want.expected) then return { 'changed', held, '' } end
  if not doubt and id == want.credential and not want.force then return { 'same', held, '' } end
  local before = doubt and doubt.job or ''
  if redis.call('EXISTS', key('app', app)) == 1 then
    local noted = { job = job, credential = want.credential, before = before }
    redis.call('HSET', doubts, want.slot, cjson.encode(noted))
  end
  return { 'own', held, before }
end

if verb == 'claim' then
  local answers = {}
  for i, asked in ipairs(cjson.decode(name)) do
    answers[i] = {}
    for n, want in ipairs(asked.wants) do answers[i][n] = claim(asked.app, asked.job, want) end
  end
  return answers
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
