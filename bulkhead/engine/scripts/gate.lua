-- gate: jobs whose messages go out through a session, of a sender that is signed in to the real-time API. Joined
-- behind the prelude, in front of `limiter`.
--
-- session:<app> <sender>        state, why, worker, `until` (end of its lease), got (when it was leased), since, told,
--                               wanted, listen (somebody listens until then), tat, cool_until, job, again_at, asked
-- session:<app> <sender>:jobs   jobs that wait for it to be online
-- sessions                      all of them → when one was last wanted, for a day
-- sessions:wanted:<cell>        the same of a cell: what its workers look through
-- sessions:held:<worker>        those that a worker has
--
-- A session is online while its state says so and its lease has not ended: a dead worker's is not.

local sessions = {}

-- A job without a sender does not pay for these functions: they are made when they are first wanted. All that follows
-- is inside of this one, and not indented for it.
local function gates()
if sessions.want then return sessions end

local AGAIN = 5000000         -- a job at a closed gate looks again: then it is still wanted, and an opening was not missed
local FRESH = 60000000        -- what was said of a session that nobody has any more is believed for so long
local KEPT = 86400            -- seconds

function sessions.is_held(it) return (it.worker or '') ~= '' and num(it['until'], 0) > NOW end

function sessions.is_online(it) return it.state == 'online' and sessions.is_held(it) end

function sessions.of(member)
  return read(key('session', member), 'state', 'worker', 'until', 'told', 'tat', 'cool_until', 'why')
end

-- True if nobody knows when it will be online: a job may want its messages refused then.
local function is_hopeless(it)
  return (it.state == 'failed' or it.state == 'unusable') and NOW - num(it.told, 0) <= FRESH
end

-- When a job may send through its session: 0 if it may now.
function sessions.opens_at(it, job)
  if num(it.cool_until, 0) > NOW then return tonumber(it.cool_until) end
  if sessions.is_online(it) then return 0 end
  if is_hopeless(it) and redis.call('HGET', key('job', job), 'no_session') == 'refuse' then return 0 end
  return NOW + AGAIN
end

-- Adds the sender's own limit, `rate` messages a second, and what keeps all of them back while it has no session.
function sessions.add_limits(found, app, job, it, rate)
  local member = app .. ' ' .. it.sender
  local session = sessions.of(member)
  if rate > 0 then
    found[#found + 1] = { pace = 1000000 / rate, tat = num(session.tat, 0), hash = key('session', member),
      field = 'tat', name = 'sender' }
  end
  local opens = sessions.opens_at(session, job)
  if opens > NOW then found[#found + 1] = { pace = 0, tat = opens, name = 'gate', member = member } end
end

-- Somebody needs it: for the next minute a worker should have it.
function sessions.want(member, cell)
  local name = key('session', member)
  if redis.call('HSETNX', name, 'state', 'wanted') == 1 then redis.call('HSET', name, 'since', whole(NOW)) end
  redis.call('HSET', name, 'wanted', whole(NOW))
  redis.call('EXPIRE', name, KEPT)
  redis.call('ZADD', key('sessions'), whole(NOW), member)
  redis.call('ZADD', key('sessions', 'wanted', cell), whole(NOW), member)
end

-- A job waits at the gate, if that is among its limits: it wants the session, and is placed again when that is online.
function sessions.wait(limits, job, cell)
  local last = limits[#limits]
  if not last or last.name ~= 'gate' then return end
  local member = last.member
  sessions.want(member, cell)
  local waiting = key('session', member, 'jobs')
  redis.call('SADD', waiting, job)
  redis.call('EXPIRE', waiting, 3600)
end

return sessions
end
