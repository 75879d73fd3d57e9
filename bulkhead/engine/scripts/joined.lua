-- joined: leases whose calls may carry several items of a job. Joined in front of begin and settle.
--
-- Such a lease has fewer permits (`permits`, those that are left) than items, `join` a call at most. How many items
-- have enough in common to share a call only the worker sees: the job's `fill` is what that has taught so far.

-- Its items have less in common than was hoped, or `more`.
local function learn_fill(lease, more)
  local most = num(lease.join, 1)
  local fill = math.min(most, num(redis.call('HGET', key('job', lease.job), 'fill'), most))
  fill = more and math.min(most, fill * 2) or math.max(1, math.floor(fill / 2))
  redis.call('HSET', key('job', lease.job), 'fill', fill)
end

-- What shares no call with those in front of it is not on the wire: so it is not marked as sent.
local function keep_first(lease, most)
  local kept, others = {}, {}
  for first, last in each_range(lease.left) do
    local size = math.min(last - first + 1, most)
    if size > 0 then kept[#kept + 1] = whole(first) .. '-' .. whole(first + size - 1) end
    if first + size <= last then others[#others + 1] = whole(first + size) .. '-' .. whole(last) end
    most = most - size
  end
  if #others == 0 then return end
  lease.left = table.concat(kept, ',')
  redis.call('HSET', key('lease', lease.id), 'left', lease.left)
  redo(lease.job, lease.app, table.concat(others, ','), num(lease.deaths, 0), lease.step)
  learn_fill(lease, false)
  return true
end

-- Where a call may carry several items, what comes back says nothing of calls: those not made are known at the end.
local function unused_permits(lease, entry)
  if not lease.permits then return count(entry.back) + entry.free end
  local held, back = num(lease.permits, 0), count(entry.back) + count(entry.again)
  lease.permits = math.max(0, held - entry.calls)
  if not entry.last then return 0 end
  if lease.permits == 0 and back > 0 then
    learn_fill(lease, false)
  elseif back == 0 and (lease.permits > 0 or held == 1) then
    learn_fill(lease, true)
  end
  return lease.permits
end
