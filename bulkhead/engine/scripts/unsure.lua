-- unsure: what was sent and is not yet known to be done, or undone. Joined in front of `waves`.
--
-- At these steps an item was sent and not confirmed, or stands between two states of its app. While no call of it
-- is made it is in `job:<j>:unsure`; if its job ends first nobody will look, and it is `unknown`.

local function become_unknown(job, ranges, why)
  local rows = {}
  for first, last in each_range(ranges) do
    for index = first, last do rows[#rows + 1] = result_row(index, UNKNOWN, 'NOT_CONFIRMED', why) end
  end
  if #rows == 0 then return end
  mark(job, ranges, UNKNOWN)
  redis.call('HINCRBY', key('job', job), 'unknown', #rows)
  count_code(job, 'NOT_CONFIRMED', #rows, '')
  add_results(job, cjson.encode(rows))
end

local UNSURE = {}
for step in string.gmatch('read_back repeated adopt options verify await roll_back undo_upload undo_options undo_test '
  .. 'undo_result undo_silence', '%S+') do UNSURE[step] = true end
local NOBODY_LOOKED = 'sent, and the job ended before anybody could see whether it was carried out'

-- For what comes back at a step. False if that made it unknown.
local function hold_unsure(job, ranges, step)
  if not UNSURE[step] then return true end
  if not is_live(redis.call('HGET', key('job', job), 'state')) then
    become_unknown(job, ranges, NOBODY_LOOKED)
    return false
  end
  for first, last in each_range(ranges) do
    for index = first, last do redis.call('SADD', key('job', job, 'unsure'), whole(index)) end
  end
  return true
end

-- For what is called at a step.
local function let_go_unsure(job, ranges, step)
  if not UNSURE[step] then return end
  for first, last in each_range(ranges) do
    for index = first, last do redis.call('SREM', key('job', job, 'unsure'), whole(index)) end
  end
end

local function give_up_unsure(job)
  local items, ranges = redis.call('SMEMBERS', key('job', job, 'unsure')), {}
  if #items == 0 then return end
  for i, index in ipairs(items) do items[i] = tonumber(index) end
  table.sort(items)
  -- In runs: each is one mark, however long.
  local first = items[1]
  for i, index in ipairs(items) do
    if items[i + 1] ~= index + 1 then
      ranges[#ranges + 1] = whole(first) .. '-' .. whole(index)
      first = items[i + 1]
    end
  end
  redis.call('DEL', key('job', job, 'unsure'))
  become_unknown(job, table.concat(ranges, ','), NOBODY_LOOKED)
end
