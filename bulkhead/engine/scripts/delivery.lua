-- delivery: what became of messages after the backend had accepted them. Joined behind `record`, in front of settle,
-- which knows the numbers of messages, and of inbound, which hears about them.
--
-- app:<a>:mids            period → 1: in which periods of EPOCH messages were sent
-- app:<a>:mids:<period>   book: low word of a mid and 3 bytes of the recipient's digest → serial of the job, item
-- app:<a>:early:<n>       what was heard of messages that nobody has told of yet, of one GENERATION; `n` = how many
-- job:<j>:delivery        4 bits an item: how far its message has come, the rank below
-- job:<j>:delivered       how many items, and members of groups, have come how far
-- job:<j>:heard           book: item and 5 bytes of a member's digest → rank; of groups only
--
-- Ranks only rise: repeats, and events in any order, end in the same place.

local delivery = {}

-- A run that knows of no message does not pay for these functions: they are made when they are first wanted. All that
-- follows is inside of this one, and not indented for it.
local function deliveries()
if delivery.finish then return delivery end

local POSTED, LOST, ARRIVED, SEEN = 1, 2, 3, 4    -- sent, refused on its way, delivered, read
local EPOCH = 864000000000                        -- 10 days
local MIDS_KEPT = 3888000                         -- seconds (45 days): a job is kept for 30 after its end
local GENERATION = 30000000                       -- an event may be so much earlier than the report of its message
local EARLY = 5000                                -- events of a generation and an app
local MEMBERS = 1000000                           -- members of groups told apart in a job

local books, serials, risen = {}, {}, {}

-- Both kinds of entries begin with a number of four bytes, and three bytes of a digest.
local function hash_of(field)
  local number, digest = struct.unpack('>I4I3', field)
  return number % 16777216 + digest
end

local function mids_of(app, epoch)
  local name = 'app:' .. app .. ':mids:' .. epoch
  if not books[name] then books[name] = open_book(name, hash_of, MIDS_KEPT) end
  return books[name]
end

local function members_of(job)
  local name = 'job:' .. job .. ':heard'
  if not books[name] then
    local left = redis.call('TTL', key('job', job))
    books[name] = open_book(name, hash_of, left > 0 and left or MIDS_KEPT)
  end
  return books[name]
end

-- Writes down what was counted: once a run, however many events it was told of.
function delivery.finish()
  for _, book in pairs(books) do close_book(book) end
  for job, counts in pairs(risen) do
    for word, number in pairs(counts) do redis.call('HINCRBY', key('job', job, 'delivered'), word, number) end
    expire_with(job, 'delivery')
    expire_with(job, 'delivered')
  end
end

-- The job behind a serial, nil once it is forgotten.
local function job_behind(serial)
  if serials[serial] == nil then
    local job = redis.call('HGET', key('serials'), whole(serial))
    serials[serial] = job and redis.call('EXISTS', key('job', job)) == 1 and job or false
  end
  return serials[serial] or nil
end

local function count(job, word, number)
  local counts = risen[job] or {}
  counts[word] = (counts[word] or 0) + number
  risen[job] = counts
end

-- Counts a rise from one rank to another: who was delivered a message was sent one, also where nobody said so.
local function count_rise(job, prefix, from, to)
  if from < POSTED then count(job, prefix .. 'sent', 1) end
  if from < ARRIVED and ARRIVED <= to then count(job, prefix .. 'delivered', 1) end
  if to == SEEN then count(job, prefix .. 'read', 1) end
  if to == LOST then count(job, prefix .. 'lost', 1) end
  if from == LOST then count(job, prefix .. 'lost', -1) end
end

local function raise_member(job, index, rank, member)
  local book, field = members_of(job), struct.pack('>I4I5', index, member)
  local where = bucket(book, field)
  local before = num(redis.call('HGET', where, field), 0)
  if rank <= before then return end
  if before == 0 and book.count >= MEMBERS then return count(job, 'beyond', 1) end
  if write_entry(book, field, where, whole(rank), 'HSET') then
    -- No shorter than its message is known, or it would be counted twice: a job may go on for longer than a bucket.
    redis.call('EXPIRE', bucket(book, field), book.seconds)
  end
  count_rise(job, 'members|', before, rank)
end

-- What was heard of an item's message; `member` is 0 where it is not about a member of a group.
function delivery.raise(job, index, rank, member)
  local map, at = key('job', job, 'delivery'), '#' .. whole(index)
  local before = redis.call('BITFIELD', map, 'GET', 'u4', at)[1]
  if rank > before then
    redis.call('BITFIELD', map, 'SET', 'u4', at, rank)
    count_rise(job, '', before, rank)
  end
  if member > 0 then raise_member(job, index, rank, member) end
end

local function early_name(app, back) return key('app', app, 'early', whole(math.floor(NOW / GENERATION) - back)) end

-- An event may well come before the report of the worker whose call it is about: the answer is not even read then.
function delivery.put_early(app, mid, digests, rank, member)
  local name = early_name(app, 0)
  local kept = num(redis.call('HGET', name, 'n'), 0)
  for _, digest in ipairs(digests) do
    if kept >= EARLY then break end
    local field = struct.pack('>I4I3', mid, digest)
    redis.call('HSET', name, field, (redis.call('HGET', name, field) or '') .. struct.pack('>BI5', rank, member))
    kept = kept + 1
  end
  redis.call('HSET', name, 'n', whole(kept))
  redis.call('PEXPIRE', name, whole(2 * GENERATION / 1000))
end

local function hear_early(app, job, index, field, generations)
  for _, name in ipairs(generations) do
    local packed = redis.call('HGET', name, field)
    if packed then
      local events = #packed / 6
      for i = 0, events - 1 do
        local rank, member = struct.unpack('>BI5', packed, i * 6 + 1)
        delivery.raise(job, index, rank, member)
      end
      redis.call('HDEL', name, field)
      redis.call('HINCRBY', name, 'n', -events)
      redis.call('HINCRBY', key('app', app, 'inbound', 'counts'), 'placed', events)
    end
  end
end

local function begin_epoch(app, epoch)
  local name = key('app', app, 'mids')
  if redis.call('HSETNX', name, whole(epoch), 1) == 1 then
    for _, other in ipairs(redis.call('HKEYS', name)) do
      if (epoch - tonumber(other)) * EPOCH > (MIDS_KEPT + 1) * 1000000 + EPOCH then redis.call('HDEL', name, other) end
    end
  end
  redis.call('EXPIRE', name, MIDS_KEPT)
end

-- mids: [[item, low word of the mid, digest of the recipient]…] of messages that were accepted.
function delivery.remember_mids(app, job, it, mids)
  if redis.call('EXISTS', key('app', app)) == 0 or redis.call('EXISTS', key('job', job)) == 0 then return end
  local serial, epoch = serial_of(job, it), math.floor(NOW / EPOCH)
  local book, generations = mids_of(app, whole(epoch)), {}
  begin_epoch(app, epoch)
  for back = 0, 1 do
    local name = early_name(app, back)
    if redis.call('EXISTS', name) == 1 then generations[#generations + 1] = name end
  end
  for _, sent in ipairs(mids) do
    local index, field = sent[1], struct.pack('>I4I3', sent[2], sent[3])
    write_entry(book, field, bucket(book, field), struct.pack('>I4I4', serial, index), 'HSET')
    hear_early(app, job, index, field, generations)
  end
end

-- True if what was heard of an item's message says that it was accepted.
function delivery.is_sent(job, index)
  local rank = redis.call('BITFIELD', key('job', job, 'delivery'), 'GET', 'u4', '#' .. whole(index))[1]
  return rank >= POSTED and rank ~= LOST
end

-- The job and item whose message was given this number before it was sent, or nil: where a session speaks of its own.
function delivery.find_numbered(app, mid)
  local jobs = key('app', app, 'mid', 'ranges')
  local job = redis.call('ZREVRANGEBYSCORE', jobs, whole(mid), '-inf', 'LIMIT', 0, 1)[1]
  if not job then return end
  local it = read(key('job', job), 'mid', 'total')
  if not it.mid then
    redis.call('ZREM', jobs, job)
    return
  end
  local index = mid - tonumber(it.mid)
  if index < tonumber(it.total) then return job, index end
end

-- The job and item that a mid was sent for, or nil.
function delivery.find_sent(app, epochs, mid, digests)
  for _, digest in ipairs(digests) do
    local field = struct.pack('>I4I3', mid, digest)
    for _, epoch in ipairs(epochs) do
      local packed = redis.call('HGET', bucket(mids_of(app, epoch), field), field)
      if packed then
        local serial, index = struct.unpack('>I4I4', packed)
        local job = job_behind(serial)
        if job then return job, index end
      end
    end
  end
end

-- The periods in which messages of an app were sent, the newest first.
function delivery.epochs_of(app)
  local epochs = redis.call('HKEYS', key('app', app, 'mids'))
  table.sort(epochs, function(one, other) return tonumber(one) > tonumber(other) end)
  return epochs
end

return delivery
end
