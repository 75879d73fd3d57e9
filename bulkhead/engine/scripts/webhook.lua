#!lua
-- webhook: the secrets that an app's inbound deliveries are known by: made, exchanged, or set.
--
-- The one in the path is found by its digest (`inbound:<digest>` → app), and holds only while the app itself
-- names that digest. The one in the body is a value of mesibo's console.
--
-- KEYS[1]  root
-- ARGV[1]  app     ARGV[2]  'issue' | 'rotate' | 'body'
-- ARGV[3]  the new box, or '' to forget the secret of the body
-- ARGV[4]  the new path secret's digest     ARGV[5]  ms for which the one before holds on, or 0
-- returns  {'none'} without such an app, else {'made' | 'known', the box in force}

local app, verb, box, digest = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local name = key('app', app)
local kept = read(name, 'base_url', 'inbound_box', 'inbound_digest', 'inbound_old')
if not kept.base_url then return { 'none' } end

if verb == 'body' then
  if box == '' then redis.call('HDEL', name, 'inbound_body_box')
  else redis.call('HSET', name, 'inbound_body_box', box) end
  return { 'known', box }
end

if verb == 'issue' and kept.inbound_box then return { 'known', kept.inbound_box } end

-- Two before are one too many: with each exchange the one before the last ends.
if kept.inbound_old then redis.call('DEL', key('inbound', kept.inbound_old)) end
redis.call('HDEL', name, 'inbound_old')
if kept.inbound_digest then
  local grace = tonumber(ARGV[5])
  if grace > 0 then
    redis.call('PEXPIRE', key('inbound', kept.inbound_digest), whole(grace))
    redis.call('HSET', name, 'inbound_old', kept.inbound_digest)
  else
    redis.call('DEL', key('inbound', kept.inbound_digest))
  end
end
redis.call('SET', key('inbound', digest), app)
redis.call('HSET', name, 'inbound_box', box, 'inbound_digest', digest, 'inbound_since', whole(WALL))
return { 'made', box }
