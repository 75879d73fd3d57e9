#!lua flags=allow-oom
-- rotate: an app's token is exchanged in phases: checking → draining → over.
--
-- Every step names the token it is about by its fingerprint, so a second, forgotten rotation cannot
-- switch to another token than the one it has checked. Sent twice it answers the same.
--
-- KEYS[1]  root
-- ARGV[1]  app
-- ARGV[2]  'offer' | 'job' | 'switch' | 'drained' | 'drop'
-- ARGV[3]  fingerprint of the new token
-- ARGV[4…] offer: box, last four characters; job: the job that checks it
-- returns  {'ok' | 'none' | 'other' | 'paused' | 'waiting', begun leases that still use the old token}

local id, verb, print = ARGV[1], ARGV[2], ARGV[3]
local name = key('app', id)
local app = read(name, 'state', 'rotation', 'next_fingerprint', 'fingerprint', 'token_box', 'rotation_version',
  'next_token_box', 'next_last4')

local function forget()
  redis.call('HDEL', name, 'rotation', 'rotation_job', 'rotation_since', 'rotation_version',
    'next_token_box', 'next_last4', 'next_fingerprint', 'previous_token_box')
  place(id)
end

-- Begun with an older version: its calls may carry the old token until it is settled.
local function old_leases()
  local found = 0
  for _, lease in ipairs(redis.call('ZRANGE', key('lease'), 0, -1)) do
    local it = read(key('lease', lease), 'app', 'state', 'app_version')
    if it.app == id and it.state == 'begun' and num(it.app_version, 0) < num(app.rotation_version, 0) then
      found = found + 1
    end
  end
  return found
end

local function offer()
  if app.state == 'paused' then return { 'paused', 0 } end
  if app.rotation == 'draining' and app.fingerprint == print then return { 'ok', old_leases() } end
  if app.rotation == 'checking' and app.next_fingerprint == print then return { 'ok', 0 } end
  forget()
  redis.call('HSET', name, 'rotation', 'checking', 'rotation_since', whole(NOW), 'next_token_box', ARGV[4],
    'next_last4', ARGV[5], 'next_fingerprint', print)
  place(id)
  return { 'ok', 0 }
end

local function switch()
  local version = redis.call('HINCRBY', name, 'version', 1)
  redis.call('HSET', name, 'token_box', app.next_token_box, 'last4', app.next_last4, 'fingerprint', print,
    'previous_token_box', app.token_box, 'rotation', 'draining', 'rotation_since', whole(NOW),
    'rotation_version', version)
  redis.call('HDEL', name, 'next_token_box', 'next_last4', 'next_fingerprint')
  app.rotation_version = version
  forget_pace(id)
  place(id)
  return { 'ok', old_leases() }
end

if not app.state then return { 'none', 0 } end
if verb == 'offer' then return offer() end
if verb == 'drained' then
  if app.rotation ~= 'draining' or app.fingerprint ~= print then return { 'other', 0 } end
  local left = old_leases()
  if left > 0 then return { 'waiting', left } end
  forget()
  return { 'ok', 0 }
end
-- The answer to `switch` was lost, and it is asked again.
if verb == 'switch' and app.rotation == 'draining' and app.fingerprint == print then return { 'ok', old_leases() } end
if app.rotation ~= 'checking' or app.next_fingerprint ~= print then return { 'other', 0 } end
if verb == 'job' then
  redis.call('HSET', name, 'rotation_job', ARGV[4])
elseif verb == 'switch' then
  return switch()
elseif verb == 'drop' then
  forget()
end
return { 'ok', 0 }
