-- items: which items of a job a slice gets. Joined in front of claim.
--
-- First what came back (`job:<j>:redo`), of one step at a time; then, for the first step, the untouched rest
-- from `next` on. A claim that takes items is never unsure of them: it writes where the next one goes on.
-- Of a fleet job an app has one item: `job:<j>:due` holds it from its release to its end.

local take, take_new, next_step, joins, wanted
do    -- a script has room for 200 local names: from here to `end` they are this file's own

local SCAN = 512          -- items of the untouched rest that are looked at in one go
local JOINED = 500        -- items in a slice whose calls carry several

-- What died twice is a suspect. A worker runs one at a time: else one guilty item that ends the
-- process would have all the others that were in it convicted with it.
local suspects
local function has_suspect(worker)
  if suspects == nil then
    suspects = false
    for _, id in ipairs(redis.call('SMEMBERS', key('worker', worker, 'leases'))) do
      suspects = suspects or num(redis.call('HGET', key('lease', id), 'deaths'), 0) >= 2
    end
  end
  return suspects
end

-- Takes up to `most` items of one step from what came back, in ranges, and how often they died with a worker.
-- `entry` is what came back first, or false.
local function take_redo(worker, job, most, step, entry)
  local list, taken, ranges = key('job', job, 'redo'), 0, {}
  while taken < most do
    if taken > 0 then entry = redis.call('LINDEX', list, 0) end
    if not entry then break end
    local first, last, deaths, its_step = read_entry(entry)
    if its_step ~= step then break end
    -- What died twice goes alone, so that the guilty item is found and the others are not.
    if deaths > 0 and taken > 0 or deaths >= 2 and has_suspect(worker) then break end
    if deaths >= 2 then suspects = true end
    local size = math.min(last - first + 1, most - taken, deaths >= 2 and 1 or SLICE)
    redis.call('LPOP', list)
    if first + size <= last then
      redis.call('LPUSH', list, redo_entry(first + size, last, deaths, step))
    end
    ranges[#ranges + 1] = whole(first) .. '-' .. whole(first + size - 1)
    taken = taken + size
    if deaths > 0 then return table.concat(ranges, ','), taken, deaths end
  end
  return table.concat(ranges, ','), taken, 0
end

-- Takes up to `most` pending items from the untouched rest, past those refused while reading. Its caller writes
-- `next`.
function take_new(job, it, most)
  local first, total, taken, ranges = num(it.next, 0), num(it.total, 0), 0, {}
  local limit = math.min(total, first + SCAN)
  local base = math.floor(first / 2)
  local bytes = redis.call('GETRANGE', key('job', job, 'map'), base, math.floor((limit - 1) / 2))
  local start, index = nil, first
  if taken == 0 and first + most <= limit and not string.find(bytes, '[^%z]') then
    -- Nothing was refused here: one run of pending items.
    start, index, taken = first, first + most, most
  end
  while index < limit and taken < most do
    local byte = string.byte(bytes, math.floor(index / 2) - base + 1) or 0
    local state = (index % 2 == 0) and math.floor(byte / 16) or byte % 16
    if state == PENDING then
      start = start or index
      taken = taken + 1
    elseif start then
      ranges[#ranges + 1] = whole(start) .. '-' .. whole(index - 1)
      start = nil
    end
    index = index + 1
  end
  if start then ranges[#ranges + 1] = whole(start) .. '-' .. whole(index - 1) end
  it.next = whole(index)
  return table.concat(ranges, ','), taken
end

-- The app's one item of a fleet job, unless it is a suspect beside another one.
local function take_due(worker, job, name, entry)
  if not entry then return '', 0, 0 end
  local first, last, deaths = read_entry(entry)
  if deaths >= 2 then
    if has_suspect(worker) then return '', 0, 0 end
    suspects = true
  end
  redis.call('HDEL', key('job', job, 'due'), name)
  return whole(first) .. '-' .. whole(last), 1, deaths
end

-- The step of what comes next of a job for this app, and the entry of what came back, if that is it.
function next_step(job, name, it)
  local entry = it.apps and redis.call('HGET', key('job', job, 'due'), name)
    or not it.apps and redis.call('LINDEX', key('job', job, 'redo'), 0)
  if not entry then return '', false end
  local _, _, _, step = read_entry(entry)
  return step, entry
end

-- How many items of this step one call may carry, and how many it is hoped to: what the worker finds they have in
-- common decides. A job that joins none costs nothing here.
function joins(job, it, step)
  if not it.join then return 1, 1 end
  local most = num(step == '' and it.join or redis.call('HGET', key('job', job), 'join:' .. step), 1)
  return most, math.max(1, math.min(most, num(it.fill, most)))
end

-- The most items for so many calls.
function wanted(calls, hoped)
  if hoped == 1 then return calls end
  return math.min(calls * hoped, math.max(calls, JOINED))
end

-- The items of a slice that hold so many permits: what came back first, then the untouched rest.
function take(worker, name, job, it, most, step, entry)
  if it.apps then return take_due(worker, job, name, entry) end
  local ranges, taken, deaths = '', 0, 0
  if entry then ranges, taken, deaths = take_redo(worker, job, most, step, entry) end
  if deaths == 0 and step == '' and it.looks ~= '1' and taken < most then
    local more, extra = take_new(job, it, most - taken)
    ranges = (ranges ~= '' and more ~= '') and (ranges .. ',' .. more) or (ranges .. more)
    taken = taken + extra
  end
  return ranges, taken, deaths
end

end
