-- unsure: what was sent and is not yet known to be done, or undone. Joined in front of `waves`.
--
-- At these steps an item was sent and not confirmed, or stands between two states of its app. While no call of it
-- is made it is in `job:<j>:unsure`; if its job ends first nobody will look, and it is `unknown`.
--
-- A job with `on_unknown` = 'drop' counts as failed what would be unknown; `job:<j>:dropped` has the items of which
-- nobody but a script said so: a late answer may still say better.
--
-- A Lua chunk has 200 locals at most, and the verbs come near: what is used only here is hidden in a block.

local become_unknown, hear_late, confirm, hold_unsure, let_go_unsure, give_up_unsure
do
  local DROPPED = '; counted as failed, as its job was told to'

  function become_unknown(job, ranges, why)
    local rows, items = {}, {}
    local drops = redis.call('HGET', key('job', job), 'on_unknown') == 'drop'
    local state = drops and FAILED or UNKNOWN
    if drops then why = why .. DROPPED end
    for first, last in each_range(ranges) do
      for index = first, last do
        rows[#rows + 1], items[#items + 1] = result_row(index, state, 'NOT_CONFIRMED', why), whole(index)
      end
    end
    if #rows == 0 then return end
    mark(job, ranges, state)
    redis.call('HINCRBY', key('job', job), COUNT_OF[state], #rows)
    count_code(job, 'NOT_CONFIRMED', #rows, '')
    add_results(job, cjson.encode(rows))
    if drops then
      for _, index in ipairs(items) do redis.call('SADD', key('job', job, 'dropped'), index) end
      expire_with(job, 'dropped')
    end
  end

  -- For a late answer: true if it is better than what is known, and is known now. What was dropped has failed
  -- already: to hear that it was refused says no better.
  function hear_late(job, index, state)
    local map, at, before = key('job', job, 'map'), '#' .. whole(index), nil
    if state ~= UNKNOWN and redis.call('BITFIELD', map, 'GET', 'u4', at)[1] == UNKNOWN then
      before = UNKNOWN
    elseif state ~= UNKNOWN and state ~= FAILED then
      before = redis.call('SREM', key('job', job, 'dropped'), whole(index)) == 1 and FAILED or nil
    end
    if not before then return false end
    redis.call('BITFIELD', map, 'SET', 'u4', at, state)
    redis.call('HINCRBY', key('job', job), COUNT_OF[before], -1)
    redis.call('HINCRBY', key('job', job), COUNT_OF[state], 1)
    return true
  end

  -- What is unknown was carried out after all: its session has heard so. True if it was unknown until now.
  function confirm(job, index)
    if not hear_late(job, index, SUCCEEDED) then return false end
    local row = result_row(index, SUCCEEDED, '', '')
    row[3] = 'confirmed_by_status'
    redis.call('HINCRBY', key('job', job), 'version', 1)
    redis.call('HINCRBY', key('job', job, 'codes'), 'NOT_CONFIRMED', -1)
    add_results(job, cjson.encode({ row }))
    return true
  end

  local UNSURE = {}
  for step in string.gmatch('read_back repeated adopt options verify await roll_back undo_upload undo_options undo_test '
    .. 'undo_result undo_silence', '%S+') do UNSURE[step] = true end
  local NOBODY_LOOKED = 'sent, and the job ended before anybody could see whether it was carried out'

  local function is_unsure(step) return UNSURE[step] or string.sub(step, -1) == RESENT end

  -- For what comes back at a step. False if that made it unknown.
  function hold_unsure(job, ranges, step)
    if not is_unsure(step) then return true end
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
  function let_go_unsure(job, ranges, step)
    if not is_unsure(step) then return end
    for first, last in each_range(ranges) do
      for index = first, last do redis.call('SREM', key('job', job, 'unsure'), whole(index)) end
    end
  end

  function give_up_unsure(job)
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
end
