-- prelude: what every verb shares. Joined in front of each of them, behind the clock; behind it, for the
-- verbs of jobs and leases, stand `limiter`, `fair`, `place`, `lease`, `unsure`, `waves` and `job` in this order.
--
-- Times are microseconds, latencies and lanes as workers report them.

local NOW, AHEAD = now()
-- What people mean by a time of day; for all else NOW.
local WALL = NOW - (AHEAD or 0)

local GRANT = 2000000     -- a granted lease ends by itself: no call starts later than this
local HORIZON = 80000     -- permits are granted for this long ahead, spaced: nobody waits longer behind them
local LEAD = 20000        -- an app is ready this long before its next permit falls due, or sooner where workers are slow
local MARGIN = 0.05       -- seconds of the rate that are kept back from the burst
local PARALLEL = 32       -- calls at once within a slice
local SLICE = 50          -- items in a slice
local WIDE = 100          -- the same where permits come so fast that calls only wait for lanes
local SLACK = 40000       -- a class or a job may run this far behind its app, and makes up for no more
local LAG = 5000          -- a call may wait this long for its lane and still use its permit

local LOOK = 'look'       -- the step of a slice that only looks items up on the record: it holds no permits

local PENDING, SENT, SUCCEEDED, SKIPPED, FAILED, UNKNOWN = 0, 1, 2, 3, 4, 5
local COUNT_OF = { [SUCCEEDED] = 'succeeded', [SKIPPED] = 'skipped', [FAILED] = 'failed', [UNKNOWN] = 'unknown' }

local function whole(number) return string.format('%.0f', number) end
local function exact(number) return string.format('%.17g', number) end
local function num(value, default) return tonumber(value or default or '') or default end

-- Reads the named fields of a hash into a table; a missing field is nil.
local function read(name, ...)
  local values, fields = redis.call('HMGET', name, ...), {}
  for i, field in ipairs({ ... }) do fields[field] = values[i] or nil end
  return fields
end

-- Ranges are written "3-9,12-12": whole numbers, both ends included.
local function each_range(ranges)
  local step = string.gmatch(ranges, '(%d+)-(%d+)')
  return function()
    local first, last = step()
    if first then return tonumber(first), tonumber(last) end
  end
end

local function count(ranges)
  local items = 0
  for first, last in each_range(ranges) do items = items + last - first + 1 end
  return items
end

-- Two items share a byte, the even one in its upper half: a run is whole bytes, and a half at either end.
local function mark(job, ranges, state)
  local map = key('job', job, 'map')
  for first, last in each_range(ranges) do
    if first % 2 == 1 then
      redis.call('BITFIELD', map, 'SET', 'u4', '#' .. whole(first), state)
      first = first + 1
    end
    if last % 2 == 0 and last >= first then
      redis.call('BITFIELD', map, 'SET', 'u4', '#' .. whole(last), state)
      last = last - 1
    end
    local bytes = (last - first + 1) / 2
    if bytes > 0 then redis.call('SETRANGE', map, whole(first / 2), string.rep(string.char(state * 17), bytes)) end
  end
end

local function is_open(state) return state == 'queued' or state == 'running' end

local function is_live(state) return is_open(state) or state == 'paused' or state == 'scheduled' end

-- An entry of the redo list: "first-last/deaths@step", each part only where it says something.
local function redo_entry(first, last, deaths, step)
  local entry = whole(first) .. '-' .. whole(last)
  if deaths > 0 then entry = entry .. '/' .. whole(deaths) end
  return step == '' and entry or entry .. '@' .. step
end

local function read_entry(entry)
  local first, last, deaths, step = string.match(entry, '^(%d+)-(%d+)/?(%d*)@?(.*)$')
  return tonumber(first), tonumber(last), tonumber(deaths) or 0, step
end

-- What comes back to a job that has ended stays where it is: its pending items are its cancelled ones.
-- What was only looked up comes back to be called. A fleet job has one item an app: it lies in `due`, by app.
local function redo(job, app, ranges, deaths, step)
  local it = read(key('job', job), 'state', 'apps')
  if not is_live(it.state) then return end
  for first, last in each_range(ranges) do
    local entry = redo_entry(first, last, deaths, step == LOOK and '' or step)
    if it.apps then
      redis.call('HSET', key('job', job, 'due'), app, entry)
    else
      redis.call('RPUSH', key('job', job, 'redo'), entry)
    end
  end
end

-- What may be done about a lost answer at this step: 'safe', 'check' or 'once'. A step with RESENT behind it is the
-- same step, of an item that was sent at it before and never confirmed; a number behind a dot says how much is done.
local RESENT = '!'
local function repeat_of(job, step)
  if step == LOOK then return 'safe' end
  step = string.match(step, '^[^.!]*')
  return redis.call('HGET', key('job', job), step == '' and 'repeat' or 'repeat:' .. step) or 'once'
end

-- The bell holds one token at most: it says "something became ready", not how much.
local rung = {}
local function ring(cell)
  if rung[cell] then return end
  rung[cell] = true
  if redis.call('LLEN', key('bell', cell)) == 0 then redis.call('LPUSH', key('bell', cell), '1') end
end

local function cell_of(app) return redis.call('HGET', key('app', app), 'cell') or 'main' end

-- Lets something wait for its instant. Workers sleep until the first instant they were told of: of an earlier
-- one they are told by the bell; a claim tells its own caller, and rings only if that has no lane left.
local silent, sooner = false, false
local function wait_until(member, at, cell)
  local first = redis.call('ZRANGE', key('wait'), 0, 0, 'WITHSCORES')[2]
  redis.call('ZADD', key('wait'), whole(at), member)
  if first and at >= tonumber(first) then return end
  if silent then sooner = true else ring(cell) end
end

-- Lets an app's items that were set aside wait for the first of them; also where that was due a while ago: to
-- name a later instant would put the app behind all others that are due.
local function wait_for_retries(name, cell)
  local due = redis.call('ZRANGE', key('app', name, 'retry'), 0, 0, 'WITHSCORES')[2]
  if due then
    wait_until('r:' .. name, tonumber(due), cell)
  else
    redis.call('ZREM', key('wait'), 'r:' .. name)
  end
end

-- What is written about a job after its end is forgotten with it; `living` are those that are known to go on.
local living = {}
local function expire_with(job, part)
  if living[job] then return end
  local left = redis.call('TTL', key('job', job))
  if left > 0 then redis.call('EXPIRE', key('job', job, part), left) end
end

local function count_code(job, code, items, lines)
  redis.call('HINCRBY', key('job', job, 'codes'), code, items)
  local known = redis.call('HGET', key('job', job, 'codes'), code .. '|lines') or ''
  local _, commas = string.gsub(known, ',', '')
  if commas < 4 and lines ~= '' then
    redis.call('HSET', key('job', job, 'codes'), code .. '|lines', known == '' and lines or (known .. ',' .. lines))
  end
  expire_with(job, 'codes')
end

local function add_results(job, rows)
  redis.call('RPUSH', key('job', job, 'out'), rows)
  expire_with(job, 'out')
end

local function result_row(index, state, code, message)
  return { index, state, '', code, message, {}, 0, 0, math.floor(NOW / 1000) }
end
