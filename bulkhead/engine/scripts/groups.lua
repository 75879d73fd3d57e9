-- groups: our record of an app's groups, and of those that are about to be made. Joined in front of settle and group,
-- behind `creds`.
--
-- app:<a>:groups        custom_id → gid
-- app:<a>:gids          gid → JSON {custom_id, name, flags, expiry, expiryext, active, digest (of a row that was done
--                       whole, else ''), part (of one whose group was made, its members perhaps not), by, job, at}
-- app:<a>:groups:asked  by → JSON {job, index, name, digest, doubt} of a group that may be there: it was about to be made, and
--                       nobody has told since what came of it. `by` stands for the row: its custom_id, or its line.
--                       `doubt`: an earlier job may have made it
-- app:<a>:groups:names  name → how many of those have it

-- One name for all of them: a script may have 200 local variables, and settle is near that.
local groups = {}

function groups.asked(app) return key('app', app, 'groups', 'asked') end
function groups.names(app) return key('app', app, 'groups', 'names') end

function groups.write_asked(app, by, it)
  if redis.call('HSET', groups.asked(app), by, cjson.encode(it)) == 1 then
    redis.call('HINCRBY', groups.names(app), it.name, 1)
  end
end

-- What came of it is known; `sure` also where an earlier job had left it in doubt.
function groups.end_asked(app, by, sure)
  local text = redis.call('HGET', groups.asked(app), by)
  if not text then return end
  local it = cjson.decode(text)
  if it.doubt and not sure then return end
  redis.call('HDEL', groups.asked(app), by)
  if redis.call('HINCRBY', groups.names(app), it.name, -1) <= 0 then redis.call('HDEL', groups.names(app), it.name) end
end

function groups.put(app, gid, json)
  local told = cjson.decode(json)
  local before = redis.call('HGET', key('app', app, 'gids'), gid)
  redis.call('HSET', key('app', app, 'gids'), gid, dated(json))
  if told.custom_id ~= '' then redis.call('HSET', key('app', app, 'groups'), told.custom_id, gid) end
  if told.by ~= '' then groups.end_asked(app, told.by, true) end
  return before
end

function groups.drop(app, gid)
  local text = redis.call('HGET', key('app', app, 'gids'), gid)
  if not text then return end
  local name = cjson.decode(text).custom_id
  if name ~= '' and redis.call('HGET', key('app', app, 'groups'), name) == gid then
    redis.call('HDEL', key('app', app, 'groups'), name)
  end
  redis.call('HDEL', key('app', app, 'gids'), gid)
end

-- put: a group is there, as the JSON says; drop: it is gone; end: it was not made after all.
function groups.book(app, verb, what, json)
  if redis.call('EXISTS', key('app', app)) == 0 then return end
  if verb == 'put' then
    groups.put(app, what, json)
  elseif verb == 'drop' then
    groups.drop(app, what)
  else
    groups.end_asked(app, what, false)
  end
end
