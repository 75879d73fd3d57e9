-- window: the times of day in which the calls of a job may start. Joined in front of `job`.
--
-- Lua knows no zones: when the job was made, `edges` was worked out for three years, changes of the clocks included.
-- "first times:open,closed,… times:open,closed,…": the first opening in unix seconds, then runs of days that are
-- alike, the seconds of each; the last run goes on for ever. It is read where a job changes its state, begins a
-- slice, or comes to an edge. Edges are times of day, so they are held against WALL.

local window = { BY = 'schedule' }    -- by whom a job is paused outside its window

-- True if the window is open now, and the instant at which that changes.
function window.of(edges)
  local at = tonumber(string.match(edges, '^%d+')) * 1000000
  if WALL < at then return false, at end
  local days, length
  for times, spans in string.gmatch(edges, '(%d+):([%d,]+)') do
    days, length = {}, 0
    for span in string.gmatch(spans, '%d+') do
      days[#days + 1] = tonumber(span) * 1000000
      length = length + days[#days]
    end
    if WALL < at + tonumber(times) * length then break end
    at = at + tonumber(times) * length
  end
  at = at + math.floor((WALL - at) / length) * length
  for i, span in ipairs(days) do
    at = at + span
    if WALL < at then return i % 2 == 1, at end
  end
end

-- When a job that looks at the time must look again: `edge` is a time of day, and NOW may run a tenth slower than
-- the clock while it is ahead of it.
function window.look_at(edge)
  local left = edge - WALL
  return NOW + (num(AHEAD, 0) > 0 and math.max(1000, left * 0.9) or left)
end

-- The least that is left until no call of the job may start, in microseconds.
function window.left(it)
  local left = num(it.deadline, math.huge) - WALL
  if not it.edges then return left end
  local open, edge = window.of(it.edges)
  return open and math.min(left, edge - WALL) or 0
end

-- What a job is that nothing holds any more, by whom and why: before its time, outside its window, or where it
-- stopped.
function window.freed(it)
  if num(it.at, 0) > WALL then return 'scheduled' end
  if it.edges and not window.of(it.edges) then
    return 'paused', window.BY, 'outside its window, ' .. it.window_said
  end
  return it.started_at and 'running' or 'queued'
end

-- Lets a job be looked at when its time comes: its start, or the next edge of its window.
function window.await(job, state, by, it)
  local member = 'j:' .. job
  if state == 'scheduled' then
    redis.call('ZADD', key('wait'), it.at, member)
  elseif it.edges and (is_open(state) or state == 'paused' and by == window.BY) then
    local _, edge = window.of(it.edges)
    redis.call('HSET', key('job', job), 'edge', whole(edge))
    wait_until(member, window.look_at(edge), cell_of(it.app))
  else
    redis.call('ZREM', key('wait'), member)
  end
end
