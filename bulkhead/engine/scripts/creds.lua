-- creds: our record of an app's push credentials. Joined in front of settle and credential.
--
-- app:<a>:creds          slot → JSON of what is in it
-- app:<a>:creds:history  the same of every change, the newest first
-- app:<a>:creds:doubt    slot → JSON {job, credential, before} of a file that may be there instead: it was about to
--                        be sent, and nobody has told since what came of it; `before` is the job of the doubt that
--                        stood then, or empty. While its job may send, no other job gets the slot.
-- app:<a>:creds:told     slot and credential → the fewest days before its end of which somebody was told
-- creds:ends             app and slot → when a tick looks at the end of what is there; only of what has one
-- credential:<id>        a file, sealed; `refs` counts the entries of all apps that name it

local CREDS_HISTORY = 200                 -- entries of an app
local CREDENTIAL_KEPT = 5184000000        -- ms (60 days) that a file outlives the last entry that names it

-- Two entries name it from now on: the slot's and the history's.
local function hold_credential(id)
  local name = key('credential', id)
  if redis.call('EXISTS', name) == 0 then return end
  redis.call('HINCRBY', name, 'refs', 2)
  redis.call('PERSIST', name)
end

-- The entry, as JSON, is there no more.
local function let_go_credential(entry)
  local name = key('credential', cjson.decode(entry).credential)
  if redis.call('EXISTS', name) == 0 then return end
  if redis.call('HINCRBY', name, 'refs', -1) > 0 then return end
  redis.call('HSET', name, 'refs', 0)
  redis.call('PEXPIRE', name, CREDENTIAL_KEPT)
end

-- A JSON object with the store's time in it. It is not decoded and written again: that would round numbers.
local function dated(json) return string.sub(json, 1, -2) .. ', "at": ' .. whole(WALL) .. '}' end

-- True while a call of the job may be on its way, or still to come.
local function may_send(job)
  local it = read(key('job', job), 'state', 'in_flight')
  return is_live(it.state) or num(it.in_flight, 0) > 0
end

-- What `job` has told ends the doubt of a slot, unless another job has the slot by now.
local function end_doubt(app, slot, job)
  local doubts = key('app', app, 'creds', 'doubt')
  local text = redis.call('HGET', doubts, slot)
  if not text then return end
  local owner = cjson.decode(text).job
  if owner == job or not may_send(owner) then redis.call('HDEL', doubts, slot) end
end

-- The next tick looks at what was put into a slot: it knows what was told of it before.
local function watch_end(app, slot, not_after)
  local member = app .. ' ' .. slot
  if type(not_after) == 'number' then
    redis.call('ZADD', key('creds', 'ends'), whole(WALL), member)
  else
    redis.call('ZREM', key('creds', 'ends'), member)
  end
end

local function book_credential(app, slot, json)
  if redis.call('EXISTS', key('app', app)) == 0 then return end
  local slots, history, entry = key('app', app, 'creds'), key('app', app, 'creds', 'history'), dated(json)
  local told, before = cjson.decode(json), redis.call('HGET', slots, slot)
  hold_credential(told.credential)
  redis.call('HSET', slots, slot, entry)
  local kept = redis.call('LPUSH', history, entry)
  end_doubt(app, slot, told.job)
  -- A slot that was empty is not watched.
  if before or told.not_after ~= cjson.null then watch_end(app, slot, told.not_after) end
  if before then let_go_credential(before) end
  for _ = CREDS_HISTORY + 1, kept do let_go_credential(redis.call('RPOP', history)) end
end

-- What else was told mesibo about push: `part` is the name of a hash of the app. An empty text ends a doubt.
local function book_push(app, part, field, json, job)
  if redis.call('EXISTS', key('app', app)) == 0 then return end
  if json == '' then return end_doubt(app, field, job) end
  redis.call('HSET', key('app', app, part), field, dated(json))
end
